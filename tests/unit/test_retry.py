"""The retry policy, a pure function of attempt and error: its properties, and its headers."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_scaleway import errors
from langchain_scaleway.client.retry import RETRIED_STATUSES, RetryPolicy

ATTEMPTS = st.integers(min_value=1, max_value=10_000)
POLICIES = st.builds(
    RetryPolicy,
    max_retries=st.integers(min_value=0, max_value=10_000),
    first_wait=st.floats(min_value=0, max_value=60),
    first_quota_wait=st.floats(min_value=0, max_value=60),
    longest_wait=st.floats(min_value=0, max_value=600),
)
HEADER_NAMES = st.sampled_from(["retry-after", "retry-after-ms", "x-other"])
HEADERS = st.dictionaries(
    HEADER_NAMES, st.text(max_size=40) | st.floats().map(str) | st.integers().map(str)
)
STATUSES = st.none() | st.integers(min_value=100, max_value=599)


@st.composite
def any_error(draw: st.DrawFn, headers: st.SearchStrategy[dict[str, str]] = HEADERS) -> Any:
    """Any exception of ours, with or without an answer behind it."""
    classes = [value for value in vars(errors).values() if isinstance(value, type)]
    kinds = [kind for kind in classes if issubclass(kind, errors.ScalewayError)]
    status = draw(STATUSES)
    response = errors.ErrorResponse(status or 0, draw(headers)) if status else None
    body = draw(st.none() | st.just("You exceeded your current quota of tokens per minute."))
    return draw(st.sampled_from(kinds))("x", status_code=status, response=response, body=body)


def refusal(status: int = 429, /, **headers: str) -> errors.ScalewayRateLimitError:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    response = errors.ErrorResponse(status, named)
    return errors.ScalewayRateLimitError("x", status_code=status, response=response)


def in_seconds(seconds: float) -> str:
    """The date of so many seconds from now, as headers write it."""
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


@given(POLICIES, ATTEMPTS, any_error())
def test_there_are_no_more_retries_than_allowed(
    policy: RetryPolicy, attempt: int, error: errors.ScalewayError
) -> None:
    if policy.should_retry(attempt, error):
        assert attempt <= policy.max_retries


@given(POLICIES, ATTEMPTS, any_error())
def test_what_is_retried_was_retried_before(
    policy: RetryPolicy, attempt: int, error: errors.ScalewayError
) -> None:
    if policy.should_retry(attempt + 1, error):
        assert policy.should_retry(attempt, error)


@given(POLICIES, ATTEMPTS, any_error())
def test_no_retry_waits_longer_than_a_minute_or_the_longest_wait(
    policy: RetryPolicy, attempt: int, error: errors.ScalewayError
) -> None:
    if policy.should_retry(attempt, error):
        assert 0 <= policy.wait(attempt, error) <= max(60, policy.longest_wait)


@given(POLICIES, ATTEMPTS, any_error())
def test_what_langchain_may_not_retry_is_not_retried_here(
    policy: RetryPolicy, attempt: int, error: errors.ScalewayError
) -> None:
    if policy.should_retry(attempt, error):
        assert error.is_retryable


@given(st.integers(min_value=400, max_value=599))
def test_statuses(status: int) -> None:
    error = errors.ScalewayAPIError("x", status_code=status)
    policy = RetryPolicy(max_retries=5)
    tries = [attempt for attempt in range(1, 10) if policy.should_retry(attempt, error)]
    if status in (504, 524):
        assert tries == [1]
    elif status in {*RETRIED_STATUSES, 520, 522, 529}:  # Cloudflare's, and Anthropic's
        assert tries == [1, 2, 3, 4, 5]
    else:
        assert tries == []


@pytest.mark.parametrize(
    ("error", "is_retried"),
    [
        (errors.ScalewayConnectionError("x"), True),
        (errors.ScalewayStreamInterruptedError("x"), True),
        (errors.ScalewayTimeoutError("x"), True),
        (errors.ScalewayAPIError("x"), True),  # An error event that names no status.
        (errors.ScalewayResponseError("x"), False),
        (errors.ScalewayResponseError("x", status_code=200), False),
        (errors.ScalewayContextOverflowError("x"), False),
        (errors.ScalewayTruncatedOutputError("x"), False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_errors_without_a_refusal(error: errors.ScalewayError, *, is_retried: bool) -> None:
    assert RetryPolicy().should_retry(1, error) is is_retried


@pytest.mark.parametrize(
    ("error", "retries"),
    [
        (errors.ScalewayTimeoutError("x", type="answer_timeout"), 1),
        (errors.ScalewayTimeoutError("x", type="first_event_timeout"), 1),
        (errors.ScalewayTimeoutError("x", type="connect_timeout"), 5),
        (errors.ScalewayTimeoutError("x", type="pool_timeout"), 5),
        (errors.ScalewayTimeoutError("x", status_code=408), 5),
        (errors.ScalewayStreamInterruptedError("x"), 1),
        (errors.ScalewayConnectionError("x", type="incomplete_answer"), 1),
        (errors.ScalewayConnectionError("x"), 5),
    ],
    ids=lambda value: f"{type(value).__name__} {value.type}" if hasattr(value, "type") else None,
)
def test_what_may_have_been_paid_for_is_retried_once(
    error: errors.ScalewayError, retries: int
) -> None:
    policy = RetryPolicy(max_retries=5)
    assert sum(policy.should_retry(attempt, error) for attempt in range(1, 10)) == retries


def test_bounds_double() -> None:
    policy = RetryPolicy(first_wait=0.5, longest_wait=5)
    error = errors.ScalewayConnectionError("x")
    for attempt, bound in enumerate([0.5, 1, 2, 4, 5, 5], start=1):
        waits = [policy.wait(attempt, error) for _ in range(400)]
        assert bound * 0.9 < max(waits) <= bound
        assert min(waits) < bound * 0.1


def test_a_quota_per_minute_takes_longer() -> None:
    policy = RetryPolicy(first_wait=0, first_quota_wait=2)
    at_once = errors.ScalewayRateLimitError(
        "x", status_code=429, body={"message": "You exceeded your current limit of concurrent…"}
    )
    per_minute = errors.ScalewayRateLimitError(
        "x", status_code=429, body={"message": "You exceeded your current quota of … per minute."}
    )
    assert policy.wait(1, at_once) == 0
    assert max(policy.wait(1, per_minute) for _ in range(400)) > 1


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry_after": "3"}, 3),
        ({"retry_after": "2.5"}, 2.5),
        ({"retry_after": "0"}, 0),
        ({"retry_after_ms": "250"}, 0.25),
        ({"retry_after_ms": "250", "retry_after": "3"}, 0.25),
        ({"retry_after_ms": "soon", "retry_after": "3"}, 3),
        ({"retry_after": "Sun, 06 Nov 1994 08:49:37 GMT"}, 0),
        ({}, None),
        ({"retry_after": ""}, None),
        ({"retry_after": "soon"}, None),
        ({"retry_after": "-1"}, None),
        ({"retry_after": "nan"}, None),
        ({"retry_after": "inf"}, None),
        ({"retry_after": "Sun, 06 Nov 99999 08:49:37 GMT"}, None),
        ({"retry_after": f"Sun, 06 Nov {'9' * 20} 08:49:37 GMT"}, None),
        ({"retry_after": f"Sun, 06 Nov 1994 {'9' * 20}:49:37 GMT"}, None),
        ({"retry_after": f"Sun, 06 Nov 1994 08:49:37 +{'9' * 20}"}, None),
        ({"retry_after": "Sun, 06 Nov 1994 08:49:37"}, None),  # Nobody's time zone.
    ],
)
def test_requested_waits(headers: dict[str, str], seconds: float | None) -> None:
    error = refusal(**headers)
    assert error.retry_after == seconds
    if seconds is not None:
        assert RetryPolicy().wait(1, error) == seconds


def test_a_requested_date() -> None:
    wait = refusal(retry_after=in_seconds(30)).retry_after
    assert wait is not None
    assert 20 < wait <= 30


@given(HEADERS)
def test_no_header_is_too_strange(headers: dict[str, str]) -> None:
    response = errors.ErrorResponse(429, headers)
    wait = errors.ScalewayRateLimitError("x", response=response).retry_after
    assert wait is None or wait >= 0


@pytest.mark.parametrize(
    ("headers", "is_obeyed"),
    [
        ({"retry_after": "60"}, True),
        ({"retry_after": "61"}, False),
        ({"retry_after_ms": "60000"}, True),
        ({"retry_after_ms": "60001"}, False),
        ({"retry_after": in_seconds(50)}, True),
        ({"retry_after": in_seconds(86_400)}, False),
    ],
)
def test_more_than_a_minute_is_not_waited(headers: dict[str, str], *, is_obeyed: bool) -> None:
    assert RetryPolicy().should_retry(1, refusal(**headers)) is is_obeyed
