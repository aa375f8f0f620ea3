"""The pacer's state machine on a clock of the tests' own: nothing here waits or sends."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from langchain_scaleway.client.quotas.budgets import Meter
from langchain_scaleway.client.quotas.estimates import Demand
from langchain_scaleway.client.quotas.headers import QuotaState
from langchain_scaleway.client.quotas.lane import Lane, Waiter
from langchain_scaleway.client.quotas.quota import Limits, Quota, Turn
from langchain_scaleway.errors import ScalewayAPIError, ScalewayError, ScalewayRateLimitError
from langchain_scaleway.testing.quotas import Quotas
from tests.support.pacing import MODEL, BucketServer, FixedWindowServer, Job, World


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
    requests_per_minute=st.integers(1, 20),
    tokens_per_minute=st.integers(400, 2_000),
    max_concurrency=st.integers(1, 10),
)


def leftovers(world: World) -> list[float]:
    """What is left of requests that have ended; all zero if none was lost."""
    quota = world.quota
    accounts = [quota.requests, quota.tokens]
    accounts += [m for lane in world.lanes for m in (lane._own.requests, lane._own.tokens) if m]
    left = [amount for meter in accounts for amount in (meter._expected, meter._under_way)]
    left += [quota.running, *(lane._own.running for lane in world.lanes)]
    left += [len(lane._waiting) for lane in world.lanes]
    return [round(amount, 6) for amount in left]


class TestFixedLimits:
    @given(jobs=jobs(), limits=limits)
    def test_hold_in_any_minute_and_nobody_waits_for_ever(
        self, jobs: list[Job], limits: Limits
    ) -> None:
        world = World(limits=[limits])
        # Estimates that are right: what is wrong with others is for the headers to tell.
        world.quota.estimator._answer_tokens.value = 0
        world.run(jobs)
        assert limits.requests_per_minute is not None
        assert limits.tokens_per_minute is not None
        assert limits.max_concurrency is not None
        assert world.most_in_a_minute() <= limits.requests_per_minute
        assert world.most_in_a_minute(lambda job: job.prompt_tokens) <= limits.tokens_per_minute
        assert world.peak <= limits.max_concurrency
        gave_up = [job for job in jobs if job.leaves_at is not None]
        assert len(world.sent) >= len(jobs) - len(gave_up)
        assert not any(leftovers(world))

    @given(jobs=jobs(), both=st.tuples(limits, limits))
    def test_of_two_limiters_hold_apart(self, jobs: list[Job], both: tuple[Limits, Limits]) -> None:
        world = World(limits=both)
        world.run(jobs)
        assert not any(leftovers(world))
        most = sum(limits.requests_per_minute or 0 for limits in both)
        assert world.most_in_a_minute() <= most

    def test_use_the_whole_quota(self) -> None:
        world = World(limits=[Limits(requests_per_minute=10)])
        world.run([Job()] * 30)
        assert world.finished_at == pytest.approx(122, abs=1)

    def test_one_request_a_minute(self) -> None:
        world = World(limits=[Limits(requests_per_minute=1)])
        world.run([Job()] * 3)
        starts = [time for time, _ in world.sent]
        assert all(60 <= late - early < 61 for early, late in itertools.pairwise(starts))

    def test_beyond_what_scaleway_documents_count_where_it_says_nothing(self) -> None:
        """A dedicated deployment has no quotas, and its users know what it bears."""
        world = World(limits=[Limits(900, 1_000_000, 300)])
        world.run([Job(seconds=30)] * 900)
        assert world.peak == 300
        assert world.finished_at < 120


def learned_meter(remaining: int) -> Meter:
    """The account of a quota of 300 a minute of which an answer has told, at time 0."""
    meter = Meter(300)
    reset = (300 - remaining) * 0.2
    meter.learn(QuotaState(300, remaining, reset), meter.start(0, 0, 0), 0)
    return meter


class TestBeforeAnythingIsKnown:
    def test_the_lowest_documented_quotas_hold(self) -> None:
        world = World()
        world.run([Job(seconds=1)] * 700)
        assert world.most_in_a_minute() == 300
        assert world.peak == 100

    def test_tokens_hold_too(self) -> None:
        world = World()
        world.run([Job(prompt_tokens=4_000, answer_tokens=1_000)] * 100)
        assert world.most_in_a_minute(lambda job: job.prompt_tokens) <= 200_000


class TestLearning:
    @settings(max_examples=15)
    @given(
        sizes=st.lists(st.tuples(st.integers(1, 800), st.integers(1, 800)), min_size=1),
        seconds=st.floats(0.1, 8),
        limits=st.tuples(st.integers(300, 3_000), st.integers(200_000, 2_000_000)),
    )
    def test_a_batch_takes_hardly_longer_than_it_must(
        self, sizes: list[tuple[int, int]], seconds: float, limits: tuple[int, int]
    ) -> None:
        quotas = Quotas(requests_per_minute=limits[0], tokens_per_minute=limits[1])
        server = BucketServer(quotas)
        world = World(server)
        batch = [Job(*size, seconds) for size, _ in zip(itertools.cycle(sizes), range(2_000))]
        world.run(batch)
        tokens = sum(job.prompt_tokens + job.answer_tokens for job in batch)
        shortest = max(2_000 / limits[0] - 1, tokens / limits[1] - 1, 2_000 * seconds / 100 / 60)
        assert world.ended == 2_000
        assert len(world.refused) < 20
        assert world.finished_at <= 1.1 * 60 * shortest + 2 * seconds + 5
        assert not any(leftovers(world))

    def test_a_quota_that_comes_back_at_once(self) -> None:
        world = World(FixedWindowServer(120))
        world.run([Job(seconds=0.5)] * 600)
        assert world.ended == 600
        assert len(world.refused) <= 10
        assert world.finished_at <= 5 * 60

    def test_others_use_the_quota_too(self) -> None:
        server = BucketServer(Quotas(requests_per_minute=600, concurrent_requests=None))
        world = World(server)
        world.run([Job()] * 100)
        for _ in range(400):
            server.admit(Job(prompt_tokens=1), world.now)
        world.run([Job(joins_at=world.now)])
        true_level = server.ledger._models[MODEL].buckets["requests"]
        ours = world.quota.requests.budget.available(world.now)
        assert ours == pytest.approx(true_level.level(world.now), abs=2)

    def test_what_was_thought_taken_and_was_not_comes_back(self) -> None:
        """Broken answers count as estimated, but this server counts none of their tokens."""
        server = BucketServer(Quotas(requests_per_minute=None, tokens_per_minute=200_000))
        world = World(server)
        world.run([Job(answer_tokens=500), *[Job(answer_tokens=0, breaks=True)] * 90])
        thought = world.quota.tokens.budget.available(world.now)
        world.run([Job(answer_tokens=1, joins_at=world.now)] * 50)
        # Until one comes alone, what is missing may be on its way.
        for _ in range(10):
            world.run([Job(answer_tokens=1, seconds=0.05, joins_at=world.now)])
        truth = server.ledger._models[MODEL].buckets["tokens"]
        assert thought < truth.level(world.now) - 30_000
        ours = world.quota.tokens.budget.available(world.now)
        assert ours == pytest.approx(truth.level(world.now), abs=7_000)

    def test_the_last_sent_may_be_the_first_counted(self) -> None:
        """As when each opens a connection of its own."""
        meter = learned_meter(remaining=300)
        sent = [meter.start(1, 0, 1) for _ in range(50)]
        before = meter.budget.available(1)
        for count, entry in enumerate(reversed(sent), start=1):
            meter.learn(QuotaState(300, 300 - count, reset=count * 0.2), entry, 1)
            assert meter.budget.available(1) == before

    def test_what_comes_back_on_the_way_is_no_surplus(self) -> None:
        meter = learned_meter(remaining=200)
        entry = meter.start(1, 0, 0)
        for _ in range(50):
            meter.start(1, 0, 2)
        before = meter.budget.available(2)
        meter.learn(QuotaState(300, 200 - 1 + 9, reset=18.4), entry, 2)
        assert meter.budget.available(2) == before

    def test_the_servers_limit_counts_beside_a_higher_one_of_the_user(self) -> None:
        world = World(BucketServer(Quotas(requests_per_minute=120)), [Limits(10_000)])
        world.run([Job()] * 400)
        assert world.ended == 400
        assert not world.refused

    def test_room_is_left_for_answers_under_way(self) -> None:
        world = World(limits=[Limits(tokens_per_minute=1_500)])
        world.run([Job(seconds=10)] * 4)
        assert [round(time) for time, _ in world.sent[:3]] == [0, 0, 10], "600, 600, then 200"

    def test_fewer_places_than_documented(self) -> None:
        quotas = Quotas(requests_per_minute=None, tokens_per_minute=None, concurrent_requests=20)
        world = World(BucketServer(quotas))
        world.run([Job(seconds=1)] * 1_000)
        assert world.ended == 1_000
        # The first hundred find out; later a place more is tried now and then.
        assert len(world.refused) <= 80 + 10

    def test_places_that_others_have_left(self) -> None:
        quota, turns = quota_with_turns(11)
        turns[-1].fail(refusal("You exceeded your current limit of concurrent requests."))
        assert quota.places.count == 10
        for turn in turns[:-1]:
            turn.answered({})
        for _ in range(40):
            quota.places.accept()
        assert quota.places.count == 11

    def test_usage_corrects_estimates(self) -> None:
        world = World()
        world.run([Job(prompt_tokens=300, answer_tokens=40)] * 5)
        demand = Demand(text_size=1_200)
        assert world.quota.estimator.estimate(demand) == (300, 40)


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
        quota, turns = quota_with_turns(10)
        for turn in turns:
            turn.fail(refusal())
        assert quota.turnstile.refusals == 1
        assert 1 <= quota.turnstile.wait(0) <= 1.25

    def test_success_of_the_trial_opens_for_all(self) -> None:
        quota, [first, second] = quota_with_turns(2)
        first.fail(refusal())
        second.answered({})
        assert quota.turnstile.wait(0) > 0, "it was sent before the refusal"
        lane = Lane(quota, Limits())
        quota.clock = lambda: 2.0
        trial = start(lane)
        assert isinstance(trial, Turn)
        assert isinstance(start(lane), float)
        trial.answered({})
        assert isinstance(start(lane), Turn)

    def test_a_trial_that_takes_long_was_let_in(self) -> None:
        """A plain answer's headers come when it is whole, a refusal comes at once."""
        quota, lane, _ = trial_after_a_refusal()
        quota.clock = lambda: 7.0
        assert isinstance(start(lane), Turn)

    def test_a_trial_without_an_outcome_is_followed_by_another(self) -> None:
        _, lane, trial = trial_after_a_refusal()
        trial.end()
        assert isinstance(start(lane), Turn)

    def test_one_tries_even_if_an_earlier_request_ends(self) -> None:
        quota, [first, second] = quota_with_turns(2)
        first.fail(refusal())
        lane = Lane(quota, Limits())
        quota.clock = lambda: 2.0
        trial = start(lane)
        assert isinstance(trial, Turn)
        second.end()
        assert isinstance(start(lane), float)

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

    @pytest.mark.parametrize("status", [400, 404, 422])
    def test_other_refusals_take_a_request_but_no_tokens(self, status: int) -> None:
        quota, [turn] = quota_with_turns(1, Demand(text_size=4_000))
        turn.fail(ScalewayError("No.", status_code=status))
        assert quota.requests.budget.available(0) == 299
        assert quota.tokens.budget.available(0) == 200_000

    @pytest.mark.parametrize("error", [ScalewayAPIError("Oh.", status_code=500), KeyError("x")])
    def test_after_other_failures_the_estimate_stands(self, error: Exception) -> None:
        """The answer may be generated, and counted, though nobody gets it."""
        quota, [turn] = quota_with_turns(1, Demand(text_size=4_000))
        turn.fail(error)
        assert quota.requests.budget.available(0) == 299
        assert quota.tokens.budget.available(0) == 200_000 - 1_000 - 500


