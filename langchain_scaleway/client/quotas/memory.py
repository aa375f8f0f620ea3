"""The quotas of one process, in its memory."""

import math
import random
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from secrets import token_hex

from langchain_scaleway.client.quotas.store import (
    DOCUMENTED,
    UNLIMITED,
    Estimate,
    Lease,
    Limits,
    Outcome,
    Quota,
    QuotaState,
    Refusal,
    Scope,
)

MINUTE = 60.0
HEADROOM = 0.01
"""The share of a learnt limit that is not planned to be used: amounts are estimates."""
TRUST = 0.1
"""The share of a surplus that one answer is believed: too much does more harm than too little."""
INCREASE = 0.2
"""How much concurrency grows while as many requests are answered as run at once."""
DECREASE = 0.7
RECOVERY = 0.9
RECOVERY_BY_TOKENS = 0.3
"""By what the pace is multiplied after a refusal, and what a minute's quota of answers adds to it
again, by their number or by their tokens. That way programs that do not know of one another come to
share a quota. Where a few large requests use it up, one that is refused too early weighs more."""
LONGEST_PAUSE = 30.0
JITTER = 0.25
"""The share by which pauses are longer at random."""
PROBE_SECONDS = 5.0
"""Seconds after which a probe counts as let in: a refusal comes at once, an answer may take
minutes."""


class MemoryStore:
    """Quotas that live as long as somebody uses them."""

    is_remote = False  # Its operations do not take the time of a network.

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._shared: weakref.WeakValueDictionary[object, Allowance] = weakref.WeakValueDictionary()

    def quota(self, scope: Scope) -> Quota:
        """The quota of a scope. Its own limits belong to it alone."""
        key = scope.account, scope.share, scope.time_scale
        with self._lock:
            allowance = self._shared.setdefault(key, Allowance(scope.share))
        return MemoryQuota(allowance, scope, self._lock, self._clock)


class MemoryQuota:
    """A quota in the memory: Scaleway's, and the user's own limits."""

    def __init__(
        self, shared: "Allowance", scope: Scope, lock: threading.Lock, clock: Callable[[], float]
    ) -> None:
        self._shared = shared
        self._allowances = [(shared, scope.assumed)]
        if scope.own != UNLIMITED:
            self._allowances.append((Allowance(), scope.own))
        self._lock = lock
        self._clock = clock
        self._time_scale = scope.time_scale
        self._seconds = scope.longest * scope.time_scale  # No killed process leaves requests here.

    def take(self, estimate: Estimate) -> Lease | float:
        """Let a request through, or say how long to wait; infinite until another ends."""
        with self._lock:
            now = self._now()
            waits = [
                allowance.wait(estimate, limits, now) for allowance, limits in self._allowances
            ]
            if max(waits) > 0:
                return max(waits)
            request = token_hex(8), estimate, now, now + self._seconds
            lease, *_ = [allowance.take(*request) for allowance, _ in self._allowances]
            return lease

    def learn(self, lease: Lease, states: Mapping[str, QuotaState]) -> None:
        """Learn from a success and from its headers."""
        with self._lock:
            self._shared.learn(lease, states, self._now())

    def renew(self, leases: Sequence[str]) -> None:
        """Nothing is to be done: they have all the time from the beginning."""

    def settle(self, lease: Lease, outcome: Outcome) -> int:
        """Count what a request has taken, and learn from a refusal."""
        with self._lock:
            now = self._now()
            for allowance, _ in self._allowances:
                allowance.settle(lease, outcome, now)
            if outcome.refusal:
                self._shared.refuse(lease, outcome.refusal, now)
            return self._shared.refusals

    def _now(self) -> float:
        return self._clock() * self._time_scale


class Bucket:
    """A token bucket: it holds a minute's worth, and fills again evenly. It starts full."""

    def __init__(self) -> None:
        self.limit = 0.0  # What a minute may take, once an answer has said so.
        self.used = 0.0  # What is missing; may be more than the bucket holds.
        self.corrected = 0.0  # How much of it was added because the server said so.

    def correct(self, amount: float) -> None:
        """Count more as used, or less, because the server does."""
        self.used += amount
        self.corrected += amount

    def refill(self, seconds: float, rate: float) -> None:
        """Let time pass, in which so much a minute flows in."""
        if seconds > 0:
            self.used = max(0.0, self.used - seconds * rate / MINUTE)

    def missing(self, amount: float, reserved: float, limit: float) -> float:
        """How much has to flow in until an amount is there; beyond the limit all of it will do."""
        missing = self.used + reserved + min(amount + HEADROOM * self.limit, limit) - limit
        return missing if missing > 1e-6 else 0.0  # noqa: PLR2004 -- rounding

    def follow(
        self, state: QuotaState, used_then: float, elapsed: float, under_way: float, share: float
    ) -> None:
        """Believe what the server says, where it contradicts our own account.

        The server has counted at some moment since the request was sent, and perhaps before
        others that are under way. Only what that does not explain is a contradiction: others
        use the quota too, or estimates were off.

        Args:
            state: What the server says.
            used_then: What was missing here when the request was sent, apart from corrections.
            elapsed: Seconds since then.
            under_way: What requests under way may have taken, uncounted by the server.
            share: The part of the quota that is ours.
        """
        limit = self.limit = state.limit * share
        now, then = limit - self.used, limit - used_then - self.corrected
        least, most = min(then, now), max(then + elapsed * limit / MINUTE, now) + under_way
        if state.remaining < least:
            self.correct(least - state.remaining)
        elif state.remaining > most and share == 1:
            self.correct(-min(self.used, TRUST * (state.remaining - most)))


