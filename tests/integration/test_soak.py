"""A short soak; `python -m benchmarks.soak` is the long one."""

import sys

import pytest

from benchmarks.soak import soak_calls, soak_streams

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="It counts what /proc shows.")


def test_two_hundred_streams_at_once() -> None:
    report = soak_streams(200, patience=10.0)
    assert report.wrong == []
    assert report.whole + report.errors.total() == 200
    assert report.whole > 150
    assert report.errors.total() > 0
    assert report.hit > 0
    assert (report.sockets_left, report.tasks_left, report.threads_left) == (0, 0, 0)


def test_five_hundred_calls_in_a_row() -> None:
    report = soak_calls(500)
    assert report.wrong == []
    assert report.whole + report.errors.total() == report.requests == 500
    assert report.errors.total() > 20
    assert (report.sockets_left, report.threads_left) == (0, 0)
