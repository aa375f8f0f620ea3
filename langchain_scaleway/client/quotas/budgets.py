"""What a quota per minute still allows: two ways to keep account, and who does it.

Nothing here knows a clock or a lock; times are given, in seconds that only go forward.
"""

import math
from dataclasses import dataclass
from typing import Protocol

from langchain_scaleway.client.quotas.headers import MINUTE, QuotaState

_NEGLIGIBLE = 1e-6
"""Amounts below it are rounding errors."""


class Budget(Protocol):
    """An amount per minute.

    Attributes:
        limit: How much a minute may take.
    """

    limit: float

    def available(self, now: float) -> float:
        """How much may be taken now; below zero after more was taken than expected."""

    def wait(self, amount: float, now: float) -> float:
        """How many seconds until an amount may be taken; 0 when it may be now.

        An amount beyond the limit counts as the whole limit.
        """

    def take(self, amount: float, at: float) -> None:
        """Take an amount, or give it back when it is negative.

        Args:
            amount: How much.
            at: When; what is given back names the time at which it was taken.
        """


class MinuteWindow:
    """A budget that is never exceeded in any sixty seconds, however the server counts.

    For limits that a user sets, and for those that no server has confirmed yet.
    """

    _SLICE = 0.25
    """Seconds whose amounts are counted together; they expire with the last of them."""

    def __init__(self, limit: float) -> None:
        """Start with nothing taken."""
        self.limit = limit
        self._taken: dict[int, float] = {}  # By slice, in the order of time.
        self._total = 0.0

    def available(self, now: float) -> float:
        """See `Budget`."""
        for number in list(self._taken):
            if self._end_of(number) + MINUTE > now:
                break
            self._total -= self._taken.pop(number)
        return self.limit - self._total

    def wait(self, amount: float, now: float) -> float:
        """See `Budget`."""
        missing = min(amount, self.limit) - self.available(now)
        if missing <= _NEGLIGIBLE:
            return 0.0
        for number, taken in self._taken.items():
            missing -= taken
            if missing <= _NEGLIGIBLE:
                return self._end_of(number) + MINUTE - now
        return MINUTE

    def take(self, amount: float, at: float) -> None:
        """See `Budget`."""
        number = math.floor(at / self._SLICE)
        if number not in self._taken:
            if amount <= 0:
                return  # What is given back has expired.
            # What becomes known late counts as taken last.
            number = max(number, next(reversed(self._taken), number))
        self._taken[number] = self._taken.get(number, 0.0) + amount
        self._total += amount

    def _end_of(self, number: int) -> float:
        return (number + 1) * self._SLICE


class ServerBudget:
    """A budget as the server keeps it, by what its `x-ratelimit-*` headers say.

    How Scaleway refills its quotas is not documented; the headers tell. `reset` is the time
    until the quota is whole again. Where it grows with what was taken, the quota comes back
    bit by bit; otherwise it comes back at once, and not before.

    Args:
        limit: How much a minute may take.
        available: How much may be taken now.
        now: The time.
    """

    _HEADROOM = 0.01
    """The share that is never planned to be taken: amounts are estimates."""

    _TRUST = 0.1
    """The share of a surplus that one answer is believed: to send too much is worse than too
    little."""

    _RESET_TOLERANCE = 0.25
    _RESET_SLACK = 1.0
    """A share of the expected `reset`, and seconds. How far together a `reset` may be from that
    of a quota that comes back bit by bit."""

    def __init__(self, limit: float, available: float, now: float) -> None:
        self.limit = limit
        self._level = available
        self._updated = now
        self._corrected = 0.0  # The sum of all corrections by what the server has said.
        self._reset_at = now
        self._whole_at: float | None = None  # Unset while the quota comes back bit by bit.

    def available(self, now: float) -> float:
        """See `Budget`."""
        elapsed = max(0.0, now - self._updated)
        self._updated += elapsed
        if self._whole_at is None:
            self._level = min(self.limit, self._level + elapsed * self.limit / MINUTE)
        elif now >= self._whole_at:
            self._level = self.limit
            self._whole_at = now + MINUTE
        return self._level

    def wait(self, amount: float, now: float) -> float:
        """See `Budget`."""
        planned = min(amount + self._HEADROOM * self.limit, self.limit)
        missing = planned - self.available(now)
        if missing <= _NEGLIGIBLE:
            return 0.0
        if self._whole_at is not None:
            return self._whole_at - now
        return missing * MINUTE / self.limit

    def take(self, amount: float, at: float) -> None:
        """See `Budget`."""
        self._level = min(self.limit, self.available(at) - amount)

    def empty(self, now: float, *, again: bool) -> None:
        """Take what is left: the server has refused a request for this quota.

        Args:
            now: The time.
            again: Whether the first request after a refusal was refused, too. Then the quota
                does not come back bit by bit, but all at once, at the last `reset`.
        """
        self._level = min(0.0, self.available(now))
        if again and self._reset_at > now:
            self._whole_at = self._reset_at

    def mark(self, now: float) -> float:
        """What is available now, apart from corrections; `learn` needs it from every request."""
        return self.available(now) - self._corrected

    def learn(
        self, state: QuotaState, mark: float, overtaken: float, sent_at: float, now: float
    ) -> None:
        """Follow what the server says, as far as it contradicts our own account.

        The server counted at some moment between the sending of the request and now, while our
        own account went from one value to another, and perhaps before requests that had been sent
        earlier. Only what all this cannot explain is a contradiction: somebody else uses the
        quota too, or estimates were off.

        Args:
            state: What the server says.
            mark: What `mark` was right after the request was sent.
            overtaken: What requests took that had been sent earlier and were not answered then.
            sent_at: When the request was sent.
            now: The time.
        """
        level = self.available(now)
        self._reset_at = now + (state.reset or 0.0)
        if state.reset is None or self._comes_bit_by_bit(state.remaining, state.reset):
            self._whole_at = None
        elif sent_at + state.reset > now:
            self._whole_at = self._reset_at
        else:
            return  # The quota may have come back since the server counted.
        when_sent = mark + self._corrected
        regained = 0.0 if self._whole_at is not None else (now - sent_at) * self.limit / MINUTE
        least, most = min(when_sent, level), max(when_sent + regained + overtaken, level)
        if state.remaining < least:
            self._correct(state.remaining - least)
        elif state.remaining > most:
            self._correct(self._TRUST * (state.remaining - most))

    def _correct(self, difference: float) -> None:
        self._level += difference
        self._corrected += difference

    def _comes_bit_by_bit(self, remaining: float, reset: float) -> bool:
        expected = (self.limit - remaining) * MINUTE / self.limit
        tolerated = self._RESET_SLACK + self._RESET_TOLERANCE * expected
        return abs(reset - expected) <= tolerated


