"""Many streams at once and many calls in a row, a tenth of them hit by a fault.

Each call must give exactly the text that was sent, or raise a typed error that holds what had come.
Which of the two is right the emulator knows: its own account of the faults is compared. Afterwards
no socket, task or thread may be left.
"""

import asyncio
import gc
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

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

SHARE = 0.1
"""The share of requests that are hit by a fault."""
MODELS = 2
"""Models that the streams share: one has no more than 1,000 requests under way in a loop."""
FILLING = "A prompt that is quoted in its answer, word by word, so that there is much to lose."

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
LETHAL_NAMES = {type(fault).__name__ for fault in (*LETHAL, Stall())}


@dataclass
class Report:
    """What became of the calls.

    Attributes:
        calls: How many there were.
        whole: How many gave exactly the text that was sent.
        errors: How many raised which error.
        wrong: What must not be: text that is not what was sent, other exceptions, errors for no
            reason and answers in spite of one.
        hit: How many requests were hit by a fault.
        left: Sockets, tasks and threads afterwards that were not there before.
    """

    calls: int
    whole: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    hit: int = 0
    left: tuple[int, int, int] = (0, 0, 0)
    succeeded: set[int] = field(default_factory=set, repr=False)

    def judge(self, number: int, text: str, error: Exception | None) -> None:
        """Count what came of a call."""
        sent = f"This is an emulated answer to “{prompt(number)}”."
        if error is None:
            self.succeeded.add(number)
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
            self.hit += bool(request.faults)
            last[request.json["messages"][0]["content"]] = request
        for number in range(self.calls):
            faults = last[prompt(number)].faults
            if (number in self.succeeded) is bool(LETHAL_NAMES.intersection(faults)):
                self.wrong.append(f"{number}: success {number in self.succeeded} after {faults}")


def prompt(number: int) -> str:
    return f"{number}: {FILLING}"


def soak_streams(number: int, patience: float) -> Report:
    """Read many streams at the same time.

    Args:
        number: How many.
        patience: Seconds without a piece of the answer until a stream is given up, far more than a
            busy machine needs between two pieces.
    """
    report = Report(number)
    faults = RandomFaults(probability=SHARE, faults=(*LETHAL, *HARMLESS, *STALE, Stall(9)))
    with EmulatorProcess(random_faults=faults, token_interval=0.05) as emulator:
        sockets, threads = open_sockets(), threading.active_count()
        tasks = asyncio.run(read_streams(report, emulator, patience))
        gc.collect()
        report.left = open_sockets() - sockets, tasks, threading.active_count() - threads
    return report


async def read_streams(report: Report, emulator: EmulatorProcess, patience: float) -> int:
    """Read all streams; gives how many tasks are left."""
    models = [model_of(emulator, timeout=httpx.Timeout(patience)) for _ in range(MODELS)]

    async def read(number: int) -> None:
        text, error = "", None
        try:
            async for chunk in models[number % MODELS].astream(prompt(number)):
                text += chunk.text
        except Exception as raised:  # noqa: BLE001 -- the report says what must not be
            # Its frames would hold themselves and the models until the collector comes, which
            # closes no connection in order.
            error = raised.with_traceback(None)
        report.judge(number, text, error)

    await asyncio.gather(*map(read, range(report.calls)))
    report.compare(emulator)
    models.clear()
    gc.collect()
    await asyncio.sleep(0.1)  # The loop closes what was dropped last.
    return len(asyncio.all_tasks()) - 1


def soak_calls(number: int) -> Report:
    """Make many calls one after the other, plain and streamed in turn, without retries."""
    report = Report(number)
    faults = RandomFaults(probability=SHARE, faults=(*LETHAL, *HARMLESS))
    with EmulatorProcess(random_faults=faults) as emulator:
        sockets, threads = open_sockets(), threading.active_count()
        model = model_of(emulator, max_retries=0)
        for place in range(number):
            report.judge(place, *ask(model, prompt(place), streamed=place % 2 == 1))
        del model
        report.compare(emulator)
        report.left = open_sockets() - sockets, 0, threading.active_count() - threads
    return report


def ask(model: ChatScaleway, question: str, *, streamed: bool) -> tuple[str, Exception | None]:
    text = ""
    try:
        if not streamed:
            return model.invoke(question).text, None
        for chunk in model.stream(question):
            text += chunk.text
    except Exception as error:  # noqa: BLE001 -- the report says what must not be
        return text, error
    return text, None


def model_of(emulator: EmulatorProcess, **fields: object) -> ChatScaleway:
    settings = {"base_url": emulator.base_url, "api_key": emulator.api_key}
    model = {"model": "qwen3-235b-a22b-instruct-2507"}
    return ChatScaleway.model_validate(model | settings | fields)


def open_sockets() -> int:
    return sum(entry.is_socket() for entry in Path("/proc/self/fd").iterdir())
