"""Many streams at once and many calls in a row, a tenth of them hit by a fault.

Run `python -m benchmarks.soak`; it takes a few minutes, and needs Linux for what it counts.

- 2,000 streams at once: each must give exactly the tokens that were sent, or raise a typed
  error that holds those which had come. Which of the two is right the emulator knows, whose
  own account of the faults is compared.
- 20,000 calls in a row: the same. By how much the process has grown is printed, and is for the
  reader to judge: allocators give memory back as they like.

The emulator runs in a process of its own. Afterwards no socket, task or thread may be left.
"""

import argparse
import asyncio
import gc
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import httpx

from benchmarks.resources import allow_many_sockets, open_sockets, resident_bytes
from langchain_scaleway import ChatScaleway
from langchain_scaleway.errors import ScalewayError
from langchain_scaleway.testing import (
    ByteAtATime,
    CutStream,
    EmptyAnswer,
    EmulatorProcess,
    ErrorEvent,
    Fault,
    Gzip,
    HtmlError,
    HttpError,
    NotAnObject,
    RandomFaults,
    ReceivedRequest,
    Redirect,
    Reset,
    StaleConnection,
    Stall,
    TruncatedJson,
    WrongContentType,
    rate_limited,
)

_MODEL = "qwen3-235b-a22b-instruct-2507"
_SHARE = 0.1
"""The share of requests that are hit by a fault."""

_MODELS = 2
"""Models that the streams share: one has no more than 1,000 requests under way in a loop."""

_PATIENCE = 30.0
"""Seconds without a piece of an answer until a stream is given up, far more than a busy machine
needs between two pieces."""

_FILLING = "A prompt that is quoted in its answer, word by word, so that there is much to lose."

LETHAL: Sequence[Fault] = (
    Reset(0),
    Reset(20),
    Reset(after_events=1),
    Reset(after_events=9),
    CutStream(1),
    CutStream(9),
    CutStream(9, "closed"),
    CutStream(9, "until_close"),
    ErrorEvent(1, "gateway", 503, "Overloaded"),
    ErrorEvent(9, "recent"),
    ErrorEvent(9, "legacy", done=False),
    HttpError(400, "No such thing", "recent"),
    HttpError(503, "Overloaded"),
    HtmlError(),
    HtmlError(504, "Gateway Time-out"),
    rate_limited(),
    EmptyAnswer(),
    TruncatedJson(9),
    NotAnObject(None, 9),
    Redirect("http://elsewhere.invalid/"),
    Gzip(corrupt=True),
)
"""Faults that no answer survives."""

HARMLESS: Sequence[Fault] = (ByteAtATime(), WrongContentType())
"""Faults that every answer survives."""

STALE: Sequence[Fault] = (StaleConnection("after_answer"), StaleConnection("on_next_request"))
"""Faults that the next request on a connection meets; a retry survives them."""

_LETHAL_NAMES = {type(fault).__name__ for fault in (*LETHAL, Stall())}


@dataclass
class Report:
    """What became of the calls.

    Attributes:
        calls: How many there were.
        whole: How many gave exactly the text that was sent.
        errors: How many raised which error.
        wrong: What must not be: text that is not what was sent, other exceptions, errors for
            no reason and answers in spite of one.
        hit: How many requests were hit by a fault.
        requests: How many requests there were.
        peak: The most requests that were under way at the same time.
        seconds: How long it all took.
        sockets_left: Sockets open afterwards that were not before.
        tasks_left: Tasks likewise.
        threads_left: Threads likewise.
        growth: Bytes by which the process grew: over the last nine tenths of the calls, or the
            second time that streams were read.
    """

    calls: int
    whole: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    hit: int = 0
    requests: int = 0
    peak: int = 0
    seconds: float = 0.0
    sockets_left: int = 0
    tasks_left: int = 0
    threads_left: int = 0
    growth: int | None = None

    def __post_init__(self) -> None:
        """Make place for the results, so that keeping them is no growth."""
        self._succeeded = bytearray(self.calls)

    def judge(self, number: int, text: str, error: Exception | None) -> None:
        """Count what came of a call.

        Args:
            number: Which call.
            text: What had come.
            error: What was raised.
        """
        sent = _answer_to(_prompt(number))
        if error is None:
            self._succeeded[number] = True
            self.whole += text == sent
            if text != sent:
                self.wrong.append(f"{number}: {text!r} is not what was sent")
        elif not isinstance(error, ScalewayError):
            self.wrong.append(f"{number}: {error!r}")
        else:
            self.errors[type(error).__name__] += 1
            if not sent.startswith(text) or error.partial_text != text:
                self.wrong.append(f"{number}: {text!r} had come, {error.partial_text!r} is said")

    def compare(self, emulator: EmulatorProcess) -> None:
        """Compare with the emulator's account: the last request for a prompt decides."""
        last: dict[str, ReceivedRequest] = {}
        for request in emulator.requests:
            self.requests += 1
            self.hit += bool(request.faults)
            last[request.json["messages"][0]["content"]] = request
        for number, success in enumerate(self._succeeded):
            faults = last[_prompt(number)].faults
            if bool(success) is bool(_LETHAL_NAMES.intersection(faults)):
                self.wrong.append(f"{number}: success is {bool(success)} after {faults}")
        self.peak = emulator.peak_concurrent_requests

    def __str__(self) -> str:
        """The figures, a line each."""
        errors = ", ".join(f"{count} {name}" for name, count in self.errors.most_common())
        left = f"{self.sockets_left} sockets, {self.tasks_left} tasks, {self.threads_left} threads"
        return "\n".join(
            (
                f"calls: {self.calls} in {self.seconds:.1f} s, {self.peak} at once on the wire",
                f"requests: {self.requests}, hit by a fault: {self.hit}",
                f"whole: {self.whole}",
                f"typed errors: {self.errors.total()} ({errors})",
                f"anything else: {len(self.wrong)} {self.wrong[:3] if self.wrong else ''}",
                f"left: {left}",
                "" if self.growth is None else f"growth: {self.growth / 1024:.0f} KiB",
            )
        )


