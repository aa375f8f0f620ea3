"""Limits of time that httpx does not give: for a task, and for one read of a thread."""

import asyncio
import socket
import threading
from collections.abc import Awaitable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import Context
from typing import Any, TypeVar

T = TypeVar("T")


async def within(seconds: float | None, awaited: Awaitable[T]) -> T:
    """Await something for so many seconds.

    Args:
        seconds: `None` for no limit.
        awaited: What is awaited.

    Raises:
        TimeoutError: It took longer.
    """
    async with asyncio.timeout(None) as timeout:
        start_timer(timeout, seconds)
        return await awaited


def start_timer(timeout: asyncio.Timeout, seconds: float | None) -> None:
    """Let a timeout pass in so many seconds from now, with a timer that keeps no context.

    A timer that was cancelled stays with its event loop for a while, and its context with it:
    there LangGraph keeps the whole run.
    """
    if seconds is not None:
        when = asyncio.get_running_loop().time() + seconds
        Context().run(timeout.reschedule, when)


@contextmanager
def broken_off_after(seconds: float, extensions: Mapping[str, Any]) -> Iterator[None]:
    """Shut an answer's connection down if the block takes longer than this.

    httpx takes the timeout of synchronous reads when an answer's body begins, and none later.

    Args:
        seconds: How long the block may take.
        extensions: What httpx gives beside the answer to a synchronous request.

    Raises:
        TimeoutError: It took longer.
    """
    stream = extensions.get("network_stream")
    if stream is None:  # Mocks have none.
        yield
        return
    lock, is_over = threading.Lock(), False

    def break_off() -> None:
        nonlocal is_over
        with lock:  # When the block has ended, the connection may belong to another request.
            if not is_over:
                is_over = True
                with suppress(OSError):
                    stream.get_extra_info("socket").shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, break_off)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        with lock:
            has_run_out, is_over = is_over, True
        if has_run_out:
            raise TimeoutError
