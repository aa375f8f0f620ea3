"""From a piece of work to samples of what it costs, without end.

Each row of the tables is a generator that prepares on its first step and yields one sample, in
seconds a unit, on every step. The runner steps through the contestants in turn, so that the
samples of all of them come from the same few seconds of the machine.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from langchain_core.messages import BaseMessage, HumanMessage

from benchmarks.contestants import Contestant

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

QUESTION: list[BaseMessage] = [HumanMessage("What is the capital of France?")]

_WARM_UP = 2
"""Calls before anything is timed: connections open, caches fill."""

_TRIAL = 3
"""Calls that show how many of them fill a sample."""


@dataclass(frozen=True)
class Setting:
    """What a row is measured with.

    Attributes:
        contestant: Who is measured.
        url: Where the loopback server listens.
        budget: Seconds of CPU time that one sample should take.
        full: Whether long rows run at their full length.
        repeats: How many calls make a sample, instead of as many as fill the budget.
    """

    contestant: Contestant
    url: str
    budget: float
    full: bool
    repeats: int | None = None

    def model(self, reply: str, prompt: Sequence[BaseMessage] = tuple(QUESTION)) -> "BaseChatModel":
        """Make the contestant's model for one of the server's replies."""
        return self.contestant.make(self.url, reply, prompt)


def cpu_seconds_per_call(work: Callable[[], object], setting: Setting) -> Iterator[float]:
    """Yield the CPU time of one call of `work`, all threads together, in seconds."""
    _cpu_seconds(work, _WARM_UP)
    repeats = setting.repeats or _repeats(_cpu_seconds(work, _TRIAL), setting)
    while True:
        yield _cpu_seconds(work, repeats)


def cpu_seconds_per_await(
    work: Callable[[], Awaitable[object]], setting: Setting
) -> Iterator[float]:
    """Yield the CPU time of one awaited call of `work`, one at a time, in seconds."""
    with asyncio.Runner() as runner:
        runner.run(_async_cpu_seconds(work, _WARM_UP))
        repeats = setting.repeats or _repeats(runner.run(_async_cpu_seconds(work, _TRIAL)), setting)
        while True:
            yield runner.run(_async_cpu_seconds(work, repeats))


def each(samples: Iterator[float], units: int) -> Iterator[float]:
    """Yield samples of work that does many units at a time, divided by their number."""
    return (sample / units for sample in samples)


def _repeats(one_call: float, setting: Setting) -> int:
    """Return how many calls fill a sample's budget."""
    return max(1, round(setting.budget / one_call))


def _cpu_seconds(work: Callable[[], object], repeats: int) -> float:
    began = time.process_time()
    for _ in range(repeats):
        work()
    return (time.process_time() - began) / repeats


async def _async_cpu_seconds(work: Callable[[], Awaitable[Any]], repeats: int) -> float:
    began = time.process_time()
    for _ in range(repeats):
        await work()
    return (time.process_time() - began) / repeats
