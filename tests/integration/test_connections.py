"""Connections over a model's life: in loops, threads and children, until they are closed."""

import asyncio
import gc
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from langchain_scaleway import ChatScaleway, errors
from langchain_scaleway.client.transport import Pool
from langchain_scaleway.testing import (
    Delay,
    EmulatorProcess,
    Reply,
    ScalewayEmulator,
    StaleConnection,
)
from tests.support.calls import (
    ANSWER,
    EITHER,
    MODES,
    Attempt,
    Mode,
    ask_all,
    call,
    call_in_a_row,
    impatient,
)
from tests.support.leftovers import nothing_left, open_sockets, wait_for
from tests.support.models import PLAIN_MODEL, model_on

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def far_emulator() -> Iterator[EmulatorProcess]:
    """An emulator whose sockets are not this process's."""
    with EmulatorProcess() as emulator:
        yield emulator


def model_far_away(emulator: EmulatorProcess, **fields: Any) -> ChatScaleway:
    return ChatScaleway(
        model=PLAIN_MODEL, base_url=emulator.base_url, api_key=emulator.api_key, **fields
    )


def all_closed(emulator: ScalewayEmulator) -> bool:
    return wait_for(lambda: emulator.connections_open == 0)


# --- Event loops --------------------------------------------------------------------------


def test_one_event_loop_after_the_other(emulator: ScalewayEmulator) -> None:
    model = model_on(emulator)
    with nothing_left():
        for _ in range(5):
            assert asyncio.run(ask_all(model)) == [ANSWER] * 4
            assert all_closed(emulator)


@pytest.mark.parametrize("is_kept", [False, True])
def test_an_event_loop_that_ends_with_many_connections(
    emulator: ScalewayEmulator, *, is_kept: bool
) -> None:
    """All close with the loop, also those of a model that is dropped in its last step."""
    emulator.respond_with(lambda _: Reply("Bonjour", faults=[Delay(0.1)]))

    async def live(model: ChatScaleway) -> None:
        await asyncio.gather(*(model.ainvoke("Hello") for _ in range(20)))
        assert emulator.connections_open == 20

    kept = model_on(emulator)
    with nothing_left():
        asyncio.run(live(kept if is_kept else model_on(emulator)))
        assert all_closed(emulator)


def test_an_event_loop_that_nobody_tidies_up(emulator: ScalewayEmulator) -> None:
    """Loops closed by hand finalise nothing; a model that was closed has left nothing there."""
    model = model_on(emulator)
    with nothing_left():
        for _ in range(3):
            loop = asyncio.new_event_loop()
            assert loop.run_until_complete(ask_all(model)) == [ANSWER] * 4
            loop.run_until_complete(model.aclose())
            loop.close()
            assert all_closed(emulator)


NESTED = """
import asyncio, sys
import nest_asyncio
from langchain_scaleway import ChatScaleway
from tests.support.calls import ask_all

nest_asyncio.apply()
fields = {"model": sys.argv[1], "base_url": sys.argv[2], "api_key": sys.argv[3]}
model = ChatScaleway(**fields)
for _ in range(2):
    asyncio.run(ask_all(model))
asyncio.new_event_loop().run_until_complete(ask_all(model))


async def ask_models_that_are_dropped():
    for _ in range(2):
        await ask_all(ChatScaleway(**fields))
        await asyncio.sleep(0)


asyncio.run(ask_models_that_are_dropped())
"""


def test_a_program_with_nested_loops_ends_without_a_word(emulator: ScalewayEmulator) -> None:
    """nest_asyncio's `asyncio.run`, as notebooks use it, leaves loops open."""
    command = [sys.executable, "-c", NESTED, PLAIN_MODEL, emulator.base_url, str(emulator.api_key)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False, text=True)
    assert (done.returncode, done.stderr) == (0, "")


LEFT_EARLY = """
import asyncio, sys
import nest_asyncio
from langchain_scaleway import ChatScaleway

nest_asyncio.apply()
model = ChatScaleway(model=sys.argv[1], base_url=sys.argv[2], api_key=sys.argv[3])


async def leave_early():
    for _ in range(4):
        async for _ in model.astream("Hello"):
            break
    print((await model.ainvoke("Hello")).text)


asyncio.run(leave_early())
"""


