"""`ScalewayRateLimiter` as LangChain and its users handle it; nothing is sent here."""

import asyncio
import copy
import gc
import math
import pickle
import threading
import weakref
from time import monotonic
from typing import Any

import pytest
from langchain_core.language_models import FakeListChatModel
from pydantic import SecretStr

from langchain_scaleway import ChatScaleway, ScalewayRateLimiter
from langchain_scaleway.client.encoding import encode
from langchain_scaleway.client.quotas.estimates import Demand, TokenEstimator
from langchain_scaleway.client.quotas.headers import explain_too_large, read_quota, seconds
from langchain_scaleway.client.quotas.lock import DeferringLock
from langchain_scaleway.errors import ScalewayError, ScalewayRateLimitError

KEY = "5ca1ab1e-0000-4000-8000-00000000feed"
HEADERS = {
    "x-ratelimit-limit-requests": "600",
    "x-ratelimit-remaining-requests": "599",
    "x-ratelimit-reset-requests": "250ms",
    "x-ratelimit-limit-tokens": "200000",
    "x-ratelimit-remaining-tokens": "199000",
    "x-ratelimit-reset-tokens": "35ms",
}
"""As Scaleway's page "Rate limits" shows them."""


TWO_MINUTES = 2 * 60 / 600
"""Seconds, at six hundred times the speed; a busy machine only takes longer."""


