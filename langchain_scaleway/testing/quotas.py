"""Scaleway's quotas: requests and tokens per minute, and concurrent requests, per model.

Scaleway documents the figures and the headers, not the algorithm. Its samples, 599 of 600
requests left and "250ms" to reset beside "35ms" for tokens, exclude a fixed window, so the emulator
keeps **token buckets**: each holds one minute's worth and refills continuously, and `reset` is the
time until it is full again. A request takes what it needs when it arrives, or is refused and takes
nothing; its completion tokens are taken when it ends, and may leave the bucket below zero.
"""

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

CONCURRENCY_EXCEEDED: Final = "You exceeded your current limit of concurrent requests."


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


class ScaledClock:
    """Counts emulated seconds since it was made, at `epoch` in seconds since 1970."""

    def __init__(self, scale: float = 1.0) -> None:
        if scale <= 0:
            raise ValueError(f"time_scale must be positive, got {scale}.")
        self.scale = scale
        self.epoch = time.time()
        self._started = time.monotonic()

    def now(self) -> float:
        """Return the emulated seconds since the clock was made."""
        return (time.monotonic() - self._started) * self.scale

    def real_seconds(self, emulated_seconds: float) -> float:
        """Return how long a program must sleep for some emulated seconds to pass."""
        return emulated_seconds / self.scale


class TokenBucket:
    """A bucket that holds a minute's worth, is full at first and refills continuously."""

    def __init__(self, per_minute: int, now: float = 0.0) -> None:
        self.per_minute = per_minute
        self._level = float(per_minute)
        self._updated = now

    def level(self, now: float) -> float:
        """Return what the bucket holds at a time; below zero when it is in debt."""
        flown_in = max(0.0, now - self._updated) * self.per_minute / 60
        self._level = min(float(self.per_minute), self._level + flown_in)
        self._updated = max(self._updated, now)
        return self._level

    def take(self, amount: float, now: float) -> None:
        """Take an amount out, below zero if need be."""
        self._level = self.level(now) - amount

    def seconds_to_full(self, now: float) -> float:
        """Return the seconds until the bucket is full again."""
        return (self.per_minute - self.level(now)) * 60 / self.per_minute


@dataclass(slots=True)
class QuotaLedger:
    """Admits requests or says which quota refuses them; without quotas it admits all."""

    quotas: Quotas | None
    refused: Counter[str] = field(default_factory=Counter)  # by the quota's name
    peak_running: int = 0  # the most requests that ran at once, over all models
    _running: Counter[str] = field(default_factory=Counter)
    _buckets: dict[str, dict[str, TokenBucket]] = field(default_factory=dict)

    def admit(
        self, model: str, prompt_tokens: int, now: float, *, audio_seconds: float = 0
    ) -> str | None:
        """Let a request start, or return Scaleway's sentence that refuses it.

        The sentences for concurrency and tokens are captured; the others are formed like them.
        """
        concurrent = self.quotas.concurrent_requests if self.quotas else None
        if concurrent is not None and self._running[model] >= concurrent:
            self.refused["concurrent_requests"] += 1
            return CONCURRENCY_EXCEEDED
        amounts = {"requests": 1, "tokens": prompt_tokens, "audio_seconds": audio_seconds}
        buckets = self._buckets_of(model, now)
        for name, bucket in buckets.items():
            if bucket.level(now) < amounts[name]:
                self.refused[f"{name}_per_minute"] += 1
                return f"You exceeded your current quota of {name.replace('_', ' ')} per minute."
        for name, bucket in buckets.items():
            bucket.take(amounts[name], now)
        self._running[model] += 1
        self.peak_running = max(self.peak_running, self._running.total())
        return None

    def finish(self, model: str, completion_tokens: int, now: float) -> None:
        """Record that an admitted request has ended and what it generated."""
        self._running[model] -= 1
        if bucket := self._buckets_of(model, now).get("tokens"):
            bucket.take(completion_tokens, now)

    def headers(self, model: str, now: float) -> list[tuple[str, str]]:
        """Return the `x-ratelimit-*` headers that a successful answer carries."""
        return [
            (f"x-ratelimit-{figure}-{name}", text)
            for name, bucket in self._buckets_of(model, now).items()
            if name != "audio_seconds"
            for figure, text in (
                ("limit", str(bucket.per_minute)),
                ("remaining", str(max(0, int(bucket.level(now))))),
                ("reset", duration(bucket.seconds_to_full(now))),
            )
        ]

    def _buckets_of(self, model: str, now: float) -> dict[str, TokenBucket]:
        if model not in self._buckets:
            limits = {
                name: getattr(self.quotas, f"{name}_per_minute", None)
                for name in ("requests", "tokens", "audio_seconds")
            }
            self._buckets[model] = {
                name: TokenBucket(limit, now) for name, limit in limits.items() if limit is not None
            }
        return self._buckets[model]


def duration(seconds: float) -> str:
    """Write a duration as Go and Scaleway's headers do: `250ms`, `1.5s`, `1m0.25s`."""
    milliseconds = round(seconds * 1000)
    if milliseconds < 1000:  # noqa: PLR2004 -- a second
        return f"{milliseconds}ms"
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes}m{rest / 1000:g}s" if minutes else f"{rest / 1000:g}s"
