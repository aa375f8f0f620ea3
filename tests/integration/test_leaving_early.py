"""Leaving a call before its end closes its connection at once, and leaves nothing behind."""

import asyncio
import gc
import socket
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.output_parsers import StrOutputParser
from langchain_core.runnables import RunnableLambda

from langchain_scaleway import ChatScaleway
from langchain_scaleway.client.transport import LIBRARY, ssl_context
from langchain_scaleway.testing import Delay, Reply, ScalewayEmulator, Stall
from tests.support.calls import ANSWER, Mode, acall
from tests.support.leftovers import nothing_left, wait_for
from tests.support.models import model_on
from tests.support.raw_answers import answer
from tests.support.raw_server import RawServer, read_request, stays_silent
from tests.support.relay import tls_for

ENDLESS = Reply("One two three four five six", faults=[Stall(4)])
"""An answer that never comes to its end: whoever stops reading it leaves early."""

NEVER = Reply("too late", faults=[Delay(60)])


@pytest.fixture
def emulator() -> Iterator[ScalewayEmulator]:
    with ScalewayEmulator() as emulator:
        emulator.respond_with(lambda _: ENDLESS)
        yield emulator


def noticed(emulator: ScalewayEmulator, times: int = 1) -> bool:
    """Whether the server has noticed that so many clients went away, and has no others."""
    return wait_for(
        lambda: (
            sum(request.client_disconnected for request in emulator.requests) == times
            and emulator.connections_open == 0
        )
    )


async def no_other_task() -> bool:
    """Whether the event loop has nothing else to do, or soon has not.

    Python closes a generator that nobody closed in a task of its own.
    """
    others = asyncio.all_tasks() - {asyncio.current_task()}
    return not others or not (await asyncio.wait(others, timeout=10))[1]


def still_works(emulator: ScalewayEmulator, model: ChatScaleway) -> bool:
    emulator.respond_with(None)
    return model.invoke("Hello").text == ANSWER


# --- Outside event loops ------------------------------------------------------------------


def by_break(model: ChatScaleway) -> None:
    for _ in model.stream("Hello"):
        break


def by_closing(model: ChatScaleway) -> None:
    chunks = model.stream("Hello")
    next(chunks)
    assert hasattr(chunks, "close")
    chunks.close()


def by_dropping(model: ChatScaleway) -> None:
    chunks = model.stream("Hello")
    next(chunks)
    del chunks


@pytest.mark.parametrize(
    "leave",
    [
        by_break,
        by_closing,
        by_dropping,
    ],
)
def test_leaving_a_stream(
    leave: Callable[[ChatScaleway], None], emulator: ScalewayEmulator
) -> None:
    with nothing_left(), model_on(emulator) as model:
        leave(model)
        assert noticed(emulator)
        assert still_works(emulator, model)


def test_leaving_a_synchronous_chain(emulator: ScalewayEmulator) -> None:
    """Core reads what is left of the model's stream, for its traces; nothing stays open."""
    emulator.respond_with(None)
    chain = RunnableLambda(lambda text: text) | (model := model_on(emulator)) | StrOutputParser()
    with nothing_left(), model:
        for _ in chain.stream("Hello"):
            break
        assert emulator.requests[0].completed
        assert still_works(emulator, model)
        assert emulator.connections_opened == 1


def test_a_stream_that_nobody_reads_is_no_request(emulator: ScalewayEmulator) -> None:
    with nothing_left(), model_on(emulator) as model:
        chunks = model.stream("Hello")
        del chunks
        assert still_works(emulator, model)
    assert len(emulator.requests) == 1


# --- In event loops -----------------------------------------------------------------------


async def by_break_async(model: ChatScaleway) -> None:
    async for _ in model.astream("Hello"):
        break


async def by_closing_async(model: ChatScaleway) -> None:
    chunks = model.astream("Hello")
    await anext(chunks)
    assert hasattr(chunks, "aclose")
    await chunks.aclose()


async def by_dropping_async(model: ChatScaleway) -> None:
    chunks = model.astream("Hello")
    await anext(chunks)
    del chunks


async def by_cancelling(model: ChatScaleway) -> None:
    first_chunk = asyncio.Event()

    async def read() -> None:
        async for _ in model.astream("Hello"):
            first_chunk.set()

    reading = asyncio.create_task(read())
    await first_chunk.wait()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading


async def out_of_a_chain_async(model: ChatScaleway) -> None:
    chain = RunnableLambda(lambda text: text) | model | StrOutputParser()
    async for _ in chain.astream("Hello"):
        break


async def out_of_a_task_group(model: ChatScaleway) -> None:
    first_chunk = asyncio.Event()

    async def read() -> None:
        async for _ in model.astream("Hello"):
            first_chunk.set()

    async def fail() -> None:
        await first_chunk.wait()
        raise ZeroDivisionError

    async def both() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(read())
            group.create_task(fail())

    with pytest.raises(ExceptionGroup):
        await both()


@pytest.mark.parametrize(
    "leave",
    [
        by_break_async,
        by_closing_async,
        by_dropping_async,
        by_cancelling,
        out_of_a_chain_async,
        out_of_a_task_group,
    ],
)
def test_leaving_in_an_event_loop(
    leave: Callable[[ChatScaleway], Coroutine[Any, Any, None]], emulator: ScalewayEmulator
) -> None:
    """The loop runs on: it is the call that closes its connection, not the end of the loop."""

    async def live(model: ChatScaleway) -> None:
        await leave(model)
        assert await asyncio.to_thread(noticed, emulator)
        assert await no_other_task()
        emulator.respond_with(None)
        assert (await model.ainvoke("Hello")).text == ANSWER

    with nothing_left(), model_on(emulator) as model:
        asyncio.run(live(model))


