"""The process in which one model is measured: a row's name in, a sample out.

It reads names of rows from its standard input, a line each, and answers every line with one JSON
object: `{"value": seconds}` or `{"error": message}`. A name other than the one before puts the row
before away.
"""

import gc
import json
import sys
import traceback
from collections.abc import Iterator

from benchmarks.models import BY_NAME as MODELS
from benchmarks.rows import BY_NAME as ROWS
from benchmarks.work import Setting


def main(name: str, url: str, tls_url: str) -> None:
    """Answer until the standard input ends."""
    answers, sys.stdout = sys.stdout, sys.stderr  # Nothing else may speak on the line of answers.
    current = ""
    samples: Iterator[float] = iter(())
    for line in sys.stdin:
        if line.strip() != current:
            current = line.strip()
            del samples
            gc.collect()
            row = ROWS[current]
            samples = _samples(current, Setting(MODELS[name], tls_url if row.tls else url))
        print(json.dumps(_answer(samples)), file=answers, flush=True)


def _samples(row: str, setting: Setting) -> Iterator[float]:
    measure = ROWS[row].samples
    if measure is None:
        raise ValueError(f"{row} is measured in fresh processes.")
    yield from measure(setting)


def _answer(samples: Iterator[float]) -> dict[str, object]:
    try:
        return {"value": next(samples)}
    except Exception as error:  # noqa: BLE001 -- whatever a model raises belongs in the report
        traceback.print_exc()
        return {"error": f"{type(error).__name__}: {error}"}


if __name__ == "__main__":
    main(*sys.argv[1:])
