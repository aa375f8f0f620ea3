"""No tracer is told the key: of calls that succeed, that fail, and that name it by mistake."""

import asyncio
from collections.abc import Iterator
from typing import Any, cast

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.messages import AIMessage
from langchain_core.tracers import ConsoleCallbackHandler

from langchain_scaleway import ChatScaleway
from langchain_scaleway.testing import HttpError, RawReply, ScalewayEmulator
from langchain_scaleway.testing.replies import Step
from tests.support.calls import MODES, Mode, call
from tests.support.models import PLAIN_MODEL
from tests.support.secrecy import CANARY, is_in, leaks_in
from tests.support.traces import KeepingTracer


@pytest.fixture
def emulator() -> Iterator[ScalewayEmulator]:
    with ScalewayEmulator(api_key=CANARY) as emulator:
        yield emulator


def model_with_canary(emulator: ScalewayEmulator, **fields: Any) -> ChatScaleway:
    return ChatScaleway(
        model=PLAIN_MODEL,
        base_url=emulator.base_url,
        api_key=CANARY,
        default_headers={"X-Auth-Token": CANARY},
        include_response_headers=True,
        max_retries=0,
        **fields,
    )


STEPS: dict[str, Step] = {
    "an answer": "Bonjour",
    "a refusal": HttpError(400, f"Bearer {CANARY} is wrong", "recent", {"x-echo": CANARY}),
    "a failure": RawReply(503, {"x-echo": CANARY, "content-type": "text/plain"}, CANARY.encode()),
    "an echo": RawReply(200, {"content-type": "text/plain"}, CANARY.encode()),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_runs_hold_no_key(step: Step, mode: Mode, emulator: ScalewayEmulator) -> None:
    tracer = KeepingTracer()
    emulator.script(step)
    with model_with_canary(emulator, callbacks=[tracer]) as model:
        call(model, mode)
    [run] = tracer.runs
    assert run.extra["invocation_params"]["model"] == PLAIN_MODEL
    assert (run.error is None) is (step == "Bonjour")
    assert list(leaks_in(run.model_dump())) == []


@pytest.mark.parametrize(
    ("name", "mode"),
    [*zip(["api_key", "default_headers", "headers", "api_key"], MODES, strict=True)],
)
def test_credentials_in_a_call_are_refused_before_tracers_hear_of_them(
    name: str, mode: Mode, emulator: ScalewayEmulator
) -> None:
    tracer = KeepingTracer()
    with model_with_canary(emulator, callbacks=[tracer]) as model:
        error = call(cast("ChatScaleway", model.bind(**{name: CANARY})), mode).error
    assert isinstance(error, ValueError)
    assert list(leaks_in([run.model_dump() for run in tracer.runs])) == []
    assert emulator.requests == []


def test_the_console_shows_no_key(
    emulator: ScalewayEmulator, capsys: pytest.CaptureFixture[str]
) -> None:
    """What `set_debug(True)` prints."""
    emulator.script(STEPS["a refusal"])
    with model_with_canary(emulator, callbacks=[ConsoleCallbackHandler()]) as model:
        call(model, "invoke")
    printed = capsys.readouterr().out
    assert "ChatScaleway" in printed
    assert not is_in(printed)


def test_cached_replies_hold_no_key(emulator: ScalewayEmulator) -> None:
    cache = InMemoryCache()
    with model_with_canary(emulator, cache=cache) as model:
        first = model.invoke("Hello")
        second = asyncio.run(model.ainvoke("Hello"))
    assert len(emulator.requests) == 1
    assert isinstance(second, AIMessage)
    assert second.text == first.text
    assert list(leaks_in(cache._cache)) == []
