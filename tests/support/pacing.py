"""A world without clocks in which requests wait for quotas: time passes when nothing happens.

Requests wait in lanes, are sent to a server that counts as the test wants it to, take their
time, and end. Everything is noted, so that a test can look at any minute of it.
"""

import heapq
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from langchain_scaleway.client.quotas.estimates import Demand
from langchain_scaleway.client.quotas.lane import Lane, Waiter
from langchain_scaleway.client.quotas.quota import Limits, Quota, Turn
from langchain_scaleway.errors import ScalewayConnectionError, ScalewayError, ScalewayRateLimitError
from langchain_scaleway.testing.quotas import QuotaLedger, Quotas, duration

MODEL = "model"
BYTES_PER_TOKEN = 4
REFUSED_AFTER = 0.05
"""Seconds until a refusal arrives."""


@dataclass(frozen=True)
class Job:
    """A request as it will turn out.

    Attributes:
        prompt_tokens: The tokens of its prompt.
        answer_tokens: The tokens of its answer.
        seconds: How long it takes to be answered.
        joins_at: When it begins to wait.
        leaves_at: When whoever waits for it gives up, if it has not been sent by then.
        breaks: Whether its connection breaks.
    """

    prompt_tokens: int = 100
    answer_tokens: int = 100
    seconds: float = 2.0
    joins_at: float = 0.0
    leaves_at: float | None = None
    breaks: bool = False


class Server(Protocol):
    """Counts, refuses, and says what is left."""

    def admit(self, job: Job, now: float) -> str | None:
        """Let a request in, or say why not."""

    def finish(self, job: Job, now: float) -> None:
        """Note that a request has ended."""

    def headers(self, now: float) -> Mapping[str, str]:
        """What an answer says of the quotas."""


class SilentServer:
    """Lets everything in and says nothing."""

    def admit(self, job: Job, now: float) -> str | None:
        return None

    def finish(self, job: Job, now: float) -> None: ...

    def headers(self, now: float) -> Mapping[str, str]:
        return {}


class BucketServer(SilentServer):
    """Counts as the emulator does: buckets that fill again bit by bit."""

    def __init__(self, quotas: Quotas) -> None:
        self.ledger = QuotaLedger(quotas)

    def admit(self, job: Job, now: float) -> str | None:
        return self.ledger.admit(MODEL, job.prompt_tokens, now)

    def finish(self, job: Job, now: float) -> None:
        self.ledger.finish(MODEL, job.answer_tokens, now)

    def headers(self, now: float) -> Mapping[str, str]:
        return dict(self.ledger.headers(MODEL, now))


