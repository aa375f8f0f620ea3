"""How the emulator counts: token buckets, the clock that fills them, and tokens."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_scaleway.testing.__main__ import _settings, command_line_parser
from langchain_scaleway.testing.generation import tokens_of
from langchain_scaleway.testing.quotas import (
    QuotaLedger,
    Quotas,
    ScaledClock,
    TokenBucket,
    duration,
)


def test_bucket_is_full_at_first_and_refills_evenly() -> None:
    bucket = TokenBucket(600, now=10.0)
    assert bucket.level(10.0) == 600
    bucket.take(60, 10.0)
    assert bucket.level(10.0) == 540
    assert bucket.seconds_to_full(10.0) == pytest.approx(6.0)
    assert bucket.level(13.0) == pytest.approx(570)
    assert bucket.level(99.0) == 600


def test_bucket_may_be_in_debt() -> None:
    bucket = TokenBucket(60)
    bucket.take(90, 0.0)
    assert bucket.level(0.0) == -30
    assert bucket.level(30.0) == pytest.approx(0)
    assert bucket.seconds_to_full(0.0) == pytest.approx(60)


@given(
    st.integers(1, 10_000),
    st.lists(st.tuples(st.floats(0, 90), st.floats(0, 5_000)), max_size=20),
)
def test_bucket_never_holds_more_than_a_minutes_worth(
    per_minute: int, takings: list[tuple[float, float]]
) -> None:
    bucket, now = TokenBucket(per_minute), 0.0
    for elapsed, amount in takings:
        now += elapsed
        before = bucket.level(now)
        bucket.take(amount, now)
        assert before <= per_minute
        assert bucket.level(now) == pytest.approx(before - amount)


@given(st.integers(1, 50), st.lists(st.floats(0, 3), min_size=60, max_size=200))
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


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0ms"), (0.25, "250ms"), (0.9999, "1s"), (1.5, "1.5s"), (60, "1m0s"), (83.25, "1m23.25s")],
)
def test_durations_are_written_as_go_writes_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_clock_runs_faster() -> None:
    # Made first and read last, so that it shows the longer time whatever comes between.
    fast, slow = ScaledClock(3600), ScaledClock(1)
    assert fast.real_seconds(60) == pytest.approx(60 / 3600)
    assert 0 <= slow.now() * 3600 <= fast.now()


@pytest.mark.parametrize("scale", [0, -1])
def test_clock_does_not_stand_still(scale: float) -> None:
    with pytest.raises(ValueError, match="positive"):
        ScaledClock(scale)


@pytest.mark.parametrize("limit", [0, 5])
def test_command_line_sets_any_quota(limit: int) -> None:
    options = command_line_parser().parse_args(["--requests-per-minute", str(limit)])
    quotas = _settings(options).quotas
    assert quotas is not None
    assert (quotas.requests_per_minute, quotas.tokens_per_minute) == (limit, None)


@given(st.text())
def test_tokens_are_the_text(text: str) -> None:
    assert "".join(tokens_of(text)) == text
