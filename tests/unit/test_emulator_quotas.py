"""How the emulator counts: token buckets, the clock that fills them, and tokens."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_scaleway.testing.generation import tokens_of
from langchain_scaleway.testing.quotas import (
    QuotaLedger,
    Quotas,
    TokenBucket,
    duration,
)


@given(
    st.integers(1, 10_000),
    st.lists(st.tuples(st.floats(0, 90), st.floats(0, 5_000)), max_size=20),
)
def test_bucket_refills_evenly_up_to_a_minutes_worth(
    per_minute: int, takings: list[tuple[float, float]]
) -> None:
    bucket, now = TokenBucket(per_minute), 0.0
    for elapsed, amount in takings:
        left, now = bucket.level(now), now + elapsed
        before = bucket.level(now)
        assert before == pytest.approx(min(per_minute, left + elapsed * per_minute / 60))
        bucket.take(amount, now)
        assert bucket.level(now) == pytest.approx(before - amount), "below zero if need be"
    assert bucket.level(now + bucket.seconds_to_full(now)) == pytest.approx(per_minute)


@given(st.integers(1, 50), st.lists(st.floats(0, 3), min_size=60, max_size=80))
def test_no_more_is_admitted_than_the_quota_allows(limit: int, gaps: list[float]) -> None:
    ledger = QuotaLedger(
        Quotas(requests_per_minute=limit, tokens_per_minute=None, concurrent_requests=None)
    )
    now, admitted = 0.0, 0
    for gap in gaps:
        now += gap
        admitted += ledger.admit("m", 1, now) is None
    assert admitted <= limit + now * limit / 60 + 1e-6
    assert admitted + ledger.refused["requests_per_minute"] == len(gaps)


def test_first_quota_that_refuses_gives_the_reason() -> None:
    ledger = QuotaLedger(Quotas(requests_per_minute=2, tokens_per_minute=10, concurrent_requests=1))
    assert ledger.admit("m", 11, 0.0) == "You exceeded your current quota of tokens per minute."
    assert ledger.admit("m", 5, 0.0) is None
    assert ledger.admit("m", 99, 0.0) == "You exceeded your current limit of concurrent requests."
    ledger.finish("m", 1, 0.0)
    assert ledger.admit("m", 4, 0.0) is None
    ledger.finish("m", 0, 0.0)
    assert ledger.admit("m", 0, 0.0) == "You exceeded your current quota of requests per minute."


def test_durations_are_written_as_go_writes_them() -> None:
    assert [*map(duration, (0, 0.25, 0.9999, 1.5, 60, 83.25))] == [
        *("0ms", "250ms", "1s", "1.5s", "1m0s", "1m23.25s")
    ]


@given(st.text(max_size=50))
def test_tokens_are_the_text(text: str) -> None:
    assert "".join(tokens_of(text)) == text