class TestByItself:
    """Without Scaleway's client it is a limiter of requests per minute, as others are."""

    def test_does_not_wait_where_it_must_not(self) -> None:
        limiter = ScalewayRateLimiter(requests_per_minute=2)
        assert [limiter.acquire(blocking=False) for _ in range(3)] == [True, True, False]

    async def test_does_not_wait_where_it_must_not_async(self) -> None:
        limiter = ScalewayRateLimiter(requests_per_minute=2)
        assert [await limiter.aacquire(blocking=False) for _ in range(3)] == [True, True, False]

    def test_allows_300_a_minute_unless_told_otherwise(self) -> None:
        limiter = ScalewayRateLimiter()
        assert sum(limiter.acquire(blocking=False) for _ in range(400)) == 300

    def test_waits_for_the_next_minute(self) -> None:
        limiter, began = ScalewayRateLimiter(requests_per_minute=2, time_scale=600), monotonic()
        assert all(limiter.acquire() for _ in range(6))
        assert monotonic() - began >= TWO_MINUTES

    async def test_waits_for_the_next_minute_async(self) -> None:
        limiter, began = ScalewayRateLimiter(requests_per_minute=2, time_scale=600), monotonic()
        assert all(await asyncio.gather(*(limiter.aacquire() for _ in range(6))))
        assert monotonic() - began >= TWO_MINUTES

    def test_limits_models_of_other_vendors(self) -> None:
        limiter = ScalewayRateLimiter(requests_per_minute=3)
        model = FakeListChatModel(responses=["Hello."], rate_limiter=limiter)
        for _ in range(3):
            model.invoke("Hello?")
        assert not limiter.acquire(blocking=False)

    def test_other_vendors_calls_take_no_place(self) -> None:
        """Nobody would tell when they end."""
        limiter = ScalewayRateLimiter(max_concurrency=1)
        assert limiter.acquire()
        assert limiter.acquire(blocking=False)

    def test_serves_threads_and_event_loops_at_once(self) -> None:
        limiter = ScalewayRateLimiter(requests_per_minute=10, time_scale=600)
        done: list[bool] = []

        async def acquire() -> None:
            done.extend(await asyncio.gather(*(limiter.aacquire() for _ in range(5))))

        threads = [threading.Thread(target=asyncio.run, args=(acquire(),)) for _ in range(4)]
        threads += [
            threading.Thread(target=lambda: done.append(limiter.acquire())) for _ in range(10)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert done == [True] * 30

    async def test_cancelled_waits_leave_nothing(self) -> None:
        limiter = ScalewayRateLimiter(requests_per_minute=1, time_scale=60)
        assert limiter.acquire()
        waiting = [asyncio.create_task(limiter.aacquire()) for _ in range(50)]
        await asyncio.sleep(0)
        last = asyncio.create_task(limiter.aacquire())
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        assert await last, "it is the next one now"


class TestAsAnObject:
    @pytest.mark.parametrize(
        "arguments",
        [
            {"requests_per_minute": 0},
            {"tokens_per_minute": -1},
            {"max_concurrency": 0},
            {"time_scale": math.nan},
        ],
    )
    def test_arguments_are_positive(self, arguments: dict[str, Any]) -> None:
        [name] = arguments
        with pytest.raises(ValueError, match=name):
            ScalewayRateLimiter(**arguments)

    def test_shows_what_was_given(self) -> None:
        limiter = ScalewayRateLimiter(requests_per_minute=5)
        assert repr(limiter) == "ScalewayRateLimiter(requests_per_minute=5)"

    def test_models_pickle_with_it(self) -> None:
        limiter = ScalewayRateLimiter(tokens_per_minute=1_000)
        model = ChatScaleway(model="a-model", api_key=KEY, rate_limiter=limiter)
        restored = pickle.loads(pickle.dumps(model))  # noqa: S301 -- our own
        assert repr(restored.rate_limiter) == repr(limiter)

    def test_copies_of_models_share_it(self) -> None:
        limiter = ScalewayRateLimiter()
        model = ChatScaleway(model="a-model", api_key=KEY, rate_limiter=limiter)
        assert copy.deepcopy(model).rate_limiter is limiter
        assert model.model_copy().rate_limiter is limiter

    def test_holds_no_key(self) -> None:
        limiter = ScalewayRateLimiter()
        pacer = limiter.pacer("https://api.scaleway.ai/v1", SecretStr(KEY))
        pacer._lane_of("a-model")
        seen: set[int] = set()
        found = [limiter, pacer, dict(limiter._lanes)]
        while found:
            thing = found.pop()
            if id(thing) in seen or isinstance(thing, type) or callable(thing):
                continue
            seen.add(id(thing))
            assert not (isinstance(thing, str) and KEY in thing)
            assert not (isinstance(thing, bytes) and KEY.encode() in thing)
            found.extend(gc.get_referents(thing))


class TestScopes:
    """Quotas are per model; what differs in key or project has its own."""

    URL = "https://api.scaleway.ai/v1"

    def quota(
        self, limiter: ScalewayRateLimiter, url: str = URL, key: str = KEY, model: str = "one"
    ) -> object:
        return limiter.pacer(url, SecretStr(key))._lane_of(model).quota

    def test_the_same_are_shared_by_limiters(self) -> None:
        limiter, other = ScalewayRateLimiter(), ScalewayRateLimiter(max_concurrency=3)
        assert self.quota(limiter) is self.quota(other)

    def test_others_are_not(self) -> None:
        limiter = ScalewayRateLimiter()
        quotas = [
            self.quota(limiter),
            self.quota(limiter, model="two"),
            self.quota(limiter, key="another"),
            self.quota(limiter, url="https://api.scaleway.ai/a-project/v1"),
        ]
        assert len({id(quota) for quota in quotas}) == 4

    def test_nothing_is_kept_longer_than_the_limiters(self) -> None:
        limiter = ScalewayRateLimiter()
        quota = weakref.ref(self.quota(limiter))
        gc.collect()
        assert quota() is not None
        del limiter
        gc.collect()
        assert quota() is None


class TestHeaders:
    def test_documented_ones(self) -> None:
        assert read_quota(HEADERS, "requests") == (600, 599, 0.25)
        assert read_quota(HEADERS, "tokens") == (200_000, 199_000, 0.035)

    @pytest.mark.parametrize("reset", ["61s", "6m0s", "99999999h", "9" * 400 + "s", "1e308"])
    def test_nobody_waits_longer_than_a_minute(self, reset: str) -> None:
        headers = HEADERS | {"x-ratelimit-reset-requests": reset}
        assert read_quota(headers, "requests") == (600, 599, 60)

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("250ms", 0.25),
            ("1m0.5s", 60.5),
            ("1h2m3s", 3_723.0),
            ("17µs", 17e-6),
            ("12", 12.0),
            ("0s", 0.0),
            ("", None),
            ("soon", None),
            ("5 minutes", None),
            ("-1s", None),
            ("nan", None),
            ("inf", None),
        ],
    )
    def test_durations(self, text: str, expected: float | None) -> None:
        assert seconds(text) == pytest.approx(expected)

    @pytest.mark.parametrize("limit", ["", "0", "many", "nan", "-5"])
    def test_nonsense_means_nothing(self, limit: str) -> None:
        assert read_quota(HEADERS | {"x-ratelimit-limit-requests": limit}, "requests") is None

    def test_missing_means_nothing(self) -> None:
        assert read_quota({}, "requests") is None
        assert read_quota({"x-ratelimit-limit-requests": "600"}, "requests") is None


