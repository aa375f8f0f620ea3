"""The report that a person reads: Markdown tables."""

from collections.abc import Iterable, Sequence

from benchmarks import cases
from benchmarks.cases import ROWS, Row
from benchmarks.contestants import FLOOR, OPENAI, SCALEWAY
from benchmarks.results import Figure, Results
from benchmarks.runner import Sample


def markdown(results: Results) -> str:
    """Return the report of a run."""
    measured = [row for row in ROWS if any(one.row == row.name for one in results.samples)]
    ratios = [row for row in measured if row.has_floor]
    amounts = [row for row in measured if not row.has_floor]
    parts = [_environment(results), _ratios(results, ratios)]
    if throughput := _throughput(results):
        parts.append(throughput)
    if amounts:
        parts.append(_amounts(results, amounts))
    parts += [_failures(results, measured), _server(results, measured)]
    return "\n\n".join(part for part in parts if part) + "\n"


def sample_line(sample: Sample) -> str:
    """Return a sample as a line that shows how far a run is."""
    if sample.value is None:
        figure = f"failed: {sample.error}"
    elif cases.named(sample.row).has_floor:
        figure = duration(sample.value)
    else:
        figure = f"{number(sample.value)} {cases.named(sample.row).unit}"
    return f"{sample.round + 1}.{sample.turn + 1} {sample.row:22} {sample.contestant:22} {figure}"


def _environment(results: Results) -> str:
    found = results.environment
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    rounds = 1 + max(sample.round for sample in results.samples)
    return (
        f"Measured {found['date']}: {found['system']}, {found['cores']} cores, "
        f"Python {found['python']}, load {found['load_before']} before it began; "
        f"rounds: {rounds}, turns in each: {found['plan']['turns']}; {versions}."
    )


def _ratios(results: Results, rows: Sequence[Row]) -> str:
    others = [name for name in results.contestants() if name != FLOOR.name]
    lines = [
        [row.title, _floor(results, row), _reach(row)]
        + [_cell(results, row, name) for name in others]
        for row in rows
    ]
    return (
        "Cost divided by the floor's in the same round and turn: the median and, in brackets, "
        "the quartiles. ✓ and ✗ say whether it is within reach.\n\n"
        + table(["", "floor", "reach", *others], lines)
    )


def _throughput(results: Results) -> str:
    """Say how the throughputs with many calls at once compare; theirs is one over a call's time."""
    row = cases.named("ainvoke-2000")
    ours, theirs = (results.amount(row, one.name) for one in (SCALEWAY, OPENAI))
    if ours is None or theirs is None:
        return ""
    return (
        f"With 2,000 calls at once {SCALEWAY.name} makes {1 / ours.median:,.0f} calls/s, "
        f"{number(theirs.median / ours.median)} times as many as {OPENAI.name}."
    )


def _amounts(results: Results, rows: Sequence[Row]) -> str:
    names = results.contestants()
    lines = [
        [f"{row.title} ({row.unit})", _reach(row)] + [_cell(results, row, name) for name in names]
        for row in rows
    ]
    return "What is left behind.\n\n" + table(["", "reach", *names], lines)


def _failures(results: Results, rows: Sequence[Row]) -> str:
    lines = [
        f"* {name}, {row.title}: {error}"
        for row in rows
        for name in results.contestants()
        if (error := results.error(row, name))
    ]
    return "Failures:\n\n" + "\n".join(lines) if lines else ""


def _server(results: Results, rows: Sequence[Row]) -> str:
    probes = [
        [probe.title, f"{probe.rate:,.0f} {probe.unit}/s", duration(probe.server_cpu)]
        for probe in results.probes
    ]
    busiest = max(rows, key=results.server_share)
    return (
        "The server is not the bottleneck. On bare sockets it managed:\n\n"
        + table(["", "rate", "its CPU time for one"], probes)
        + f"\n\nIn the rows above its process was busy at most "
        f"{results.server_share(busiest):.0%} of the time ({busiest.title})."
    )


def _floor(results: Results, row: Row) -> str:
    figure = results.amount(row, FLOOR.name)
    return duration(figure.median) if figure else ""


def _reach(row: Row) -> str:
    return "" if row.reach is None else f"≤ {row.reach:,g}"


def _cell(results: Results, row: Row, contestant: str) -> str:
    figure = results.figure(row, contestant)
    if figure is None:
        return "failed" if results.error(row, contestant) else ""
    reach = row.reach_of(contestant)
    mark = "" if reach is None else (" ✓" if figure.median <= reach else " ✗")
    return _spread(figure) + mark


def _spread(figure: Figure) -> str:
    if figure.samples == 1:
        return number(figure.median)
    return f"{number(figure.median)} ({number(figure.low)} to {number(figure.high)})"


def number(value: float) -> str:
    """Return a number with as many digits as say something."""
    if abs(value) >= 100:  # noqa: PLR2004 -- three digits
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"  # noqa: PLR2004 -- the same


def duration(seconds: float) -> str:
    """Return seconds in the unit that suits their size."""
    for factor, unit in ((1, "s"), (1e3, "ms")):
        if seconds * factor >= 1:
            return f"{number(seconds * factor)} {unit}"
    return f"{number(seconds * 1e6)} µs"


def table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)