class TestTooLarge:
    def test_is_refused_before_it_is_sent(self) -> None:
        lane = Lane(Quota(lambda: 0.0), Limits(tokens_per_minute=1_000))
        lane.check(Demand(text_size=5_900), "a-model")
        with pytest.raises(ScalewayRateLimitError, match="1,000 tokens per minute") as caught:
            lane.check(Demand(text_size=6_100), "a-model")
        assert not caught.value.is_retryable
        assert caught.value.model == "a-model"

    def test_is_not_guessed_from_documented_quotas(self) -> None:
        Lane(Quota(lambda: 0.0), Limits()).check(Demand(text_size=100_000_000), "a-model")

    def test_goes_alone_where_estimates_cannot_tell(self) -> None:
        world = World(limits=[Limits(tokens_per_minute=1_000)])
        world.run([Job(prompt_tokens=1_100), Job(prompt_tokens=1_100)])
        assert [round(time) for time, _ in world.sent] == [0, 62]

    def test_that_was_refused_says_so(self) -> None:
        quota, [turn] = quota_with_turns(1, Demand(text_size=4_400))
        error = refusal("You exceeded your current quota of tokens per minute.")
        turn.fail(error)
        explained = Lane(quota, Limits(tokens_per_minute=1_000)).explain(error, turn)
        assert "exceeds the quota of 1,000 tokens per minute" in str(explained)
        assert not explained.is_retryable
        assert Lane(quota, Limits(tokens_per_minute=2_000)).explain(error, turn) is error


