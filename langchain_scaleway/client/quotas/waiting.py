"""Waiting for a turn, in a thread or in a task of any event loop."""

import asyncio
import threading
from contextlib import suppress

from langchain_scaleway.client.quotas.estimates import Demand
from langchain_scaleway.client.quotas.lane import Lane, Waiter
from langchain_scaleway.client.quotas.quota import Turn


def wait(lane: Lane, demand: Demand, time_scale: float) -> Turn:
    """Wait in this thread.

    Args:
        lane: The lane to wait in.
        demand: What the request is made of.
        time_scale: How many of the server's seconds pass in a second.

    Raises:
        ScalewayRateLimitError: Scaleway has refused every request for minutes.
    """
    waiter = _Thread(demand)
    lane.join(waiter)
    try:
        while not isinstance(outcome := lane.try_start(waiter), Turn):
            waiter.wait(outcome / time_scale)
    except BaseException:
        lane.leave(waiter)
        raise
    return outcome


async def await_turn(lane: Lane, demand: Demand, time_scale: float) -> Turn:
    """Wait in this task, without blocking its event loop; otherwise as `wait`."""
    waiter = _Task(demand)
    lane.join(waiter)
    try:
        while not isinstance(outcome := lane.try_start(waiter), Turn):
            await waiter.wait(outcome / time_scale)
    except BaseException:
        lane.leave(waiter)
        raise
    return outcome


class _Thread(Waiter):
    """A thread that waits."""

    def __init__(self, demand: Demand) -> None:
        super().__init__(demand)
        self._woken = threading.Event()

    def wake(self) -> None:
        self._woken.set()

    def wait(self, seconds: float) -> None:
        self._woken.wait(seconds)
        self._woken.clear()


class _Task(Waiter):
    """A task that waits."""

    def __init__(self, demand: Demand) -> None:
        super().__init__(demand)
        self._loop = asyncio.get_running_loop()
        self._woken = asyncio.Event()

    def wake(self) -> None:
        with suppress(RuntimeError):  # The loop was closed with the task still in it.
            self._loop.call_soon_threadsafe(self._woken.set)

    async def wait(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        self._woken.clear()
