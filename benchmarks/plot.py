"""One picture of a run: what each contestant costs, as a multiple of the floor, row by row."""

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from benchmarks.cases import TABLE, Row
from benchmarks.contestants import FLOOR, SCALEWAY
from benchmarks.results import Results

_OURS = "#4f0599"
_OTHERS = ("#e07b39", "#3a86a8", "#7a9a3c", "#b0506e", "#8c8c8c", "#c2a83e")
_MARKERS = ("o", "s", "^", "v", "P", "X")


def plot(results: Results, path: Path) -> None:
    """Draw the table of a run into a PNG file.

    Args:
        results: A run.
        path: The file to write.
    """
    names = [name for name in results.contestants() if name != FLOOR.name]
    rows = [row for row in reversed(TABLE) if any(results.ratio(row, name) for name in names)]
    figure = Figure(figsize=(10, 0.45 * len(rows) + 1.8), layout="constrained")
    axes = figure.subplots()
    _draw_frame(axes, rows)
    styles = iter(zip(_OTHERS, _MARKERS, strict=True))
    for name in names:
        ours = name.startswith(SCALEWAY.name)
        colour, marker = (_OURS, "D" if name == SCALEWAY.name else "d") if ours else next(styles)
        points = _points(results, rows, name)
        axes.plot(
            list(points.values()),
            list(points),
            label=name,
            color=colour,
            marker=marker,
            markersize=8 if ours else 6,
            zorder=4 if ours else 3,
            linestyle="none",
        )
    axes.legend(loc="lower right", framealpha=1)
    figure.savefig(path, dpi=130)


def _draw_frame(axes: Axes, rows: list[Row]) -> None:
    """Draw what the points are read against: the floor, what is to be reached, the titles."""
    axes.axvline(1, color="black", linewidth=1)
    for height, row in enumerate(rows):
        if row.reach is not None:
            label = "to be reached" if height == 0 else None
            axes.plot([row.reach] * 2, [height - 0.3, height + 0.3], color="#2a9d3a", label=label)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} x"))
    axes.set_yticks(range(len(rows)), [row.title.replace("`", "") for row in rows])
    axes.grid(axis="both", color="#e5e5e5", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.set_title("Cost beside the floor of httpx and langchain-core (logarithmic)")


def _points(results: Results, rows: list[Row], name: str) -> dict[int, float]:
    """Return a contestant's median ratio by the height of its row."""
    ratios = {height: results.ratio(row, name) for height, row in enumerate(rows)}
    return {height: ratio.median for height, ratio in ratios.items() if ratio}
