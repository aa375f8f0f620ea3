"""What is left behind: memory after many calls, sockets and memory of dropped models.

These rows have no floor: what should be left is nothing. Each runs in a process of its own, so
that nothing left free by other rows hides a growth. They read `/proc`, so they need Linux.
"""

import asyncio
import gc
import tracemalloc
from collections.abc import Iterator

from benchmarks.resources import open_sockets, resident_bytes
from benchmarks.sampling import QUESTION, Setting

_CALLS_FULL, _CALLS_QUICK = 20_000, 1_000
_MODELS_FULL, _MODELS_QUICK = 100, 20
_FAREWELL = 0.1
"""Seconds for the loop to close what was dropped last: asyncio closes sockets a step later."""


def memory_growth(setting: Setting) -> Iterator[float]:
    """Kilobytes by which the process grows over the last nine tenths of 20,000 calls."""
    model = setting.model("short")
    calls = _CALLS_FULL if setting.full else _CALLS_QUICK
    first_calls = calls // 10
    while True:
        for _ in range(first_calls):
            model.invoke(QUESTION)
        before = resident_bytes()
        for _ in range(calls - first_calls):
            model.invoke(QUESTION)
        yield (resident_bytes() - before) / 1024


def sockets_left(setting: Setting) -> Iterator[float]:
    """Sockets open after 100 models were made, used once and dropped."""
    while True:
        before = open_sockets()
        _lives(setting)
        yield open_sockets() - before


def sockets_left_async(setting: Setting) -> Iterator[float]:
    """The same in one event loop, which is still running."""

    async def growth() -> float:
        before = open_sockets()
        await _async_lives(setting)
        await asyncio.sleep(_FAREWELL)
        return open_sockets() - before

    while True:
        yield asyncio.run(growth())


def bytes_left(setting: Setting) -> Iterator[float]:
    """Bytes that each model leaves that was made, used once and dropped."""
    tracemalloc.start()
    _lives(setting)  # what the first ones leave is shared by all
    while True:
        before = _traced_bytes()
        _lives(setting)
        yield (_traced_bytes() - before) / _models(setting)


def bytes_left_async(setting: Setting) -> Iterator[float]:
    """The same in one event loop, which is still running."""

    async def growth() -> float:
        await _async_lives(setting)
        before = _traced_bytes()
        await _async_lives(setting)
        return (_traced_bytes() - before) / _models(setting)

    tracemalloc.start()
    while True:
        yield asyncio.run(growth())


def _models(setting: Setting) -> int:
    return _MODELS_FULL if setting.full else _MODELS_QUICK


def _lives(setting: Setting) -> None:
    for _ in range(_models(setting)):
        setting.model("short").invoke(QUESTION)


async def _async_lives(setting: Setting) -> None:
    for _ in range(_models(setting)):
        await setting.model("short").ainvoke(QUESTION)


def _traced_bytes() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]
