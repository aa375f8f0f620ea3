"""A world without clocks in which requests wait for quotas: time passes when nothing happens.

Requests wait in lines, are sent to a server that counts as the test wants it to, take their
time, and end. Everything is noted, so that a test can look at any minute of it.
"""

import heapq
import itertools
import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from langchain_scaleway.client.quotas.dispatcher import Dispatcher, Line
from langchain_scaleway.client.quotas.estimates import TokenEstimator
from langchain_scaleway.client.quotas.gate import Permit
from langchain_scaleway.client.quotas.memory import MemoryStore
from langchain_scaleway.client.quotas.store import Lease, Outcome, QuotaState, Scope
from langchain_scaleway.errors import ScalewayConnectionError, ScalewayError, ScalewayRateLimitError
from langchain_scaleway.testing.quotas import QuotaLedger, Quotas, duration
from langchain_scaleway.tokens import BYTES_PER_TOKEN, PromptSize

MODEL = "model"
REFUSED_AFTER = 0.05
"""Seconds until a refusal arrives."""
ASK_AGAIN = 5.0


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
    """Runs jobs against a server, through lines to its quota.

    Attributes:
        server: Who counts.
        scopes: Those of each line; jobs are dealt out to them in turn.
        processes: How many processes there are, which know nothing of one another. Each has all
            of the lines.
        bytes_per_token: How long the texts of the prompts are.
        headers_are_late: Whether the server counts what is left when it has answered, and not when
            it lets a request in.
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
    scopes: Sequence[Scope] = (Scope(MODEL),)
    processes: int = 1
    bytes_per_token: float = BYTES_PER_TOKEN
    headers_are_late: bool = False
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
        self._numbers = itertools.count()
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self.lines: list[_Line] = []
        for _ in range(self.processes):
            store, tokens = MemoryStore(lambda: self.now), TokenEstimator()
            self.lines += [_Line(self, store, scope, tokens) for scope in self.scopes]

    def run(self, jobs: Sequence[Job], most_steps: int = 1_000_000) -> None:
        """Run jobs until nothing is left to happen.

        Raises:
            AssertionError: Something is left waiting for ever.
        """
        for job, line in zip(jobs, itertools.cycle(self.lines), strict=False):
            self.at(job.joins_at, _Attempt(self, job, line, self.max_retries).join)
        for _ in range(most_steps):
            if not self._events:
                assert not any(line.queue for line in self.lines), "Somebody waits for ever."
                return
            self.now, _, happen = heapq.heappop(self._events)
            happen()
        raise AssertionError(f"Requests still wait at {self.now} s.")

    def at(self, time: float, happen: Callable[[], None]) -> None:
        """Have something happen at a time, or now where that has passed."""
        heapq.heappush(self._events, (max(time, self.now), next(self._numbers), happen))

    def serve(self) -> None:
        """Have the first of each line ask."""
        for line in self.lines:
            line.serve()

    def most_in_a_minute(self, amount: Callable[[Job], float] = lambda _: 1) -> float:
        """The most that was let in during any sixty seconds."""
        most = 0.0
        for start, _ in self.sent:
            minute = (amount(job) for time, job in self.sent if start <= time < start + 60)
            most = max(most, sum(minute))
        return most


class _Line(Line):
    """A line whose permits tell the store at once what has become of them."""

    def __init__(
        self, world: World, store: MemoryStore, scope: Scope, tokens: TokenEstimator
    ) -> None:
        super().__init__(_Now(store, world), scope, tokens)
        self.world = world
        self.queue: deque[_Attempt] = deque()
        self._asks_at = math.inf

    def serve(self) -> None:
        while self.queue:
            attempt = self.queue[0]
            outcome = self.quota.take(self.tokens.estimate(attempt.size, math.inf))
            if not isinstance(outcome, Lease):
                self._ask_at(self.world.now + min(outcome, ASK_AGAIN))
                return
            self.queue.popleft()
            attempt.send(Permit(self, attempt.size, outcome))

    def _ask_at(self, time: float) -> None:
        if time < self._asks_at or self._asks_at <= self.world.now:
            self._asks_at = time
            self.world.at(time, self.serve)


class _Now(Dispatcher):
    """Does everything at once."""

    def __init__(self, store: MemoryStore, world: World) -> None:
        super().__init__(store)
        self._world = world

    def learn(self, line: Line, lease: Lease, states: dict[str, QuotaState]) -> None:
        line.quota.learn(lease, states)

    def settle(
        self, line: Line, lease: Lease, outcome: Outcome, hopeless: Exception | None = None
    ) -> None:
        refusals = line.quota.settle(lease, outcome)
        if isinstance(hopeless, ScalewayError) and refusals >= 9:
            for one in self._world.lines:
                self._world.failed += [(attempt.job, hopeless) for attempt in one.queue]
                one.queue.clear()


class _Attempt:
    """A job on its way."""

    def __init__(self, world: World, job: Job, line: _Line, retries: int) -> None:
        self.size = PromptSize(round(job.prompt_tokens * world.bytes_per_token / BYTES_PER_TOKEN))
        self.job = job
        self._world = world
        self._line = line
        self._retries = retries

    def join(self) -> None:
        self._line.queue.append(self)
        if self.job.leaves_at is not None:
            self._world.at(self.job.leaves_at, self._leave)
        self._line.serve()

    def _leave(self) -> None:
        if self in self._line.queue:
            self._line.queue.remove(self)
            self._world.serve()

    def send(self, permit: Permit) -> None:
        world = self._world
        refusal = world.server.admit(self.job, world.now)
        if refusal is not None:
            world.refused.append(world.now)
            world.at(world.now + REFUSED_AFTER, lambda: self._refuse(permit, refusal))
            return
        world.sent.append((world.now, self.job))
        world.running += 1
        world.peak = max(world.peak, world.running)
        headers = world.server.headers(world.now)
        world.at(world.now + self.job.seconds, lambda: self._end(permit, headers))

    def _refuse(self, permit: Permit, reason: str) -> None:
        world = self._world
        error = ScalewayRateLimitError(reason, status_code=429, model=MODEL, body=reason)
        permit.end(error=error)
        if self._retries:
            again = _Attempt(world, self.job, self._line, self._retries - 1)
            world.at(world.now, again.join)
        else:
            world.failed.append((self.job, error))
        world.serve()

    def _end(self, permit: Permit, headers: Mapping[str, str]) -> None:
        world, job = self._world, self.job
        world.running -= 1
        world.server.finish(job, world.now)
        if job.breaks:
            permit.end(error=ScalewayConnectionError("The connection broke."))
        else:
            usage: dict[str, Any] = {"prompt_tokens": job.prompt_tokens}
            late = world.server.headers(world.now)
            permit.answered(late if world.headers_are_late else headers)
            permit.end(usage | {"completion_tokens": job.answer_tokens})
            world.ended += 1
            world.finished_at = world.now
        world.serve()
