"""One quota for many processes: a real Redis, real processes, and the emulator."""

import asyncio
import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, Self

import pytest
from redis import Redis

from langchain_scaleway import ScalewayRateLimiter
from langchain_scaleway.testing import EmulatorProcess, Quotas, Reply, ScalewayEmulator
from tests.support.models import PLAIN_MODEL, model_on
from tests.support.redis_server import RedisServer

pytestmark = pytest.mark.skipif(
    not RedisServer.is_installed(), reason="There is no redis-server here: apt-get install it."
)

SCALE = 10.0
"""Seconds of the emulator in a second."""

FLEET = """
import asyncio, json, os, sys
import httpcore, redis, tenacity  # Else each process would, between its first permit and sending.
from langchain_scaleway import ChatScaleway, ScalewayRateLimiter

options = json.loads(sys.argv[1])

def tell(*values):
    os.write(1, json.dumps(values).encode() + b"\\n")  # At once, so that no lines mix.

def work(number):
    model = ChatScaleway(
        rate_limiter=ScalewayRateLimiter(**options["limiter"]), **options["model"]
    )
    prompts = ["Number %d?" % number for number in range(options["prompts"])]
    if number % 2:
        answers = model.batch(prompts, {"max_concurrency": 8}, return_exceptions=True)
    else:
        answers = asyncio.run(model.abatch(prompts, return_exceptions=True))
    errors = [repr(answer) for answer in answers if isinstance(answer, Exception)]
    tell("done", number, len(answers) - len(errors), errors)

for number in sys.stdin:
    if pid := os.fork():
        tell("pid", int(number), pid)
    else:
        work(int(number))
        os._exit(0)
"""
"""Forks a process for each number that it reads, so that LangChain is imported only once."""


