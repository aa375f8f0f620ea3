"""What is retried, and how long to wait first.

The policy is a pure function of (attempt, error); tenacity does the counting, the waiting
and the raising. Scaleway's 429 carries neither `Retry-After` nor rate-limit headers
(captures of July 2026), so waiting is exponential with full jitter; other gateways' headers
are honoured.
"""

import logging
import math
import random
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from langchain_scaleway.errors import (
    ScalewayAPIError,
    ScalewayConnectionError,
    ScalewayError,
    ScalewayRateLimitError,
    ScalewayTimeoutError,
)

if TYPE_CHECKING:
    # Imported when the first retry is due: most programs never see one, and it takes 10 ms.
    from tenacity import RetryCallState

logger = logging.getLogger("langchain_scaleway")

Result = TypeVar("Result")
RetryListener = Callable[["RetryCallState"], Any]
"""Told of each retry before the wait; may be a coroutine function on the async side."""

RETRIED_STATUSES = frozenset({408, 409, 425, 429, 500, 502, 503})
"""Statuses that the next try may not meet again. 504 is retried once, see `should_retry`."""

_GATEWAY_TIMEOUT = 504

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
        """Whether a failed attempt is followed by another.

        Args:
            attempt: The number of the attempt that failed, from 1.
            error: Why it failed.
        """
        if attempt > self.max_retries or not isinstance(error, ScalewayError):
            return False
        if not error.is_retryable:
            return False
        wait = requested_wait(error)
        if wait is not None and wait > _LONGEST_OBEYED_WAIT:
            return False
        if error.status_code is None:
            # An error event that names no status counts as the server's failure.
            return type(error) is ScalewayAPIError or isinstance(
                error, (ScalewayConnectionError, ScalewayTimeoutError)
            )
        if error.status_code == _GATEWAY_TIMEOUT:
            # Usually a generation that runs for too long, and would do so again.
            return attempt == 1
        return error.status_code in RETRIED_STATUSES

    def wait(self, attempt: int, error: BaseException | None) -> float:
        """How many seconds to wait after a failed attempt.

        Args:
            attempt: The number of the attempt that failed, from 1.
            error: Why it failed.
        """
        wait = requested_wait(error) if isinstance(error, ScalewayError) else None
        if wait is not None:
            return wait
        first = self.first_quota_wait if _is_quota_per_minute(error) else self.first_wait
        bound = min(self.longest_wait, first * 2.0 ** min(attempt - 1, _MOST_DOUBLINGS))
        return random.uniform(0, bound)  # noqa: S311 -- jitter is no secret

    def call(self, send: Callable[[], Result], on_retry: RetryListener | None = None) -> Result:
        """Call `send` until it succeeds or its error is not to be retried.

        Args:
            send: Makes one attempt.
            on_retry: Told of each retry.

        Raises:
            ScalewayError: The last attempt's error.
        """
        try:
            return send()
        except ScalewayError as error:
            if not self.should_retry(1, error):
                raise
            failures = [error]
        return self.call_again(send, failures, on_retry)

    def call_again(
        self,
        send: Callable[[], Result],
        failures: list[ScalewayError],
        on_retry: RetryListener | None = None,
    ) -> Result:
        """Go on after a first call that failed and is to be retried.

        Most calls succeed at once, so tenacity is set up only here.

        Args:
            send: Called until it succeeds or its error is not to be retried.
            failures: The first call's error alone. It is taken out of the list, because a frame
                that refers to the error it raises would never be freed by reference counting.
            on_retry: Told of each retry.

        Raises:
            ScalewayError: The last attempt's error.
        """

        def resend() -> Result:
            if failures:
                raise failures.pop()  # For tenacity to count and judge as the first attempt.
            return send()

        def announce(state: "RetryCallState") -> None:
            _log(state)
            if on_retry is not None:
                on_retry(state)

        from tenacity import Retrying  # noqa: PLC0415 -- see the imports above

        return Retrying(**self._rules(), before_sleep=announce)(resend)

    async def acall(
        self, send: Callable[[], Awaitable[Result]], on_retry: RetryListener | None = None
    ) -> Result:
        """Call `send` as `call` does, without blocking the event loop in between.

        Raises:
            ScalewayError: The last attempt's error.
        """
        try:
            return await send()
        except ScalewayError as error:
            if not self.should_retry(1, error):
                raise
            failures = [error]
        return await self.acall_again(send, failures, on_retry)

    async def acall_again(
        self,
        send: Callable[[], Awaitable[Result]],
        failures: list[ScalewayError],
        on_retry: RetryListener | None = None,
    ) -> Result:
        """Do what `call_again` does, asynchronously."""

        async def resend() -> Result:
            if failures:
                raise failures.pop()
            return await send()

        async def announce(state: "RetryCallState") -> None:
            _log(state)
            if on_retry is not None:
                await on_retry(state)

        from tenacity import AsyncRetrying  # noqa: PLC0415 -- see the imports above

        return await AsyncRetrying(**self._rules(), before_sleep=announce)(resend)

    def _rules(self) -> dict[str, Any]:
        return {
            "retry": lambda state: self.should_retry(state.attempt_number, _error_of(state)),
            "wait": lambda state: self.wait(state.attempt_number, _error_of(state)),
            "stop": lambda state: state.attempt_number > self.max_retries,
            "reraise": True,
        }


def requested_wait(error: ScalewayError) -> float | None:
    """How many seconds the answer asks to wait, `None` where it does not say.

    Reads `retry-after-ms` and `retry-after`, the latter as seconds or as a date.
    """
    headers = error.response.headers if error.response else {}
    if (milliseconds := _number(headers, "retry-after-ms")) is not None:
        return milliseconds / 1000
    if (seconds := _number(headers, "retry-after")) is not None:
        return seconds
    try:
        date = parsedate_to_datetime(headers.get("retry-after", ""))
        return max(0.0, (date - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError, OverflowError):  # No date either, or one without a time zone.
        return None


def _number(headers: Mapping[str, str], name: str) -> float | None:
    try:
        number = float(headers[name])
    except (KeyError, ValueError):
        return None
    return number if 0 <= number < math.inf else None


def _is_quota_per_minute(error: BaseException | None) -> bool:
    """Whether a 429 is for a quota per minute; one for concurrency passes in milliseconds."""
    return isinstance(error, ScalewayRateLimitError) and "per minute" in str(error.body)


def _error_of(state: "RetryCallState") -> BaseException | None:
    return state.outcome.exception() if state.outcome is not None else None


def _log(state: "RetryCallState") -> None:
    logger.info(
        "Attempt %d failed, trying again in %.2f s: %s",
        state.attempt_number,
        state.upcoming_sleep,
        _error_of(state),
    )
