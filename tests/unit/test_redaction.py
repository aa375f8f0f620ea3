"""Secrets are taken out of texts, JSON and exceptions, wherever they stand."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_scaleway import errors
from langchain_scaleway.client.redaction import Redaction, credentials_in
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


@given(st.integers(min_value=8, max_value=len(CANARY)), st.text())
def test_the_beginning_of_one_is_struck_out_too(length: int, behind: str) -> None:
    """A text may have been cut off in the middle of it."""
    cleaned = REDACTION.text(f"a {CANARY[:length]}{behind}")
    assert cleaned.startswith("a [the key]")
    assert CANARY[:8] not in cleaned


@pytest.mark.parametrize(
    "repeated",
    [
        "Proxy-Authorization: Basic dXNlcjpwYXNz",
        '{"proxy-authorization": "Basic dXNlcjpwYXNz"}',
        "authorization=bearer dXNlcjpwYXNz;",
    ],
)
def test_credentials_of_a_proxy_are_not_quoted(repeated: str) -> None:
    """Only httpx knows them: they stand in the proxy's URL."""
    cleaned = REDACTION.quoted(repeated)
    assert cleaned == repeated.replace("dXNlcjpwYXNz", "[the key]")
    assert REDACTION.value([repeated]) == [cleaned]


def test_words_about_credentials_are_quoted() -> None:
    words = "Basic authentication is required; the header Authorization: Bearer is missing."
    assert REDACTION.quoted(words) == words


def test_one_that_begins_another() -> None:
    assert Redaction(["the-secret", "the-secret-of-all"]).text("the-secret-of-all") == "[the key]"


@pytest.mark.parametrize(
    "spelled",
    [
        "back\\slash/and+\"quotes'",
        json.dumps("back\\slash/and+\"quotes'"),
        repr("back\\slash/and+\"quotes'"),
        "back%5Cslash%2Fand%2B%22quotes%27",
    ],
)
def test_other_spellings(spelled: str) -> None:
    said = Redaction(["back\\slash/and+\"quotes'"]).text(spelled)
    assert said.strip("'\"") == "[the key]"


def test_credentials_of_headers() -> None:
    headers = {
        "authorization": "Bearer first-secret",
        "cookie": "session=second-secret; theme=dark",
        "x-session": "third-secret",
        "accept": "application/json",
    }
    told = Redaction(credentials_in(headers))
    for secret in ("first-secret", "second-secret", "third-secret"):
        assert told.text(f"<{secret}>") == "<[the key]>"
    for harmless in ("Bearer", "dark", "application/json"):
        assert told.text(harmless) == harmless


@pytest.mark.parametrize("dummy", ["", "k", "EMPTY", "1234567"])
def test_a_dummy_is_none(dummy: str) -> None:
    assert Redaction([dummy]).text("known, EMPTY, 12345678") == "known, EMPTY, 12345678"


def test_what_is_nested_too_deeply_is_dropped() -> None:
    value: Any = CANARY
    for _ in range(100_000):
        value = [value]
    assert REDACTION.value(value) is None


def test_an_exception_and_its_fields() -> None:
    error = errors.ScalewayAPIError(
        CANARY,
        code=CANARY,
        type=CANARY,
        param=CANARY,
        model="any",
        body={"echo": [CANARY]},
        response=errors.ErrorResponse(400, {"x-echo": CANARY}, f'{{"echo": ["{CANARY}"]}}'),
    )
    REDACTION.clean(error)

    assert leaks_of(error) == []
    assert error.model == "any"
    assert error.response is not None
    assert error.response.headers == {"x-echo": "[the key]"}
    assert error.response.json() == error.body == {"echo": ["[the key]"]}
