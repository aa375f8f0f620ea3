"""Big batches against Scaleway's quotas: what gets through, how fast, and what is refused.

2,000 prompts go through `abatch` against 600 requests and 200,000 tokens a minute, on the
emulator in a process of its own, whose time is sped up. Run `python -m benchmarks.pacer`;
`--time-scale 1` takes as long as it would on Scaleway.

The prompts differ in length, and so do the answers. With `requests` it is the quota of
requests that is reached first, with `tokens` that of tokens.
"""

import argparse
import asyncio
import importlib.util
import json
import logging
import os
import platform
import random
import re
import sys
import time
from collections.abc import Callable, Sequence
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
_MOST_TIMES_THE_SHORTEST = 1.1
_OUTPUT = Path("build/benchmarks")

_WORKLOADS = {"requests": (100, 600), "tokens": (400, 1_200)}
"""The shortest and the longest prompt in characters; a quarter as many tokens."""


@dataclass(frozen=True)
class Contestant:
    """Whom the batch is given to.

    Attributes:
        name: What it is called in the report.
        make: Makes the model, for an emulator and the speed of its time.
    """

    name: str
    make: Callable[[EmulatorProcess, float], BaseChatModel]


@dataclass(frozen=True)
class Outcome:
    """What became of a batch. Times are the server's, however fast they pass.

    Attributes:
        contestant: Whom it was given to.
        workload: Which prompts it had.
        answered: How many prompts were answered.
        failed: How many ended with an exception.
        errors: How many with which.
        seconds: How long it took.
        shortest: How long it must take for quotas that are used up all the time; nothing
            where not all was answered.
        requests: How many requests reached the server.
        refused: How many of them were refused with 429.
        peak: The most requests at once.
        real_seconds: How long it took on the wall's clock.
    """

    contestant: str
    workload: str
    answered: int
    failed: int
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


def answer(request: ReceivedRequest) -> Reply:
    """Answer as many words as the prompt asks for."""
    found = re.search(r"in (\d+) words", request.json["messages"][-1]["content"])
    return Reply("word " * int(found[1]) if found else "word")


def _paced(emulator: EmulatorProcess, time_scale: float) -> BaseChatModel:
    return _scaleway(emulator, rate_limiter=ScalewayRateLimiter(time_scale=time_scale))


def _unpaced(emulator: EmulatorProcess, _time_scale: float) -> BaseChatModel:
    return _scaleway(emulator)


def _scaleway(emulator: EmulatorProcess, **fields: Any) -> BaseChatModel:
    return ChatScaleway(
        model=_MODEL, base_url=emulator.base_url, api_key=emulator.api_key, **fields
    )


def _openai(emulator: EmulatorProcess, _time_scale: float) -> BaseChatModel:
    return _chat_openai(emulator)


def _openai_limited(emulator: EmulatorProcess, time_scale: float) -> BaseChatModel:
    per_second = _REQUESTS / 60 * time_scale
    return _chat_openai(
        emulator,
        rate_limiter=InMemoryRateLimiter(
            requests_per_second=per_second, check_every_n_seconds=0.1, max_bucket_size=per_second
        ),
    )


def _chat_openai(emulator: EmulatorProcess, **fields: Any) -> BaseChatModel:
    from langchain_openai import ChatOpenAI  # noqa: PLC0415 -- may be missing

    model: BaseChatModel = ChatOpenAI(
        model=_MODEL, base_url=emulator.base_url, api_key=emulator.api_key, **fields
    )
    return model


_CONTESTANTS = (
    Contestant("ChatScaleway, ScalewayRateLimiter", _paced),
    Contestant("ChatScaleway", _unpaced),
    Contestant("ChatOpenAI", _openai),
    Contestant("ChatOpenAI, InMemoryRateLimiter", _openai_limited),
)