def soak_streams(number: int, patience: float = _PATIENCE, token_interval: float = 0.05) -> Report:
    """Read many streams at the same time.

    Args:
        number: How many.
        patience: Seconds without a piece of the answer until a stream is given up.
        token_interval: Seconds between two pieces.
    """
    faults = RandomFaults(probability=_SHARE, faults=(*LETHAL, *HARMLESS, *STALE, Stall(9)))
    with EmulatorProcess(random_faults=faults, token_interval=token_interval) as emulator:
        sockets, threads = open_sockets(), threading.active_count()
        report = Report(number)
        began = time.monotonic()
        asyncio.run(_soak_streams(report, emulator, patience))
        report.seconds = time.monotonic() - began
        gc.collect()
        report.sockets_left = open_sockets() - sockets
        report.threads_left = threading.active_count() - threads
    return report


async def _soak_streams(report: Report, emulator: EmulatorProcess, patience: float) -> None:
    models = [_model(emulator, timeout=httpx.Timeout(patience)) for _ in range(_MODELS)]

    async def read(number: int) -> None:
        text, error = "", None
        try:
            async for chunk in models[number % _MODELS].astream(_prompt(number)):
                text += chunk.text
        except Exception as raised:  # noqa: BLE001 -- the report says what must not be
            error = raised
        report.judge(number, text, error)

    await asyncio.gather(*map(read, range(report.calls)))
    report.compare(emulator)
    models.clear()
    await _settle()
    report.tasks_left = len(asyncio.all_tasks()) - 1


def _again(number: int) -> Report:
    """Soak once more, and see what the process has grown by since the first time."""
    before = resident_bytes()
    report = soak_streams(number)
    report.growth = resident_bytes() - before
    return report


async def _settle() -> None:
    """Let the loop close what was dropped last."""
    gc.collect()
    for _ in range(10):
        await asyncio.sleep(0.01)


def soak_calls(number: int) -> Report:
    """Make many calls one after the other, plain and streamed in turn, without retries.

    Args:
        number: How many.
    """
    faults = RandomFaults(probability=_SHARE, faults=(*LETHAL, *HARMLESS))
    with EmulatorProcess(random_faults=faults) as emulator:
        sockets, threads = open_sockets(), threading.active_count()
        report = Report(number)
        began = time.monotonic()
        model = _model(emulator, max_retries=0)
        for place in range(number):
            if place == number // 10:
                before = resident_bytes()
            report.judge(place, *_ask(model, _prompt(place), streamed=place % 2 == 1))
        report.growth = resident_bytes() - before
        report.seconds = time.monotonic() - began
        del model
        report.compare(emulator)
        report.sockets_left = open_sockets() - sockets
        report.threads_left = threading.active_count() - threads
    return report


def _ask(model: ChatScaleway, prompt: str, *, streamed: bool) -> tuple[str, Exception | None]:
    text = ""
    try:
        if not streamed:
            return model.invoke(prompt).text, None
        for chunk in model.stream(prompt):
            text += chunk.text
    except Exception as error:  # noqa: BLE001 -- the report says what must not be
        return text, error
    return text, None


def _model(emulator: EmulatorProcess, **fields: object) -> ChatScaleway:
    settings = {"model": _MODEL, "base_url": emulator.base_url, "api_key": emulator.api_key}
    return ChatScaleway.model_validate(settings | fields)


def _prompt(number: int) -> str:
    return f"{number}: {_FILLING}"


def _answer_to(prompt: str) -> str:
    """What the emulator's default responder says."""
    return f"This is an emulated answer to “{prompt}”."


def main() -> None:
    """Soak, print the figures, and fail if anything is wrong or left."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--streams", type=int, default=2_000, help="at once (%(default)s)")
    parser.add_argument("--calls", type=int, default=20_000, help="in a row (%(default)s)")
    options = parser.parse_args()
    allow_many_sockets()
    failed = False
    soaks: dict[str, Callable[[], Report]] = {
        "Streams at once": partial(soak_streams, options.streams),
        "The same again": partial(_again, options.streams),
        "Calls in a row": partial(soak_calls, options.calls),
    }
    for title, soak in soaks.items():
        report = soak()
        print(f"{title}\n{report}\n", flush=True)
        left = report.sockets_left or report.tasks_left or report.threads_left
        failed = failed or bool(report.wrong) or bool(left)
    sys.exit(failed)


if __name__ == "__main__":
    main()
