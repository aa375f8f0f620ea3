"""Timeouts: what a user may give."""

from typing import Any

from langchain_scaleway.client.transport import Timeout

DEFAULT_TIMEOUT = 330.0
"""Seconds. An answer may take about five minutes (Scaleway's FAQ). A plain one is silent until it
is whole, and a streamed one until the prompt has been read."""

_LONGEST_CONNECT = 5.0
"""Seconds. A host that is not there is noticed early, however long an answer may take."""

_LONGEST = 1e9
"""Seconds. Longer waits, such as an infinite one, are more than a system's timers take."""


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
