"""The rules of quotas, on a clock of the tests' own: nothing here waits or sends."""

import itertools
from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from langchain_scaleway.client.quotas.memory import MemoryStore
from langchain_scaleway.client.quotas.store import (
    NOTHING_TAKEN,
    Estimate,
    Lease,
    Limits,
    Outcome,
    QuotaState,
    Refusal,
    Scope,
)
from langchain_scaleway.errors import ScalewayRateLimitError
from langchain_scaleway.testing.quotas import Quotas
from langchain_scaleway.tokens import PromptSize
from tests.support.pacing import MODEL, BucketServer, FixedWindowServer, Job, World

SMALL = Estimate(1, 0)


class Clock:
    """A quota of the memory at a time that the test sets."""

    def __init__(self, scope: Scope | None = None) -> None:
        self.now = 0.0
        self.store = MemoryStore(lambda: self.now)
        self.quota = self.store.quota(scope or Scope(MODEL))

    def take(self, estimate: Estimate = SMALL) -> Lease:
        """Take what must be there."""
        lease = self.quota.take(estimate)
        assert isinstance(lease, Lease)
        return lease

    def wait(self, estimate: Estimate = SMALL) -> float:
        """How long a request has to wait; it is not sent."""
        outcome = self.quota.take(estimate)
        if isinstance(outcome, Lease):
            self.quota.settle(outcome, NOTHING_TAKEN)
            return 0.0
        return outcome

    def refuse(self, lease: Lease, refusal: Refusal = "requests") -> int:
        """The server refuses a request for a quota."""
        return self.quota.settle(lease, Outcome(0, Estimate(), refusal))


@st.composite
def jobs(draw: st.DrawFn) -> list[Job]:
    """Requests of all sizes that come at any time; some give up waiting, some break."""
    return draw(
        st.lists(
            st.builds(
                Job,
                prompt_tokens=st.integers(1, 400),
                answer_tokens=st.just(0),
                seconds=st.floats(0, 90),
                joins_at=st.floats(0, 200),
                leaves_at=st.none() | st.floats(200, 400),
                breaks=st.booleans(),
            ),
            max_size=60,
        )
    )


limits = st.builds(
    Limits,
    requests=st.integers(1, 20),
    tokens=st.integers(400, 2_000),
    concurrency=st.integers(1, 10),
)


def own(limits: Limits) -> Scope:
    """The scope of a limiter with limits of its own, which stand in for the documented ones."""
    return Scope(MODEL, limits)


class TestFixedLimits:
    @given(jobs=jobs(), limits=limits)
    def test_hold_as_token_buckets_and_nobody_waits_for_ever(
        self, jobs: list[Job], limits: Limits
    ) -> None:
        """A full bucket, and what flows in during the minute: no more than that in any minute."""
        world = World(scopes=[own(limits)])
        # Estimates that are right: what is wrong with others is for the headers to tell.
        world.lines[0].tokens.learn(PromptSize(1), Estimate(1, 0))
        world.run(jobs)
        most_tokens = world.most_in_a_minute(lambda job: job.prompt_tokens)
        assert world.most_in_a_minute() <= 2 * limits.requests
        assert most_tokens <= 2 * limits.tokens
        assert world.peak <= limits.concurrency
        gave_up = [job for job in jobs if job.leaves_at is not None]
        assert len(world.sent) >= len(jobs) - len(gave_up)

    @given(jobs=jobs(), both=st.tuples(limits, limits))
    def test_of_two_limiters_hold_apart(self, jobs: list[Job], both: tuple[Limits, Limits]) -> None:
        world = World(scopes=[own(limits) for limits in both])
        world.run(jobs)
        assert world.most_in_a_minute() <= 2 * sum(limits.requests for limits in both)

    def test_use_the_whole_quota(self) -> None:
        world = World(scopes=[own(Limits(requests=10))])
        world.run([Job()] * 30)
        assert world.finished_at == pytest.approx(122, abs=1)

    def test_beyond_what_scaleway_documents_count_where_it_says_nothing(self) -> None:
        """A dedicated deployment has no quotas, and its users know what it bears."""
        world = World(scopes=[own(Limits(900, 1_000_000, 300))])
        world.run([Job(seconds=30)] * 900)
        assert world.peak == 300
        assert world.finished_at < 120


