"""Measure, and write a report. `python -m benchmarks --help` says how."""

import argparse
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.models import BASELINE, MODELS, OPENAI, SCALEWAY, SCALEWAY_AIOHTTP, Measured
from benchmarks.models import BY_NAME as MODELS_BY_NAME
from benchmarks.report import Results, duration, environment, markdown, number, plot
from benchmarks.rows import BY_NAME as ROWS_BY_NAME
from benchmarks.rows import ROWS
from benchmarks.runner import Plan, Sample, run
from benchmarks.server import Server

_FULL = Plan(rounds=3, turns=2)
_QUICK = Plan(rounds=1, turns=3)
_DOCS = Path(__file__).parent.parent / "docs"
_MARKED = "<!-- figures: begin -->\n{}<!-- figures: end -->"


def main() -> None:
    """Run what the command line asks for."""
    options = _options()
    _forget_user_settings()
    plan = _QUICK if options.quick else _FULL
    wanted: Sequence[Measured] = MODELS
    if options.quick:
        wanted = (BASELINE, SCALEWAY, SCALEWAY_AIOHTTP, OPENAI)
    if options.models:
        wanted = (BASELINE, *(MODELS_BY_NAME[name] for name in options.models))
    models = [one for one in wanted if one.is_installed]
    for one in set(wanted).difference(models):
        print(f"{one.name} is not installed", file=sys.stderr)
    rows = [row for row in ROWS if row.quick or not options.quick]
    if options.rows:
        rows = [ROWS_BY_NAME[name] for name in options.rows]
    found = environment([one.name for one in models], plan)
    samples = []
    with Server() as server:
        for sample in run(rows, models, plan, server):
            print(_line(sample), file=sys.stderr)
            samples.append(sample)
    _write(Results(found, samples), options.output, publish=options.publish)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="less of everything, in a minute")
    parser.add_argument(
        *("--rows", "-r"),
        nargs="+",
        choices=ROWS_BY_NAME,
        metavar="ROW",
        help=", ".join(ROWS_BY_NAME),
    )
    parser.add_argument(
        *("--models", "-m"),
        nargs="+",
        choices=MODELS_BY_NAME,
        metavar="MODEL",
        help="besides the baseline: " + ", ".join(one.name for one in MODELS[1:]),
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("build/benchmarks"),
        help="a directory for the report (%(default)s)",
    )
    parser.add_argument(
        "--publish", action="store_true", help="put tables and plot into docs/performance.md"
    )
    return parser.parse_args()


def _forget_user_settings() -> None:
    """Drop the variables that change what is measured.

    They trace calls, set proxies, choose a project, or forbid Python to keep the bytecode of this
    tree, while pip has made that of the others.
    """
    for name in list(os.environ):
        if (
            name.startswith(("LANGCHAIN_", "LANGSMITH_", "SCW_", "SCALEWAY_"))
            or name.lower().endswith("_proxy")
            or name == "PYTHONDONTWRITEBYTECODE"
        ):
            del os.environ[name]


def _line(sample: Sample) -> str:
    """A sample as a line that shows how far a run is."""
    unit = ROWS_BY_NAME[sample.row].unit
    if sample.value is None:
        figure = f"failed: {sample.error}"
    else:
        figure = f"{number(sample.value)} {unit}" if unit else duration(sample.value)
    return f"{sample.turn + 1:2} {sample.row:22} {sample.model:22} {figure}"


def _write(results: Results, directory: Path, *, publish: bool) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    results.write(directory / "results.json")
    report = markdown(results)
    (directory / "results.md").write_text(report)
    print(report)
    print(f"Written to {directory}", file=sys.stderr)
    if publish:
        page = _DOCS / "performance.md"
        marked = _MARKED.format(report)
        pattern = _MARKED.format(".*?")
        page.write_text(re.sub(pattern, lambda _: marked, page.read_text(), flags=re.DOTALL))
        plot(results, _DOCS / "performance.png")


if __name__ == "__main__":
    main()
