"""Runs the rows: rounds of fresh processes, contestants taking turns within a row."""

import json
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from benchmarks.cases import FIRST_REPLY, IMPORT, Row
from benchmarks.contestants import Contestant, Floor
from benchmarks.fresh import import_and_first_reply, leave_bytecode
from benchmarks.server import Server

_ANSWER_SECONDS = 180
"""A contestant that takes longer for one sample is stopped."""

_FRESH_TURNS_OF_A_PEER = 3
"""The CPU time of an import varies from process to process by more than what ChatScaleway may take
above the floor, so these two take many turns. The peers take part in every third."""


@dataclass(frozen=True)
class Plan:
    """How much is measured.

    Attributes:
        rounds: How often every contestant gets a fresh process.
        turns: How many samples of a row each process gives; some rows take a multiple.
        fresh_turns: How many processes a round spends on import and first reply, each for the
            floor and for ChatScaleway; for a peer it is a third.
        budget: Seconds of CPU time that a sample should take.
        full: Whether long rows run at their full length.
        seconds: No round is begun that would probably end later, the first apart.
    """

    rounds: int
    turns: int
    fresh_turns: int
    budget: float
    full: bool
    seconds: float | None = None


@dataclass(frozen=True)
class Sample:
    """One figure.

    Attributes:
        row: The name of the row.
        contestant: The name of the contestant.
        round: The round, from 0. Ratios are taken within a round and a turn.
        turn: The turn within the round, from 0.
        value: Seconds for a unit, or the amount of a row without a floor; nothing on failure.
        error: What went wrong, or nothing.
        server_share: The part of the time during which the server's process was busy.
    """

    row: str
    contestant: str
    round: int
    turn: int
    value: float | None
    error: str = ""
    server_share: float = 0


class _Worker:
    """A process in which one contestant is measured; it starts when it is first asked."""

    def __init__(self, contestant: Contestant, server: Server, plan: Plan) -> None:
        self._command = [
            *(sys.executable, "-m", "benchmarks.worker"),
            *(contestant.name, server.url, str(plan.budget)),
            *(["--full"] if plan.full else []),
        ]
        self._process: subprocess.Popen[str] | None = None

    def ask(self, row: Row) -> float:
        """Return a sample of a row.

        Raises:
            RuntimeError: The contestant failed; the message says how.
        """
        process = self._running()
        assert process.stdin is not None  # noqa: S101 -- it is a pipe
        assert process.stdout is not None  # noqa: S101 -- it is a pipe
        process.stdin.write(row.name + "\n")
        process.stdin.flush()
        ready, _, _ = select.select([process.stdout], [], [], _ANSWER_SECONDS)
        line = process.stdout.readline() if ready else ""
        if not line:
            self.stop()
            why = "its process ended" if ready else f"no answer in {_ANSWER_SECONDS} s"
            raise RuntimeError(why)
        answer = json.loads(line)
        if "error" in answer:
            raise RuntimeError(answer["error"])
        value: float = answer["value"]
        return value

    def stop(self) -> None:
        """Stop the process, if it runs."""
        if self._process is not None:
            with self._process:
                self._process.kill()
            self._process = None

    def _running(self) -> "subprocess.Popen[str]":
        if self._process is None:
            self._process = subprocess.Popen(  # noqa: S603 -- this program itself, no shell
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        return self._process


@dataclass(frozen=True)
class Runner:
    """Measures rows on contestants.

    Attributes:
        rows: What is measured.
        contestants: Who is measured, the floor among them.
        plan: How much is measured.
        server: The loopback server, running.
    """

    rows: Sequence[Row]
    contestants: Sequence[Contestant]
    plan: Plan
    server: Server

    def run(self) -> Iterator[Sample]:
        """Yield each sample as it is taken."""
        began = time.monotonic()
        yield from self._samples([row for row in self.rows if row.once], 0)
        for number in range(self.plan.rounds):
            round_began = time.monotonic()
            yield from self._fresh_samples(number)
            yield from self._samples([row for row in self.rows if not row.once], number)
            ended = time.monotonic()
            if self._is_late(ended - began + ended - round_began):
                return

    def _is_late(self, seconds: float) -> bool:
        """Return whether a run that takes so long takes more than the time there is."""
        return self.plan.seconds is not None and seconds > self.plan.seconds

    def _samples(self, rows: Sequence[Row], number: int) -> Iterator[Sample]:
        with ExitStack() as stack:
            shared = self._workers(stack)
            for row in rows:
                if row.samples is None:
                    continue
                if row.alone:
                    with ExitStack() as own:
                        yield from self._row_samples(row, self._workers(own), number)
                else:
                    yield from self._row_samples(row, shared, number)

    def _workers(self, stack: ExitStack) -> dict[str, _Worker]:
        workers = {one.name: _Worker(one, self.server, self.plan) for one in self.contestants}
        for worker in workers.values():
            stack.callback(worker.stop)
        return workers

    def _fresh_samples(self, number: int) -> Iterator[Sample]:
        """Yield the samples of import and first reply: one process gives both."""
        wanted = [row for row in (IMPORT, FIRST_REPLY) if row in self.rows]
        if not wanted:
            return
        if number == 0:
            for contestant in self._in_turn(IMPORT, 0):
                leave_bytecode(contestant)
        for turn in range(self.plan.fresh_turns):
            for contestant in self._in_fresh_turn(number, turn):
                values: tuple[float | None, float | None] = (None, None)
                error = ""
                try:
                    values = import_and_first_reply(contestant, self.server.url)
                except RuntimeError as failure:
                    error = str(failure)
                for row, value in zip((IMPORT, FIRST_REPLY), values, strict=True):
                    if row in wanted:
                        yield Sample(row.name, contestant.name, number, turn, value, error)

    def _row_samples(self, row: Row, workers: dict[str, _Worker], number: int) -> Iterator[Sample]:
        failed: set[str] = set()
        turns = 1 if row.once else self.plan.turns * row.turns_multiplied_by
        for turn in range(turns):
            for contestant in self._in_turn(row, number + turn):
                if contestant.name in failed:
                    continue
                began, busy_before = time.perf_counter(), self.server.cpu_seconds()
                value, error = None, ""
                try:
                    value = workers[contestant.name].ask(row)
                except RuntimeError as failure:
                    if _is_floor(contestant):
                        raise
                    error = str(failure)
                    failed.add(contestant.name)
                busy = self.server.cpu_seconds() - busy_before
                share = busy / (time.perf_counter() - began)
                yield Sample(row.name, contestant.name, number, turn, value, error, share)

    def _in_fresh_turn(self, number: int, turn: int) -> list[Contestant]:
        """Return whose processes are started in a turn, as `_in_turn` does."""
        measured = [one for one in self.contestants if IMPORT.measures(one)]
        if turn % _FRESH_TURNS_OF_A_PEER:
            measured = [one for one in measured if _is_floor(one) or IMPORT.reach_of(one.name)]
        return _rotated(measured, number + turn)

    def _in_turn(self, row: Row, shift: int) -> list[Contestant]:
        """Return who is measured, each time with another one at the start."""
        return _rotated([one for one in self.contestants if row.measures(one)], shift)


def _is_floor(contestant: Contestant) -> bool:
    return isinstance(contestant, Floor)


def _rotated(contestants: list[Contestant], shift: int) -> list[Contestant]:
    start = shift % len(contestants)
    return contestants[start:] + contestants[:start]
