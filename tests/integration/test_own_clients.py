"""The user's own HTTP clients in place of our connections, from httpx and from its fork."""

import asyncio
import gc
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from langchain_scaleway import ChatScaleway, errors
from langchain_scaleway.testing import Reply, ScalewayEmulator, Stall
from tests.support.calls import (
    ANSWER,
    EITHER,
    MODES,
    Attempt,
    Mode,
    acall,
    ask_all,
    call,
    is_async,
    streams,
)
from tests.support.faults import FAULTS
from tests.support.faults.places import TEXT
from tests.support.faults.table import Answers, Row
from tests.support.leftovers import nothing_left
from tests.support.models import PLAIN_MODEL, model_on

ONE_OF_EACH_KIND = {
    "the connection is refused",
    "the host does not answer",
    "the server hangs up without an answer",
    "nothing comes within the timeout",
    "the connection is reset midway",
    "the connection is closed midway",
    "the answer stalls midway",
    "compressed data that cannot be decompressed",
    "503 without a body",
}
"""Faults for which the library has an exception each, and a refusal. The rest is ours."""


@pytest.fixture(scope="module")
def module_emulator() -> Iterator[ScalewayEmulator]:
    with ScalewayEmulator() as emulator:
        yield emulator


@pytest.fixture(params=["httpx", "httpx2"])
def library(request: pytest.FixtureRequest) -> Any:
    """httpx, and the fork that the ecosystem moves to."""
    return pytest.importorskip(request.param)


def call_with(library: Any, mode: Mode, hooks: Any = None, /, **fields: Any) -> Attempt:
    """Ask with a client of this library, which must be open afterwards."""
    if is_async(mode):
        return asyncio.run(_acall_with(library, mode, hooks, fields))
    with library.Client(headers={"x-from": "the user"}, event_hooks=hooks) as client:
        model = ChatScaleway(model=PLAIN_MODEL, max_retries=0, http_client=client, **fields)
        attempt = call(model, mode)
        model.close()
        del model
        gc.collect()
        assert not client.is_closed
    return attempt


async def _acall_with(library: Any, mode: Mode, hooks: Any, fields: dict[str, Any]) -> Attempt:
    async with library.AsyncClient(headers={"x-from": "the user"}, event_hooks=hooks) as client:
        model = ChatScaleway(model=PLAIN_MODEL, max_retries=0, http_async_client=client, **fields)
        attempt = await acall(model, mode)
        await model.aclose()
        del model
        gc.collect()
        assert not client.is_closed
    return attempt


@pytest.mark.parametrize("mode", MODES)
def test_it_is_used_and_not_closed(mode: Mode, library: Any, emulator: ScalewayEmulator) -> None:
    with nothing_left():
        attempt = call_with(library, mode, base_url=emulator.base_url, api_key=emulator.api_key)
    assert (attempt.text, attempt.error) == (ANSWER, None)
    [request] = emulator.requests
    assert request.headers["x-from"] == "the user"
    assert request.headers["authorization"] == f"Bearer {emulator.api_key}"


def test_the_kinds_are_in_the_table() -> None:
    assert {fault.name for fault in FAULTS} >= ONE_OF_EACH_KIND


@pytest.mark.parametrize("mode", EITHER)
@pytest.mark.parametrize(
    "fault",
    [fault for fault in FAULTS if fault.name in ONE_OF_EACH_KIND],
    ids=lambda fault: fault.name,
)
def test_its_faults_are_ours(
    fault: Row, mode: Mode, library: Any, module_emulator: ScalewayEmulator
) -> None:
    outcome = fault.outcome(streamed=streams(mode))
    settings = {"timeout": 60, "api_key": module_emulator.api_key} | dict(fault.fields)
    with nothing_left(), fault.place(module_emulator) as scene:
        attempt = call_with(library, mode, base_url=scene.base_url, **settings)
        if isinstance(outcome, Answers):
            assert (attempt.text, attempt.error) == (TEXT, None)
        else:
            assert type(attempt.error) is outcome.error, attempt.error
            assert outcome.says in str(attempt.error)
            assert attempt.text == outcome.partial
        del attempt


def refuse(response: Any) -> None:
    """Do what many do in a hook of their client."""
    response.raise_for_status()


async def read_and_refuse(response: Any) -> None:
    await response.aread()
    response.raise_for_status()


@pytest.mark.parametrize("mode", EITHER)
def test_what_its_hooks_refuse_is_ours(
    mode: Mode, library: Any, emulator: ScalewayEmulator
) -> None:
    key = "not-the-emulators-key"
    hook = read_and_refuse if is_async(mode) else refuse
    attempt = call_with(
        library, mode, {"response": [hook]}, base_url=emulator.base_url, api_key=key
    )
    assert type(attempt.error) is errors.ScalewayPermissionDeniedError
    assert ("insufficient permissions" in str(attempt.error)) == is_async(mode)
    assert PLAIN_MODEL in str(attempt.error)
    # The client's exceptions know the request, which holds the key.
    assert attempt.error.__cause__ is None
    assert attempt.error.__context__ is None


@pytest.mark.parametrize("mode", EITHER)
def test_one_that_is_closed_is_told(mode: Mode, library: Any, emulator: ScalewayEmulator) -> None:
    client, async_client = library.Client(), library.AsyncClient()
    client.close()
    asyncio.run(async_client.aclose())
    fields = {"http_client": client, "http_async_client": async_client}
    with model_on(emulator, max_retries=2, **fields) as model:
        error = call(model, mode).error
    assert type(error) is errors.ScalewayConnectionError
    assert "is closed" in str(error)
    assert not error.is_retryable


def test_one_for_one_way_leaves_the_other_alone(emulator: ScalewayEmulator) -> None:
    with (
        nothing_left(),
        httpx.Client(headers={"x-from": "the user"}) as client,
        model_on(emulator, http_client=client) as model,
    ):
        assert asyncio.run(ask_all(model)) == [ANSWER] * 4
        assert "x-from" not in emulator.requests[-1].headers
        assert call(model, "invoke").text == ANSWER
        assert "x-from" in emulator.requests[-1].headers


@pytest.mark.parametrize("mode", EITHER)
def test_the_models_timeout_holds(mode: Mode, library: Any, emulator: ScalewayEmulator) -> None:
    """The client's own would be five seconds."""
    emulator.respond_with(lambda _: Reply("One two three", faults=[Stall(1)]))
    with nothing_left():
        attempt = call_with(
            library, mode, base_url=emulator.base_url, api_key=emulator.api_key, timeout=0.2
        )
    assert type(attempt.error) is errors.ScalewayTimeoutError
