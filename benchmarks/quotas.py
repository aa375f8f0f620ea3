"""Big batches against Scaleway's quotas: what gets through, how fast, and what is refused.

2,000 prompts go through `abatch` against 600 requests and 200,000 tokens a minute and 100 requests
at once, on the emulator, whose time is sped up; in one process, or divided among several that know
of one another by Redis or not at all. The prompts differ in length, and so do the answers. With
`requests` it is the quota of requests that is reached first, with `tokens` that of tokens.

Run `python -m benchmarks.quotas`; `--time-scale 1` takes as long as it would on Scaleway. The rows
with Redis need the program `redis-server` and the extra `redis`.
"""

import argparse
import asyncio
import importlib.util
import json
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
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
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
_QUOTAS = Quotas(
    requests_per_minute=_REQUESTS, tokens_per_minute=_TOKENS, concurrent_requests=_AT_ONCE
)
_LATENCY = 0.5
"""Seconds until a model begins to answer."""
_TOKEN_INTERVAL = 0.01
"""Seconds for each token of an answer."""
_MOST_REFUSED = 0.01
_MOST_TIMES_THE_SHORTEST = 1.05
_OUTPUT = Path("build/benchmarks")

_WORKLOADS = {"requests": (100, 600), "tokens": (400, 1_200)}
"""The shortest and the longest prompt in characters; a quarter as many tokens."""


@dataclass(frozen=True)
class Place:
    """What a process of a batch is told.

    Attributes:
        base_url: Where the emulator is.
        api_key: Its key.
        time_scale: How fast its time passes.
        processes: How many processes share the batch.
        redis: Where Redis is.
    """

    base_url: str
    api_key: str
    time_scale: float
    processes: int
    redis: str

    def scaleway(self, **limiter: Any) -> BaseChatModel:
        """`ChatScaleway`, with a limiter of these arguments."""
        made = ScalewayRateLimiter(time_scale=self.time_scale, **limiter)
        return ChatScaleway(
            model=_MODEL, base_url=self.base_url, api_key=self.api_key, rate_limiter=made
        )

    def openai(self, **fields: Any) -> BaseChatModel:
        """`ChatOpenAI`."""
        from langchain_openai import ChatOpenAI  # noqa: PLC0415 -- may be missing

        made: BaseChatModel = ChatOpenAI(
            model=_MODEL, base_url=self.base_url, api_key=self.api_key, **fields
        )
        return made


def _no_limiter(place: Place) -> BaseChatModel:
    return ChatScaleway(model=_MODEL, base_url=place.base_url, api_key=place.api_key)


def _in_memory(place: Place) -> BaseChatModel:
    """Told how many requests a second it may send; it knows nothing of tokens."""
    per_second = _REQUESTS / 60 * place.time_scale / place.processes
    limiter = InMemoryRateLimiter(
        requests_per_second=per_second, check_every_n_seconds=0.1, max_bucket_size=per_second
    )
    return place.openai(rate_limiter=limiter)


@dataclass(frozen=True)
class Contestant:
    """Whom a batch is given to.

    Attributes:
        name: What it is called in the report.
        make: Makes its model, in each process.
        processes: In how many processes it runs, one number for each row.
        needs: The package that it needs.
    """

    name: str
    make: Callable[[Place], BaseChatModel]
    processes: Sequence[int] = (1,)
    needs: str = "langchain_scaleway"


CONTESTANTS = (
    Contestant("ScalewayRateLimiter", Place.scaleway, (1, 4, 8)),
    Contestant(
        "ScalewayRateLimiter, share=1/n",
        lambda place: place.scaleway(share=1 / place.processes),
        (4, 8),
    ),
    Contestant(
        "ScalewayRateLimiter, store in Redis",
        lambda place: place.scaleway(store=place.redis),
        (1, 4, 8),
        "redis",
    ),
    Contestant("no limiter", _no_limiter, (1, 4)),
    Contestant("ChatOpenAI, no limiter", Place.openai, (1,), "langchain_openai"),
    Contestant("ChatOpenAI, InMemoryRateLimiter", _in_memory, (1, 4, 8), "langchain_openai"),
)


