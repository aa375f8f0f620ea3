"""Timeouts: what a user may give, and what is said when one has passed."""

from typing import TYPE_CHECKING, Any

from langchain_scaleway.client.transport import Timeout
from langchain_scaleway.errors import ScalewayTimeoutError

if TYPE_CHECKING:
    from langchain_scaleway.client.endpoint import Endpoint

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


def timed_out(kind: str, endpoint: "Endpoint", model: str | None) -> ScalewayTimeoutError:
    """Make the exception for a timeout that has passed.

    Args:
        kind: Which one, a key of `_SAID`; the error's `type`.
        endpoint: Who was asked, with the timeout's length.
        model: The model that was asked.
    """
    timeout = endpoint.timeout
    own = {
        "connect_timeout": timeout.connect,
        "pool_timeout": timeout.pool,
        "write_timeout": timeout.write,
        "stream_chunk_timeout": endpoint.stream_chunk_timeout,
    }
    seconds = own.get(kind, timeout.read)
    said = _SAID[kind].format(seconds=seconds, url=endpoint.base_url, trickle=TRICKLE)
    field = kind if kind == "stream_chunk_timeout" else "timeout"
    advice = f"Raise `{field}`."
    if kind == "answer_timeout":
        advice = (
            "Raise `timeout`, or stream the answer: then it is the time between two pieces that "
            "counts."
        )
    return ScalewayTimeoutError(f"{said} (model {model!r}). {advice}", model=model, type=kind)
