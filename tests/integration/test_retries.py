"""What is tried again: how often, when, with what, and who hears of it."""

import asyncio
import logging
from typing import Any

import pytest
from langchain_core.callbacks import AsyncCallbackHandler, BaseCallbackHandler
from tenacity import RetryCallState

from langchain_scaleway import errors
from langchain_scaleway.testing import (
    HttpError,
    Quotas,
    ScalewayEmulator,
    rate_limited,
)
from tests.support.calls import EITHER, Mode, call, impatient
from tests.support.leftovers import wait_for
from tests.support.models import model_on


def busy(**headers: str) -> HttpError:
    """A 429 with these headers."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpError(429, "You exceeded your current limit of concurrent requests.", headers=named)


class Listener(BaseCallbackHandler):
    """Notes each retry."""

    def __init__(self) -> None:
        self.heard: list[tuple[int, type[BaseException] | None, float]] = []

    def on_retry(self, retry_state: RetryCallState, **_: Any) -> None:
        self.heard.append(noted(retry_state))


class AsyncListener(AsyncCallbackHandler):
    """Does the same in coroutines, and can be waited for."""

    def __init__(self) -> None:
        self.heard: list[tuple[int, type[BaseException] | None, float]] = []
        self.first_retry = asyncio.Event()

    async def on_retry(self, retry_state: RetryCallState, **_: Any) -> None:
        self.heard.append(noted(retry_state))
        self.first_retry.set()


def noted(state: RetryCallState) -> tuple[int, type[BaseException] | None, float]:
    """The number of the try, why it failed, and the wait to come."""
    error = state.outcome.exception() if state.outcome else None
    return state.attempt_number, type(error) if error else None, state.upcoming_sleep


# --- How often ----------------------------------------------------------------------------


@pytest.mark.parametrize("mode", EITHER)
@pytest.mark.parametrize("max_retries", [0, 1, 5])
def test_attempts_are_counted_exactly(
    mode: Mode, max_retries: int, emulator: ScalewayEmulator
) -> None:
    emulator.respond_with(lambda _: rate_limited())
    with impatient(model_on(emulator, max_retries=max_retries)) as model:
        error = call(model, mode).error
    assert type(error) is errors.ScalewayRateLimitError
    assert len(emulator.requests) == max_retries + 1


@pytest.mark.parametrize("mode", EITHER)
def test_the_last_error_is_raised(mode: Mode, emulator: ScalewayEmulator) -> None:
    emulator.script(HttpError(503), rate_limited(), HttpError(400, "No such tool"))
    with impatient(model_on(emulator, max_retries=5)) as model:
        error = call(model, mode).error
    assert type(error) is errors.ScalewayInvalidRequestError
    assert "No such tool" in str(error)
    assert emulator.scripted_steps_left == 0


@pytest.mark.parametrize("mode", EITHER)
def test_a_real_quota_is_waited_for(mode: Mode) -> None:
    """Scaleway's 429 speaks of quota and carries no header; it is retried all the same."""
    quotas = Quotas(requests_per_minute=1, tokens_per_minute=None)
    with (
        ScalewayEmulator(quotas=quotas, time_scale=300) as emulator,
        impatient(model_on(emulator, max_retries=1_000)) as model,
    ):
        attempts = [call(model, mode), call(model, mode)]
    assert [attempt.error for attempt in attempts] == [None, None]
    assert emulator.statuses[200] == 2
    assert emulator.statuses[429] == emulator.refused_by_quota["requests_per_minute"] > 0


def test_each_item_of_a_batch_is_retried_for_itself(emulator: ScalewayEmulator) -> None:
    seen: set[str] = set()

    def fail_once(request: Any) -> HttpError | str:
        question = request.json["messages"][0]["content"]
        if question in seen:
            return f"Answer to {question}"
        seen.add(question)
        return rate_limited()

    emulator.respond_with(fail_once)
    questions = [f"question {number}" for number in range(8)]
    with impatient(model_on(emulator, max_retries=1)) as model:
        replies = model.batch(list(questions))
    assert [reply.text for reply in replies] == [f"Answer to {one}" for one in questions]
    assert len(emulator.requests) == 16


# --- With what ----------------------------------------------------------------------------


@pytest.mark.parametrize("mode", EITHER)
def test_the_same_is_sent_each_time(mode: Mode, emulator: ScalewayEmulator) -> None:
    emulator.respond_with(lambda _: rate_limited())
    with impatient(
        model_on(emulator, max_retries=3, seed=7, stop=["END"], extra_body={"é": "ß"})
    ) as model:
        call(model, mode, "Grüße 🐱")
    sent = {(request.method, request.path, request.body) for request in emulator.requests}
    headers = {tuple(request.headers.raw) for request in emulator.requests}
    assert len(emulator.requests) == 4
    assert len(sent) == 1
    assert len(headers) == 1


