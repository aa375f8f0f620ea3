"""Scaleway's quotas: requests and tokens per minute, and concurrent requests, per model.

Scaleway documents the figures and the headers, not the algorithm. Its samples, 599 of 600
requests left and "250ms" to reset beside "35ms" for tokens, exclude a fixed window (both
resets would be equal and near a minute), so the emulator keeps **token buckets**: a bucket
holds one minute's worth, refills continuously, and `reset` is the time until it is full
again, which is what the header means in OpenAI's API. Where Scaleway leaves a choice open:

- a request takes one request and its prompt tokens when it arrives; if either bucket holds
  less, the answer is 429 and nothing is taken;
- its completion tokens are taken when it ends, and may leave the bucket below zero;
- checks run in the order concurrency, requests, tokens, seconds of audio.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Final

_SECONDS_PER_MINUTE: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotas:
    """Limits that hold for each model separately; `None` switches one off.

    The defaults are Scaleway's for an organization with a payment method; with a verified
    identity it is 600 requests and 400,000 to 2,000,000 tokens (organization quotas page,
    2026-09).

    Attributes:
        requests_per_minute: Requests that may start in a minute.
        tokens_per_minute: Prompt and completion tokens together.
        concurrent_requests: Requests being answered at the same time.
        audio_seconds_per_minute: Seconds of audio to transcribe.
    """

    requests_per_minute: int | None = 300
    tokens_per_minute: int | None = 200_000
    concurrent_requests: int | None = 100
    audio_seconds_per_minute: int | None = 1800


class TokenBucket:
    """A bucket that holds a minute's worth and refills continuously.

    Args:
        per_minute: The capacity, and what flows in during one minute.
        now: The time in seconds at which the bucket is full.
    """

    def __init__(self, per_minute: int, now: float = 0.0) -> None:
        self.per_minute = per_minute
        self._per_second = per_minute / _SECONDS_PER_MINUTE
        self._level = float(per_minute)
        self._updated = now

    def level(self, now: float) -> float:
        """Return what the bucket holds at a time; below zero when it is in debt."""
        elapsed = max(0.0, now - self._updated)
        self._level = min(float(self.per_minute), self._level + elapsed * self._per_second)
        self._updated = max(self._updated, now)
        return self._level

    def take(self, amount: float, now: float) -> None:
        """Take an amount out, below zero if need be."""
        self._level = self.level(now) - amount

    def seconds_to_full(self, now: float) -> float:
        """Return the seconds until the bucket is full again."""
        return (self.per_minute - self.level(now)) / self._per_second


@dataclass(slots=True)
class _ModelUse:
    """The state of one model's quotas."""

    buckets: dict[str, TokenBucket]
    running: int = 0


@dataclass(slots=True)
class QuotaLedger:
    """Admits requests or says which quota refuses them.

    Attributes:
        quotas: The limits; `None` admits everything and sends no headers.
        refused: How many requests each quota has refused.
        peak_running: The most requests that ran at once, over all models.
    """

    quotas: Quotas | None
    refused: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    peak_running: int = 0
    _running: int = 0
    _models: dict[str, _ModelUse] = field(default_factory=dict)

    def admit(
        self, model: str, prompt_tokens: int, now: float, *, audio_seconds: float = 0
    ) -> str | None:
        """Let a request start, or return Scaleway's sentence that refuses it.

        The sentences for concurrency and tokens are captured; the others are formed like them.
        """
        use = self._use(model, now)
        concurrent = self.quotas.concurrent_requests if self.quotas else None
        if concurrent is not None and use.running >= concurrent:
            self.refused["concurrent_requests"] += 1
            return "You exceeded your current limit of concurrent requests."
        amounts = {"requests": 1, "tokens": prompt_tokens, "audio_seconds": audio_seconds}
        for name, bucket in use.buckets.items():
            if bucket.level(now) < amounts[name]:
                self.refused[f"{name}_per_minute"] += 1
                return f"You exceeded your current quota of {name.replace('_', ' ')} per minute."
        for name, bucket in use.buckets.items():
            bucket.take(amounts[name], now)
        use.running += 1
        self._running += 1
        self.peak_running = max(self.peak_running, self._running)
        return None

    def finish(self, model: str, completion_tokens: int, now: float) -> None:
        """Record that an admitted request has ended and what it generated."""
        use = self._use(model, now)
        use.running -= 1
        self._running -= 1
        if "tokens" in use.buckets:
            use.buckets["tokens"].take(completion_tokens, now)

    def headers(self, model: str, now: float) -> list[tuple[str, str]]:
        """Return the `x-ratelimit-*` headers that a successful answer carries."""
        headers: list[tuple[str, str]] = []
        buckets = self._use(model, now).buckets
        for name in ("requests", "tokens"):
            if bucket := buckets.get(name):
                remaining = max(0, int(bucket.level(now)))
                reset = duration(bucket.seconds_to_full(now))
                headers += [
                    (f"x-ratelimit-limit-{name}", str(bucket.per_minute)),
                    (f"x-ratelimit-remaining-{name}", str(remaining)),
                    (f"x-ratelimit-reset-{name}", reset),
                ]
        return headers

    def _use(self, model: str, now: float) -> _ModelUse:
        if model not in self._models:
            use = self._models[model] = _ModelUse({})
            for name in ("requests", "tokens", "audio_seconds"):
                limit = getattr(self.quotas, f"{name}_per_minute", None)
                if limit is not None:
                    use.buckets[name] = TokenBucket(limit, now)
        return self._models[model]


def duration(seconds: float) -> str:
    """Write a duration as Go and Scaleway's headers do: `250ms`, `1.5s`, `1m0.25s`.

    Whole milliseconds are enough; Scaleway's samples are `250ms` and `35ms`.
    """
    milliseconds = round(seconds * 1000)
    if milliseconds < 1000:  # noqa: PLR2004 -- a second
        return f"{milliseconds}ms"
    minutes, rest = divmod(milliseconds, 60_000)
    text = f"{rest / 1000:.3f}".rstrip("0").rstrip(".")
    return f"{minutes}m{text}s" if minutes else f"{text}s"
