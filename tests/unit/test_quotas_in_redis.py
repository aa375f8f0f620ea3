"""The store in Redis, on a fake one that runs the same Lua: it keeps the rules of the memory."""

import logging
import pickle
import random
import sys
import time
from collections.abc import Iterator
from math import inf
from typing import Any

import fakeredis
import pytest
import time_machine
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from langchain_scaleway import ScalewayRateLimiter
from langchain_scaleway.client.quotas.memory import PROBE_SECONDS, MemoryStore
from langchain_scaleway.client.quotas.redis import RedisStore
from langchain_scaleway.client.quotas.store import (
    Estimate,
    Lease,
    Limits,
    Outcome,
    Quota,
    QuotaState,
    Scope,
)

KEY = "5ca1ab1e-0000-4000-8000-00000000feed"
PROJECT = "11111111-2222-4333-8444-555555555555"
MODEL = "a-model-that-can-be-guessed"
NOBODY = "redis://127.0.0.1:1/0"
"""Where no Redis is."""


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """A clock that stands still until it is moved, for the store as well."""
    with time_machine.travel(1_800_000_000, tick=False) as traveller:
        yield traveller


def a_quota(scope: Scope, server: fakeredis.FakeServer | None = None) -> Quota:
    """A quota as a process of its own has it."""
    return RedisStore(fakeredis.FakeRedis(server=server or fakeredis.FakeServer())).quota(scope)


TEN = Estimate(10, 10)


def lease_of(quota: Quota, estimate: Estimate = TEN) -> Lease:
    """A lease that there must be."""
    lease = quota.take(estimate)
    assert isinstance(lease, Lease)
    return lease


STEPS = st.one_of(
    st.tuples(st.just("take"), st.integers(0, 3_000), st.integers(0, 3_000)),
    st.tuples(st.just("pass"), st.floats(0, 20) | st.just(200.0)),
    st.tuples(
        st.just("answer"),
        st.integers(0, 9),
        st.sampled_from([60, 600]),
        st.integers(0, 60),
        st.integers(0, 20_000),
    ),
    st.tuples(st.just("end"), st.integers(0, 9), st.integers(0, 3_000), st.integers(0, 3_000)),
    st.tuples(
        st.just("refuse"),
        st.integers(0, 9),
        st.sampled_from(["concurrency", "requests", "tokens", "unknown"]),
    ),
)
SCOPES = st.builds(
    lambda own, share, lease: Scope("account", own, share, lease=lease, longest=lease),
    own=st.sampled_from([Limits(), Limits(20, 10_000, 5), Limits(concurrency=2)]),
    share=st.sampled_from([1.0, 0.25]),
    lease=st.sampled_from([330, 1e9]),
)


class TestRules:
    @settings(max_examples=40)
    @given(scope=SCOPES, steps=st.lists(STEPS, max_size=30))
    def test_are_those_of_the_memory(self, scope: Scope, steps: list[tuple[Any, ...]]) -> None:
        """Whatever happens, both let through the same requests, and say the same waits."""
        with time_machine.travel(1_800_000_000, tick=False) as clock:
            both = a_quota(scope), MemoryStore(time.time).quota(scope)
            running: list[tuple[Lease, Lease]] = []
            for kind, *values in steps:
                if kind == "pass":
                    clock.shift(values[0])
                elif kind == "take":
                    there, here = (quota.take(Estimate(*values)) for quota in both)
                    if isinstance(there, Lease) and isinstance(here, Lease):
                        running.append((there, here))
                    else:
                        assert not isinstance(there, Lease)
                        assert (inf if there > 1e17 else there) == pytest.approx(here, abs=1e-3)
                elif running:
                    leases = running[values[0] % len(running)]
                    if kind != "answer":
                        running.remove(leases)
                    ends = [
                        follow(quota, lease, kind, values[1:])
                        for quota, lease in zip(both, leases, strict=True)
                    ]
                    assert ends[0] == ends[1]

    def test_hold_for_all_processes(self, clock: time_machine.Traveller) -> None:
        server = fakeredis.FakeServer()
        processes = [a_quota(Scope("account", Limits(requests=30)), server) for _ in range(3)]
        taken = [quota.take(Estimate()) for quota in processes * 15]
        assert [isinstance(one, Lease) for one in taken] == [True] * 30 + [False] * 15
        clock.shift(2)
        assert isinstance(processes[2].take(Estimate()), Lease)
        assert isinstance(processes[1].take(Estimate()), float)

    def test_after_a_refusal_all_processes_pause(self, clock: time_machine.Traveller) -> None:
        server = fakeredis.FakeServer()
        first, second = (a_quota(Scope("account"), server) for _ in range(2))
        assert first.settle(lease_of(first), Outcome(0, Estimate(), "requests")) == 1
        pause = second.take(Estimate())
        assert isinstance(pause, float)
        assert 1 <= pause <= 1.25
        clock.shift(2)
        probe = lease_of(second)
        assert first.take(Estimate()) == pytest.approx(PROBE_SECONDS)
        second.learn(probe, {})
        lease_of(first)

    def test_a_clock_that_is_set_back_stops_nobody(self, clock: time_machine.Traveller) -> None:
        """As after a failover to a replica whose clock is behind."""
        quota = a_quota(Scope("account"))
        assert quota.settle(lease_of(quota), Outcome(0, Estimate(), "unknown")) == 1
        clock.shift(-3_600)
        probe = lease_of(quota)
        wait = quota.take(Estimate())
        assert isinstance(wait, float)
        assert wait <= PROBE_SECONDS
        clock.shift(-3_600)
        assert quota.take(Estimate()) == pytest.approx(PROBE_SECONDS)
        quota.learn(probe, {})
        lease_of(quota)

    def test_what_one_learns_all_know(self, clock: time_machine.Traveller) -> None:
        server = fakeredis.FakeServer()
        first, second = (a_quota(Scope("account"), server) for _ in range(2))
        assert second.take(Estimate(150_000, 0)) != 0
        first.learn(lease_of(first), {"tokens": QuotaState(1_000_000, 999_000)})
        lease_of(second, Estimate(700_000, 0))