# --- When ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "wait"), [({"retry_after": "0.05"}, 0.05), ({"retry_after_ms": "30"}, 0.03)]
)
@pytest.mark.parametrize("mode", ["invoke", "ainvoke"])
def test_a_wait_that_is_asked_for_is_obeyed(
    mode: Mode, headers: dict[str, str], wait: float, emulator: ScalewayEmulator
) -> None:
    emulator.script(busy(**headers), "Bonjour")
    listener = Listener()
    with model_on(emulator, max_retries=1, callbacks=[listener]) as model:
        attempt = call(model, mode)
    assert (attempt.text, attempt.error) == ("Bonjour", None)
    assert listener.heard == [(1, errors.ScalewayRateLimitError, wait)]
    first, second = emulator.requests
    assert second.arrived_at - first.arrived_at >= wait


async def test_waiting_does_not_block_the_loop(emulator: ScalewayEmulator) -> None:
    emulator.script(busy(retry_after_ms="200"), "Bonjour")
    steps = 0

    async def tick() -> None:
        nonlocal steps
        while True:
            await asyncio.sleep(0.001)
            steps += len(emulator.requests) == 1

    ticker = asyncio.create_task(tick())
    async with model_on(emulator, max_retries=1) as model:
        text = str((await model.ainvoke("Hello")).text)
    ticker.cancel()
    assert text == "Bonjour"
    assert steps > 10


@pytest.mark.timeout(30)
async def test_cancelling_while_it_waits_ends_the_call_at_once(emulator: ScalewayEmulator) -> None:
    emulator.respond_with(lambda _: busy(retry_after="59"))
    listener = AsyncListener()
    async with model_on(emulator, max_retries=5, callbacks=[listener]) as model:
        waiting = asyncio.create_task(model.ainvoke("Hello"))
        await listener.first_retry.wait()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    assert len(emulator.requests) == 1


@pytest.mark.timeout(30)
async def test_cancelling_a_stream_while_it_waits(emulator: ScalewayEmulator) -> None:
    emulator.respond_with(lambda _: busy(retry_after="59"))
    async with model_on(emulator, max_retries=5) as model:
        waiting = asyncio.ensure_future(anext(model.astream("Hello")))
        assert await asyncio.to_thread(wait_for, lambda: emulator.statuses.get(429) == 1)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    assert len(emulator.requests) == 1


# --- Who hears of it ----------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["invoke", "ainvoke"])
def test_callbacks_hear_of_each_retry(mode: Mode, emulator: ScalewayEmulator) -> None:
    emulator.script(busy(retry_after="0"), HttpError(503, headers={"retry-after": "0"}), "Bonjour")
    listener = Listener()
    with model_on(emulator, max_retries=5, callbacks=[listener]) as model:
        call(model, mode)
    assert listener.heard == [
        (1, errors.ScalewayRateLimitError, 0),
        (2, errors.ScalewayAPIError, 0),
    ]


async def test_asynchronous_callbacks_hear_of_each_retry(emulator: ScalewayEmulator) -> None:
    emulator.script(busy(retry_after="0"), "Bonjour")
    listener = AsyncListener()
    async with model_on(emulator, max_retries=1) as model:
        await model.ainvoke("Hello", {"callbacks": [listener]})
    assert listener.heard == [(1, errors.ScalewayRateLimitError, 0)]


@pytest.mark.parametrize("mode", EITHER)
def test_each_retry_is_one_line_of_the_log(
    mode: Mode, emulator: ScalewayEmulator, caplog: pytest.LogCaptureFixture
) -> None:
    emulator.script(busy(retry_after_ms="20"), HttpError(503, "Overloaded"), "Bonjour")
    with (
        caplog.at_level(logging.DEBUG, "langchain_scaleway"),
        impatient(model_on(emulator, max_retries=5)) as model,
    ):
        call(model, mode)
    lines = [record for record in caplog.records if record.name == "langchain_scaleway"]
    assert [line.levelno for line in lines] == [logging.INFO] * 2
    first, second = (line.getMessage() for line in lines)
    assert first.startswith("Attempt 1 failed, trying again in 0.02 s: ")
    assert "limit of concurrent requests" in first
    assert second.startswith("Attempt 2 failed, trying again in 0.0")
    assert "Overloaded" in second