class TestQueue:
    def test_first_come_first_served(self) -> None:
        lane = Lane(Quota(lambda: 0.0), Limits())
        first, second = Waiter(Demand()), Waiter(Demand())
        lane.join(first)
        lane.join(second)
        assert isinstance(lane.try_start(second), float)
        assert isinstance(lane.try_start(first), Turn)
        assert isinstance(lane.try_start(second), Turn)

    def test_whoever_does_not_come_is_passed_over(self) -> None:
        """Its event loop was stopped, or is blocked; when it runs again it is served."""
        quota = Quota(lambda: 0.0)
        lane = Lane(quota, Limits())
        stuck, other = Waiter(Demand()), Waiter(Demand())
        lane.join(stuck)
        lane.join(other)
        quota.clock = lambda: 4.0
        assert isinstance(lane.try_start(other), float)
        quota.clock = lambda: 6.0
        assert isinstance(lane.try_start(other), Turn)
        assert isinstance(lane.try_start(stuck), Turn)

    def test_an_abandoned_turn_makes_room(self) -> None:
        quota = Quota(lambda: 0.0)
        lane = Lane(quota, Limits(max_concurrency=1))
        turn = start(lane)
        assert isinstance(start(lane), float)
        del turn
        assert isinstance(start(lane), Turn)

    def test_a_turn_ends_once(self) -> None:
        quota, [turn] = quota_with_turns(1)
        turn.end({"prompt_tokens": 1, "completion_tokens": 2})
        turn.end({"prompt_tokens": 10, "completion_tokens": 20})
        turn.fail(refusal())
        assert quota.running == 0
        assert quota.tokens.budget.available(0) == 200_000 - 3

    def test_what_is_counted_elsewhere_is_given_back(self) -> None:
        quota, [turn] = quota_with_turns(1)
        turn.end()
        turn.undo()
        assert quota.requests.budget.available(0) == 300


