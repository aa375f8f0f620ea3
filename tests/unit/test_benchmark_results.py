"""From samples to figures, reports and alarms."""

from pathlib import Path

import pytest

from benchmarks.cases import named
from benchmarks.guard import alarms
from benchmarks.probe import Probe
from benchmarks.publish import between_marks
from benchmarks.report import duration, markdown, number
from benchmarks.results import Figure, Results, environment
from benchmarks.runner import Plan, Sample

INVOKE = named("invoke")
SOCKETS = named("sockets-left")


def results(*samples: Sample) -> Results:
    plan = Plan(rounds=2, turns=1, fresh_turns=1, budget=0.1, full=False)
    return Results(environment((), plan), [Probe("replies", 10_000, "replies", 2e-5)], [*samples])


def sample(row: str, contestant: str, round_: int, value: float | None, error: str = "") -> Sample:
    return Sample(row, contestant, round_, 0, value, error, server_share=0.1)


def test_a_ratio_is_taken_to_the_floor_of_the_same_round() -> None:
    run = results(
        sample("invoke", "floor", 0, 1.0),
        sample("invoke", "ChatScaleway", 0, 0.9),
        sample("invoke", "floor", 1, 2.0),  # the machine was busy
        sample("invoke", "ChatScaleway", 1, 1.8),
    )
    assert run.ratio(INVOKE, "ChatScaleway") == Figure(0.9, 0.9, 0.9, 2)


def test_a_sample_without_its_floor_counts_for_nothing() -> None:
    run = results(sample("invoke", "floor", 0, 1.0), sample("invoke", "ChatScaleway", 1, 9.0))
    assert run.ratio(INVOKE, "ChatScaleway") is None


def test_a_figure_is_the_median_and_the_quartiles() -> None:
    assert Figure.of([5, 1, 2, 4, 3]) == Figure(median=3, low=2, high=4, samples=5)
    assert Figure.of([7]) == Figure(7, 7, 7, 1)


def test_a_row_without_a_floor_shows_amounts() -> None:
    run = results(sample("sockets-left", "floor", 0, 3), sample("sockets-left", "ChatGroq", 0, 6))
    assert run.figure(SOCKETS, "ChatGroq") == Figure(6, 6, 6, 1)


def test_results_survive_their_file(tmp_path: Path) -> None:
    run = results(sample("invoke", "floor", 0, 1.0), sample("invoke", "ChatGroq", 0, None, "no"))
    run.write(tmp_path / "results.json")
    assert Results.read(tmp_path / "results.json") == run


def test_the_report_says_what_is_within_reach_and_what_failed() -> None:
    report = markdown(
        results(
            sample("invoke", "floor", 0, 0.001),
            sample("invoke", "ChatScaleway", 0, 0.0009),
            sample("invoke", "ChatGroq", 0, None, "ValueError: no key"),
            sample("stream-content", "floor", 0, 1e-5),
            sample("stream-content", "ChatScaleway", 0, 2e-5),
        )
    )
    assert "| `invoke`, short reply | 1.00 ms | ≤ 1 | 0.90 ✓ | failed |" in report
    assert "| `stream`, content chunk | 10.0 µs | ≤ 0.9 | 2.00 ✗ |  |" in report
    assert "ChatGroq, `invoke`, short reply: ValueError: no key" in report
    assert "10,000 replies/s" in report


@pytest.mark.parametrize(
    ("value", "text"), [(0.123, "0.12"), (9.99, "9.99"), (12.34, "12.3"), (4294.4, "4,294")]
)
def test_numbers_have_about_three_digits(value: float, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(("seconds", "text"), [(2, "2.00 s"), (2e-3, "2.00 ms"), (2e-7, "0.20 µs")])
def test_durations_have_a_unit_of_their_size(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_the_guard_is_silent_within_its_limit() -> None:
    run = results(sample("invoke", "floor", 0, 1.0), sample("invoke", "ChatScaleway", 0, 1.1))
    assert alarms(run, [INVOKE]) == {}


def test_the_guard_gives_alarm_beyond_its_limit() -> None:
    run = results(sample("invoke", "floor", 0, 1.0), sample("invoke", "ChatScaleway", 0, 3.0))
    assert "3.00 times the floor" in alarms(run, [INVOKE])[INVOKE]


def test_the_guard_forgives_a_busy_moment() -> None:
    busy = [1.0, 1.0, 5.0, 5.0]
    run = results(
        *(sample("invoke", "floor", at, 1.0) for at in range(4)),
        *(sample("invoke", "ChatScaleway", at, value) for at, value in enumerate(busy)),
    )
    assert alarms(run, [INVOKE]) == {}


def test_the_guard_gives_alarm_when_there_is_no_figure() -> None:
    run = results(
        sample("invoke", "floor", 0, 1.0), sample("invoke", "ChatScaleway", 0, None, "it broke")
    )
    assert "it broke" in alarms(run, [INVOKE])[INVOKE]


def test_figures_go_between_their_marks() -> None:
    page = "a\n<!-- figures: begin -->\nold\n<!-- figures: end -->\nb\n"
    new = "a\n<!-- figures: begin -->\nnew\n<!-- figures: end -->\nb\n"
    assert between_marks(page, "figures", "new\n") == new


def test_a_page_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="0 places for 'figures'"):
        between_marks("a page", "figures", "new\n")
