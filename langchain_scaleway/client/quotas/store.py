"""What a quota in a store does: take, learn and settle, each of them atomic.

Scaleway's quotas are per organization and model: requests per minute, tokens per minute and
requests at once. The store counts what is in use. `MemoryQuota` and the scripts of `RedisQuota`
follow the same rules, in two languages.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Literal, NamedTuple, Protocol


class Limits(NamedTuple):
    """The most requests per minute, tokens per minute (of both kinds), and requests at once."""

    requests: float = inf
    tokens: float = inf
    concurrency: float = inf


UNLIMITED = Limits()
DOCUMENTED = Limits(300, 200_000, 100)
"""The lowest quotas that Scaleway documents (page "Organization quotas", September 2026)."""


@dataclass(frozen=True)
class Scope:
    """What has a quota of its own, and how a limiter uses it.

    Attributes:
        account: Tells apart whose quota it is, and of which model; no key can be read from it.
        own: The limits of the user, which count besides Scaleway's.
        share: The part of Scaleway's limits that may be used.
        time_scale: How many of the server's seconds pass in a second.
        lease: Seconds for which a shared store counts a request that nobody renews, because its
            process has been killed, or could not reach the store.
        longest: Seconds after which a request has ended, whatever has become of it; by default a
            little more than the five minutes that Scaleway gives an answer.
    """

    account: str
    own: Limits = UNLIMITED
    share: float = 1.0
    time_scale: float = 1.0
    lease: float = 30.0
    longest: float = 330.0

    @property
    def assumed(self) -> Limits:
        """The limits that count until answers have shown Scaleway's.

        A limit of the user's stands in for the documented one: a dedicated deployment has no
        quotas, and its users know what it bears.
        """
        requests, tokens, concurrency = (
            documented * self.share if own == inf else inf
            for documented, own in zip(DOCUMENTED, self.own, strict=True)
        )
        return Limits(requests, tokens, concurrency)


class Estimate(NamedTuple):
    """The tokens that a request takes: its prompt's when it starts, its answer's when it ends."""

    prompt: float = 0.0
    answer: float = 0.0


@dataclass(frozen=True)
class Lease:
    """A request that may be sent, until it is settled.

    Attributes:
        estimate: The tokens that were reserved for it.
        at: When it was let through, on the store's clock.
        epoch: How many pauses there had been.
        running: How many requests were under way, with this one.
        used: What was missing from the buckets of requests and of tokens right afterwards, apart
            from corrections.
    """

    id: str
    estimate: Estimate
    at: float
    epoch: int
    running: int
    used: tuple[float, float]


class QuotaState(NamedTuple):
    """What an answer says of one quota: how much a minute may take, and what is left of it."""

    limit: float
    remaining: float

    @classmethod
    def all_in(cls, headers: Mapping[str, str]) -> dict[str, "QuotaState"]:
        """Read the `x-ratelimit-*` headers for `requests` and `tokens`, where they make sense.

        Successful answers carry them, refusals do not (Scaleway's page "Rate limits", 2026-04-24,
        and answers of July 2026).
        """
        states = {}
        for name in ("requests", "tokens"):
            limit = _number(headers.get(f"x-ratelimit-limit-{name}"))
            remaining = _number(headers.get(f"x-ratelimit-remaining-{name}"))
            if limit is not None and limit >= 1 and remaining is not None:
                states[name] = cls(limit, remaining)
        return states


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if 0 <= number < inf else None


Refusal = Literal["", "concurrency", "requests", "tokens", "unknown"]
"""Which quota has refused a request; empty if none has."""


class Outcome(NamedTuple):
    """What a request has really taken, when it has ended, and which quota has refused it."""

    requests: int
    tokens: Estimate
    refusal: Refusal = ""


NOTHING_TAKEN = Outcome(0, Estimate())


class Quota(Protocol):
    """One quota of a store. Waits are in the server's seconds."""

    def take(self, estimate: Estimate) -> Lease | float:
        """Let a request through, or say how long to wait before asking again."""

    def learn(self, lease: Lease, states: Mapping[str, QuotaState]) -> None:
        """Learn from a success and from its headers, by name: `requests` and `tokens`."""

    def renew(self, leases: Sequence[str]) -> None:
        """Have requests that are under way, by their ids, count for as long as new ones."""

    def settle(self, lease: Lease, outcome: Outcome) -> int:
        """Count what was taken instead of the estimate; gives the refusals in a row until now."""