@dataclass(frozen=True, slots=True)
class Entry:
    """What a meter has noted of one request.

    Attributes:
        at: When it started.
        first: What it took when it started.
        later: What it is expected to take until it ends.
        budget: The budget that it took from.
        mark: The budget's `mark` right afterwards, if it is a `ServerBudget`.
        overtaken: What requests took at once that were under way already.
        taken: All that had been taken right afterwards, since the beginning.
    """

    at: float
    first: float
    later: float
    budget: Budget
    mark: float
    overtaken: float
    taken: float


class Meter:
    """Keeps account of one quota per minute, of requests or of tokens.

    A request takes something when it starts, such as the tokens of its prompt, and something when
    it ends, such as those of its answer. For requests under way the latter is kept free.

    Args:
        limit: The limit until a server has told its own.
    """

    def __init__(self, limit: float) -> None:
        self.budget: Budget = MinuteWindow(limit)
        self._expected = 0.0
        self._under_way = 0.0
        self._taken = 0.0  # Since the beginning.

    @property
    def is_learned(self) -> bool:
        """Whether the server has told its limit."""
        return isinstance(self.budget, ServerBudget)

    def wait(self, amount: float, now: float) -> float:
        """How many seconds until a request that takes so much may start."""
        return self.budget.wait(amount + self._expected, now)

    def start(self, first: float, later: float, now: float) -> Entry:
        """Note a request.

        Args:
            first: What it takes at once.
            later: What it is expected to take until it ends.
            now: The time.
        """
        overtaken = self._under_way
        self._take(first, now)
        self._under_way += first
        self._expected += later
        mark = self.budget.mark(now) if isinstance(self.budget, ServerBudget) else 0.0
        return Entry(now, first, later, self.budget, mark, overtaken, self._taken)

    def end(self, entry: Entry, first: float, later: float, now: float) -> None:
        """Note what a request has really taken.

        Args:
            entry: What was noted when it started.
            first: What it took at once.
            later: What it took besides until now.
            now: The time.
        """
        self._under_way -= entry.first
        self._expected -= entry.later
        self._take(first - entry.first, entry.at)
        self._take(later, now)

    def give_back(self, entry: Entry) -> None:
        """Give back what a request took at once, after its end."""
        self._take(-entry.first, entry.at)

    def empty(self, now: float, *, again: bool) -> None:
        """Learn that the server has nothing left, if it is known how that comes back."""
        if isinstance(self.budget, ServerBudget):
            self.budget.empty(now, again=again)

    def learn(self, state: QuotaState, entry: Entry, now: float) -> None:
        """Learn from an answer's headers.

        Args:
            state: What they say.
            entry: What was noted when the request started.
            now: The time.
        """
        budget = self.budget
        if not isinstance(budget, ServerBudget) or budget.limit != state.limit:
            # What the server may not have counted yet.
            uncounted = entry.overtaken + self._taken - entry.taken
            self.budget = ServerBudget(state.limit, state.remaining - uncounted, now)
        elif budget is entry.budget:
            budget.learn(state, entry.mark, entry.overtaken, entry.at, now)

    def _take(self, amount: float, at: float) -> None:
        self.budget.take(amount, at)
        self._taken += amount
