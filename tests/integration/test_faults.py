"""Every fault of the table, for threads and event loops; none gives the key away."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from langchain_scaleway import ChatScaleway, errors
from langchain_scaleway.testing import ScalewayEmulator
from tests.support.calls import EITHER, MODES, Mode, call, impatient, streams
from tests.support.faults import BEFORE_AN_ANSWER, FAULTS, GROUPS, WITHIN_AN_ANSWER
from tests.support.faults.places import TEXT
from tests.support.faults.table import PAGE, Answers, Raises, Row, as_markdown, put_on
from tests.support.leftovers import nothing_left
from tests.support.models import PLAIN_MODEL
from tests.support.secrecy import CANARY, is_in, leaks_in_locals, leaks_of

OF_CONNECTIONS = [*BEFORE_AN_ANSWER, *WITHIN_AN_ANSWER[:11]]
"""Faults that each way of asking meets by itself."""

CASES = [
    pytest.param(fault, mode, id=f"{fault.name}-{mode}")
    for fault in FAULTS
    for mode in (MODES if fault in OF_CONNECTIONS else EITHER)
]
RETRIES = 2

LONGEST_MESSAGE = 4_000
LONGEST_BODY = 64 * 1024
"""Characters."""


@pytest.fixture(scope="module")
def emulator() -> Iterator[ScalewayEmulator]:
    with ScalewayEmulator(api_key=CANARY) as emulator:
        yield emulator


def model_for(fault: Row, base_url: str, **fields: Any) -> ChatScaleway:
    settings: dict[str, Any] = {"model": PLAIN_MODEL, "base_url": base_url, "max_retries": RETRIES}
    return impatient(ChatScaleway(**(settings | fields | dict(fault.fields))))


@pytest.mark.parametrize(("fault", "mode"), CASES)
def test_fault(
    fault: Row, mode: Mode, emulator: ScalewayEmulator, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    outcome = fault.outcome(streamed=streams(mode))
    attempts = outcome.attempts(RETRIES) if isinstance(outcome, Raises) else 1
    with nothing_left(), fault.place(emulator) as scene:
        with model_for(fault, scene.base_url, api_key=emulator.api_key) as model:
            attempt = call(model, mode, fault.prompt)
        if isinstance(outcome, Answers):
            assert attempt.error is None
            assert attempt.text == TEXT
        else:
            check(attempt.error, outcome, model.model)
            assert attempt.text == outcome.partial
        if scene.attempts is not None:
            assert scene.attempts() == attempts
        del attempt, model
    retries = [record for record in caplog.records if record.name == "langchain_scaleway"]
    assert len(retries) == attempts - 1
    assert not any(is_in(record.getMessage()) for record in caplog.records)


def check(error: Exception | None, expected: Raises, model: str) -> None:
    """Assert that an error says all that it should."""
    assert type(error) is expected.error, error
    assert isinstance(error, errors.ScalewayError)
    assert error.is_retryable is expected.is_retryable
    assert error.status_code == expected.status
    assert error.model == model
    assert repr(model) in str(error)
    assert expected.says in str(error)
    assert error.partial_text == expected.partial
    assert len(str(error)) < LONGEST_MESSAGE
    assert len(str(error.body)) <= LONGEST_BODY
    assert leaks_of(error) == []
    assert leaks_in_locals(error) == []
    if error.response is not None:
        assert error.response.status_code == error.status_code
        assert len(error.response.text) <= LONGEST_BODY


def test_the_page_shows_this_table() -> None:
    page = PAGE.read_text("utf-8")
    assert page == put_on(page, as_markdown(GROUPS)), "run: python -m tests.support.faults"
