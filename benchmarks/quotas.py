"""Big batches against Scaleway's quotas: what gets through, how fast, and what is refused.

2,000 prompts go through `abatch` against 600 requests and 200,000 tokens a minute and 100 requests
at once, on the emulator, whose time is sped up; in one process, or divided among several that know
of one another by Redis or not at all. The prompts differ in length, and so do the answers. With
`requests` it is the quota of requests that is reached first, with `tokens` that of tokens.

The shortest time is that of a batch that never leaves a quota unused. Within reach (✓) is a batch
without failures, in 1.05 times the shortest time at most, with less than 1 % of its requests
refused. All times are the server's; waits between retries are not sped up, so they are that much
longer for it, which helps whoever retries.

Run `python -m benchmarks.quotas`; `--time-scale 1` takes as long as it would on Scaleway. The rows
with Redis need the program `redis-server` and the extra `redis`.
"""

import argparse
import asyncio
import importlib.util
import logging
import multiprocessing
import os
import platform
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage
from langchain_core.rate_limiters import InMemoryRateLimiter

from langchain_scaleway import ChatScaleway, ScalewayRateLimiter
from langchain_scaleway.testing import EmulatorProcess, Quotas, ReceivedRequest, Reply
from tests.support.redis_server import RedisServer

_MODEL = "qwen3-235b-a22b-instruct-2507"
_PROMPTS = 2_000
_REQUESTS, _TOKENS, _AT_ONCE = 600, 200_000, 100
_LATENCY = 0.5
"""Seconds until a model begins to answer."""
_TOKEN_INTERVAL = 0.01
"""Seconds for each token of an answer."""
_MOST_REFUSED = 0.01
_MOST_TIMES_THE_SHORTEST = 1.05

_WORKLOADS = {"requests": (100, 600), "tokens": (400, 1_200)}
"""The shortest and the longest prompt in characters; a quarter as many tokens."""


@dataclass(frozen=True)
class Place:
    """What a process of a batch is told: where emulator and Redis are, and how many share."""

    base_url: str
    api_key: str
    time_scale: float
    processes: int
    redis: str

    def unlimited(self) -> BaseChatModel:
        """`ChatScaleway` without a limiter."""
        return ChatScaleway(model=_MODEL, base_url=self.base_url, api_key=self.api_key)

    def scaleway(self, **limiter: Any) -> BaseChatModel:
        """`ChatScaleway`, with a limiter of these arguments."""
        made = ScalewayRateLimiter(time_scale=self.time_scale, **limiter)
        return self.unlimited().model_copy(update={"rate_limiter": made})

    def openai(self, **fields: Any) -> BaseChatModel:
        """`ChatOpenAI`."""
        from langchain_openai import ChatOpenAI  # noqa: PLC0415 -- may be missing

        made: BaseChatModel = ChatOpenAI(
            model=_MODEL, base_url=self.base_url, api_key=self.api_key, **fields
        )
        return made

    def in_memory(self) -> BaseChatModel:
        """`ChatOpenAI` that is told how many requests a second it may send, and of no tokens."""
        per_second = _REQUESTS / 60 * self.time_scale / self.processes
        limiter = InMemoryRateLimiter(
            requests_per_second=per_second, check_every_n_seconds=0.1, max_bucket_size=per_second
        )
        return self.openai(rate_limiter=limiter)


CONTESTANTS: dict[str, tuple[Callable[[Place], BaseChatModel], Sequence[int], str]] = {
    "ScalewayRateLimiter": (Place.scaleway, (1, 4, 8), ""),
    "ScalewayRateLimiter, share=1/n": (
        lambda place: place.scaleway(share=1 / place.processes),
        (4, 8),
        "",
    ),
    "ScalewayRateLimiter, store in Redis": (
        lambda place: place.scaleway(store=place.redis),
        (1, 4, 8),
        "redis",
    ),
    "no limiter": (Place.unlimited, (1, 4), ""),
    "ChatOpenAI, no limiter": (Place.openai, (1,), "langchain_openai"),
    "ChatOpenAI, InMemoryRateLimiter": (Place.in_memory, (1, 4, 8), "langchain_openai"),
}
"""What makes a model, in how many processes it runs (a row for each), and the package it needs."""

_Result = tuple[int, int] | str
"""The tokens of an answer's prompt and text, or the name of an exception."""