def test_streams_left_in_nested_loops_hold_up_no_request(emulator: ScalewayEmulator) -> None:
    """There nobody finalises an asynchronous generator, so closing its connection breaks off."""
    command = [sys.executable, "-c", LEFT_EARLY, PLAIN_MODEL, emulator.base_url]
    command.append(str(emulator.api_key))
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True)
    assert done.stdout.strip() == ANSWER


def test_an_event_loop_that_has_no_threads_any_more(emulator: ScalewayEmulator) -> None:
    """As at the end of a program; what is imported needs none."""
    assert call(model_on(emulator), "invoke").text == ANSWER
    with nothing_left(), asyncio.Runner() as runner:
        runner.run(runner.get_loop().shutdown_default_executor())
        model = model_on(emulator)
        assert runner.run(ask_all(model)) == [ANSWER] * 4


def test_calls_in_an_event_loop_share_connections(emulator: ScalewayEmulator) -> None:
    async def ask_often() -> None:
        async with model_on(emulator) as model:
            for _ in range(5):
                await model.ainvoke("Hello")
                async for _chunk in model.astream("Hello"):
                    pass

    asyncio.run(ask_often())
    assert emulator.connections_opened == 1


def test_waiting_for_a_turn_ends_with_its_timeout() -> None:
    """Of 1,001 requests of an event loop one has to wait, and none is ever answered."""

    async def live(base_url: str) -> BaseException | None:
        timeout = httpx.Timeout(60, pool=0.1)
        model = ChatScaleway(model=PLAIN_MODEL, base_url=base_url, timeout=timeout, max_retries=0)
        calls = [asyncio.ensure_future(model.ainvoke("Hello")) for _ in range(1_001)]
        refused, waiting = await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
        for pending in waiting:
            pending.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        assert len(refused) == 1
        return refused.pop().exception()

    # A server that accepts nothing needs no files, of which a process may have too few.
    with nothing_left(), socket.create_server(("127.0.0.1", 0), backlog=1_001) as server:
        error = asyncio.run(live(f"http://127.0.0.1:{server.getsockname()[1]}/v1"))
    assert type(error) is errors.ScalewayTimeoutError
    assert "No free connection within 0.1 s" in str(error)


# --- Threads ------------------------------------------------------------------------------


def at_once(number: int, work: Callable[[], Any]) -> list[Any]:
    """Do the work in so many threads that start together."""
    barrier = threading.Barrier(number)

    def start(_: int) -> Any:
        barrier.wait()
        return work()

    with ThreadPoolExecutor(number) as threads:
        return list(threads.map(start, range(number)))


def test_twenty_threads_with_a_loop_each(emulator: ScalewayEmulator) -> None:
    model = model_on(emulator)
    with nothing_left():
        found = at_once(20, lambda: [asyncio.run(ask_all(model)) for _ in range(3)])
        assert found == [[[ANSWER] * 4] * 3] * 20
        assert all_closed(emulator)


def test_twenty_threads_without_loops(emulator: ScalewayEmulator) -> None:
    def ask() -> list[str]:
        texts = []
        for _ in range(5):
            texts.append(call(model, "invoke").text)
            texts.append(call(model, "stream").text)
        return texts

    with nothing_left():
        with model_on(emulator) as model:
            assert at_once(20, ask) == [[ANSWER] * 10] * 20
            assert emulator.connections_opened <= 20
        assert all_closed(emulator)