def main() -> None:
    """Run every contestant on every workload, and write the report."""
    options = _options()
    logging.getLogger("httpx").setLevel(logging.WARNING)
    outcomes = []
    for workload in options.workloads:
        for contestant in _CONTESTANTS:
            if "OpenAI" in contestant.name and not importlib.util.find_spec("langchain_openai"):
                print(f"{contestant.name}: langchain-openai is not installed", file=sys.stderr)
                continue
            outcome = _measure(contestant, workload, options.time_scale)
            print(_line(outcome), file=sys.stderr)
            outcomes.append(outcome)
    _write(outcomes, options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pacer", description=__doc__)
    parser.add_argument(
        "--time-scale", type=float, default=4.0, help="the server's seconds in a second (4)"
    )
    parser.add_argument("--workloads", nargs="+", choices=_WORKLOADS, default=list(_WORKLOADS))
    parser.add_argument(
        "--output", type=Path, default=_OUTPUT, help="a directory for the report (%(default)s)"
    )
    return parser.parse_args()


def _measure(contestant: Contestant, workload: str, time_scale: float) -> Outcome:
    prompts: list[LanguageModelInput] = [*_prompts(*_WORKLOADS[workload])]
    with EmulatorProcess(
        quotas=_QUOTAS,
        time_scale=time_scale,
        latency=_LATENCY,
        token_interval=_TOKEN_INTERVAL,
        keep_requests=0,
    ) as emulator:
        emulator.respond_with(answer)
        model = contestant.make(emulator, time_scale)
        began, really_began = emulator.now(), time.perf_counter()
        # An item may be an exception, which LangChain's annotation does not say.
        answers: list[Any] = asyncio.run(model.abatch(prompts, return_exceptions=True))
        seconds, real_seconds = emulator.now() - began, time.perf_counter() - really_began
        statuses, peak = emulator.statuses, emulator.peak_concurrent_requests
    answered = [one for one in answers if isinstance(one, AIMessage)]
    failures = [type(one).__name__ for one in answers if not isinstance(one, AIMessage)]
    return Outcome(
        contestant=contestant.name,
        workload=workload,
        answered=len(answered),
        failed=len(failures),
        errors={name: failures.count(name) for name in sorted(set(failures))},
        seconds=seconds,
        shortest=None if failures else _shortest(answered),
        requests=sum(statuses.values()),
        refused=statuses.get(429, 0),
        peak=peak,
        real_seconds=real_seconds,
    )


def _prompts(shortest: int, longest: int) -> list[str]:
    """The same prompts each time; each asks for about as many tokens as it has."""
    chance = random.Random(0)  # noqa: S311 -- repeatable, not secret
    prompts = []
    for _ in range(_PROMPTS):
        length = chance.randint(shortest, longest)
        words = chance.randint(length // 8, length * 3 // 8)
        prompts.append(f"Answer in {words} words: ".ljust(length, "x"))
    return prompts


def _shortest(answered: Sequence[AIMessage]) -> float:
    """The time from the first request to the last answer when no quota is ever left unused.

    Each quota is a bucket that holds a minute's worth and fills again bit by bit.
    """
    used = [one.usage_metadata for one in answered if one.usage_metadata is not None]
    tokens = sum(usage["total_tokens"] for usage in used)
    last_start = 60 * max(0, len(answered) / _REQUESTS - 1, tokens / _TOKENS - 1)
    return last_start + _LATENCY + min(one["output_tokens"] for one in used) * _TOKEN_INTERVAL


def _write(outcomes: Sequence[Outcome], options: argparse.Namespace) -> None:
    found = _environment(options.time_scale)
    report = _report(outcomes, found)
    results = {"environment": found, "outcomes": [asdict(outcome) for outcome in outcomes]}
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "pacer.md").write_text(report)
    (options.output / "pacer.json").write_text(json.dumps(results, indent=1) + "\n")
    print(report)


def _environment(time_scale: float) -> dict[str, Any]:
    packages = ["langchain-core", "httpx"]
    packages += ["langchain-openai"] if importlib.util.find_spec("langchain_openai") else []
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "system": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "versions": {package: version(package) for package in packages},
        "time_scale": time_scale,
    }


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
    return head + "".join(map(_table, [_of(outcomes, workload) for workload in _WORKLOADS]))


def _of(outcomes: Sequence[Outcome], workload: str) -> list[Outcome]:
    return [outcome for outcome in outcomes if outcome.workload == workload]


def _table(outcomes: Sequence[Outcome]) -> str:
    if not outcomes:
        return ""
    shortest = min((one.shortest for one in outcomes if one.shortest), default=None)
    bound = "" if shortest is None else f": {shortest:.0f} s at the shortest"
    lines = [
        f"\nThe quota of {outcomes[0].workload} is reached first{bound}\n",
        "| | answered | failed | time | of the shortest | refused (429) | at once | |",
        "|---|---:|---:|---:|---:|---:|---:|---|",
    ]
    for one in outcomes:
        share = f"{one.seconds / one.shortest:.2f}" if one.shortest else ""
        lines.append(
            f"| {one.contestant} | {one.answered:,} | {one.failed:,} | {one.seconds:.0f} s "
            f"| {share} | {one.refused:,} of {one.requests:,} ({one.refused / one.requests:.1%}) "
            f"| {one.peak} | {'✓' if one.is_within_reach else '✗'} |"
        )
    return "\n".join(lines) + "\n"


def _line(outcome: Outcome) -> str:
    """An outcome as a line that shows how far a run is."""
    return (
        f"{outcome.workload:9} {outcome.contestant:33} {outcome.answered} answered, "
        f"{outcome.refused} of {outcome.requests} refused, {outcome.seconds:.1f} s "
        f"({outcome.real_seconds:.1f} s real) {outcome.errors or ''}"
    )


if __name__ == "__main__":
    main()
