"""`ScalewayRateLimiter` on the emulator: whole batches, threads, event loops, storms, streams.

The emulator's time runs a hundred times as fast, and the limiters know.
"""

import asyncio
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models import FakeListChatModel, LanguageModelInput

from langchain_scaleway import ChatScaleway, ScalewayRateLimiter
from langchain_scaleway.errors import ScalewayInvalidRequestError, ScalewayRateLimitError
from langchain_scaleway.testing import ErrorEvent, Quotas, RawReply, Reply, ScalewayEmulator
from tests.support.calls import Mode, call
from tests.support.models import PLAIN_MODEL, model_on

SCALE = 100.0
"""Seconds of the emulator in a second."""


SLOW = {"tokens_per_minute": 700, "time_scale": 1}
"""Arguments of a limiter under which two calls of unknown length do not go at once."""


def limiter(**arguments: Any) -> ScalewayRateLimiter:
    """A limiter that lives as fast as the emulator."""
    return ScalewayRateLimiter(**({"time_scale": SCALE} | arguments))


def emulate(
    requests: int | None = None,
    tokens: int | None = None,
    at_once: int | None = None,
    *,
    latency: float = 0.5,
    time_scale: float = SCALE,
) -> ScalewayEmulator:
    """An emulator with these quotas."""
    quotas = Quotas(
        requests_per_minute=requests, tokens_per_minute=tokens, concurrent_requests=at_once
    )
    return ScalewayEmulator(quotas=quotas, latency=latency, time_scale=time_scale)


@pytest.fixture
def scaleway() -> Iterator[ScalewayEmulator]:
    """The quotas of an organization with a payment method."""
    with emulate(300, 200_000, 100) as emulator:
        yield emulator


def prompts(count: int, words: int = 5) -> list[LanguageModelInput]:
    """As many prompts, all different."""
    return [f"Number {number}: " + "word " * words for number in range(count)]


async def first_of(stream: AsyncIterator[Any]) -> None:
    """Read the beginning of a stream and close it."""
    await anext(stream)
    assert hasattr(stream, "aclose")
    await stream.aclose()


def goes_at_once(model: ChatScaleway) -> bool:
    """Whether a call needs no waiting, for a limiter whose time is not sped up."""

    async def ask() -> None:
        async with asyncio.timeout(1):
            await model.ainvoke("Hello?")

    try:
        asyncio.run(ask())
    except TimeoutError:
        return False
    return True


