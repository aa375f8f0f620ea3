"""Runs the rows: rounds of fresh processes, the models taking turns within a row.

pyperf would measure one model after the other, minutes apart, and a machine is never equally fast
for minutes; here every ratio comes from samples of the same few seconds.
"""

import json
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from benchmarks.fresh import import_and_first_reply, leave_bytecode
from benchmarks.models import BASELINE, SCALEWAY, Measured
from benchmarks.rows import FIRST_REPLY, FIRST_REPLY_TLS, FRESH_ROWS, IMPORT, Row
from benchmarks.server import Server

_ANSWER_SECONDS = 180
"""A model that takes longer for one sample is stopped."""


@dataclass(frozen=True)
class Plan:
    """How much is measured.

    Attributes:
        rounds: How often every model gets fresh processes.
        turns: How many samples of a row each process gives; some rows take a multiple.
        fresh_turns: How many processes a round spends on import and first reply, for the baseline
            and for ChatScaleway each, whose import differs by less than one process from another;
            for another model it is a third.
    """

    rounds: int
    turns: int
    fresh_turns: int


@dataclass(frozen=True)
class Sample:
    """One figure.

    Attributes:
        row: The name of the row.
        model: The name of the model.
        turn: The turn, counted through all rounds; ratios are taken within one.
        value: Seconds for a unit, or the amount of a row without a baseline; none on failure.
        error: What went wrong; empty if nothing did.
        server_share: The part of the time during which the server's process was busy.
    """

    row: str
    model: str
    turn: int
    value: float | None
    error: str = ""
    server_share: float = 0


class _Worker:
    """A process in which one model is measured; it starts when it is first asked."""

    def __init__(self, measured: Measured, server: Server) -> None:
        self._command = [sys.executable, "-m", "benchmarks.worker", measured.name]
        self._command += [server.url, server.tls_url]
        self._process: subprocess.Popen[str] | None = None

    def ask(self, row: Row) -> float:
        """A sample of a row.

        Raises:
            RuntimeError: The model failed; the message says how.
        """
        if self._process is None:
            self._process = subprocess.Popen(  # noqa: S603 -- this program itself, no shell
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        assert self._process.stdin is not None  # noqa: S101 -- it is a pipe
        assert self._process.stdout is not None  # noqa: S101 -- it is a pipe
        self._process.stdin.write(row.name + "\n")
        self._process.stdin.flush()
        ready, _, _ = select.select([self._process.stdout], [], [], _ANSWER_SECONDS)
        line = self._process.stdout.readline() if ready else ""
        if not line:
            self.stop()
            raise RuntimeError(
                "its process ended" if ready else f"no answer in {_ANSWER_SECONDS} s"
            )
        answer = json.loads(line)
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return float(answer["value"])

    def stop(self) -> None:
        """Stop the process, if it runs."""
        if self._process is not None:
            with self._process:
                self._process.kill()
            self._process = None


def run(
    rows: Sequence[Row], models: Sequence[Measured], plan: Plan, server: Server
) -> Iterator[Sample]:
    """Give each sample as it is taken."""
    fresh = [row for row in rows if row in FRESH_ROWS]
    others = [row for row in rows if row not in FRESH_ROWS]
    if fresh:
        for measured in models:
            leave_bytecode(measured)
    for number in range(plan.rounds):
        for turn in range(number * plan.fresh_turns, (number + 1) * plan.fresh_turns):
            yield from _fresh_samples(fresh, models, turn, server)
        with ExitStack() as shared:
            workers = _workers(models, server, shared)
            for row in others:
                with ExitStack() as own:
                    row_workers = _workers(models, server, own) if row.alone else workers
                    yield from _samples(row, models, row_workers, number, plan, server)


def _workers(models: Sequence[Measured], server: Server, stack: ExitStack) -> dict[str, _Worker]:
    workers = {one.name: _Worker(one, server) for one in models}
    for worker in workers.values():
        stack.callback(worker.stop)
    return workers


def _fresh_samples(
    rows: Sequence[Row], models: Sequence[Measured], turn: int, server: Server
) -> Iterator[Sample]:
    """One process gives two rows: the import and the first reply."""
    for measured in _in_turn(models, IMPORT, turn):
        if turn % 3 and measured not in (BASELINE, SCALEWAY):
            continue
        for url, pair in (
            (server.url, (IMPORT, FIRST_REPLY)),
            (server.tls_url, (FIRST_REPLY_TLS,)),
        ):
            wanted = [row for row in pair if row in rows]
            if not wanted:
                continue
            values: tuple[float | None, ...] = (None, None)
            error = ""
            try:
                values = import_and_first_reply(measured, url)
            except RuntimeError as failure:
                error = str(failure)
            for row in wanted:
                value = values[0] if row is IMPORT else values[1]
                yield Sample(row.name, measured.name, turn, value, error)


def _samples(  # noqa: PLR0917 -- all of it makes a sample
    row: Row,
    models: Sequence[Measured],
    workers: dict[str, _Worker],
    number: int,
    plan: Plan,
    server: Server,
) -> Iterator[Sample]:
    turns = plan.turns * row.turns
    failed: set[str] = set()
    for turn in range(number * turns, (number + 1) * turns):
        for measured in _in_turn(models, row, turn):
            if measured.name in failed:
                continue
            began, busy_before = time.perf_counter(), server.cpu_seconds()
            value, error = None, ""
            try:
                value = workers[measured.name].ask(row)
            except RuntimeError as failure:
                if measured == BASELINE:
                    raise
                error = str(failure)
                failed.add(measured.name)
            share = (server.cpu_seconds() - busy_before) / (time.perf_counter() - began)
            yield Sample(row.name, measured.name, turn, value, error, share)


def _in_turn(models: Sequence[Measured], row: Row, turn: int) -> list[Measured]:
    """Who is measured, each time with another one at the start."""
    measured = [one for one in models if row.measures(one)]
    start = turn % len(measured)
    return measured[start:] + measured[:start]