def test_what_nobody_ends_has_ended_when_its_time_is_up() -> None:
    """An event loop may be closed while requests of it are under way."""
    clock = Clock(Scope(MODEL, Limits(concurrency=1), longest=400))
    lost = clock.take()
    clock.now += 399
    assert clock.wait() == inf
    clock.now += 1
    second = clock.take()
    clock.quota.settle(lost, Outcome(1, SMALL))
    assert clock.wait() == inf
    clock.quota.settle(second, Outcome(1, SMALL))
    assert clock.wait() == 0


class TestBeforeAnythingIsKnown:
    def test_the_lowest_documented_quotas_hold(self) -> None:
        world = World()
        world.run([Job(seconds=1)] * 700)
        assert len([time for time, _ in world.sent if time < 1]) <= 100
        assert world.finished_at >= (700 - 300) / 300 * 60
        assert world.peak == 100


class TestLearning:
    @settings(max_examples=15)
    @given(
        sizes=st.lists(st.tuples(st.integers(1, 800), st.integers(1, 800)), min_size=1),
        seconds=st.floats(0.1, 8),
        limits=st.tuples(st.integers(300, 3_000), st.integers(200_000, 2_000_000)),
        headers_are_late=st.booleans(),
    )
    def test_a_batch_takes_hardly_longer_than_it_must(
        self,
        sizes: list[tuple[int, int]],
        seconds: float,
        limits: tuple[int, int],
        *,
        headers_are_late: bool,
    ) -> None:
        quotas = Quotas(requests_per_minute=limits[0], tokens_per_minute=limits[1])
        world = World(BucketServer(quotas), headers_are_late=headers_are_late)
        batch = [Job(*size, seconds) for size, _ in zip(itertools.cycle(sizes), range(2_000))]
        world.run(batch)
        tokens = sum(job.prompt_tokens + job.answer_tokens for job in batch)
        shortest = max(2_000 / limits[0] - 1, tokens / limits[1] - 1, 2_000 * seconds / 100 / 60)
        assert world.ended == 2_000
        assert len(world.refused) < 20
        assert world.finished_at <= 1.05 * 60 * shortest + 2 * seconds + 5

    @pytest.mark.parametrize("processes", [2, 4, 8])
    def test_each_process_keeps_to_its_share(self, processes: int) -> None:
        world = World(
            BucketServer(Quotas(requests_per_minute=600)),
            [Scope(MODEL, share=1 / processes)],
            processes,
        )
        world.run([Job()] * 2_000)
        assert world.ended == 2_000
        assert not world.refused
        assert world.finished_at <= 1.05 * (2_000 / 600 - 1) * 60 + 2

    @pytest.mark.parametrize("processes", [2, 4])
    def test_processes_that_know_nothing_of_one_another_come_to_share(self, processes: int) -> None:
        """A hundred of each go at once before anybody can know; later few are refused."""
        server = BucketServer(Quotas(requests_per_minute=600))
        world = World(server, processes=processes, max_retries=6)
        world.run([Job()] * 2_000)
        assert world.ended == 2_000
        assert len(world.refused) < 150 * processes
        assert world.finished_at <= 1.1 * (2_000 / 600 - 1) * 60

    def test_a_quota_that_comes_back_at_once(self) -> None:
        """Scaleway's headers exclude it; batches go on all the same."""
        world = World(FixedWindowServer(120))
        world.run([Job(seconds=0.5)] * 600)
        assert world.ended == 600
        assert len(world.refused) < 30
        assert world.finished_at <= 5 * 60

    def test_others_use_the_quota_too(self) -> None:
        server = BucketServer(Quotas(requests_per_minute=600, concurrent_requests=None))
        world = World(server)
        world.run([Job()] * 100)
        for _ in range(400):
            server.admit(Job(prompt_tokens=1), world.now)
        world.run([Job(joins_at=world.now)])
        world.run([Job(joins_at=world.now, seconds=0.5)] * 300)
        assert world.ended == 401
        assert len(world.refused) <= 6, "those that were on their way when it was noticed"

    def test_what_was_thought_taken_and_was_not_comes_back(self) -> None:
        """Broken answers count as estimated, but this server counts none of their tokens."""
        quotas = Quotas(requests_per_minute=None, tokens_per_minute=200_000)
        world = World(BucketServer(quotas), max_retries=0)
        world.run([Job(answer_tokens=500), *[Job(answer_tokens=0, breaks=True)] * 400])
        began = world.now
        # Until one comes alone, what is missing may be on its way.
        for _ in range(30):
            world.run([Job(answer_tokens=1, seconds=0.05, joins_at=world.now)])
        world.run([Job(prompt_tokens=100_000, answer_tokens=1, seconds=1, joins_at=world.now)])
        assert world.now - began < 10

    def test_room_is_left_for_answers_under_way(self) -> None:
        world = World(scopes=[own(Limits(tokens=1_500))])
        world.run([Job(seconds=10)] * 4)
        assert [round(time) for time, _ in world.sent[:3]] == [0, 0, 10], "600, 600, then 200"

    def test_fewer_places_than_documented(self) -> None:
        quotas = Quotas(requests_per_minute=None, tokens_per_minute=None, concurrent_requests=20)
        world = World(BucketServer(quotas))
        world.run([Job(seconds=1)] * 1_000)
        assert world.ended == 1_000
        # The first hundred find out; later a place more is tried now and then.
        assert len(world.refused) <= 80 + 10

    def test_usage_corrects_estimates(self) -> None:
        """The prompts take a third more than their bytes say, and the answers far less."""
        quotas = Quotas(requests_per_minute=3_000, tokens_per_minute=200_000)
        world = World(BucketServer(quotas), bytes_per_token=3)
        world.run([Job(prompt_tokens=300, answer_tokens=40)] * 3_000)
        assert not world.refused
        assert world.finished_at < 1.05 * (3_000 * 340 / 200_000 - 1) * 60 + 4

    @given(st.permutations(range(20)))
    def test_the_order_in_which_answers_come_contradicts_nothing(self, order: list[int]) -> None:
        """As when each request opens a connection of its own."""
        clock = Clock()
        clock.quota.learn(clock.take(), {"requests": QuotaState(300, 299)})
        leases = [clock.take() for _ in range(20)]
        for number, place in enumerate(order, start=1):
            clock.quota.learn(leases[place], {"requests": QuotaState(300, 299 - number)})
        free = sum(isinstance(clock.quota.take(SMALL), Lease) for _ in range(100 - 21))
        assert free == 100 - 21
        for lease in leases:
            clock.quota.settle(lease, Outcome(1, SMALL))
        assert clock.wait(Estimate(200_000 - 100, 0)) == 0


