"""What refusals teach: to wait together, and how many requests fit at once."""

import random

_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 30.0
_JITTER = 0.25
"""The share by which pauses are longer at random: other processes pause as well."""

_REFUSED_WITHIN = 5.0
"""Seconds after which a trial counts as let in. A refusal comes at once, an answer may take
minutes."""

_MOST_REFUSALS = 9
"""Refusals in a row. The pauses between them add up to more than two minutes (121 to 151 s), longer
than any quota per minute lasts."""

_ANSWERS_PER_PLACE = 5
"""How many answers for each place there is must come before another place is tried."""


class Turnstile:
    """After a refusal for a quota per minute nobody goes, then one tries, then everybody goes.

    Requests are numbered in the order in which they are sent. Those that were sent before the
    turnstile closed neither open it nor close it for longer.
    """

    def __init__(self) -> None:
        """Start open."""
        self.refusals = 0
        self._opens_at = 0.0
        self._last_sent_before = 0
        self._trial: tuple[int, float] | None = None

    @property
    def is_hopeless(self) -> bool:
        """Whether the refusals have gone on for longer than any quota per minute lasts."""
        return self.refusals >= _MOST_REFUSALS

    def wait(self, now: float) -> float:
        """How many seconds until somebody may go; 0 when it is now."""
        if self.refusals and self._trial and now >= self._trial[1] + _REFUSED_WITHIN:
            self._open()
        if not self.refusals:
            return 0.0
        if self._trial:
            return self._trial[1] + _REFUSED_WITHIN - now
        return max(0.0, self._opens_at - now)

    def enter(self, number: int, now: float) -> None:
        """Note that a request goes; after a refusal it is the trial."""
        if self.refusals:
            self._trial = (number, now)

    def refuse(self, number: int, last_sent: int, now: float) -> float | None:
        """Close, for the longer the more often in a row.

        Args:
            number: The request that was refused.
            last_sent: The last request that was sent.
            now: The time.

        Returns:
            The seconds until the next trial; `None` if the request was sent before the last
            refusal, so that this one says nothing new.
        """
        if number <= self._last_sent_before:
            return None
        pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0**self.refusals)
        pause *= random.uniform(1, 1 + _JITTER)  # noqa: S311 -- jitter is no secret
        self.refusals += 1
        self._opens_at = now + pause
        self._last_sent_before = last_sent
        self._trial = None
        return pause

    def accept(self, number: int) -> None:
        """Open, because a request was let in."""
        if number > self._last_sent_before:
            self._open()

    def leave(self, number: int) -> None:
        """Note that a request has ended, which may have been a trial without an outcome."""
        if self._trial and self._trial[0] == number:
            self._trial = None

    def _open(self) -> None:
        self.refusals = 0
        self._trial = None


class Places:
    """How many requests fit at once, which Scaleway shows by refusals alone.

    Args:
        most: The quota as it is documented.
    """

    def __init__(self, most: int) -> None:
        self.count = most
        self._most = most
        self._answers = 0

    @property
    def is_learned(self) -> bool:
        """Whether refusals have shown that there are fewer than documented."""
        return self.count < self._most

    def refuse(self, running: int) -> None:
        """Learn that the last of so many requests at once was too many."""
        self.count = max(1, min(self.count, running - 1))
        self._answers = 0

    def accept(self) -> None:
        """Try one more place after many answers, because other programs may use fewer by now."""
        self._answers += 1
        if self.is_learned and self._answers >= _ANSWERS_PER_PLACE * self.count:
            self.count += 1
            self._answers = 0
