"""Timeouts: what a user may give, and what is said when one has passed."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import Context
from typing import Any

from langchain_scaleway.client.transport import Response, Timeout
from langchain_scaleway.errors import ScalewayTimeoutError

DEFAULT_TIMEOUT = 330.0
"""Seconds. An answer may take about five minutes (Scaleway's FAQ). A plain one is silent until it
is whole, and a streamed one until the prompt has been read."""

TRICKLE = 5
"""For how many timeouts a stream may send nothing but comments and pieces of an event."""

_LONGEST_CONNECT = 5.0
"""Seconds. A host that is not there is noticed early, however long an answer may take."""

_LONGEST = 1e9
"""Seconds. Longer waits, such as an infinite one, are more than a system's timers take."""

_SAID = {
    "connect_timeout": "No connection to {url} within {seconds} s",
    "pool_timeout": "No free connection within {seconds} s",
    "write_timeout": "The request could not be sent within {seconds} s",
    "answer_timeout": "The answer did not come within {seconds} s",
    "first_event_timeout": "The stream's first event did not come within {seconds} s",
    "read_timeout": "The stream was silent for {seconds} s",
    "event_timeout": "No event of the stream came for {trickle} times {seconds} s",
    "stream_chunk_timeout": "The stream's next chunk did not come within {seconds} s",
}
"""What is said of each timeout. The names are the `type` of the error."""


def as_timeout(timeout: Any) -> Timeout:
    """Read a user's timeout.

    Args:
        timeout: Seconds for a whole plain answer, or between two pieces of a stream; an
            `httpx.Timeout` or one like it; or `None` for no limit at all.

    Returns:
        The same as `Timeout`. A host that is not there is noticed within five seconds, unless
        an `httpx.Timeout` says otherwise.

    Raises:
        ValueError: The timeout is none of these, or it or a part of it is not positive.
    """
    if timeout is None:
        return Timeout(None)
    if isinstance(timeout, (int, float)) and not isinstance(timeout, bool):
        limit = _limit(timeout)
        return Timeout(connect=min(timeout, _LONGEST_CONNECT), read=limit, write=limit, pool=None)
    try:
        return Timeout(
            connect=_limit(timeout.connect),
            read=_limit(timeout.read),
            write=_limit(timeout.write),
            pool=_limit(timeout.pool),
        )
    except AttributeError:
        raise ValueError(
            f"`timeout` must be seconds, an `httpx.Timeout` or None, not {type(timeout).__name__}."
        ) from None


def _limit(seconds: float | None) -> float | None:
    """A limit that the system's timers can take: one that is too long for them is none."""
    if seconds is not None and not seconds > 0:  # NaN is not, either.
        raise ValueError(f"`timeout` must be a positive number of seconds, not {seconds}.")
    return None if seconds is None or seconds > _LONGEST else float(seconds)


def timed_out(
    kind: str, seconds: float | None, *, model: str | None, url: str
) -> ScalewayTimeoutError:
    """Make the exception for a timeout that has passed.

    Args:
        kind: Which one, a key of `_SAID`; the error's `type`.
        seconds: Its length.
        model: The model that was asked.
        url: The base URL.
    """
    said = _SAID[kind].format(seconds=seconds, url=url, trickle=TRICKLE)
    if kind == "stream_chunk_timeout":
        advice = "Raise `stream_chunk_timeout`."
    else:
        advice = (
            "Raise `timeout`, or stream the answer: then it is the time between two pieces that "
            "counts."
        )
    message = f"{said} (model {model!r}). {advice}"
    return ScalewayTimeoutError(message, model=model, type=kind)


def restart(timeout: asyncio.Timeout, seconds: float | None) -> None:
    """Let an `asyncio.timeout` pass so many seconds from now, with a timer that keeps no context.

    A timer that was cancelled stays with its event loop for a while, and its context with it:
    there LangGraph keeps the whole run.
    """
    when = None if seconds is None else asyncio.get_running_loop().time() + seconds
    Context().run(timeout.reschedule, when)


@contextmanager
def broken_off_after(response: Response, seconds: float) -> Iterator[None]:
    """Shut an answer's connection down if the block takes longer than this.

    httpx takes the timeout of synchronous reads when an answer's body begins, and none later.

    Args:
        response: The answer to a synchronous request.
        seconds: How long the block may take.

    Raises:
        TimeoutError: It took longer.
    """
    stream: Any = response.extensions.get("network_stream")
    if stream is None:  # Mocks have none.
        yield
        return
    has_run_out = threading.Event()

    def break_off() -> None:
        has_run_out.set()
        with suppress(OSError):
            stream.get_extra_info("socket").shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, break_off)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        if has_run_out.is_set():
            raise TimeoutError
