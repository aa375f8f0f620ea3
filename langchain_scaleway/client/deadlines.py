"""Timeouts: what a user may give, when one has passed, and how that is said."""

import time
from typing import Any

import httpx

from langchain_scaleway.errors import ScalewayTimeoutError

Timeout = httpx.Timeout

DEFAULT_TIMEOUT = 330.0
"""Seconds. An answer may take about five minutes (Scaleway's FAQ), and a plain one is silent
until it is whole."""

_LONGEST_CONNECT = 5.0
"""Seconds. A host that is not there is noticed early, however long an answer may take."""

_LONGEST = 1e9
"""Seconds. Longer waits, such as an infinite one, are more than a system's timers take."""

_TIMEOUTS_OF_TRICKLE = 5
"""For how many timeouts a stream may send nothing but comments and pieces of an event."""


class Deadlines:
    """When to give up on the answers of an endpoint.

    Args:
        base_url: The endpoint's URL, for error messages.
        timeout: How long connecting, writing and reading may take, in seconds.
    """

    def __init__(self, base_url: str, timeout: Timeout) -> None:
        self.timeout = timeout
        self._base_url = base_url

    def check_whole_answer(self, started: float, model: str | None) -> None:
        """Raise when a whole answer that trickles in has taken longer than the timeout.

        Args:
            started: When the request was sent, on the monotonic clock.
            model: The model that was asked.

        Raises:
            ScalewayTimeoutError: The timeout has passed.
        """
        limit = self.timeout.read
        if limit is not None and time.monotonic() - started > limit:
            raise _error(f"The answer was not whole within {limit} s", model)

    def check_stream(self, waiting_since: float, model: str | None) -> None:
        """Raise when a stream has given too little for too long.

        Comments keep it alive, and an event may come in pieces, but not for ever.

        Args:
            waiting_since: From when on no whole event has come, on the monotonic clock.
            model: The model that was asked.

        Raises:
            ScalewayTimeoutError: No event has come for several times the timeout.
        """
        limit = self.timeout.read
        if limit is not None and time.monotonic() - waiting_since > limit * _TIMEOUTS_OF_TRICKLE:
            raise _error(f"No event came for {_TIMEOUTS_OF_TRICKLE} times {limit} s", model)

    def error_from(self, timed_out: BaseException, model: str | None) -> ScalewayTimeoutError:
        """Make our exception from a transport's: httpx's, httpcore's or one like them."""
        timeout = self.timeout
        what = {
            "ConnectTimeout": f"No connection to {self._base_url} within {timeout.connect} s",
            "PoolTimeout": f"No free connection within {timeout.pool} s",
            "WriteTimeout": f"The request could not be sent within {timeout.write} s",
        }.get(type(timed_out).__name__, f"Nothing came for {timeout.read} s")
        return _error(what, model)


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
    """A limit as the system takes it: one that is too long for it is none."""
    if seconds is not None and not seconds > 0:  # NaN is not, either.
        raise ValueError(f"`timeout` must be a positive number of seconds, not {seconds}.")
    return None if seconds is None or seconds > _LONGEST else float(seconds)


def _error(what: str, model: str | None) -> ScalewayTimeoutError:
    message = (
        f"{what} (model {model!r}). Raise `timeout`, or stream the answer: then it is the time "
        "between two pieces that counts."
    )
    return ScalewayTimeoutError(message, model=model)
