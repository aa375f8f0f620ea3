"""Runs the rows: rounds of fresh processes, the models taking turns within a row.

pyperf would measure one model after the other, minutes apart, and a machine is never equally fast
for minutes; here every ratio comes from samples of the same few seconds.
"""

import compileall
import gc
import importlib.util
import multiprocessing
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess

from benchmarks.models import BASELINE, Measured
from benchmarks.rows import BY_NAME, Row
from benchmarks.server import Server
from benchmarks.work import Setting

_SPAWN = multiprocessing.get_context("spawn")
_ANSWER_SECONDS = 180
"""A model that takes longer for one sample is stopped."""


@dataclass(frozen=True)
class Plan:
    """How much is measured.

    Attributes:
        rounds: How often every model gets a fresh process.
        turns: How many samples of a row each process gives; some rows take a multiple.
    """

    rounds: int
    turns: int


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
        self._arguments = (measured, server.url, server.tls_url)
        self._process: SpawnProcess | None = None
        self._pipe: Connection

    def ask(self, row: Row) -> float:
        """A sample of a row.

        Raises:
            RuntimeError: The model failed; the message says how.
        """
        if self._process is None:
            self._pipe, theirs = _SPAWN.Pipe()
            arguments = (*self._arguments, theirs)
            self._process = _SPAWN.Process(target=_answer, args=arguments, daemon=True)
            self._process.start()
            theirs.close()
        self._pipe.send(row.name)
        try:
            if not self._pipe.poll(_ANSWER_SECONDS):
                raise TimeoutError(f"no answer in {_ANSWER_SECONDS} s")
            answer = self._pipe.recv()
        except (EOFError, OSError) as error:
            self.stop()
            raise RuntimeError(str(error) or "its process ended") from error
        if isinstance(answer, str):
            raise RuntimeError(answer)  # noqa: TRY004 -- it says what went wrong over there
        return float(answer)

    def stop(self) -> None:
        """Stop the process, if it runs."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._pipe.close()
            self._process = None


def _answer(measured: Measured, url: str, tls_url: str, pipe: Connection) -> None:
    """In that process: a row's name comes in, a sample goes out, or what went wrong.

    A row other than the one before puts that one away.
    """
    current = ""
    samples: Iterator[float] = iter(())
    while True:
        name: str = pipe.recv()
        try:
            if name != current:
                samples = iter(())
                gc.collect()
                current, row = name, BY_NAME[name]
                samples = row.samples(Setting(measured, tls_url if row.tls else url))
            pipe.send(next(samples))
        except Exception as error:  # noqa: BLE001 -- whatever a model raises belongs in the report
            traceback.print_exc()
            pipe.send(f"{type(error).__name__}: {error}")


def run(
    rows: Sequence[Row], models: Sequence[Measured], plan: Plan, server: Server
) -> Iterator[Sample]:
    """Give each sample as it is taken."""
    for measured in models:
        _leave_bytecode(measured)
    for number in range(plan.rounds):
        with ExitStack() as shared:
            workers = _workers(models, server, shared)
            for row in rows:
                turns = plan.turns * row.turns
                numbers = range(number * turns, (number + 1) * turns)
                with ExitStack() as own:
                    row_workers = _workers(models, server, own) if row.alone else workers
                    yield from _samples(row, models, row_workers, numbers, server)


def _workers(models: Sequence[Measured], server: Server, stack: ExitStack) -> dict[str, _Worker]:
    workers = {one.name: _Worker(one, server) for one in models}
    for worker in workers.values():
        stack.callback(worker.stop)
    return workers


def _samples(
    row: Row, models: Sequence[Measured], workers: dict[str, _Worker], turns: range, server: Server
) -> Iterator[Sample]:
    measures = [one for one in models if row.measures(one)]
    failed: set[str] = set()
    for turn in turns:
        start = turn % len(measures)  # Each time another one begins.
        for measured in measures[start:] + measures[:start]:
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


def _leave_bytecode(measured: Measured) -> None:
    """Compile what pip has not compiled, such as a package that is installed to be edited."""
    package = importlib.util.find_spec(measured.module.partition(".")[0])
    for directory in (package and package.submodule_search_locations) or ():
        compileall.compile_dir(directory, quiet=2)
