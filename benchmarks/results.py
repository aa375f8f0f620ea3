"""What a run found: samples, what they were taken on, and the figures that follow from them."""

import json
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

from benchmarks.cases import Row
from benchmarks.contestants import FLOOR, Contestant
from benchmarks.probe import Probe
from benchmarks.runner import Plan, Sample


@dataclass(frozen=True)
class Figure:
    """A median and its spread.

    Attributes:
        median: The median.
        low: The lower quartile.
        high: The upper quartile.
        samples: How many samples it comes from.
    """

    median: float
    low: float
    high: float
    samples: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """Return the figure of at least one value."""
        if len(values) == 1:
            return cls(values[0], values[0], values[0], 1)
        low, median, high = statistics.quantiles(values, n=4, method="inclusive")
        return cls(median, low, high, len(values))


@dataclass(frozen=True)
class Results:
    """All that a run found.

    Attributes:
        environment: The machine, the versions, the time.
        probes: How fast the server was for bare sockets.
        samples: Every sample.
    """

    environment: dict[str, Any]
    probes: list[Probe]
    samples: list[Sample]

    def write(self, path: Path) -> None:
        """Write everything as JSON."""
        path.write_text(json.dumps(asdict(self), indent=1) + "\n")

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read what `write` wrote."""
        found = json.loads(path.read_text())
        return cls(
            found["environment"],
            [Probe(**probe) for probe in found["probes"]],
            [Sample(**sample) for sample in found["samples"]],
        )

    def contestants(self) -> list[str]:
        """Return the names of all that were measured, in the order they came first."""
        return list(dict.fromkeys(sample.contestant for sample in self.samples))

    def amount(self, row: Row, contestant: str) -> Figure | None:
        """Return what a contestant took: seconds, or the amount of a row without a floor."""
        values = list(self._values(row, contestant).values())
        return Figure.of(values) if values else None

    def ratio(self, row: Row, contestant: str) -> Figure | None:
        """Return a contestant's cost divided by the floor's in the same round and turn."""
        floor = self._values(row, FLOOR.name)
        values = self._values(row, contestant)
        ratios = [value / floor[when] for when, value in values.items() if floor.get(when)]
        return Figure.of(ratios) if ratios else None

    def figure(self, row: Row, contestant: str) -> Figure | None:
        """Return what stands in a row's table: a ratio or an amount."""
        return self.ratio(row, contestant) if row.has_floor else self.amount(row, contestant)

    def error(self, row: Row, contestant: str) -> str:
        """Return what went wrong first for a contestant in a row, or nothing."""
        return next((one.error for one in self._of(row, contestant) if one.error), "")

    def server_share(self, row: Row) -> float:
        """Return the largest share of its time that the server was busy with a contestant."""
        shares: dict[str, list[float]] = {}
        for sample in self.samples:
            if sample.row == row.name:
                shares.setdefault(sample.contestant, []).append(sample.server_share)
        return max((statistics.median(one) for one in shares.values()), default=0)

    def _of(self, row: Row, contestant: str) -> list[Sample]:
        return [one for one in self.samples if one.row == row.name and one.contestant == contestant]

    def _values(self, row: Row, contestant: str) -> dict[tuple[int, int], float]:
        return {
            (one.round, one.turn): one.value
            for one in self._of(row, contestant)
            if one.value is not None
        }


def environment(contestants: Sequence[Contestant], plan: Plan) -> dict[str, Any]:
    """Return what the figures of a run depend on."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "load_before": round(os.getloadavg()[0], 2),
        "plan": asdict(plan),
        "versions": {
            **{name: version(name) for name in ("langchain-core", "httpx")},
            **{one.name: one.version for one in contestants if one is not FLOOR},
        },
    }