def main() -> None:
    """Run the contestants on the workloads, and print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quotas", description=__doc__)
    parser.add_argument("--time-scale", type=float, default=4.0, help="of the emulator (4)")
    parser.add_argument("--workloads", nargs="+", choices=_WORKLOADS, default=[*_WORKLOADS])
    parser.add_argument("--contestants", nargs="+", choices=CONTESTANTS, default=[*CONTESTANTS])
    options = parser.parse_args()
    print(
        f"Measured {datetime.now(UTC).date()}: {platform.system()} {platform.machine()}, "
        f"{os.cpu_count()} cores, Python {platform.python_version()}; time ran "
        f"{options.time_scale:g} times as fast for the server."
    )
    with ExitStack() as stack:
        redis = stack.enter_context(RedisServer()).url if RedisServer.is_installed() else ""
        for workload in options.workloads:
            print(f"\nThe quota of {workload} is reached first\n")
            print("| | processes | lost | time | of the shortest | refused (429) | at once | |")
            print("|---|---:|---:|---:|---:|---:|---:|---|")
            for name in options.contestants:
                _, counts, needs = CONTESTANTS[name]
                if needs and not (importlib.util.find_spec(needs) and (needs != "redis" or redis)):
                    print(f"{name}: {needs} is not installed", file=sys.stderr)
                    continue
                for processes in counts:
                    print(measure(name, processes, workload, options.time_scale, redis), flush=True)


def measure(name: str, processes: int, workload: str, time_scale: float, redis: str) -> str:
    """Give a batch to a contestant, in as many processes; what became of it, as a table's row."""
    quotas = Quotas(
        requests_per_minute=_REQUESTS, tokens_per_minute=_TOKENS, concurrent_requests=_AT_ONCE
    )
    with EmulatorProcess(
        quotas=quotas,
        time_scale=time_scale,
        latency=_LATENCY,
        token_interval=_TOKEN_INTERVAL,
        keep_requests=0,
    ) as emulator:
        emulator.respond_with(answer)
        place = Place(emulator.base_url, str(emulator.api_key), time_scale, processes, redis)
        results, real_seconds = _run(name, place, workload)
        statuses, peak = emulator.statuses, emulator.peak_concurrent_requests
    requests, refused, seconds = statuses.total(), statuses[429], real_seconds * time_scale
    used = [one for one in results if not isinstance(one, str)]
    ratio = seconds / _shortest(used) if len(used) == len(results) else None
    is_within_reach = (
        ratio is not None
        and ratio <= _MOST_TIMES_THE_SHORTEST
        and refused < _MOST_REFUSED * requests
    )
    if ratio is None:
        print(Counter(one for one in results if isinstance(one, str)), file=sys.stderr)
    return (
        f"| {name} | {processes} | {len(results) - len(used):,} | {seconds:.0f} s "
        f"| {'' if ratio is None else f'{ratio:.2f}'} "
        f"| {refused:,} of {requests:,} ({refused / requests:.1%}) | {peak} "
        f"| {'✓' if is_within_reach else '✗'} |"
    )


def _run(name: str, place: Place, workload: str) -> tuple[list[_Result], float]:
    """The results, and the seconds from the first process's start to the last one's end."""
    context = multiprocessing.get_context("spawn")
    start, pipes, workers = context.Barrier(place.processes), [], []
    for number in range(place.processes):
        ours, theirs = context.Pipe(duplex=False)
        arguments = (name, place, (workload, number), start, theirs)
        workers.append(context.Process(target=_work, args=arguments))
        workers[-1].start()
        pipes.append(ours)
    answers = [pipe.recv() for pipe in pipes]
    for worker in workers:
        worker.join()
    began, ended = min(a[1] for a in answers), max(a[2] for a in answers)
    return [result for results, _, _ in answers for result in results], ended - began


def _work(name: str, place: Place, part: tuple[str, int], start: Any, pipe: Any) -> None:
    """Send one process's part of the batch."""
    workload, number = part
    logging.getLogger("httpx").setLevel(logging.WARNING)
    prompts: list[LanguageModelInput] = [*_prompts(*_WORKLOADS[workload])]
    model = CONTESTANTS[name][0](place)
    start.wait()
    began = time.time()
    # An item may be an exception, which LangChain's annotation does not say.
    mine = prompts[number :: place.processes]
    answers: list[Any] = asyncio.run(model.abatch(mine, return_exceptions=True))
    ended = time.time()
    pipe.send(([_result(one) for one in answers], began, ended))


def _result(answer: Any) -> _Result:
    if not isinstance(answer, AIMessage):
        return type(answer).__name__
    used: Any = answer.usage_metadata
    return used["input_tokens"], used["output_tokens"]


def answer(request: ReceivedRequest) -> Reply:
    """Answer as many words as the prompt asks for."""
    [words] = re.findall(r"in (\d+) words", request.json["messages"][-1]["content"])
    return Reply(" ".join(["word"] * int(words)))


def _prompts(shortest: int, longest: int) -> list[str]:
    """The same prompts each time; each asks for about as many tokens as it has."""
    chance = random.Random(0)  # noqa: S311 -- repeatable, not secret
    prompts = []
    for _ in range(_PROMPTS):
        length = chance.randint(shortest, longest)
        words = chance.randint(length // 8, length * 3 // 8)
        prompts.append(f"Answer in {words} words: ".ljust(length, "x"))
    return prompts


def _shortest(used: Sequence[tuple[int, int]]) -> float:
    """The time from the first request to the last answer when no quota is ever left unused.

    Each quota is a bucket that holds a minute's worth and fills again bit by bit.
    """
    tokens = sum(prompt + text for prompt, text in used)
    last_start = 60 * max(0, len(used) / _REQUESTS - 1, tokens / _TOKENS - 1)
    return last_start + _LATENCY + min(text for _, text in used) * _TOKEN_INTERVAL


if __name__ == "__main__":
    main()