@dataclass(frozen=True)
class Outcome:
    """What became of a batch. Times are the server's, however fast they pass.

    Attributes:
        contestant: Whom it was given to.
        processes: In how many processes.
        workload: Which prompts it had.
        answered: How many prompts were answered.
        errors: How many ended with which exception.
        seconds: How long it took, from the first request to the last answer.
        shortest: How long it must take for quotas that are used up all the time; nothing
            where not all was answered.
        requests: How many requests reached the server.
        refused: How many of them were refused with 429.
        peak: The most requests at once.
        real_seconds: How long it took on the wall's clock.
    """

    contestant: str
    processes: int
    workload: str
    answered: int
    errors: dict[str, int]
    seconds: float
    shortest: float | None
    requests: int
    refused: int
    peak: int
    real_seconds: float

    @property
    def is_within_reach(self) -> bool:
        """Whether it is what `ScalewayRateLimiter` is meant to reach."""
        return (
            self.shortest is not None
            and self.seconds <= _MOST_TIMES_THE_SHORTEST * self.shortest
            and self.refused < _MOST_REFUSED * self.requests
        )


def main() -> None:
    """Run the contestants on the workloads, and write the report."""
    options = _options()
    outcomes = []
    with ExitStack() as stack:
        redis = None
        if RedisServer.is_installed():
            redis = stack.enter_context(RedisServer())
        for workload in options.workloads:
            for contestant in CONTESTANTS:
                if contestant.name not in (options.contestants or [contestant.name]):
                    continue
                if not importlib.util.find_spec(contestant.needs) or (
                    contestant.needs == "redis" and redis is None
                ):
                    print(f"{contestant.name}: something is not installed", file=sys.stderr)
                    continue
                for processes in contestant.processes:
                    outcome = measure(contestant, processes, workload, options.time_scale, redis)
                    print(_line(outcome), file=sys.stderr)
                    outcomes.append(outcome)
    _write(outcomes, options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quotas", description=__doc__)
    parser.add_argument(
        "--time-scale", type=float, default=4.0, help="the server's seconds in a second (4)"
    )
    parser.add_argument("--workloads", nargs="+", choices=_WORKLOADS, default=list(_WORKLOADS))
    parser.add_argument("--contestants", nargs="+", choices=[one.name for one in CONTESTANTS])
    parser.add_argument(
        "--output", type=Path, default=_OUTPUT, help="a directory for the report (%(default)s)"
    )
    return parser.parse_args()


def measure(
    contestant: Contestant,
    processes: int,
    workload: str,
    time_scale: float,
    redis: RedisServer | None,
) -> Outcome:
    """Give a batch to a contestant, in as many processes."""
    with EmulatorProcess(
        quotas=_QUOTAS,
        time_scale=time_scale,
        latency=_LATENCY,
        token_interval=_TOKEN_INTERVAL,
        keep_requests=0,
    ) as emulator:
        emulator.respond_with(answer)
        place = Place(
            emulator.base_url,
            str(emulator.api_key),
            time_scale,
            processes,
            redis.url if redis is not None else "",
        )
        results, seconds = _run(contestant, place, workload)
        statuses, peak = emulator.statuses, emulator.peak_concurrent_requests
    used = [one for one in results if not isinstance(one, str)]
    errors = Counter(one for one in results if isinstance(one, str))
    return Outcome(
        contestant=contestant.name,
        processes=processes,
        workload=workload,
        answered=len(used),
        errors=dict(errors),
        seconds=seconds * time_scale,
        shortest=None if errors else _shortest(used),
        requests=sum(statuses.values()),
        refused=statuses.get(429, 0),
        peak=peak,
        real_seconds=seconds,
    )


_Result = tuple[int, int] | str
"""The tokens of an answer's prompt and text, or the name of an exception."""


def _run(contestant: Contestant, place: Place, workload: str) -> tuple[list[_Result], float]:
    """The results, and the seconds from the first process's start to the last one's end."""
    context = multiprocessing.get_context("spawn")
    start, pipes, workers = context.Barrier(place.processes), [], []
    for number in range(place.processes):
        ours, theirs = context.Pipe(duplex=False)
        index = CONTESTANTS.index(contestant)
        arguments = (index, place, (workload, number), start, theirs)
        workers.append(context.Process(target=_work, args=arguments))
        workers[-1].start()
        pipes.append(ours)
    answers = [pipe.recv() for pipe in pipes]
    for worker in workers:
        worker.join()
    began, ended = min(a[1] for a in answers), max(a[2] for a in answers)
    return [result for results, _, _ in answers for result in results], ended - began


def _work(contestant: int, place: Place, part: tuple[str, int], start: Any, pipe: Any) -> None:
    """Send one process's part of the batch."""
    workload, number = part
    logging.getLogger("httpx").setLevel(logging.WARNING)
    prompts: list[LanguageModelInput] = [*_prompts(*_WORKLOADS[workload])]
    model = CONTESTANTS[contestant].make(place)
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


def _write(outcomes: Sequence[Outcome], options: argparse.Namespace) -> None:
    packages = ["langchain-core", "httpx"]
    packages += [one for one in ("langchain-openai", "redis") if _is_installed(one)]
    found = {
        "date": datetime.now(UTC).date().isoformat(),
        "system": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "versions": {package: version(package) for package in packages},
        "time_scale": options.time_scale,
    }
    report = _report(outcomes, found)
    results = {"environment": found, "outcomes": [asdict(outcome) for outcome in outcomes]}
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "quotas.md").write_text(report)
    (options.output / "quotas.json").write_text(json.dumps(results, indent=1) + "\n")
    print(report)


