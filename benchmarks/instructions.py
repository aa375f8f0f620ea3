"""How many instructions a unit takes, counted by valgrind: the same on a busy machine.

CPU time on a shared machine varies by a few percent from sample to sample; the number of
instructions hardly does. What the kernel does is not counted, nor what a cache miss costs, so
these figures stand beside the CPU times and do not replace them.

A row runs twice, with few calls and with more; the difference is what the calls between took,
without the imports and the first call. The garbage collector is off, since a single run of it
takes more than many calls.
"""

import gc
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence

from benchmarks import cases, contestants
from benchmarks.cases import IMPORT, Row
from benchmarks.contestants import FLOOR, Contestant
from benchmarks.fresh import leave_bytecode
from benchmarks.sampling import Setting
from benchmarks.server import Server

ROWS = {
    IMPORT.name: 1,
    "invoke": 300,
    "ainvoke": 300,
    "stream-content": 15,
    "stream-reasoning": 15,
    "stream-tool-tokens": 10,
    "stream-tool-fragments": 10,
    "astream-content": 15,
}
"""The rows whose instructions can be counted, and how many calls are counted of each."""
_COUNT = re.compile(r"I +refs: +([\d,]+)")


def instructions(row: Row, contestant: Contestant, server: Server) -> float:
    """Return how many instructions one call, or the import, takes.

    Args:
        row: What is counted.
        contestant: Who is measured.
        server: The loopback server, running.

    Raises:
        FileNotFoundError: valgrind is not installed.
        RuntimeError: The contestant failed.
    """
    leave_bytecode(contestant)
    if row == IMPORT:
        return _count("-c", contestant.import_statement) - _count("-c", "pass")
    calls = ROWS[row.name]
    work = ("-m", "benchmarks.instructions", row.name, contestant.name, server.url)
    return (_count(*work, str(1 + calls)) - _count(*work, "1")) / calls


def table(rows: Sequence[Row], measured: Sequence[Contestant], server: Server) -> str:
    """Count rows for contestants, the floor among them, and return a Markdown table."""
    others = [one for one in measured if one != FLOOR]
    lines = [
        "| instructions | floor, million | " + " | ".join(one.name for one in others) + " |",
        "| --- | --- | " + " | ".join("---" for _ in others) + " |",
    ]
    for row in rows:
        floor = instructions(row, FLOOR, server)
        ratios = [f"{instructions(row, one, server) / floor:.3f}" for one in others]
        lines.append(f"| {row.title} | {floor / 1e6:.2f} | " + " | ".join(ratios) + " |")
        print(lines[-1], file=sys.stderr)
    return "\n".join(lines)


def _count(*arguments: str) -> int:
    """Return how many instructions Python takes when it is started with these arguments."""
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        raise FileNotFoundError("valgrind is not installed; without it no instructions are counted")
    done = subprocess.run(  # noqa: S603 -- this program itself, no shell
        [
            *(valgrind, "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"),
            *(sys.executable, *arguments),
        ],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONHASHSEED": "0"},
    )
    found = _COUNT.search(done.stderr)
    if done.returncode or found is None:
        raise RuntimeError(f"{' '.join(arguments)}: {done.stderr[-500:]}")
    return int(found[1].replace(",", ""))


def _work(row: str, contestant: str, url: str, calls: str) -> None:
    """Do what is counted."""
    setting = Setting(contestants.named(contestant), url, budget=0, full=False, repeats=int(calls))
    samples = cases.named(row).samples
    if samples is None:
        raise ValueError(f"{row} is measured in fresh processes")
    gc.disable()
    next(samples(setting))


if __name__ == "__main__":
    _work(*sys.argv[1:])