# --- Children -----------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no fork.")
def test_a_forked_child_has_connections_of_its_own(emulator: ScalewayEmulator) -> None:
    program = [sys.executable, "-W", "error::ResourceWarning", "-m", "tests.support.forking"]
    arguments = [PLAIN_MODEL, emulator.base_url, str(emulator.api_key)]
    done = subprocess.run(
        [*program, *arguments], cwd=ROOT, capture_output=True, check=False, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    # The parent's with and without event loop, and the same of each child.
    assert [request.connection for request in emulator.requests] == [1, 2, 3, 1, 4, 5, 6, 4]


# --- Closing ------------------------------------------------------------------------------


def test_a_closed_model_can_be_used_again(emulator: ScalewayEmulator) -> None:
    model = model_on(emulator)
    with nothing_left():
        model.close()  # There is nothing to close yet.
        model.invoke("Hello")
        model.close()
        assert all_closed(emulator)
        model.close()
        assert model.invoke("Hello").text == ANSWER
        with model:
            model.invoke("Hello")
        assert all_closed(emulator)


def test_a_model_closed_in_an_event_loop_can_be_used_again(emulator: ScalewayEmulator) -> None:
    async def live() -> None:
        model = model_on(emulator)
        await model.aclose()
        await model.ainvoke("Hello")
        model.invoke("Hello")
        await model.aclose()
        assert await asyncio.to_thread(all_closed, emulator)
        await model.aclose()
        assert (await model.ainvoke("Hello")).text == ANSWER
        async with model:
            await model.ainvoke("Hello")
        assert await asyncio.to_thread(all_closed, emulator)

    with nothing_left():
        asyncio.run(live())


def test_closing_lets_a_stream_come_to_its_end(emulator: ScalewayEmulator) -> None:
    emulator.script("One two three", "One two three")

    async def stream() -> str:
        chunks = model.astream("Hello")
        text = str((await anext(chunks)).text)
        await model.aclose()
        return text + "".join([str(chunk.text) async for chunk in chunks])

    model = model_on(emulator)
    with nothing_left():
        chunks = model.stream("Hello")
        text = str(next(chunks).text)
        model.close()
        assert text + "".join(str(chunk.text) for chunk in chunks) == "One two three"
        assert all_closed(emulator)
        assert asyncio.run(stream()) == "One two three"
        assert all_closed(emulator)


def test_what_was_closed_is_forgotten(emulator: ScalewayEmulator) -> None:
    def pools() -> int:
        gc.collect()
        return sum(isinstance(one, Pool) for one in gc.get_objects())

    before, model = pools(), model_on(emulator)
    for _ in range(3):
        model.invoke("Hello")
        assert pools() == before + 1
        model.close()
        assert pools() == before


def test_dropping_the_last_copy_closes(emulator: ScalewayEmulator) -> None:
    async def live() -> None:
        model = model_on(emulator)
        other = model.model_copy()
        await model.ainvoke("Hello")
        del model
        await other.ainvoke("Hello")
        assert emulator.connections_opened == 2
        del other
        assert await asyncio.to_thread(all_closed, emulator)

    with nothing_left():
        model = model_on(emulator)
        other = model.bind(temperature=0)
        model.invoke("Hello")
        del model
        other.invoke("Hello")
        assert emulator.connections_opened == 1
        del other
        assert all_closed(emulator)
        asyncio.run(live())


def test_two_hundred_models_of_a_running_loop_leave_no_sockets(
    far_emulator: EmulatorProcess,
) -> None:
    async def live() -> None:
        await model_far_away(far_emulator).ainvoke("Hello")
        assert await asyncio.to_thread(wait_for, lambda: open_sockets() == before)
        for _ in range(200):
            await model_far_away(far_emulator).ainvoke("Hello")
        assert await asyncio.to_thread(wait_for, lambda: open_sockets() == before)

    with asyncio.Runner() as runner:
        runner.get_loop()
        before = open_sockets()
        runner.run(live())


# --- Connections that have gone stale -----------------------------------------------------


def texts_of(attempts: list[Attempt]) -> list[str]:
    """What was answered, where nothing was raised."""
    assert [attempt.error for attempt in attempts] == [None] * len(attempts)
    return [attempt.text for attempt in attempts]


@pytest.mark.parametrize("mode", MODES)
def test_a_connection_that_was_closed_is_not_used_again(
    mode: Mode, emulator: ScalewayEmulator
) -> None:
    def wait_for_the_end() -> None:
        assert all_closed(emulator)

    emulator.script(Reply("One", faults=[StaleConnection("after_answer")]), "Two")
    with model_on(emulator) as model:
        attempts = call_in_a_row(model, mode, 2, between=wait_for_the_end)
    assert texts_of(attempts) == ["One", "Two"]


@pytest.mark.parametrize("mode", EITHER)
def test_a_connection_that_closes_under_the_request_is_replaced(
    mode: Mode, emulator: ScalewayEmulator
) -> None:
    """No client can foresee it; the retry has a connection of its own."""
    emulator.script(Reply("One", faults=[StaleConnection("on_next_request")]), "Two")
    with impatient(model_on(emulator, max_retries=1)) as model:
        attempts = call_in_a_row(model, mode, 2)
    assert texts_of(attempts) == ["One", "Two"]
    assert emulator.connections_opened == 2