def follow(quota: Quota, lease: Lease, kind: str, values: list[Any]) -> int:
    """What becomes of a lease; chance is the same for everybody."""
    random.seed(0)
    if kind == "answer":
        limit, requests, tokens = values
        states = {"requests": QuotaState(limit, requests), "tokens": QuotaState(20_000, tokens)}
        quota.learn(lease, states)
        return 0
    if kind == "refuse":
        return quota.settle(lease, Outcome(0, Estimate(), values[0]))
    return quota.settle(lease, Outcome(1, Estimate(*values)))


class TestLeases:
    def test_of_a_killed_process_expire(self, clock: time_machine.Traveller) -> None:
        server = fakeredis.FakeServer()
        killed, other = (
            a_quota(Scope("account", Limits(concurrency=1), lease=60), server) for _ in range(2)
        )
        lease_of(killed)
        clock.shift(59)
        assert isinstance(other.take(Estimate()), float)
        clock.shift(2)
        lease_of(other)

    def test_that_are_renewed_last_longer(self, clock: time_machine.Traveller) -> None:
        server = fakeredis.FakeServer()
        scope = Scope("account", Limits(concurrency=1), lease=60)
        quota, other = (a_quota(scope, server) for _ in range(2))
        lease = lease_of(quota)
        for _ in range(3):
            clock.shift(59)
            quota.renew([lease.id])
        assert isinstance(other.take(Estimate()), float)
        clock.shift(61)
        lease_of(other)
        quota.renew([lease.id])
        clock.shift(61)
        lease_of(quota)

    def test_that_have_expired_end_without_harm(self, clock: time_machine.Traveller) -> None:
        quota = a_quota(Scope("account", Limits(concurrency=1), lease=60))
        late = lease_of(quota)
        clock.shift(61)
        other = lease_of(quota)
        quota.settle(late, Outcome(1, Estimate(10, 10)))
        assert isinstance(quota.take(Estimate()), float), "the other one still runs"
        quota.settle(other, Outcome(1, Estimate(10, 10)))
        lease_of(quota)


class TestKeys:
    def test_say_nothing_to_a_reader_and_lie_together_in_a_cluster(self) -> None:
        client = fakeredis.FakeRedis()
        limiter = ScalewayRateLimiter(store=client, max_concurrency=7)
        gate = limiter.gate(f"https://api.scaleway.ai/{PROJECT}/v1", SecretStr(KEY))
        permit = gate.acquire({"model": MODEL, "messages": [{"role": "user", "content": "Secret"}]})
        keys = {key.decode() for key in client.scan_iter()}
        hashes = [client.hgetall(key) for key in keys if client.type(key) == b"hash"]
        members = [client.zrange(key, 0, -1) for key in keys if client.type(key) == b"zset"]
        everything = f"{keys} {hashes} {members}"
        assert not any(word in everything for word in (KEY, PROJECT, MODEL, "Secret"))
        assert len(keys) == 5
        assert len({key[key.index("{") : key.index("}")] for key in keys}) == 1
        permit.end()

    def test_are_forgotten_when_nobody_uses_them(self) -> None:
        client = fakeredis.FakeRedis()
        lease_of(RedisStore(client).quota(Scope("account", Limits(requests=5))))
        assert all(0 < client.ttl(key) <= 86_400 for key in client.scan_iter())