class Fleet:
    """Processes that send prompts: every other one in threads, the rest in an event loop."""

    def __init__(
        self,
        emulator: EmulatorProcess,
        redis: RedisServer,
        prompts: int,
        timeout: float = 10,
        **limiter: Any,
    ) -> None:
        connection = {"base_url": emulator.base_url, "api_key": str(emulator.api_key)}
        options = {
            "limiter": {"store": redis.url, "time_scale": SCALE} | limiter,
            "model": {"model": PLAIN_MODEL, "timeout": timeout} | connection,
            "prompts": prompts,
        }
        self._process = subprocess.Popen(
            [sys.executable, "-c", FLEET, json.dumps(options)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._found: dict[tuple[str, int], list[Any]] = {}

    def start(self, numbers: Sequence[int]) -> None:
        """Have processes of these numbers send their prompts."""
        assert self._process.stdin is not None
        self._process.stdin.writelines(f"{number}\n" for number in numbers)
        self._process.stdin.flush()

    def kill(self, number: int) -> None:
        """Kill a process with a signal that it cannot notice."""
        [pid] = self._wait_for("pid", number)
        os.kill(pid, signal.SIGKILL)

    def results(self, numbers: Sequence[int]) -> list[list[Any]]:
        """How many prompts each has had answered, and the errors of the others."""
        return [self._wait_for("done", number) for number in numbers]

    def _wait_for(self, kind: str, number: int) -> list[Any]:
        assert self._process.stdout is not None
        while (kind, number) not in self._found:
            told, of, *values = json.loads(self._process.stdout.readline())
            self._found[told, of] = values
        return self._found[kind, number]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    """A Redis for one test."""
    with RedisServer() as server:
        yield server


@pytest.mark.parametrize("processes", [4, 8])
def test_processes_share_one_quota(redis: RedisServer, processes: int) -> None:
    """352 requests, of which the quota allows 300 at once and 52 in ten seconds."""
    quotas = Quotas(requests_per_minute=300, tokens_per_minute=200_000, concurrent_requests=100)
    # As fast as time is: to open a connection takes a while, in which the limiter's bucket fills.
    with (
        EmulatorProcess(quotas=quotas, latency=0.5) as emulator,
        Fleet(emulator, redis, 352 // processes, time_scale=1) as fleet,
    ):
        numbers, began = range(processes), emulator.now()
        fleet.start(numbers)
        results = fleet.results(numbers)
        seconds = emulator.now() - began
        statuses = emulator.statuses
    assert results == [[352 // processes, []]] * processes, "no prompt is lost"
    assert statuses.get(429, 0) < 4, "hardly one in a hundred"
    assert seconds > 9, "nothing but the emulator holds them to its quota"


def test_a_process_killed_in_the_middle_frees_its_places(redis: RedisServer) -> None:
    """The killed process holds all four places; its leases expire."""
    quotas = Quotas(requests_per_minute=None, tokens_per_minute=None)
    limits = {"requests_per_minute": 100_000, "max_concurrency": 4}
    with (
        EmulatorProcess(quotas=quotas, latency=5, time_scale=SCALE) as emulator,
        Fleet(emulator, redis, 8, timeout=5, **limits) as fleet,
    ):
        fleet.start([0])
        while emulator.statuses.get(200, 0) < 3:
            time.sleep(0.05)
        fleet.kill(0)
        fleet.start([1, 2, 3])
        results = fleet.results([1, 2, 3])
    assert results == [[8, []]] * 3


async def test_a_stream_counts_for_longer_than_its_timeout(redis: RedisServer) -> None:
    """Its pieces come in time, and all of them take three times as long."""
    quotas = Quotas(requests_per_minute=None, tokens_per_minute=None, concurrent_requests=1)
    with ScalewayEmulator(quotas=quotas, token_interval=1, time_scale=SCALE) as emulator:
        emulator.script(Reply("word " * 15), Reply("Hi"))

        def model_of_a_process() -> Any:
            client = Redis.from_url(redis.url)  # Whoever has another client counts by itself.
            limiter = ScalewayRateLimiter(store=client, max_concurrency=1, time_scale=SCALE)
            return model_on(emulator, timeout=0.5, rate_limiter=limiter, max_retries=0)

        async with model_of_a_process() as one, model_of_a_process() as other:
            stream = one.astream("Hello?")
            first = await anext(stream)
            waiting = asyncio.create_task(other.ainvoke("Hello?"))
            text = first.text + "".join([chunk.text async for chunk in stream])
            assert text.strip() == ("word " * 15).strip()
            await waiting
        assert emulator.statuses == {200: 2}


async def test_redis_may_go_and_come_back(
    redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    """No request is lost, and one warning is given."""
    limiter = ScalewayRateLimiter(store=redis.url, time_scale=SCALE)
    with ScalewayEmulator(quotas=Quotas(), latency=0.5, time_scale=SCALE) as emulator:
        async with model_on(emulator, rate_limiter=limiter) as model:
            with caplog.at_level(logging.WARNING, logger="langchain_scaleway"):
                assert len(await model.abatch(["Hello?"] * 20)) == 20
                batch = asyncio.create_task(model.abatch(["Hello?"] * 100))
                await asyncio.sleep(0.1)
                redis.stop()
                assert len(await batch) == 100
                assert len(await model.abatch(["Hello?"] * 20)) == 20
                redis.start()
                assert len(await model.abatch(["Hello?"] * 20)) == 20
        statuses = emulator.statuses
    assert statuses == {200: 160}
    assert len([one for one in caplog.messages if "cannot be reached" in one]) == 1


async def test_waiting_for_redis_leaves_the_event_loop_free(redis: RedisServer) -> None:
    limiter = ScalewayRateLimiter(
        store=redis.url, time_scale=SCALE, requests_per_minute=60, max_concurrency=5
    )
    turns = 0
    with ScalewayEmulator(latency=0.5, time_scale=SCALE) as emulator:
        async with model_on(emulator, rate_limiter=limiter) as model:
            batch = asyncio.create_task(model.abatch(["Hello?"] * 80))
            while not batch.done():
                await asyncio.sleep(0.01)
                turns += 1
            await batch
    assert turns > 30, "twenty seconds are two here"
