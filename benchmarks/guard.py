"""The alarm of CI: ratios to the floor that are far from what they should be.

No absolute times: a slow machine is slow for the floor too. The limits (`Row.guard`) are wide
enough for a busy machine and narrow enough for a blunder: a TLS context a model, a validator a
chunk, a connection a call.
"""

from collections.abc import Sequence

from benchmarks.cases import ROWS, Row
from benchmarks.contestants import SCALEWAY
from benchmarks.results import Results


def guarded_rows() -> list[Row]:
    """Return the rows that have a limit."""
    return [row for row in ROWS if row.guard is not None]


def alarms(results: Results, rows: Sequence[Row]) -> dict[Row, str]:
    """Return a sentence for each row that is beyond its limit or failed.

    The lower quartile is compared: a machine that was busy with something else for some of the
    samples gives no alarm, a slow path is slow in all of them.

    Args:
        results: A run.
        rows: The rows to look at, each with a limit.
    """
    found = {}
    for row in rows:
        ratio = results.ratio(row, SCALEWAY.name)
        if ratio is None:
            found[row] = f"{row.title}: not measured. {results.error(row, SCALEWAY.name)}"
        elif row.guard is not None and ratio.low > row.guard:
            found[row] = f"{row.title}: {ratio.low:.2f} times the floor, more than {row.guard:g}"
    return found
