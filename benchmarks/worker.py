"""The process in which one contestant is measured: a row's name in, a sample out.

It reads names of rows from its standard input, a line each, and answers every line with one
JSON object: `{"value": seconds}` or `{"error": message}`. A name that differs from the one
before puts the row before away.
"""

import argparse
import gc
import json
import sys
import traceback
from collections.abc import Iterator

from benchmarks import cases, contestants
from benchmarks.sampling import Setting


def main() -> None:
    """Answer until the standard input ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("contestant")
    parser.add_argument("url")
    parser.add_argument("budget", type=float)
    parser.add_argument("--full", action="store_true")
    options = parser.parse_args()
    setting = Setting(
        contestants.named(options.contestant), options.url, options.budget, options.full
    )
    answers, sys.stdout = sys.stdout, sys.stderr  # nothing else may speak on the line of answers
    current = ""
    samples: Iterator[float] = iter(())
    for line in sys.stdin:
        if line.strip() != current:
            current = line.strip()
            del samples
            gc.collect()
            samples = _samples(current, setting)
        print(json.dumps(_next_answer(samples)), file=answers, flush=True)


def _samples(row: str, setting: Setting) -> Iterator[float]:
    measure = cases.named(row).samples
    if measure is None:
        raise ValueError(f"{row} is measured in fresh processes")
    yield from measure(setting)


def _next_answer(samples: Iterator[float]) -> dict[str, object]:
    try:
        return {"value": next(samples)}
    except Exception as error:  # noqa: BLE001 -- whatever a contestant raises belongs in the report
        traceback.print_exc()
        return {"error": f"{type(error).__name__}: {error}"}


if __name__ == "__main__":
    main()
