"""What outlives a request keeps nothing of it: no context, no messages, no agent's run.

LangGraph keeps a whole run in the context of its tasks, and whatever an event loop starts in there,
such as a connection or a timer, would keep it as well.
"""

import asyncio
import contextlib
import gc
import weakref
from collections.abc import AsyncIterator, Callable, Coroutine
from contextvars import ContextVar
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import HumanMessage

from langchain_scaleway import ChatScaleway
from langchain_scaleway.testing import ScalewayEmulator
from tests.support.leftovers import nothing_left
from tests.support.models import model_on

Ask = Callable[[ChatScaleway, HumanMessage], Coroutine[Any, Any, None]]


class Run:
    """Stands for what a program keeps in the context of a call."""


_run: ContextVar[Run] = ContextVar("run")


async def by_ainvoke(model: ChatScaleway, message: HumanMessage) -> None:
    await model.ainvoke([message])


async def by_astream(model: ChatScaleway, message: HumanMessage) -> None:
    async for _ in model.astream([message]):
        pass


async def by_leaving_a_stream(model: ChatScaleway, message: HumanMessage) -> None:
    async for _ in model.astream([message]):
        break


async def by_an_agent(model: ChatScaleway, message: HumanMessage) -> None:
    await create_agent(model, []).ainvoke({"messages": [message]})


async def by_an_agents_stream(model: ChatScaleway, message: HumanMessage) -> None:
    async for _ in create_agent(model, []).astream({"messages": [message]}):
        pass


WAYS: list[Ask] = [by_ainvoke, by_astream, by_leaving_a_stream, by_an_agent, by_an_agents_stream]


@pytest.fixture(params=["asyncio", "uvloop"])
def runner(request: pytest.FixtureRequest) -> asyncio.Runner:
    kind = pytest.importorskip(request.param, reason="uvloop runs on Linux and macOS only")
    return asyncio.Runner(loop_factory=kind.new_event_loop)


@contextlib.asynccontextmanager
async def heartbeat() -> AsyncIterator[None]:
    """A timer that is always due before the requests' own, as servers have one.

    Timers behind it that were cancelled are kept by the loop.
    """
    loop = asyncio.get_running_loop()
    timer = loop.call_later(50, lambda: None)
    yield
    timer.cancel()


async def asked(ask: Ask, model: ChatScaleway) -> list[weakref.ref[Any]]:
    """Ask once, in a context of its own that has ended; gives what must be gone afterwards."""

    async def call() -> list[weakref.ref[Any]]:
        run, message = Run(), HumanMessage("Hello")
        _run.set(run)
        await ask(model, message)
        return [weakref.ref(run), weakref.ref(message)]

    return await asyncio.create_task(call())


async def alive(references: list[weakref.ref[Any]]) -> list[Any]:
    """What is still there once all that was dropped has been closed."""
    for _ in range(50):
        gc.collect()
        if not any(reference() for reference in references):
            return []
        await asyncio.sleep(0.02)
    return [reference() for reference in references]


@pytest.mark.parametrize("ask", WAYS, ids=lambda ask: ask.__name__)
def test_a_shared_model_keeps_nothing_of_finished_requests(
    ask: Ask, runner: asyncio.Runner, emulator: ScalewayEmulator
) -> None:
    async def live(model: ChatScaleway) -> list[Any]:
        async with heartbeat():
            asked_at_once = await asyncio.gather(*(asked(ask, model) for _ in range(5)))
            assert emulator.connections_open > 0 or ask is by_leaving_a_stream
            return await alive([one for some in asked_at_once for one in some])

    with nothing_left(), runner, model_on(emulator) as model:
        assert runner.run(live(model)) == []


@pytest.mark.parametrize("ask", [by_astream, by_an_agent], ids=lambda ask: ask.__name__)
def test_models_of_requests_of_their_own_leave_nothing(
    ask: Ask, runner: asyncio.Runner, emulator: ScalewayEmulator
) -> None:
    async def live() -> list[Any]:
        references = []
        for _ in range(25):
            model = model_on(emulator)
            references += [*await asked(ask, model), weakref.ref(model)]
            del model
        return await alive(references)

    with nothing_left(), runner:
        assert runner.run(live()) == []