class TestRefusalsThatNeverPass:
    BODY = encode({"model": "m", "messages": [{"role": "user", "content": "x" * 2_000_000}]})

    def refusal(self, of: str = "tokens per minute") -> ScalewayError:
        message = f"You exceeded your current quota of {of}."
        return ScalewayRateLimitError(
            message, status_code=429, model="m", body={"message": message}
        )

    def test_say_so(self) -> None:
        error = explain_too_large(self.refusal(), self.BODY, HEADERS)
        assert isinstance(error, ScalewayRateLimitError)
        assert not error.is_retryable
        assert error.status_code == 429
        assert "exceeds the quota of 200,000 tokens per minute for model 'm'" in error.message
        assert "You exceeded your current quota of tokens per minute." in error.message

    def test_others_do_not(self) -> None:
        short = encode({"model": "m", "messages": [{"role": "user", "content": "x"}]})
        for error, body, headers in (
            (self.refusal(), short, HEADERS),
            (self.refusal("requests per minute"), self.BODY, HEADERS),
            (self.refusal(), self.BODY, {}),
            (self.refusal(), self.BODY, None),
        ):
            assert explain_too_large(error, body, headers) is error

    def test_images_are_not_taken_for_text(self) -> None:
        url = "data:image/png;base64," + "A" * 2_000_000
        image = {"type": "image_url", "image_url": {"url": url}}
        body = encode({"model": "m", "messages": [{"role": "user", "content": [image]}]})
        error = self.refusal()
        assert explain_too_large(error, body, HEADERS) is error


class TestEstimates:
    def test_attachments_count_by_number(self) -> None:
        parts = [
            {"type": "text", "text": "What is this?"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 100_000}},
        ]
        body = {"messages": [{"role": "user", "content": parts}]}
        demand = Demand.of(body)
        assert demand.attachments == 1
        assert demand.text_size < 200

    @pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
    def test_answers_are_bounded(self, name: str) -> None:
        demand = Demand.of({"messages": ["Hello?"], name: 7})
        assert TokenEstimator().estimate(demand).answer_tokens == 7

    def test_requests_of_other_vendors_count_no_tokens(self) -> None:
        assert TokenEstimator().estimate(Demand()) == (0, 0)

    def test_get_better(self) -> None:
        estimator, demand = TokenEstimator(), Demand(text_size=1_000)
        for _ in range(200):
            estimator.learn(demand, 400, 30)
        assert estimator.estimate(demand) == pytest.approx((400, 30))

    def test_sure_tokens_are_fewer_than_likely_ones(self) -> None:
        estimator, demand = TokenEstimator(), Demand(text_size=1_000)
        estimator.learn(demand, 100, 30)
        assert estimator.fewest_prompt_tokens(demand) == pytest.approx(75)


class TestLock:
    def test_what_comes_while_it_is_held_is_done_afterwards(self) -> None:
        lock, done = DeferringLock(), list[str]()
        with lock:
            lock.run(lambda: done.append("left"))
            done.append("held")
        assert done == ["held", "left"]

    def test_what_comes_while_others_are_done_is_done_too(self) -> None:
        lock, done = DeferringLock(), list[str]()
        lock.run(lambda: lock.run(lambda: done.append("inner")))
        assert done == ["inner"]