def quota_with_turns(count: int, demand: Demand | None = None) -> tuple[Quota, list[Turn]]:
    """A quota at the time 0, with requests under way."""
    quota = Quota(lambda: 0.0)
    lane = Lane(quota, Limits())
    turns = [start(lane, demand or Demand(text_size=4)) for _ in range(count)]
    assert all(isinstance(turn, Turn) for turn in turns)
    return quota, [turn for turn in turns if isinstance(turn, Turn)]


def trial_after_a_refusal() -> tuple[Quota, Lane, Turn]:
    """A quota that refused a request at the time 0, and the one that tries at the time 2."""
    quota, [turn] = quota_with_turns(1)
    turn.fail(refusal())
    lane = Lane(quota, Limits())
    quota.clock = lambda: 2.0
    trial = start(lane)
    assert isinstance(trial, Turn)
    return quota, lane, trial


def start(lane: Lane, demand: Demand | None = None) -> Turn | float:
    """Try to start a request, which does not wait."""
    waiter = Waiter(demand or Demand())
    lane.join(waiter)
    outcome = lane.try_start(waiter)
    lane.leave(waiter)
    return outcome


def refusal(
    message: str = "You exceeded your current quota of requests per minute.",
) -> ScalewayError:
    """Scaleway's 429."""
    body = {"status": 429, "error": "INSUFFICIENT QUOTA", "message": message}
    return ScalewayRateLimitError(message, status_code=429, model=MODEL, body=body)