class TestWithoutRedis:
    @pytest.fixture
    def limiter(self) -> ScalewayRateLimiter:
        return ScalewayRateLimiter(store=NOBODY)

    async def test_every_request_goes_and_one_warning_comes(
        self, limiter: ScalewayRateLimiter, caplog: pytest.LogCaptureFixture
    ) -> None:
        gate = limiter.gate("https://api.scaleway.ai/v1", SecretStr(KEY))
        with caplog.at_level(logging.WARNING, logger="langchain_scaleway"):
            for _ in range(50):
                permit = gate.acquire({"model": MODEL, "messages": []})
                permit.answered({})
                permit.end({"prompt_tokens": 1, "completion_tokens": 1})
                (await gate.aacquire({"model": MODEL, "messages": []})).end()
        [warning] = caplog.messages
        assert "cannot be reached" in warning
        assert "its share of Scaleway's quotas" in warning

    def test_a_process_keeps_to_its_share(self, clock: time_machine.Traveller) -> None:
        """As many as had asked lately share the quota; here two, of 300 requests a minute."""
        server = fakeredis.FakeServer()
        both = [a_quota(Scope("account"), server) for _ in range(2)]
        for quota in (*both, both[0]):
            quota.settle(lease_of(quota), Outcome(1, Estimate()))
        server.connected = False
        taken = [both[0].take(Estimate()) for _ in range(60)]
        assert [isinstance(one, Lease) for one in taken] == [True] * 50 + [False] * 10
        assert taken[-1] == inf, "half of a hundred requests at once"
        for lease in taken[:50]:
            assert isinstance(lease, Lease)
            both[0].settle(lease, Outcome(1, Estimate()))
        assert sum(isinstance(both[0].take(Estimate()), Lease) for _ in range(200)) == 50

    def test_places_that_could_not_be_given_back_are_as_soon_as_it_is_there_again(
        self, clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        server = fakeredis.FakeServer()
        quota, other = (a_quota(Scope("account", Limits(concurrency=1)), server) for _ in range(2))
        lease = lease_of(quota)
        server.connected = False
        quota.settle(lease, Outcome(1, Estimate()))
        server.connected = True
        assert isinstance(other.take(Estimate()), float)
        later = time.monotonic() + 6
        monkeypatch.setattr(time, "monotonic", lambda: later)
        quota.settle(lease_of(quota), Outcome(1, Estimate()))
        quota.settle(lease_of(other), Outcome(1, Estimate()))

    def test_places_that_nobody_gives_back_are_free_after_half_a_minute(
        self, clock: time_machine.Traveller
    ) -> None:
        server = fakeredis.FakeServer()
        quota, other = (a_quota(Scope("account", Limits(concurrency=1)), server) for _ in range(2))
        lease_of(quota)
        clock.shift(29)
        assert isinstance(other.take(Estimate()), float)
        clock.shift(2)
        lease_of(other)

    def test_errors_of_any_client_lose_no_request(self, caplog: pytest.LogCaptureFixture) -> None:
        """Those of the package `valkey` are none of the package `redis`."""

        class Client(fakeredis.FakeRedis):
            def evalsha(self, *_: Any) -> Any:
                raise LookupError("Valkey is away")

        gate = ScalewayRateLimiter(store=Client()).gate("https://api.scaleway.ai/v1", None)
        with caplog.at_level(logging.WARNING, logger="langchain_scaleway"):
            gate.acquire({"model": MODEL, "messages": []}).end()
        assert "cannot be reached (Valkey is away)" in caplog.text

    def test_what_was_taken_meanwhile_ends_where_it_was_taken(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        server = fakeredis.FakeServer()
        store = RedisStore(fakeredis.FakeRedis(server=server))
        quota = store.quota(Scope("account", Limits(concurrency=1)))
        server.connected = False
        here = lease_of(quota)
        server.connected = True
        later = time.monotonic() + 6
        monkeypatch.setattr(time, "monotonic", lambda: later)
        there = lease_of(quota)
        assert quota.settle(here, Outcome(1, Estimate())) == 0
        assert isinstance(quota.take(Estimate()), float), "the one in Redis still runs"
        quota.settle(there, Outcome(1, Estimate()))
        lease_of(quota)


class TestAsAnArgument:
    @pytest.mark.parametrize("url", ["localhost:6379", "http://localhost", "nonsense"])
    def test_an_address_must_be_one(self, url: str) -> None:
        with pytest.raises(ValueError, match="redis"):
            ScalewayRateLimiter(store=url)

    @pytest.mark.parametrize("client", [6379, fakeredis.FakeAsyncRedis()], ids=["none", "async"])
    def test_a_client_must_be_a_synchronous_one(self, client: Any) -> None:
        with pytest.raises(ValueError, match="a synchronous client of it"):
            ScalewayRateLimiter(store=client)

    @pytest.mark.parametrize("scheme", ["redis", "rediss", "valkey", "valkeys"])
    def test_shows_no_password_and_survives_a_pickle(self, scheme: str) -> None:
        limiter = ScalewayRateLimiter(store=f"{scheme}://me:hidden@localhost:6379/3")
        assert repr(limiter) == f"ScalewayRateLimiter(store='{scheme}://localhost:6379/3')"
        assert repr(pickle.loads(pickle.dumps(limiter))) == repr(limiter)  # noqa: S301 -- our own

    def test_names_the_extra_that_is_missing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delitem(sys.modules, "langchain_scaleway.client.quotas.redis")
        monkeypatch.setitem(sys.modules, "redis", None)
        with pytest.raises(ImportError, match=r"langchain-scaleway\[redis\]"):
            ScalewayRateLimiter(store="redis://somewhere:1")
