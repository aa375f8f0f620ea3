"""`ScalewayRateLimiter` as LangChain and its users handle it; nothing is sent here."""

import asyncio
import copy
import gc
import inspect
import math
import pickle
import threading
from time import monotonic, sleep
from types import FunctionType
from typing import Any, ClassVar

import pytest
from langchain_core.language_models import FakeListChatModel
from pydantic import SecretStr

from langchain_scaleway import ChatScaleway, ScalewayRateLimiter
from langchain_scaleway.client.encoding import encode
from langchain_scaleway.client.quotas.estimates import TokenEstimator, bound_of
from langchain_scaleway.client.quotas.gate import QuotaGate
from langchain_scaleway.client.quotas.memory import MemoryQuota
from langchain_scaleway.client.quotas.refusals import explain_too_large
from langchain_scaleway.client.quotas.store import Estimate, QuotaState
from langchain_scaleway.errors import ScalewayError, ScalewayRateLimitError
from langchain_scaleway.tokens import PromptSize

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
            {"share": 0},
            {"share": 1.5},
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
        gate = limiter.gate("https://api.scaleway.ai/v1", SecretStr(KEY))
        permit = gate.acquire({"model": "a-model", "messages": []})
        seen: set[int] = set()
        found: list[Any] = [limiter, gate, permit]
        while found:
            thing = found.pop()
            if id(thing) in seen or isinstance(thing, type) or inspect.ismodule(thing):
                continue
            seen.add(id(thing))
            assert not (isinstance(thing, str) and KEY in thing)
            assert not (isinstance(thing, bytes) and KEY.encode() in thing)
            if not isinstance(thing, FunctionType) or thing.__closure__:
                found.extend(gc.get_referents(getattr(thing, "__closure__", thing)))


class TestScopes:
    """Scaleway's quotas are per organization and model."""

    URL = "https://api.scaleway.ai/v1"

    def places_shared(self, *gates: QuotaGate, model: str = "one") -> bool:
        """Whether the last gate counts what the first has taken; 100 requests run at once."""
        first, last = gates[0], gates[-1]
        taken = [first.acquire({"model": "one", "messages": []}) for _ in range(100)]

        async def acquire() -> bool:
            try:
                async with asyncio.timeout(0.05):
                    await last.aacquire({"model": model, "messages": []})
            except TimeoutError:
                return True
            return False

        shared = asyncio.run(acquire())
        assert len(taken) == 100
        return shared

    def test_projects_of_one_key_share(self) -> None:
        limiter = ScalewayRateLimiter()
        project = "https://api.scaleway.ai/11111111-2222-4333-8444-555555555555/v1"
        gates = [limiter.gate(url, SecretStr(KEY)) for url in (self.URL, project)]
        assert self.places_shared(*gates)

    def test_keys_share_if_their_organization_is_named(self) -> None:
        limiters = [ScalewayRateLimiter(organization="ours") for _ in range(2)]
        keys = KEY, "another"
        gates = [one.gate(self.URL, SecretStr(k)) for one, k in zip(limiters, keys, strict=True)]
        assert self.places_shared(*gates)

    def test_other_keys_models_and_deployments_do_not_share(self) -> None:
        limiter = ScalewayRateLimiter()
        first = limiter.gate(self.URL, SecretStr(KEY))
        assert not self.places_shared(first, limiter.gate(self.URL, SecretStr("another")))
        assert not self.places_shared(first, model="two")
        deployment = "https://a-uuid.ifr.fr-par.scaleway.com/v1"
        assert not self.places_shared(first, limiter.gate(deployment, SecretStr(KEY)))

    def test_nothing_is_kept_longer_than_the_limiters(self) -> None:
        def quotas_known() -> int:
            gc.collect()
            return sum(isinstance(one, MemoryQuota) for one in gc.get_objects())

        other = ScalewayRateLimiter()
        other.acquire()
        before = quotas_known()
        limiter = ScalewayRateLimiter()
        limiter.gate(self.URL, SecretStr(KEY)).acquire({"model": "m", "messages": []}).end()
        assert quotas_known() == before + 2, "requests per minute, and the model's quota"
        del limiter
        other.acquire()  # What has ended is settled by whoever comes next.
        assert quotas_known() == before