def test_the_loop_ends_in_mid_stream(
    emulator: ScalewayEmulator, caplog: pytest.LogCaptureFixture
) -> None:
    """The loop closes all generators at the same time, and complains of those that fail."""

    async def leave(model: ChatScaleway) -> AsyncIterator[Any]:
        chunks = model.astream("Hello")
        await anext(chunks)
        return chunks

    with nothing_left(), model_on(emulator) as model:
        chunks = asyncio.run(leave(model))
        assert noticed(emulator)
        del chunks
        # httpcore2's generators close one another, which fails when the loop closes them all.
        assert caplog.messages == [] or not LIBRARY.startswith("httpx/")
        assert still_works(emulator, model)


def test_cancelling_before_the_answer_begins(emulator: ScalewayEmulator) -> None:
    emulator.respond_with(lambda _: NEVER)

    async def live(model: ChatScaleway) -> None:
        calls = [asyncio.ensure_future(model.ainvoke("Hello")) for _ in range(20)]
        calls += [asyncio.ensure_future(anext(model.astream("Hello"))) for _ in range(20)]
        assert await asyncio.to_thread(wait_for, lambda: len(emulator.requests) == 40)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        assert await asyncio.to_thread(noticed, emulator, 40)
        assert await no_other_task()

    with nothing_left(), model_on(emulator) as model:
        asyncio.run(live(model))
        assert still_works(emulator, model)


@pytest.mark.parametrize("awaited", ["connection", "first bytes of its TLS handshake"])
def test_cancelling_while_it_connects(awaited: str) -> None:
    has_come = threading.Event()

    def behave(connection: socket.socket) -> None:
        if awaited != "connection":
            connection.recv(1)
        has_come.set()
        stays_silent(connection)

    async def live(server: RawServer) -> None:
        model = ChatScaleway(model="any", base_url=f"https://{server.origin}/v1", timeout=60)
        call = asyncio.ensure_future(model.ainvoke("Hello"))
        assert await asyncio.to_thread(has_come.wait, 10)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert await asyncio.to_thread(server.wait_until_left)

    with nothing_left(), RawServer(behave, reads_request=False) as server:
        asyncio.run(live(server))


def test_cancelling_while_it_connects_again(tmp_path: Path) -> None:
    """The server has closed the connection that the second request would have used."""
    tls = tls_for("localhost", certificate=tmp_path / "authority.pem")
    ssl_context().load_verify_locations(tmp_path / "authority.pem")
    has_come_again = threading.Event()

    def behave(connection: socket.socket) -> None:
        if server.connections == 1:
            with tls.wrap_socket(connection, server_side=True) as secured:
                read_request(secured)
                secured.sendall(answer("Bonjour", "ainvoke"))
        else:
            connection.recv(1)
            has_come_again.set()
            stays_silent(connection)

    async def live() -> None:
        _, port = server.origin.split(":")
        model = ChatScaleway(model="any", base_url=f"https://localhost:{port}/v1", timeout=60)
        assert (await model.ainvoke("Hello")).text == "Bonjour"
        assert await asyncio.to_thread(server.wait_until_left)
        call = asyncio.ensure_future(model.ainvoke("Hello"))
        assert await asyncio.to_thread(has_come_again.wait, 10)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert await asyncio.to_thread(server.wait_until_left)

    with nothing_left(), RawServer(behave, reads_request=False) as server:
        asyncio.run(live())


@pytest.mark.timeout(100)
def test_calls_that_were_cancelled_take_no_place_from_others(emulator: ScalewayEmulator) -> None:
    """At most 1,000 requests of an event loop are under way; 1,100 were, and are gone."""
    emulator.respond_with(lambda _: NEVER)

    def have_arrived(number: int) -> bool:
        return wait_for(lambda: len(emulator.requests) == number)

    async def live(model: ChatScaleway) -> None:
        for batch in range(1, 12):
            calls = [asyncio.ensure_future(model.ainvoke("Hello")) for _ in range(100)]
            assert await asyncio.to_thread(have_arrived, 100 * batch)
            for call in calls:
                call.cancel()
            await asyncio.gather(*calls, return_exceptions=True)
        emulator.respond_with(None)
        assert (await model.ainvoke("Hello")).text == ANSWER

    with nothing_left(), model_on(emulator) as model:
        asyncio.run(live(model))


def test_a_stream_dropped_by_the_collector(emulator: ScalewayEmulator) -> None:
    """One that is part of a cycle is not dropped until the collector comes."""
    with nothing_left(), model_on(emulator) as model:
        cycle: dict[str, Any] = {"chunks": model.stream("Hello")}
        next(cycle["chunks"])
        cycle["self"] = cycle
        del cycle
        gc.collect()
        assert noticed(emulator)


@pytest.mark.parametrize("mode", ["ainvoke", "astream"])
def test_cancelling_after_any_number_of_steps(mode: Mode, emulator: ScalewayEmulator) -> None:
    """A connection must not be lost between the steps in which it is opened and used."""
    emulator.respond_with(None)

    async def live(model: ChatScaleway) -> None:
        for steps in range(150):
            call = asyncio.ensure_future(acall(model, mode))
            for _ in range(steps):
                await asyncio.sleep(0)
            call.cancel()
            await asyncio.wait([call])
            await model.aclose()  # The next one is to open a connection again.
        assert await asyncio.to_thread(wait_for, lambda: emulator.connections_open == 0)
        assert await no_other_task()

    with nothing_left(), model_on(emulator) as model:
        asyncio.run(live(model))
