"""Secrets are taken out of texts, JSON and exceptions, wherever they stand."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_scaleway import errors
from langchain_scaleway.client.redaction import Redaction
from tests.support.secrecy import CANARY, is_in, leaks_of

REDACTION = Redaction([CANARY, "another-secret"])

TEXTS = st.builds("{}{}{}".format, st.text(), st.sampled_from(["", CANARY]), st.text())
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda values: st.lists(values) | st.dictionaries(TEXTS, values),
)


@given(JSON)
def test_no_json_keeps_it(value: Any) -> None:
    cleaned = REDACTION.value(value)
    assert not is_in(json.dumps(cleaned, ensure_ascii=False))
    if not is_in(json.dumps(value, ensure_ascii=False)):
        assert cleaned == value


def test_every_secret_is_one() -> None:
    assert REDACTION.text(f"{CANARY} and another-secret") == "[the key] and [the key]"


@pytest.mark.parametrize("dummy", ["", "k", "EMPTY", "1234567"])
def test_a_dummy_is_none(dummy: str) -> None:
    assert Redaction([dummy]).text("known, EMPTY, 12345678") == "known, EMPTY, 12345678"


def test_what_is_nested_too_deeply_is_dropped() -> None:
    value: Any = CANARY
    for _ in range(100_000):
        value = [value]
    assert REDACTION.value(value) is None


def test_an_exception_its_causes_and_their_fields() -> None:
    error = errors.ScalewayAPIError(
        CANARY,
        code=CANARY,
        type=CANARY,
        param=CANARY,
        model="any",
        body={"echo": [CANARY]},
        response=errors.ErrorResponse(400, {"x-echo": CANARY}, CANARY),
    )
    error.__cause__ = ValueError(5, CANARY)
    error.__cause__.__context__ = KeyError(CANARY)

    REDACTION.clean(error)

    assert leaks_of(error) == []
    assert error.model == "any"
    assert error.response == errors.ErrorResponse(400, {"x-echo": "[the key]"}, "[the key]")
    assert error.__cause__.args == (5, "[the key]")
    assert error.__cause__.__context__.args == ("[the key]",)


def test_what_holds_none_stays_as_it_is() -> None:
    arguments = ("a", 5, ["b"])
    error = ValueError(*arguments)
    REDACTION.clean(error)
    assert error.args == arguments
