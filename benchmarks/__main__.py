"""Measure, and write a report. `python -m benchmarks --help` says how."""

import argparse
import importlib.util
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks import cases, instructions
from benchmarks.cases import ROWS, Row
from benchmarks.contestants import (
    CONTESTANTS,
    FLOOR,
    OPENAI,
    SCALEWAY,
    SCALEWAY_AIOHTTP,
    Contestant,
    named,
)
from benchmarks.guard import alarms, guarded_rows
from benchmarks.probe import probe
from benchmarks.report import markdown, sample_line
from benchmarks.results import Results, environment
from benchmarks.runner import Plan, Runner
from benchmarks.server import Server

_FULL = Plan(rounds=3, turns=3, fresh_turns=12, budget=0.12, full=True, seconds=570)
_QUICK = Plan(rounds=1, turns=3, fresh_turns=3, budget=0.07, full=False)
_GUARD = Plan(rounds=1, turns=5, fresh_turns=3, budget=0.1, full=False)
_QUICK_CONTESTANTS = (FLOOR, SCALEWAY, SCALEWAY_AIOHTTP, OPENAI)
_OUTPUT = Path("build/benchmarks")


def main() -> None:
    """Run what the command line asks for."""
    options = _options()
    _forget_user_settings()
    if options.guard:
        sys.exit(_guard())
    if options.instructions:
        _count_instructions(options)
        return
    plan = _QUICK if options.quick else _FULL
    if options.rounds:
        plan = replace(plan, rounds=options.rounds)
    rows = [row for row in ROWS if row.quick or not options.quick]
    contestants: Sequence[Contestant] = _QUICK_CONTESTANTS if options.quick else CONTESTANTS
    if options.rows:
        rows = [cases.named(name) for name in options.rows]
    if options.contestants:
        contestants = (FLOOR, *map(named, options.contestants))
    results = _measure(rows, contestants, plan)
    _write(results, options.output)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--quick", action="store_true", help="less of everything, in a minute")
    length.add_argument(
        "--guard", action="store_true", help="only fail if a ratio to the floor is far off"
    )
    length.add_argument(
        "--instructions",
        action="store_true",
        help="count instructions with valgrind instead of time; takes minutes",
    )
    parser.add_argument(
        *("--rows", "-r"), nargs="+", metavar="ROW", help=", ".join(row.name for row in ROWS)
    )
    parser.add_argument(
        *("--contestants", "-c"),
        nargs="+",
        metavar="NAME",
        help="besides the floor: " + ", ".join(one.name for one in CONTESTANTS[1:]),
    )
    parser.add_argument("--rounds", type=int, help="how often everything is measured anew")
    parser.add_argument(
        "--output", type=Path, default=_OUTPUT, help="a directory for the report (%(default)s)"
    )
    return parser.parse_args()


def _forget_user_settings() -> None:
    """Drop the variables that change what is measured.

    They trace calls, set proxies, choose a project, or forbid Python to keep the bytecode of
    this tree, while pip has made that of the other contestants.
    """
    for name in list(os.environ):
        if (
            name.startswith(("LANGCHAIN_", "LANGSMITH_", "SCW_"))
            or name.lower().endswith("_proxy")
            or name == "PYTHONDONTWRITEBYTECODE"
        ):
            del os.environ[name]


def _measure(rows: Sequence[Row], contestants: Sequence[Contestant], plan: Plan) -> Results:
    present = [one for one in contestants if one.installed]
    for one in contestants:
        if one not in present:
            print(f"{one.name} is not installed", file=sys.stderr)
    found = environment(present, plan)
    samples = []
    with Server() as server:
        probes = probe(server)
        for sample in Runner(rows, present, plan, server).run():
            if plan is not _GUARD:
                print(sample_line(sample), file=sys.stderr)
            samples.append(sample)
    return Results(found, probes, samples)


def _write(results: Results, directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    results.write(directory / "results.json")
    report = markdown(results)
    (directory / "results.md").write_text(report)
    print(report)
    if importlib.util.find_spec("matplotlib"):
        from benchmarks.plot import plot  # noqa: PLC0415 -- an extra that a quick run can do without

        plot(results, directory / "results.png")
    else:
        print("No plot: matplotlib is not installed.", file=sys.stderr)
    print(f"Written to {directory}", file=sys.stderr)


def _count_instructions(options: argparse.Namespace) -> None:
    measured = [FLOOR, *map(named, options.contestants or [SCALEWAY.name])]
    with Server() as server:
        rows = [cases.named(name) for name in options.rows or instructions.ROWS]
        report = instructions.table(rows, measured, server)
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "instructions.md").write_text(report + "\n")
    print(report)


def _guard() -> str | None:
    """Return what is far too slow, twice in a row, or nothing."""
    suspects = guarded_rows()
    complaints: list[str] = []
    for _ in range(2):
        results = _measure(suspects, (FLOOR, SCALEWAY), _GUARD)
        found = alarms(results, suspects)
        suspects = list(found)
        complaints = list(found.values())
        if not complaints:
            print("Speed: every ratio to the floor is within its limit.")
            break
    return "\n".join(complaints) or None


if __name__ == "__main__":
    main()