def _is_installed(package: str) -> bool:
    return importlib.util.find_spec(package.replace("-", "_")) is not None


def _report(outcomes: Sequence[Outcome], found: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in found["versions"].items())
    head = (
        f"{_PROMPTS:,} prompts through `abatch` against {_REQUESTS} requests and {_TOKENS:,} "
        f"tokens a minute and {_AT_ONCE} requests at once, on the emulator.\n\n"
        f"Measured {found['date']}: {found['system']}, Python {found['python']}, {versions}. "
        f"Time ran {found['time_scale']:g} times as fast for the server, and all times are "
        "the server's; waits between retries are not sped up, so they were that much longer "
        "for it, which helps whoever retries. All models at their defaults.\n\n"
        "The shortest time is that of a batch that never leaves a quota unused. Within reach "
        f"(✓) is a batch without failures, in {_MOST_TIMES_THE_SHORTEST:g} times the shortest "
        f"time at most, with less than {_MOST_REFUSED:.0%} of its requests refused.\n"
    )
    return head + "".join(
        _table([one for one in outcomes if one.workload == workload]) for workload in _WORKLOADS
    )


def _table(outcomes: Sequence[Outcome]) -> str:
    if not outcomes:
        return ""
    shortest = min((one.shortest for one in outcomes if one.shortest), default=None)
    bound = "" if shortest is None else f": {shortest:.0f} s at the shortest"
    lines = [
        f"\nThe quota of {outcomes[0].workload} is reached first{bound}\n",
        "| | processes | lost | time | of the shortest | refused (429) | at once | |",
        "|---|---:|---:|---:|---:|---:|---:|---|",
    ]
    for one in outcomes:
        ratio = f"{one.seconds / one.shortest:.2f}" if one.shortest else ""
        lines.append(
            f"| {one.contestant} | {one.processes} | {sum(one.errors.values()):,} "
            f"| {one.seconds:.0f} s | {ratio} "
            f"| {one.refused:,} of {one.requests:,} ({one.refused / one.requests:.1%}) "
            f"| {one.peak} | {'✓' if one.is_within_reach else '✗'} |"
        )
    return "\n".join(lines) + "\n"


def _line(outcome: Outcome) -> str:
    """An outcome as a line that shows how far a run is."""
    return (
        f"{outcome.workload:9} {outcome.contestant:36} {outcome.processes} "
        f"{outcome.answered} answered, {outcome.refused} of {outcome.requests} refused, "
        f"{outcome.seconds:.1f} s of {outcome.shortest or 0:.1f} "
        f"({outcome.real_seconds:.1f} s real) {outcome.errors or ''}"
    )


if __name__ == "__main__":
    main()
