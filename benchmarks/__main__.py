"""Measure, and write a report. `python -m benchmarks --help` says how."""

import argparse
import json
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.models import BASELINE, MODELS, OPENAI, SCALEWAY, SCALEWAY_AIOHTTP, Measured
from benchmarks.models import BY_NAME as MODELS_BY_NAME
from benchmarks.report import Results, duration, environment, markdown, number, plot
from benchmarks.rows import BY_NAME as ROWS_BY_NAME
from benchmarks.rows import ROWS
from benchmarks.runner import Plan, Sample, run
from benchmarks.server import Server

_OUTPUT = Path("build/benchmarks")
_PAGE = Path(__file__).parent.parent / "docs" / "performance.md"
_MARKED = "<!-- figures: begin -->\n{}<!-- figures: end -->"
_FOREIGN = r"(?i)(LANGCHAIN|LANGSMITH|SCW|SCALEWAY)_.*|.*_proxy|PYTHONDONTWRITEBYTECODE"
"""Variables that change what is measured: they trace calls, set proxies, choose a project, or
forbid Python to keep the bytecode of this tree, while pip has made that of the others."""


def main() -> None:
    """Run what the command line asks for."""
    options = _options()
    for name in [name for name in os.environ if re.fullmatch(_FOREIGN, name)]:
        del os.environ[name]
    plan = Plan(rounds=1, turns=3) if options.quick else Plan(rounds=3, turns=2)
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
    results = Results(environment([one.name for one in models], plan), [])
    with Server() as server:
        for sample in run(rows, models, plan, server):
            print(_line(sample), file=sys.stderr)
            results.samples.append(sample)
    report = markdown(results)
    print(report)
    _OUTPUT.mkdir(parents=True, exist_ok=True)
    (_OUTPUT / "results.json").write_text(json.dumps(asdict(results), indent=1) + "\n")
    (_OUTPUT / "results.md").write_text(report)
    if options.publish:
        marked = _MARKED.format(report)
        pattern = _MARKED.format(".*?")
        _PAGE.write_text(re.sub(pattern, lambda _: marked, _PAGE.read_text(), flags=re.DOTALL))
        plot(results, _PAGE.with_suffix(".png"))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    add = parser.add_argument
    add("--quick", action="store_true", help="less of everything, in a minute")
    add(
        "--rows", "-r", nargs="+", choices=ROWS_BY_NAME, metavar="ROW", help=", ".join(ROWS_BY_NAME)
    )
    names = ", ".join(one.name for one in MODELS[1:])
    add("--models", "-m", nargs="+", choices=MODELS_BY_NAME, metavar="MODEL", help=names)
    add("--publish", action="store_true", help="put tables and plot into docs/performance.md")
    return parser.parse_args()


def _line(sample: Sample) -> str:
    """A sample as a line that shows how far a run is."""
    unit = ROWS_BY_NAME[sample.row].unit
    if sample.value is None:
        figure = f"failed: {sample.error}"
    else:
        figure = f"{number(sample.value)} {unit}" if unit else duration(sample.value)
    return f"{sample.turn + 1:2} {sample.row:22} {sample.model:22} {figure}"


if __name__ == "__main__":
    main()
