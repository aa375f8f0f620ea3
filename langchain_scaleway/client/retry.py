"""What is retried, and how long to wait first.

The policy is a pure function of (attempt, error); tenacity does the counting, the waiting
and the raising. Scaleway's 429 carries neither `Retry-After` nor rate-limit headers
(captures of July 2026), so waiting is exponential with full jitter; other gateways' headers
are honoured.
"""

import logging
import random
from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, NamedTuple

from langchain_scaleway.errors import (
    ScalewayAPIError,
    ScalewayConnectionError,
    ScalewayError,
    ScalewayRateLimitError,
    ScalewayStreamInterruptedError,
    ScalewayTimeoutError,
)

if TYPE_CHECKING:
    # Imported with the first request: it takes 10 ms, and many programs only import this package.
    from tenacity import AsyncRetrying, RetryCallState

logger = logging.getLogger("langchain_scaleway")

RetryListener = Callable[["RetryCallState"], Any]
"""Told of each retry before the wait; may be a coroutine function on the async side."""

RETRIED_STATUSES = frozenset({408, 409, 425, 429, 500, 502, 503, *range(520, 531)})
"""Statuses that the next try may not meet again; the last ones are Cloudflare's, and Anthropic's
529. Timeouts of a gateway are retried once, see `should_retry`."""

_GATEWAY_TIMEOUTS = (504, 524)

INCOMPLETE_ANSWER = "incomplete_answer"
"""The `type` of an error for a connection that broke after a success status."""

_BEFORE_SENDING = frozenset({"connect_timeout", "pool_timeout"})
_LONGEST_OBEYED_WAIT = 60.0
"""Seconds. If the server asks for a longer wait, nothing is retried: the error says how long, and
the caller decides."""

_MOST_DOUBLINGS = 30
"""Enough to reach any longest wait, and few enough for a float to hold the result."""


class RetryPolicy(NamedTuple):
    """When and how to try again.

    Attributes:
        max_retries: How many retries follow the first try; 0 is none.
        first_wait: The upper bound of the first wait, in seconds; it doubles each time.
        first_quota_wait: The same after a refusal for a quota per minute, which takes longer to
            pass than anything else.
        longest_wait: The upper bound of every wait, in seconds.
    """

    max_retries: int = 2
    first_wait: float = 0.5
    first_quota_wait: float = 2.0
    longest_wait: float = 30.0

    def should_retry(self, attempt: int, error: BaseException | None) -> bool:
        """Whether a failed attempt, counted from 1, is followed by another."""
        if attempt > self.max_retries or not isinstance(error, ScalewayError):
            return False
        if not error.is_retryable or (error.retry_after or 0) > _LONGEST_OBEYED_WAIT:
            return False
        if _may_fail_again(error):
            return attempt == 1
        if error.status_code is None:
            # An error event that names no status counts as the server's failure.
            return type(error) is ScalewayAPIError or isinstance(
                error, (ScalewayConnectionError, ScalewayTimeoutError)
            )
        return error.status_code in RETRIED_STATUSES

    def wait(self, attempt: int, error: BaseException | None) -> float:
        """How many seconds to wait after a failed attempt, counted from 1."""
        if isinstance(error, ScalewayError) and error.retry_after is not None:
            return error.retry_after
        first = self.first_quota_wait if _is_quota_per_minute(error) else self.first_wait
        bound = min(self.longest_wait, first * 2.0 ** min(attempt - 1, _MOST_DOUBLINGS))
        return random.uniform(0, bound)  # noqa: S311 -- jitter is no secret

    def attempts(
        self, sleep: Callable[[float], Awaitable[None]], on_retry: RetryListener | None = None
    ) -> "AsyncRetrying":
        """The attempts of one call, for an `async for` loop that notes failures alone."""
        from tenacity import AsyncRetrying  # noqa: PLC0415 -- see the imports above

        async def announce(state: "RetryCallState") -> None:
            logger.info(
                "Attempt %d failed, trying again in %.2f s: %s",
                state.attempt_number,
                state.upcoming_sleep,
                _error_of(state),
            )
            if on_retry is not None and isawaitable(heard := on_retry(state)):
                await heard

        return AsyncRetrying(sleep=sleep, wait=self._wait, before_sleep=announce)

    def _wait(self, state: "RetryCallState") -> float:
        return self.wait(state.attempt_number, _error_of(state))


def _may_fail_again(error: ScalewayError) -> bool:
    """Whether the request itself is the likely reason, so that one more try has to do.

    A generation that ran into a timeout has been paid for, and would run into it again. An answer
    that broke off after a success status is often a request that the server fails on.
    """
    if error.status_code is None:
        return (
            (isinstance(error, ScalewayTimeoutError) and error.type not in _BEFORE_SENDING)
            or isinstance(error, ScalewayStreamInterruptedError)
            or error.type == INCOMPLETE_ANSWER
        )
    return error.status_code in _GATEWAY_TIMEOUTS


def _is_quota_per_minute(error: BaseException | None) -> bool:
    """Whether a 429 is for a quota per minute; one for concurrency passes in milliseconds."""
    return isinstance(error, ScalewayRateLimitError) and "per minute" in str(error.body)


def _error_of(state: "RetryCallState") -> BaseException | None:
    return state.outcome.exception() if state.outcome is not None else None