class FixedWindowServer(SilentServer):
    """Counts requests by the minute of its clock; each minute starts from nothing."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._minute = -1
        self._taken = 0

    def admit(self, job: Job, now: float) -> str | None:
        self._enter(now)
        if self._taken >= self.limit:
            return "You exceeded your current quota of requests per minute."
        self._taken += 1
        return None

    def headers(self, now: float) -> Mapping[str, str]:
        self._enter(now)
        return {
            "x-ratelimit-limit-requests": str(self.limit),
            "x-ratelimit-remaining-requests": str(self.limit - self._taken),
            "x-ratelimit-reset-requests": duration(60 - now % 60),
        }

    def _enter(self, now: float) -> None:
        if now // 60 != self._minute:
            self._minute, self._taken = int(now // 60), 0


@dataclass
class World:
    """Runs jobs against a server, through as many lanes to one quota as there are limits.

    Attributes:
        server: Who counts.
        limits: Those of each lane; jobs are dealt out to them in turn.
        max_retries: How often a refused job tries again.
        now: The time.
        sent: Each job that was let in, with the time.
        refused: How many requests were refused, with the times.
        failed: The jobs that gave up, with the reason.
        ended: How many jobs have ended well.
        finished_at: When the last of them did.
        running: How many are being answered.
        peak: The most that were.
    """

    server: Server = field(default_factory=SilentServer)
    limits: Sequence[Limits] = (Limits(),)
    max_retries: int = 2
    now: float = 0.0
    sent: list[tuple[float, Job]] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    failed: list[tuple[Job, ScalewayError]] = field(default_factory=list)
    ended: int = 0
    finished_at: float = 0.0
    running: int = 0
    peak: int = 0

    def __post_init__(self) -> None:
        self.quota = Quota(lambda: self.now)
        self.lanes = [Lane(self.quota, limits) for limits in self.limits]
        self._numbers = itertools.count()
        self._events: list[tuple[float, int, Callable[[], None]]] = []

    def run(self, jobs: Sequence[Job], most_steps: int = 1_000_000) -> None:
        """Run jobs until nothing is left to happen.

        Raises:
            AssertionError: Something is left waiting for ever.
        """
        for job, lane in zip(jobs, itertools.cycle(self.lanes), strict=False):
            self.at(job.joins_at, _Attempt(self, job, lane, self.max_retries).join)
        for _ in range(most_steps):
            if not self._events:
                return
            self.now, _, happen = heapq.heappop(self._events)
            happen()
        raise AssertionError(f"Requests still wait at {self.now} s.")

    def at(self, time: float, happen: Callable[[], None]) -> None:
        """Have something happen at a time, or now where that has passed."""
        heapq.heappush(self._events, (max(time, self.now), next(self._numbers), happen))

    def most_in_a_minute(self, amount: Callable[[Job], float] = lambda _: 1) -> float:
        """The most that was let in during any sixty seconds."""
        most = 0.0
        for start, _ in self.sent:
            minute = (amount(job) for time, job in self.sent if start <= time < start + 60)
            most = max(most, sum(minute))
        return most


class _Attempt(Waiter):
    """A job on its way."""

    def __init__(self, world: World, job: Job, lane: Lane, retries: int) -> None:
        super().__init__(Demand(text_size=job.prompt_tokens * BYTES_PER_TOKEN))
        self._world = world
        self._job = job
        self._lane = lane
        self._retries = retries
        self._waits = True

    def join(self) -> None:
        self._lane.join(self)
        if self._job.leaves_at is not None:
            self._world.at(self._job.leaves_at, self._leave)
        self._ask()

    def wake(self) -> None:
        self._world.at(self._world.now, self._ask)

    def _leave(self) -> None:
        if self._waits:
            self._waits = False
            self._lane.leave(self)

    def _ask(self) -> None:
        if not self._waits:
            return
        try:
            outcome = self._lane.try_start(self)
        except ScalewayError as error:
            self._waits = False
            self._world.failed.append((self._job, error))
            return
        if isinstance(outcome, Turn):
            self._waits = False
            self._send(outcome)
        else:
            self._world.at(self._world.now + outcome, self._ask)

    def _send(self, turn: Turn) -> None:
        world = self._world
        refusal = world.server.admit(self._job, world.now)
        if refusal is not None:
            world.refused.append(world.now)
            world.at(world.now + REFUSED_AFTER, lambda: self._refuse(turn, refusal))
            return
        world.sent.append((world.now, self._job))
        world.running += 1
        world.peak = max(world.peak, world.running)
        headers = world.server.headers(world.now)
        world.at(world.now + self._job.seconds, lambda: self._end(turn, headers))

    def _refuse(self, turn: Turn, reason: str) -> None:
        error = ScalewayRateLimitError(reason, status_code=429, model=MODEL, body=reason)
        turn.fail(error)
        if not self._retries:
            self._world.failed.append((self._job, error))
            return
        again = _Attempt(self._world, self._job, self._lane, self._retries - 1)
        self._world.at(self._world.now, again.join)

    def _end(self, turn: Turn, headers: Mapping[str, str]) -> None:
        world, job = self._world, self._job
        world.running -= 1
        world.server.finish(job, world.now)
        if job.breaks:
            turn.fail(ScalewayConnectionError("The connection broke."))
            return
        turn.answered(headers)
        turn.end({"prompt_tokens": job.prompt_tokens, "completion_tokens": job.answer_tokens})
        world.ended += 1
        world.finished_at = world.now