class TestRefusals:
    def test_one_tries_while_the_others_wait(self) -> None:
        """A refusal without headers: the quota is used up by somebody else for a minute."""
        server = FixedWindowServer(50)
        for _ in range(50):
            server.admit(Job(), 0)
        world = World(server, max_retries=20)
        world.run([Job(joins_at=1)] * 40)
        assert world.refused[:40] == [1.0] * 40, "all had gone before the first refusal came"
        pauses = [late - early for early, late in itertools.pairwise([1.0, *world.refused[40:]])]
        assert all(pause > 2**number for number, pause in enumerate(pauses))
        assert len(pauses) <= 6
        assert world.ended == 40

    def test_a_storm_counts_once(self) -> None:
        clock = Clock()
        refusals = [clock.refuse(lease) for lease in [clock.take() for _ in range(10)]]
        assert refusals == [1] * 10
        assert 1 <= clock.wait() <= 1.25

    def test_success_of_the_probe_opens_for_all(self) -> None:
        clock = Clock()
        first, second = clock.take(), clock.take()
        clock.refuse(first)
        clock.quota.learn(second, {})
        assert clock.wait() > 0, "it was sent before the refusal"
        clock.now = 2.0
        probe = clock.take()
        assert clock.wait() > 0
        clock.quota.learn(probe, {})
        assert clock.wait() == 0

    def test_a_probe_that_takes_long_was_let_in(self) -> None:
        """A plain answer's headers come when it is whole, a refusal comes at once."""
        clock = Clock()
        clock.refuse(clock.take())
        clock.now = 2.0
        clock.take()
        assert clock.wait() == 5.0
        clock.now = 7.0
        clock.take()
        clock.take()

    def test_a_probe_without_an_outcome_is_followed_by_another(self) -> None:
        clock = Clock()
        clock.refuse(clock.take())
        clock.now = 2.0
        clock.quota.settle(clock.take(), Outcome(1, SMALL))
        clock.take()
        assert clock.wait() > 0

    def test_one_probes_even_if_an_earlier_request_ends(self) -> None:
        clock = Clock()
        first, second = clock.take(), clock.take()
        clock.refuse(first)
        clock.now = 2.0
        clock.take()
        clock.quota.settle(second, Outcome(1, SMALL))
        assert clock.wait() > 0

    @pytest.mark.parametrize(
        ("estimate", "a_minute"),
        [(SMALL, 300), (Estimate(9_000, 1_000), 20)],
        ids=["small", "large"],
    )
    def test_the_pace_comes_back_within_a_minute(self, estimate: Estimate, a_minute: int) -> None:
        """Of answers that use the quota up, whether by their number or by their tokens."""
        clock = Clock()
        clock.refuse(clock.take(estimate), "unknown")
        for _ in range(a_minute + 1):
            clock.now += 60
            lease = clock.take(estimate)
            clock.quota.learn(lease, {})
            clock.quota.settle(lease, Outcome(1, estimate))
        clock.now += 600
        for _ in range(a_minute):
            clock.quota.settle(clock.take(estimate), Outcome(1, estimate))
        assert clock.wait(estimate) == pytest.approx(60 / a_minute)

    def test_too_many_at_once_make_no_pause(self) -> None:
        clock = Clock()
        leases = [clock.take() for _ in range(11)]
        clock.refuse(leases[-1], "concurrency")
        assert clock.wait() == inf
        clock.quota.settle(leases[0], Outcome(1, SMALL))
        assert clock.wait() == 0

    def test_places_that_others_have_left_are_found_again(self) -> None:
        clock = Clock()
        leases = [clock.take() for _ in range(11)]
        clock.refuse(leases[-1], "concurrency")
        assert clock.wait() == inf
        for _ in range(55):
            clock.quota.learn(leases[0], {})
        assert clock.wait() == 0

    def test_what_never_ends_is_no_quota_per_minute(self) -> None:
        class Closed(FixedWindowServer):
            def admit(self, job: Job, now: float) -> str | None:
                return "You exceeded your budget."

        world = World(Closed(1))
        world.run([Job(), *[Job(joins_at=1)] * 500])
        assert len(world.failed) == 501
        assert world.now < 20 * 60
        turned_away = [error for _, error in world.failed if not error.is_retryable]
        assert len(turned_away) > 490
        assert all("You exceeded your budget." in error.message for error in turned_away)
        assert all(isinstance(error, ScalewayRateLimitError) for error in turned_away)


def test_a_request_of_more_than_the_limit_goes_when_all_of_it_is_free() -> None:
    world = World(scopes=[own(Limits(tokens=1_000))])
    world.run([Job(prompt_tokens=1_100), Job(prompt_tokens=1_100)])
    assert [round(time) for time, _ in world.sent] == [0, 72]


@given(
    st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500), st.integers(0, 500))),
    st.integers(0, 60),
)
def test_what_ends_leaves_the_quota_as_if_it_had_been_known(
    requests: list[tuple[int, int, int]], seconds: int
) -> None:
    """However wrong the estimates: after the end only what was really taken counts."""
    limits = own(Limits(tokens=1_000_000))
    guessing, knowing = Clock(limits), Clock(limits)
    for guess, prompt, answer in requests:
        used = Outcome(1, Estimate(prompt, answer))
        wrong, right = guessing.take(Estimate(guess, guess)), knowing.take(used.tokens)
        guessing.quota.settle(wrong, used)
        knowing.quota.settle(right, used)
    guessing.now = knowing.now = seconds
    whole = Estimate(1_000_000, 0)
    assert guessing.wait(whole) == pytest.approx(knowing.wait(whole), abs=1e-3)