class Allowance:
    """What is used of a quota: two token buckets, concurrency, and a pause after a refusal.

    After a refusal for a quota per minute nobody is let through for a while. Then one request
    probes ("half-open"), and when it is let in, all go on.

    Attributes:
        refusals: How many requests have been refused in a row, each after a pause.
    """

    def __init__(self, share: float = 1.0) -> None:
        self.refusals = 0
        self._share = share
        self._requests = Bucket()
        self._tokens = Bucket()
        self._concurrency = math.inf  # As refusals have shown it.
        self._running: dict[str, tuple[float, Estimate]] = {}  # By lease; when each expires.
        self._under_way = Estimate()  # The estimates of all that run, added up.
        self._at = 0.0
        self._slowed = 0.0  # How much less than the limit flows in, since others use it, too.
        self._closed_until = 0.0
        self._epoch = 0
        self._probe = ""
        self._probed_at = 0.0

    def wait(self, estimate: Estimate, assumed: Limits, now: float) -> float:
        """How many seconds until a request may go; infinite if another has to end before."""
        self._expire(now)
        requests, tokens, concurrency = self._limits(assumed)
        pace = 1 - self._slowed
        self._requests.refill(now - self._at, requests * pace)
        self._tokens.refill(now - self._at, tokens * pace)
        self._at = now
        if self._running and len(self._running) + 1 > concurrency:
            return math.inf
        answers = self._under_way.answer
        if self._probe and now >= self._probed_at + PROBE_SECONDS:
            self._open()
        return max(
            self._requests.missing(1, 0, requests) * MINUTE / (requests * pace),
            self._tokens.missing(sum(estimate), answers, tokens) * MINUTE / (tokens * pace),
            self._closed_until - now if self.refusals else 0.0,
            self._probed_at + PROBE_SECONDS - now if self._probe else 0.0,
        )

    def take(self, name: str, estimate: Estimate, now: float, expires: float) -> Lease:
        """Let a request through: it takes its prompt now, and its answer when it ends."""
        self._requests.used += 1
        self._tokens.used += estimate.prompt
        self._running[name] = expires, estimate
        self._count(estimate, 1)
        requests, tokens = self._requests, self._tokens
        used = requests.used - requests.corrected, tokens.used - tokens.corrected
        if self.refusals:
            self._probe, self._probed_at = name, now
        return Lease(name, estimate, now, self._epoch, len(self._running), used)

    def learn(self, lease: Lease, states: Mapping[str, QuotaState], now: float) -> None:
        """Learn from an answer."""
        self._expire(now)
        if lease.epoch == self._epoch:
            self._open()
        self._concurrency += INCREASE / self._concurrency
        prompts = self._under_way.prompt - lease.estimate.prompt
        for name, bucket, used_then, under_way in (
            ("requests", self._requests, lease.used[0], len(self._running) - 1),
            ("tokens", self._tokens, lease.used[1], prompts),
        ):
            if name in states:
                bucket.follow(states[name], used_then, now - lease.at, under_way, self._share)
        requests, tokens, _ = self._limits(DOCUMENTED)
        recovered = max(RECOVERY / requests, RECOVERY_BY_TOKENS * sum(lease.estimate) / tokens)
        self._slowed = max(0.0, self._slowed - recovered)

    def settle(self, lease: Lease, outcome: Outcome, now: float) -> None:
        """Count what a request has taken instead of its estimate."""
        self._expire(now)
        self._release(lease.id)
        taken, reserved = outcome.tokens, lease.estimate.prompt
        self._requests.used = max(0.0, self._requests.used + outcome.requests - 1)
        self._tokens.used = max(0.0, self._tokens.used + sum(taken) - reserved)

    def refuse(self, lease: Lease, refusal: Refusal, now: float) -> None:
        """Learn from a refusal. Those of requests that were sent before a pause teach nothing."""
        if refusal == "concurrency":
            self._concurrency = max(1.0, min(self._concurrency, lease.running - 1))
            return
        if lease.epoch != self._epoch:
            return
        pause = min(LONGEST_PAUSE, 2.0**self.refusals)
        self._closed_until = now + pause * random.uniform(1, 1 + JITTER)  # noqa: S311 -- no secret
        self.refusals += 1
        self._epoch += 1
        self._slowed = 1 - (1 - self._slowed) * DECREASE
        self._probe = ""
        for name, bucket in (("requests", self._requests), ("tokens", self._tokens)):
            if refusal == name:
                bucket.correct(max(0.0, bucket.limit - bucket.used))

    def _limits(self, assumed: Limits) -> Limits:
        """The limits that count: Scaleway's where they are known."""
        return Limits(
            self._requests.limit or assumed.requests,
            self._tokens.limit or assumed.tokens,
            min(self._concurrency, assumed.concurrency),
        )

    def _open(self) -> None:
        self.refusals = 0
        self._probe = ""

    def _expire(self, now: float) -> None:
        """End what nobody has ended in time, such as requests of an event loop that was dropped."""
        while self._running:
            name, (expires, estimate) = next(iter(self._running.items()))
            if expires > now:  # The others began later.
                return
            self._tokens.used += estimate.answer
            self._release(name)

    def _release(self, name: str) -> None:
        if name in self._running:
            self._count(self._running.pop(name)[1], -1)
        if self._probe == name:
            self._probe = ""

    def _count(self, estimate: Estimate, sign: int) -> None:
        prompt, answer = self._under_way
        self._under_way = Estimate(prompt + sign * estimate.prompt, answer + sign * estimate.answer)
