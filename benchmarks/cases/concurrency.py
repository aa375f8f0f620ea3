"""What a call costs when hundreds are under way at once, in one event loop."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace

from benchmarks.contestants import FLOOR, SOCKET_FLOOR
from benchmarks.resources import allow_many_sockets
from benchmarks.sampling import QUESTION, Setting
from benchmarks.wire import CHUNKS

_CALLS = 512
_MANY_CALLS = 2_000
_STREAMS = 100


def ainvoke_512(setting: Setting) -> Iterator[float]:
    """CPU time of a call among 512 at once, each answered after 50 ms."""
    return _waves(_one_call(_over_sockets(setting)), _CALLS, 1, time.process_time)


def ainvoke_2000(setting: Setting) -> Iterator[float]:
    """Wall time of a call among 2,000 at once, each answered after 50 ms."""
    return _waves(_one_call(_over_sockets(setting)), _MANY_CALLS, 1, time.perf_counter)


def astream_100(setting: Setting) -> Iterator[float]:
    """CPU time of a chunk among 100 streams at once, each chunk written on its own."""
    model = setting.model("paced")

    async def drain() -> None:
        async for _ in model.astream(QUESTION):
            pass

    return _waves(drain, _STREAMS, CHUNKS, time.process_time)


def _over_sockets(setting: Setting) -> Setting:
    """Measure the floor without httpx, whose own pool is what costs with many calls at once."""
    allow_many_sockets()
    if setting.contestant == FLOOR:
        return replace(setting, contestant=SOCKET_FLOOR)
    return setting


def _one_call(setting: Setting) -> Callable[[], Awaitable[object]]:
    model = setting.model("delayed")
    return lambda: model.ainvoke(QUESTION)


def _waves(
    work: Callable[[], Awaitable[object]], at_once: int, units: int, clock: Callable[[], float]
) -> Iterator[float]:
    """Yield the cost of a unit in waves of works that all start together.

    The first wave opens the connections and is not counted.
    """

    async def wave() -> float:
        began = clock()
        await asyncio.gather(*(work() for _ in range(at_once)))
        return (clock() - began) / (at_once * units)

    with asyncio.Runner() as runner:
        runner.run(wave())
        while True:
            yield runner.run(wave())