class TestHeaders:
    def test_documented_ones(self) -> None:
        states = QuotaState.all_in(HEADERS)
        assert states == {"requests": (600, 599), "tokens": (200_000, 199_000)}

    @pytest.mark.parametrize("limit", ["", "0", "0.001", "many", "nan", "-5"])
    def test_nonsense_means_nothing(self, limit: str) -> None:
        headers = HEADERS | {"x-ratelimit-limit-requests": limit}
        assert QuotaState.all_in(headers).keys() == {"tokens"}

    def test_missing_means_nothing(self) -> None:
        assert QuotaState.all_in({"x-ratelimit-limit-requests": "600"}) == {}


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
    def test_media_count_by_number(self) -> None:
        """A video of 1.5 MB is no text of 333,346 tokens, which would never be sent."""
        video = {"url": "data:video/mp4;base64," + "A" * 2_000_000}
        parts = [
            {"type": "text", "text": "What is this?"},
            {"type": "video_url", "video_url": video},
        ]
        body = {"model": "m", "messages": [{"role": "user", "content": parts}]}
        gate = ScalewayRateLimiter(tokens_per_minute=10_000).gate("http://localhost/v1", None)
        gate.acquire(body).end()

    def test_media_do_not_teach_what_text_costs(self) -> None:
        estimator = TokenEstimator()
        for _ in range(50):
            estimator.learn(PromptSize(1_000, media=1), Estimate(3_000, 100))
        assert estimator.estimate(PromptSize(1_000), math.inf) == (1_000, 100)

    @pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens", "max_output_tokens"])
    def test_answers_are_bounded(self, name: str) -> None:
        assert bound_of({"messages": ["Hello?"], name: 7}) == 7
        assert TokenEstimator().estimate(PromptSize(1), 7).answer == 7

    def test_sure_tokens_are_fewer_than_likely_ones(self) -> None:
        estimator = TokenEstimator()
        estimator.learn(PromptSize(250), Estimate(100, 30))
        assert estimator.least(PromptSize(250)) == pytest.approx(75)


class TestTooLarge:
    """What exceeds the tokens of a minute by itself is refused with a sentence."""

    def body(self, size: int) -> dict[str, Any]:
        return {"model": "m", "messages": [{"role": "user", "content": "x" * size}]}

    def test_is_refused_before_it_is_sent(self) -> None:
        gate = ScalewayRateLimiter(tokens_per_minute=1_000).gate("http://localhost/v1", None)
        gate.acquire(self.body(5_900)).end()
        with pytest.raises(ScalewayRateLimitError, match="1,000 tokens per minute") as caught:
            gate.acquire(self.body(6_200))
        assert "It was not sent" in caught.value.message
        assert not caught.value.is_retryable
        assert caught.value.model == "m"

    def test_a_quota_smaller_than_what_was_let_in_is_none(self) -> None:
        gate = ScalewayRateLimiter().gate("http://localhost/v1", None)
        for _ in range(2):
            permit = gate.acquire(self.body(6_200))
            permit.answered(HEADERS | {"x-ratelimit-limit-tokens": "1000"})
            permit.end()


class TestQueue:
    """Whoever waits for a place; there is one, and a call holds it."""

    BODY: ClassVar[dict[str, Any]] = {"model": "queued", "messages": []}

    @pytest.fixture
    def gate(self) -> QuotaGate:
        return ScalewayRateLimiter(max_concurrency=1).gate("http://localhost/v1", None)

    def test_first_come_first_served(self, gate: QuotaGate) -> None:
        first, order, threads = gate.acquire(self.BODY), list[int](), []
        for number in range(5):

            def acquire(number: int = number) -> None:
                permit = gate.acquire(self.BODY)
                order.append(number)
                permit.end()

            threads.append(threading.Thread(target=acquire))
            threads[-1].start()
            sleep(0.05)
        first.end()
        for thread in threads:
            thread.join(5)
        assert order == [0, 1, 2, 3, 4]

    async def test_a_call_cancelled_at_the_moment_of_its_turn_makes_room(
        self, gate: QuotaGate
    ) -> None:
        first = gate.acquire(self.BODY)
        task = asyncio.create_task(gate.aacquire(self.BODY))
        await asyncio.sleep(0)
        first.end()
        sleep(0.1)  # noqa: ASYNC251 -- its turn comes while its event loop is busy
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with asyncio.timeout(5):
            (await gate.aacquire(self.BODY)).end()

    @pytest.mark.parametrize("prompt", [10**15, -(10**15)])
    def test_nobody_waits_for_impossible_tokens(self, prompt: int, gate: QuotaGate) -> None:
        gate.acquire(self.BODY).end({"prompt_tokens": prompt, "completion_tokens": 1})
        waiting = threading.Thread(target=lambda: gate.acquire(self.BODY).end(), daemon=True)
        waiting.start()
        waiting.join(5)
        assert not waiting.is_alive()

    def test_a_call_ends_once(self, gate: QuotaGate) -> None:
        permit = gate.acquire(self.BODY)
        for _ in range(3):
            permit.end()
        second = gate.acquire(self.BODY)
        waiting = threading.Thread(target=lambda: gate.acquire(self.BODY).end())
        waiting.start()
        waiting.join(0.1)
        assert waiting.is_alive()
        second.end()
        waiting.join(5)

    def test_no_thread_is_left_when_nobody_waits(self, gate: QuotaGate) -> None:
        first = gate.acquire(self.BODY)
        waiting = threading.Thread(target=lambda: gate.acquire(self.BODY).end())
        waiting.start()
        sleep(0.05)
        first.end()
        waiting.join(5)
        sleep(0.1)
        assert not [one for one in threading.enumerate() if one.name == "scaleway-quotas"]
