"""Streams and calls, a tenth of them hit by a fault. `make soak` runs thousands of them."""

import sys

import pytest

from tests.support.soak import Report, soak_calls, soak_streams

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="It counts what /proc shows.")


def check(report: Report) -> None:
    print(report)  # noqa: T201 -- `make soak` shows the figures
    assert report.wrong == []
    assert report.whole + report.errors.total() == report.calls
    assert report.errors.total() > report.calls / 50
    assert report.hit > 0
    assert report.left == (0, 0, 0)


def test_two_hundred_streams_at_once() -> None:
    check(soak_streams(200, patience=10))


def test_five_hundred_calls_in_a_row() -> None:
    check(soak_calls(500))


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_two_thousand_streams_at_once() -> None:
    import resource  # noqa: PLC0415 -- Windows has no such module

    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    check(soak_streams(2_000, patience=30))


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_twenty_thousand_calls_in_a_row() -> None:
    check(soak_calls(20_000))
