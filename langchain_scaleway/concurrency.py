"""Calls that run at the same time in an event loop, and end together."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

_A = TypeVar("_A")
_B = TypeVar("_B")


async def map_concurrently(
    function: Callable[[_A], Awaitable[_B]], items: Iterable[_A], at_once: int
) -> list[_B]:
    """Call an asynchronous function for each item, a few at a time.

    When a call fails, or the caller is cancelled, all other calls are cancelled and waited for.

    Args:
        function: What is called.
        items: Its arguments.
        at_once: How many calls may run at the same time.

    Returns:
        The results, in the order of the items.

    Raises:
        BaseException: What the first call that failed has raised.
    """
    permits = asyncio.Semaphore(at_once)

    async def call(item: _A) -> _B:
        async with permits:
            return await function(item)

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(call(item)) for item in items]
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return [task.result() for task in tasks]
