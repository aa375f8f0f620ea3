"""What a run found, as JSON, as tables, and as a picture."""

import os
import platform
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.models import BASELINE, MODELS, OPENAI, SCALEWAY
from benchmarks.rows import BY_NAME, ROWS, Row
from benchmarks.runner import Plan, Sample


class Figure(NamedTuple):
    """A median, its quartiles, and how many samples it comes from."""

    median: float
    low: float
    high: float
    samples: int

    @classmethod
    def of(cls, values: Sequence[float]) -> "Figure | None":
        """The figure of some values; none without any."""
        if len(values) < 2:  # noqa: PLR2004 -- quartiles need two
            return cls(values[0], values[0], values[0], 1) if values else None
        low, median, high = statistics.quantiles(values, n=4, method="inclusive")
        return cls(median, low, high, len(values))

    def __str__(self) -> str:
        """The median, with the quartiles in brackets."""
        if self.samples == 1:
            return number(self.median)
        return f"{number(self.median)} ({number(self.low)} to {number(self.high)})"


@dataclass(frozen=True)
class Results:
    """All that a run found: what it was taken on, and every sample."""

    environment: dict[str, Any]
    samples: list[Sample]

    @property
    def models(self) -> list[str]:
        """The names of all models that were measured, in the order they came first."""
        return list(dict.fromkeys(sample.model for sample in self.samples))

    def amount(self, row: Row, model: str) -> Figure | None:
        """What a model took: seconds, or the amount of a row without a baseline."""
        return Figure.of([*self._values(row, model).values()])

    def figure(self, row: Row, model: str) -> Figure | None:
        """What stands in a row's table: a ratio to the baseline in the same turn, or an amount."""
        if row.unit:
            return self.amount(row, model)
        baseline, values = self._values(row, BASELINE.name), self._values(row, model)
        return Figure.of([value / baseline[n] for n, value in values.items() if baseline.get(n)])

    def error(self, row: Row, model: str) -> str:
        """What went wrong first for a model in a row; empty if nothing did."""
        return next((one.error for one in self._of(row, model) if one.error), "")

    def server_share(self, row: Row) -> float:
        """The largest share of its time that the server was busy with a model."""
        samples = [self._of(row, model) for model in self.models]
        return max(statistics.median(one.server_share for one in some) for some in samples if some)

    def _of(self, row: Row, model: str) -> list[Sample]:
        return [one for one in self.samples if one.row == row.name and one.model == model]

    def _values(self, row: Row, model: str) -> dict[int, float]:
        return {one.turn: one.value for one in self._of(row, model) if one.value is not None}


def environment(models: Iterable[str], plan: Plan) -> dict[str, Any]:
    """What the figures of a run depend on."""
    packages = {name: version(name) for name in ("langchain-core", "httpx")}
    packages |= {one.name: one.version for one in MODELS if one.name in models and one.version}
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "load_before": round(os.getloadavg()[0], 2),
        "plan": asdict(plan),
        "versions": packages,
    }


def markdown(results: Results) -> str:
    """The report of a run."""
    measured = [row for row in ROWS if any(one.row == row.name for one in results.samples)]
    found = results.environment
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    parts = [
        (
            f"Measured {found['date']}: {found['system']}, Python {found['python']}, load "
            f"{found['load_before']} before it began; rounds: {found['plan']['rounds']}, turns "
            f"in each: {found['plan']['turns']}; {versions}."
        ),
        (
            "Cost divided by the baseline's in the same turn: the median and, in brackets, the "
            "quartiles. ✓ and ✗ say whether it is within reach."
        ),
        _table(results, [row for row in measured if not row.unit]),
        _throughput(results),
    ]
    if amounts := [row for row in measured if row.unit]:
        parts += ["What is left behind.", _table(results, amounts)]
    failures = [
        f"* {model}, {row.title}: {error}"
        for row in measured
        for model in results.models
        if (error := results.error(row, model))
    ]
    if failures:
        parts.append("Failures:\n\n" + "\n".join(failures))
    busiest = max(measured, key=results.server_share)
    share = f"{results.server_share(busiest):.0%} of the time ({busiest.title})"
    parts.append(f"The server's process was busy at most {share}.")
    return "\n\n".join(filter(None, parts)) + "\n"


def _table(results: Results, rows: Sequence[Row]) -> str:
    others = [name for name in results.models if name != BASELINE.name]
    lines = [["", "baseline", "reach", *others], ["---"] * (3 + len(others))]
    for row in rows:
        baseline = results.amount(row, BASELINE.name)
        lines.append(
            [
                f"{row.title} ({row.unit})" if row.unit else row.title,
                duration(baseline.median) if baseline else "",
                "" if row.reach is None else f"≤ {row.reach:,g}",
                *(_cell(results, row, name) for name in others),
            ]
        )
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cell(results: Results, row: Row, model: str) -> str:
    figure, reach = results.figure(row, model), row.reach_of(model)
    if figure is None:
        return "failed" if results.error(row, model) else ""
    if reach is None or reach == float("inf"):
        return str(figure)
    return f"{figure} {'✓' if figure.median <= reach else '✗'}"


def _throughput(results: Results) -> str:
    """How the throughputs with many calls at once compare; each is one over a call's time."""
    row = BY_NAME["ainvoke-2000"]
    ours, theirs = (results.amount(row, one.name) for one in (SCALEWAY, OPENAI))
    if ours is None or theirs is None:
        return ""
    return (
        f"With 2,000 calls at once {SCALEWAY.name} makes {1 / ours.median:,.0f} calls/s, "
        f"{number(theirs.median / ours.median)} times as many as {OPENAI.name}."
    )


def number(value: float) -> str:
    """A number with as many digits as say something."""
    digits = next((n for n, least in ((0, 100), (1, 10)) if abs(value) >= least), 2)
    return f"{value:,.{digits}f}"


def duration(seconds: float) -> str:
    """Seconds in the unit that suits their size."""
    for factor, unit in ((1, "s"), (1e3, "ms")):
        if seconds * factor >= 1:
            return f"{number(seconds * factor)} {unit}"
    return f"{number(seconds * 1e6)} µs"


def plot(results: Results, path: Path) -> None:
    """Draw every ratio into a PNG file, row by row, on a logarithmic axis."""
    from matplotlib.figure import Figure as Picture  # noqa: PLC0415 -- needed for this alone

    names = [name for name in results.models if name != BASELINE.name]
    rows = [row for row in reversed(ROWS) if not row.unit and results.figure(row, SCALEWAY.name)]
    picture = Picture(figsize=(10, 0.45 * len(rows) + 1.8), layout="constrained")
    axes = picture.subplots()
    axes.axvline(1, color="black", linewidth=1)
    for name, marker in zip(names, "DdosvP^X", strict=False):
        figures = {height: results.figure(row, name) for height, row in enumerate(rows)}
        points = [(figure.median, height) for height, figure in figures.items() if figure]
        is_ours = name.startswith(SCALEWAY.name)
        style: dict[str, Any] = {"color": "#4f0599", "zorder": 4} if is_ours else {}
        axes.plot(*zip(*points, strict=True), label=name, marker=marker, linestyle="none", **style)
    axes.set_xscale("log")
    axes.set_yticks(range(len(rows)), [row.title.replace("`", "") for row in rows])
    axes.grid(color="#e5e5e5", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.set_title("Cost beside the baseline of httpx and langchain-core (logarithmic)")
    axes.legend(loc="lower right", framealpha=1)
    picture.savefig(path, dpi=130)
