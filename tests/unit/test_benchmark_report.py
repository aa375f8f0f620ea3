"""From samples of the benchmarks to figures and tables."""

from benchmarks.report import Figure, Results, markdown
from benchmarks.rows import BY_NAME
from benchmarks.runner import Sample

ENVIRONMENT = {
    "date": "2026-11-28",
    "python": "3.11",
    "system": "Linux, 2 cores",
    "load_before": 0.1,
    "plan": {"rounds": 1, "turns": 2},
    "versions": {"httpx": "0.28.1"},
}


def results(*samples: Sample) -> Results:
    return Results(ENVIRONMENT, [*samples])


def test_a_ratio_is_taken_to_the_baseline_of_the_same_turn() -> None:
    run = results(
        Sample("invoke", "baseline", 0, 1.0),
        Sample("invoke", "ChatScaleway", 0, 0.9),
        Sample("invoke", "baseline", 1, 2.0),  # the machine was busy
        Sample("invoke", "ChatScaleway", 1, 1.8),
        Sample("invoke", "ChatScaleway", 2, 9.0),  # no baseline
    )
    assert run.figure(BY_NAME["invoke"], "ChatScaleway") == Figure(0.9, 0.9, 0.9, 2)


def test_a_figure_is_the_median_and_the_quartiles() -> None:
    assert Figure.of([5, 1, 2, 4, 3]) == Figure(median=3, low=2, high=4, samples=5)


def test_the_report_says_what_is_within_reach_and_what_failed() -> None:
    report = markdown(
        results(
            Sample("invoke", "baseline", 0, 0.001),
            Sample("invoke", "ChatScaleway", 0, 0.0009),
            Sample("invoke", "ChatGroq", 0, None, "ValueError: no key"),
            Sample("stream-content", "baseline", 0, 1e-5),
            Sample("stream-content", "ChatScaleway", 0, 2e-5),
            Sample("sockets-left", "ChatScaleway", 0, 0),
        )
    )
    assert "| `invoke`, short reply | 1.00 ms | ≤ 1 | 0.90 ✓ | failed |" in report
    assert "| `stream`, content chunk | 10.0 µs | ≤ 1 | 2.00 ✗ |  |" in report
    assert "once and dropped (sockets) |  | ≤ 0 | 0.00 ✓ |  |" in report
    assert "ChatGroq, `invoke`, short reply: ValueError: no key" in report
