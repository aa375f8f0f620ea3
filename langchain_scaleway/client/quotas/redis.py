"""The quotas of many processes and machines, in one Redis or Valkey.

The rules are those of `langchain_scaleway.client.quotas.memory`, as Lua scripts, which the server
runs one at a time and by its own clock. A quota has three keys, which a cluster keeps together:
a hash of what is used, a sorted set of leases by the time at which they expire, and one of the
processes that have asked lately. Names and values hold no key and no text of anybody's.
"""

import logging
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import inf
from pathlib import Path
from secrets import token_hex
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from langchain_scaleway.client.quotas import memory
from langchain_scaleway.client.quotas.memory import MemoryStore
from langchain_scaleway.client.quotas.store import (
    DOCUMENTED,
    UNLIMITED,
    Estimate,
    Lease,
    Limits,
    Outcome,
    Quota,
    QuotaState,
    Scope,
)

logger = logging.getLogger("langchain_scaleway")

_TIMEOUT = 1.0
"""Seconds after which a store that does not answer counts as down."""
_DOWN_SECONDS = 5.0
"""How long a store that is down is not asked."""
_INFINITE = "1e18"
"""What stands for no limit: Lua does not read `inf`."""

_CONSTANTS = "".join(
    f"local {name} = {getattr(memory, name)}\n"
    for name in (
        *("HEADROOM", "TRUST", "INCREASE", "DECREASE", "RECOVERY"),
        *("RECOVERY_BY_TOKENS", "LONGEST_PAUSE", "PROBE_SECONDS"),
    )
)
_CONSTANTS += f"local REQUESTS, TOKENS = {DOCUMENTED.requests}, {DOCUMENTED.tokens}\n"


class RedisStore:
    """Quotas that all who know the address share.

    While the store cannot be reached, each process keeps to a part of the quotas: as many of
    them as there were lately share it, unless the user has said what its share is.

    Args:
        client: A client of Redis or Valkey, synchronous.
    """

    is_remote = True

    def __init__(self, client: "redis.Redis") -> None:
        self._scripts = {
            name: client.register_script(_CONSTANTS + _lua("common") + _lua(name))
            for name in ("take", "learn", "renew", "settle")
        }
        self.process = token_hex(8)
        self.processes = 1
        self.fallback = MemoryStore()
        self._down_until = -inf

    @classmethod
    def from_url(cls, url: str) -> "RedisStore":
        """Connect to an address such as `redis://localhost:6379/0`; `valkey://` is the same."""
        client = redis.Redis.from_url(
            url.replace("valkey", "redis", 1) if url.startswith("valkey") else url,
            socket_timeout=_TIMEOUT,
            socket_connect_timeout=_TIMEOUT,
            retry=Retry(NoBackoff(), 1),
            health_check_interval=30,
        )
        return cls(client)

    def quota(self, scope: Scope) -> Quota:
        """The quota of a scope; who has the same limits of their own shares these, too."""
        return RedisQuota(self, scope)

    def run(self, script: str, keys: Sequence[str], *arguments: str | float) -> Any:
        """Run a script.

        Returns:
            What it returns, `None` while the store cannot be reached.
        """
        if time.monotonic() < self._down_until:
            return None
        try:
            answer = self._scripts[script](keys=keys, args=arguments)
        except Exception as error:  # noqa: BLE001 -- no failure of any client may lose a request
            if self._down_until == -inf:
                logger.warning(
                    "The store of rate limits cannot be reached (%s). Until it can, this process "
                    "keeps to its share of Scaleway's quotas, one of %d",
                    error,
                    self.processes,
                )
            self._down_until = time.monotonic() + _DOWN_SECONDS
            return None
        self._down_until = -inf
        return answer


class RedisQuota:
    """A quota in Redis, or this process's share of it while Redis cannot be reached."""

    def __init__(self, store: RedisStore, scope: Scope) -> None:
        self._store = store
        self._scope = scope
        base = f"langchain-scaleway:{{{scope.account}:{scope.share:g}:{scope.time_scale:g}}}"
        self._keys = [f"{base}:processes", f"{base}:quota", f"{base}:leases"]
        self._limits = [*scope.assumed]
        self._seconds = scope.lease * scope.time_scale
        if scope.own != UNLIMITED:
            own = ":".join(f"{limit:g}" for limit in scope.own)
            self._keys += [f"{base}:own:{own}", f"{base}:own:{own}:leases"]
            self._limits += scope.own
        self._untold: list[tuple[str | float, ...]] = []  # What has ended while Redis was away.
        self._local: Quota | None = None
        self._taken_here: dict[str, Quota] = {}  # Where a lease was taken that Redis does not know.

    def take(self, estimate: Estimate) -> Lease | float:
        """Let a request through, or say how long to wait before asking again."""
        while self._untold and self._run("settle", *self._untold[0]) is not None:
            del self._untold[0]
        prompt, answer = estimate
        member = f"{token_hex(8)}:{prompt:.3f}:{answer:.3f}"
        limits = [_INFINITE if limit == inf else limit for limit in self._limits]
        taken = self._run(
            "take", member, self._store.process, self._seconds, prompt, answer, *limits
        )
        if taken is None:
            return self._take_here(estimate)
        self._local = None
        wait, processes, at, epoch, running, *used = (float(number) for number in taken)
        self._store.processes = int(processes)
        if wait > 0:
            return wait
        return Lease(member, estimate, at, int(epoch), int(running), (used[0], used[1]))

    def learn(self, lease: Lease, states: Mapping[str, QuotaState]) -> None:
        """Learn from a success and from its headers."""
        if lease.id in self._taken_here:
            self._taken_here[lease.id].learn(lease, states)
            return
        numbers: list[str | float] = []
        for name, used in zip(("requests", "tokens"), lease.used, strict=True):
            numbers += [*states.get(name, ("", "")), used]
        self._run("learn", self._scope.share, lease.at, lease.epoch, *lease.estimate, *numbers)

    def renew(self, leases: Sequence[str]) -> None:
        """Have requests that are under way, by their ids, count for as long as new ones."""
        self._run("renew", self._seconds, *leases)

    def settle(self, lease: Lease, outcome: Outcome) -> int:
        """Count what a request has taken, and learn from a refusal."""
        if lease.id in self._taken_here:
            return self._taken_here.pop(lease.id).settle(lease, outcome)
        ended = (
            lease.id,
            lease.estimate.prompt,
            outcome.requests,
            sum(outcome.tokens),
            outcome.refusal,
            lease.running,
            lease.epoch,
            random.uniform(1, 1 + memory.JITTER),  # noqa: S311 -- no secret
        )
        refusals = self._run("settle", *ended)
        if refusals is None:
            self._untold.append(ended)
        return int(refusals or 0)

    def _run(self, script: str, *arguments: str | float) -> Any:
        return self._store.run(script, self._keys, self._scope.time_scale, *arguments)

    def _take_here(self, estimate: Estimate) -> Lease | float:
        """Take from this process's share of the quotas, which its memory keeps."""
        if self._local is None:
            scope = self._scope
            part = 1 / max(1, self._store.processes) if scope.share == 1 else 1.0
            own = Limits(*(limit * part for limit in scope.own))
            scope = replace(scope, own=own, share=scope.share * part)
            self._local = self._store.fallback.quota(scope)
        outcome = self._local.take(estimate)
        if isinstance(outcome, Lease):
            self._taken_here[outcome.id] = self._local
        return outcome


def _lua(name: str) -> str:
    return (Path(__file__).parent / "lua" / f"{name}.lua").read_text("utf-8")