class TestBatches:
    async def test_finish_without_a_refusal(self, scaleway: ScalewayEmulator) -> None:
        async with model_on(scaleway, rate_limiter=limiter()) as model:
            answers = await model.abatch(prompts(700))
        assert len(answers) == 700
        assert scaleway.statuses == {200: 700}

    def test_of_threads_finish_without_a_refusal(self, scaleway: ScalewayEmulator) -> None:
        with model_on(scaleway, rate_limiter=limiter()) as model:
            answers = model.batch(prompts(400), config={"max_concurrency": 16})
        assert len(answers) == 400
        assert scaleway.statuses == {200: 400}

    def test_of_several_event_loops_share_the_quota(self, scaleway: ScalewayEmulator) -> None:
        model = model_on(scaleway, rate_limiter=limiter())
        counts: list[int] = []

        def run() -> None:
            counts.append(len(asyncio.run(model.abatch(prompts(150)))))

        threads = [threading.Thread(target=run) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert counts == [150] * 4
        assert scaleway.statuses == {200: 600}

    async def test_of_models_with_limiters_of_their_own_share_it_too(
        self, scaleway: ScalewayEmulator
    ) -> None:
        async with (
            model_on(scaleway, rate_limiter=limiter()) as first,
            model_on(scaleway, rate_limiter=limiter()) as second,
            model_on(scaleway, rate_limiter=limiter()) as third,
        ):
            models = (first, second, third)
            await asyncio.gather(*(model.abatch(prompts(200)) for model in models))
        assert scaleway.statuses == {200: 600}

    async def test_keep_to_limits_of_the_users(self, scaleway: ScalewayEmulator) -> None:
        async with model_on(scaleway, rate_limiter=limiter(max_concurrency=3)) as model:
            await model.abatch(prompts(30))
        assert scaleway.peak_concurrent_requests == 3

    def test_of_a_closed_event_loop_take_no_places(self) -> None:
        """Some programs close their loop while tasks wait, and keep the tasks."""
        with ScalewayEmulator() as emulator:
            one = model_on(emulator, rate_limiter=limiter(max_concurrency=1, time_scale=1))
            stream = one.stream("Hello?")
            next(stream)
            loop = asyncio.new_event_loop()
            waiting = [loop.create_task(one.ainvoke("Hello?")) for _ in range(3)]
            loop.run_until_complete(asyncio.sleep(0.05))
            loop.close()
            assert [*stream]
            assert goes_at_once(one)
            assert not any(task.done() for task in waiting)

    async def test_leave_the_event_loop_free(self) -> None:
        turns, scale = 0, 50
        pacer = limiter(requests_per_minute=20, time_scale=scale)
        with emulate(100, time_scale=scale) as emulator:
            async with model_on(emulator, rate_limiter=pacer) as model:
                batch = asyncio.create_task(model.abatch(prompts(60)))
                while not batch.done():
                    await asyncio.sleep(0.01)
                    turns += 1
                await batch
        assert turns > 20, "two minutes are 2.4 seconds here"


class TestCalls:
    def test_are_counted_once(self, scaleway: ScalewayEmulator) -> None:
        """LangChain and the client both ask; a request less a minute would show it."""
        pacer = limiter(requests_per_minute=5, time_scale=1)
        with model_on(scaleway, rate_limiter=pacer) as model:
            for _ in range(3):
                model.invoke("Hello?")
            list(model.stream("Hello?"))
            model.invoke("Hello?")
        assert len(scaleway.requests) == 5
        other = FakeListChatModel(responses=["Hello."], rate_limiter=pacer)
        for _ in range(5):
            other.invoke("Hello?")
        assert not pacer.acquire(blocking=False)

    async def test_are_counted_once_async(self, scaleway: ScalewayEmulator) -> None:
        pacer = limiter(requests_per_minute=5, time_scale=1)
        async with model_on(scaleway, rate_limiter=pacer) as model:
            await model.abatch(["Hello?"] * 3)
            async for _ in model.astream("Hello?"):
                pass
            async for _ in model.astream_events("Hello?", version="v2"):
                pass
        assert len(scaleway.requests) == 5
        assert [await pacer.aacquire(blocking=False) for _ in range(6)] == [True] * 5 + [False]

    def test_of_the_model_list_need_no_turn(self, scaleway: ScalewayEmulator) -> None:
        pacer = limiter(requests_per_minute=1, time_scale=1)
        with model_on(scaleway, rate_limiter=pacer) as model:
            for _ in range(3):
                assert PLAIN_MODEL in model.list_models()

    def test_that_fail_make_room(self, scaleway: ScalewayEmulator) -> None:
        with model_on(scaleway, rate_limiter=limiter(max_concurrency=1)) as model:
            for _ in range(3):
                with pytest.raises(ScalewayInvalidRequestError):
                    model.invoke("Hello?", extra_body={"temperature": 9})
            assert model.invoke("Hello?").text

    async def test_that_are_cancelled_make_room(self, scaleway: ScalewayEmulator) -> None:
        async with model_on(scaleway, rate_limiter=limiter(max_concurrency=1)) as model:
            stream = model.astream("Hello?")
            await anext(stream)
            waiting = [asyncio.create_task(model.ainvoke(prompt)) for prompt in prompts(20)]
            await asyncio.sleep(0.05)
            last = asyncio.create_task(model.ainvoke("Am I the last?"))
            for task in waiting:
                task.cancel()
            cancelled = await asyncio.gather(*waiting, return_exceptions=True)
            assert {type(one) for one in cancelled} == {asyncio.CancelledError}
            assert len(scaleway.requests) == 1
            await first_of(stream)
            assert (await last).text

    def test_have_their_attempts_counted_exactly(self) -> None:
        retries: list[Any] = []

        class Listener(BaseCallbackHandler):
            def on_retry(self, retry_state: Any, **_: Any) -> None:
                retries.append(retry_state)

        with (
            emulate(10_000, 10_000, 0) as emulator,
            model_on(emulator, rate_limiter=limiter(), max_retries=3) as model,
            pytest.raises(ScalewayRateLimitError, match="concurrent requests"),
        ):
            model.invoke("Hello?", config={"callbacks": [Listener()]})
        assert len(emulator.requests) == 4
        assert len(retries) == 3


FORKING = """
import os, sys
from langchain_scaleway import ChatScaleway, ScalewayRateLimiter

model, base_url, api_key = sys.argv[1:]
limiter = ScalewayRateLimiter(max_concurrency=1)
chat = ChatScaleway(model=model, base_url=base_url, api_key=api_key, rate_limiter=limiter)
stream = chat.stream("Hello?")
next(stream)
child = os.fork()
if not child:
    print(chat.invoke("Hello from the child?").text, flush=True)
    os._exit(0)
os.waitpid(child, 0)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no fork.")
def test_a_forked_child_does_not_wait_for_its_parent(scaleway: ScalewayEmulator) -> None:
    program = [sys.executable, "-c", FORKING]
    arguments = [PLAIN_MODEL, scaleway.base_url, str(scaleway.api_key)]
    done = subprocess.run(
        [*program, *arguments], capture_output=True, check=True, text=True, timeout=60
    )
    assert "Hello from the child?" in done.stdout


class TestStreams:
    def test_count_until_they_are_read(self, scaleway: ScalewayEmulator) -> None:
        with model_on(scaleway, rate_limiter=limiter(max_concurrency=1)) as model:
            stream = model.stream("Hello?")
            next(stream)
            other = threading.Thread(target=model.invoke, args=("Hello?",))
            other.start()
            assert not scaleway.wait_until(lambda server: len(server.requests) > 1, seconds=0.2)
            assert list(stream)
            other.join()
        assert len(scaleway.requests) == 2

    async def test_count_until_they_are_closed(self, scaleway: ScalewayEmulator) -> None:
        async with model_on(scaleway, rate_limiter=limiter(max_concurrency=1)) as model:
            for _ in range(3):
                await first_of(model.astream("Hello?"))
        assert len(scaleway.requests) == 3

    @pytest.mark.parametrize("mode", ["stream", "astream"])
    def test_tell_their_tokens(self, mode: Mode, scaleway: ScalewayEmulator) -> None:
        """Of 700 tokens a minute, the first call is expected to take 500 and takes far less."""
        with model_on(scaleway, rate_limiter=limiter(**SLOW)) as model:
            assert call(model, mode).error is None
            assert goes_at_once(model)

    @pytest.mark.parametrize("mode", ["stream", "astream"])
    def test_that_are_refused_before_they_begin_take_no_tokens(
        self, mode: Mode, scaleway: ScalewayEmulator
    ) -> None:
        body = b'data: {"error": {"message": "Too many concurrent tokens", "code": 429}}\n\n'
        reply = RawReply(headers={"content-type": "text/event-stream"}, body=body)
        scaleway.script(reply)
        with model_on(scaleway, rate_limiter=limiter(**SLOW), max_retries=0) as model:
            assert isinstance(call(model, mode).error, ScalewayRateLimitError)
            assert goes_at_once(model)

    @pytest.mark.parametrize("mode", ["stream", "astream"])
    def test_that_fail_after_they_have_begun_take_tokens(
        self, mode: Mode, scaleway: ScalewayEmulator
    ) -> None:
        """What was generated until then is counted, whatever the error says."""
        refusal = ErrorEvent(3, "gateway", 429, "Too many concurrent tokens")
        scaleway.script(Reply("One two three", faults=[refusal]))
        with model_on(scaleway, rate_limiter=limiter(**SLOW), max_retries=0) as model:
            assert isinstance(call(model, mode).error, ScalewayRateLimitError)
            assert not goes_at_once(model)

    @pytest.mark.parametrize("mode", ["stream", "astream"])
    def test_tell_the_tokens_of_an_answer_in_their_place(
        self, mode: Mode, scaleway: ScalewayEmulator
    ) -> None:
        body = b"""{"choices": [{"message": {"content": "Hello!"}}],
            "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}}"""
        scaleway.script(RawReply(headers={"content-type": "application/json"}, body=body))
        with model_on(scaleway, rate_limiter=limiter(**SLOW)) as model:
            assert call(model, mode).error is None
            assert goes_at_once(model)


class TestTooLarge:
    """A request that exceeds the quota of tokens by itself is never let through."""

    PROMPT = "word " * 2_000

    @pytest.mark.parametrize("paced", [False, True])
    async def test_is_told_by_the_headers_of_an_earlier_answer(self, paced: bool) -> None:
        pacer = limiter() if paced else None
        too_large = pytest.raises(ScalewayRateLimitError, match="1,000 tokens per minute")
        with emulate(300, 1_000, 100) as emulator:
            async with model_on(emulator, rate_limiter=pacer, max_retries=2) as model:
                model.invoke("Hello?")
                with too_large as caught:
                    model.invoke(self.PROMPT)
                with too_large:
                    await model.ainvoke(self.PROMPT)
        assert not caught.value.is_retryable
        sent = len(emulator.requests) - 1
        assert sent == (0 if paced else 2), "without the limiter each is sent once, not thrice"

    def test_is_known_to_all_models_of_the_process(self) -> None:
        with (
            emulate(300, 1_000, 100) as emulator,
            model_on(emulator, rate_limiter=limiter()) as first,
            model_on(emulator, rate_limiter=limiter()) as second,
        ):
            first.invoke("Hello?")
            with pytest.raises(ScalewayRateLimitError, match="not sent"):
                next(second.stream(self.PROMPT))
        assert len(emulator.requests) == 1
