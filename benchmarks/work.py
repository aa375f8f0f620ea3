"""What the rows measure.

Each is a generator: its first step prepares, and every step yields one sample, in seconds a unit.
The runner steps through the models in turn, so that the samples of all of them come from the same
few seconds of the machine.
"""

import asyncio
import base64
import gc
import os
import random
import statistics
import subprocess
import sys
import time
import tracemalloc
from collections import deque
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.tools import BaseTool, StructuredTool

from benchmarks.models import BASELINE, SOCKET_BASELINE, Measured
from benchmarks.server import allow_many_sockets
from benchmarks.wire import CHUNKS, OBJECT_CHUNKS

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel, LanguageModelInput
    from langchain_core.runnables import Runnable

_QUESTION = "What is the capital of France?"
_PROMPT: tuple[BaseMessage, ...] = (HumanMessage(_QUESTION),)
_BUDGET = 0.1
"""Seconds of CPU time that a sample should take."""
MODELS_DROPPED = 100
_CALLS = 5_000


@dataclass(frozen=True)
class Setting:
    """What a row is measured with.

    Attributes:
        measured: Whose model.
        url: Where the server listens.
    """

    measured: Measured
    url: str

    def model(self, reply: str, prompt: Sequence[BaseMessage] = _PROMPT) -> "BaseChatModel":
        """Make the model, for one of the server's replies."""
        return self.measured.make(self.url, reply, prompt)


Samples = Callable[[Setting], Iterator[float]]
AsyncWork = Callable[[], Coroutine[Any, Any, object]]


# The import, and the first reply after it: each sample takes a new process

# A full garbage collection takes as long as a first reply, and falls into one or the other phase of
# one or the other program by the chance of some hundred objects more or less.
_PROGRAM = """
import gc, time
gc.disable()
began = time.process_time()
{import_statement}
imported = time.process_time()
{own_class}
ready = time.process_time()
{class_name}(**{arguments!r}).invoke({question!r})
replied = time.process_time()
print(imported - began, replied - ready)
"""


def fresh_import(setting: Setting) -> Iterator[float]:
    """Import the class and all that it needs. The baseline's is langchain-core's and httpx's."""
    while True:
        yield _fresh(setting)[0]


def first_reply(setting: Setting) -> Iterator[float]:
    """Make a model and get its first reply."""
    while True:
        yield _fresh(setting)[1]


def _fresh(setting: Setting) -> list[float]:
    measured = setting.measured
    is_baseline = measured == BASELINE
    core = "import httpx, langchain_core.language_models.chat_models"
    program = _PROGRAM.format(
        import_statement=core if is_baseline else measured.import_statement,
        own_class=measured.import_statement if is_baseline else "",
        class_name=measured.class_name or measured.name,
        arguments=measured.arguments(setting.url, "short"),
        question=_QUESTION,
    )
    done = subprocess.run(  # noqa: S603 -- the program above, no shell
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(done.stderr.strip().rpartition("\n")[2])
    return [*map(float, done.stdout.split())]


# One call, or one chunk, at a time: CPU time, all threads together


def _cpu(work: Callable[[], object], units: int = 1) -> Iterator[float]:
    def seconds(repeats: int) -> float:
        began = time.process_time()
        for _ in range(repeats):
            work()
        return (time.process_time() - began) / repeats

    return _calibrated(seconds, units)


def _async_cpu(work: AsyncWork, units: int = 1) -> Iterator[float]:
    async def seconds(repeats: int) -> float:
        began = time.process_time()
        for _ in range(repeats):
            await work()
        return (time.process_time() - began) / repeats

    with asyncio.Runner() as runner:
        yield from _calibrated(lambda repeats: runner.run(seconds(repeats)), units)


def _calibrated(seconds: Callable[[int], float], units: int) -> Iterator[float]:
    """Samples that take about the budget."""
    seconds(2)  # Connections open, caches fill.
    repeats = max(1, round(_BUDGET / seconds(3)))
    while True:
        yield seconds(repeats) / units


def construct(setting: Setting) -> Iterator[float]:
    """Make a model object, with key and base URL given."""
    return _cpu(lambda: setting.model("short"))


def bind_tools(setting: Setting) -> Iterator[float]:
    """Bind ten tools, as an agent does in every turn."""
    model, tools = setting.model("short"), _ten_tools()
    return _cpu(lambda: model.bind_tools(tools))


def _ten_tools() -> list[BaseTool]:
    def search(query: str, limit: int = 10, language: str | None = None) -> str:
        """Look up documents.

        Args:
            query: What to look for.
            limit: How many documents at most.
            language: Only documents in this language.
        """
        return f"{query} {limit} {language}"

    return [
        StructuredTool.from_function(search, name=f"search_{number}", parse_docstring=True)
        for number in range(10)
    ]


def invoke(setting: Setting) -> Iterator[float]:
    """Ask a short question, get a short reply."""
    model = setting.model("short")
    return _cpu(lambda: model.invoke(_PROMPT))


def ainvoke(setting: Setting) -> Iterator[float]:
    """The same in a coroutine, one call at a time."""
    model = setting.model("short")
    return _async_cpu(lambda: model.ainvoke(_PROMPT))


def history(setting: Setting) -> Iterator[float]:
    """Send a conversation of 1,000 messages."""
    prompt: list[BaseMessage] = []
    for number in range(500):
        prompt.append(AIMessage(f"The answer to question {number} is a sentence of some words."))
        prompt.append(HumanMessage(f"And what would you say about question {number + 1}?"))
    model = setting.model("short", prompt)
    return _cpu(lambda: model.invoke(prompt))


def image(setting: Setting) -> Iterator[float]:
    """Send an image of 10 MB inside the message."""
    noise = random.Random(0).randbytes(7_500_000)  # noqa: S311 -- no secret, an image
    url = "data:image/png;base64," + base64.b64encode(noise).decode()
    text = {"type": "text", "text": "What is in this image?"}
    prompt = [HumanMessage([text, {"type": "image_url", "image_url": {"url": url}}])]
    model = setting.model("short", prompt)
    return _cpu(lambda: model.invoke(prompt))


def stream(reply: str) -> Samples:
    """Read a stream of 200 deltas that comes in one go."""

    def samples(setting: Setting) -> Iterator[float]:
        model = setting.model(reply)
        # A deque of length 0 is the cheapest way to take all that an iterator gives.
        return _cpu(lambda: deque(model.stream(_PROMPT), maxlen=0), CHUNKS)

    return samples


def astream(setting: Setting) -> Iterator[float]:
    """The same in a coroutine, one stream at a time."""
    return _async_cpu(_drained(setting.model("content")), CHUNKS)


def _drained(model: "BaseChatModel") -> AsyncWork:
    async def drain() -> None:
        async for _ in model.astream(_PROMPT):
            pass

    return drain


def stream_object(setting: Setting) -> Iterator[float]:
    """Read a structured object of 20 kB as it grows. The baseline streams its text."""
    model = setting.model("object")
    schema = {
        "title": "Words",
        "description": "Words.",
        "type": "object",
        "properties": {"text": {"type": "string"}},
        "required": ["text"],
    }
    chain: Runnable[LanguageModelInput, Any] = model
    if setting.measured != BASELINE:
        chain = model.with_structured_output(schema, method="json_schema")
    return _cpu(lambda: deque(chain.stream(_PROMPT), maxlen=0), OBJECT_CHUNKS)


# Time on the clock


def latency(which: slice, streams: int) -> Samples:
    """Seconds from the server's write of a token to its arrival at the caller."""

    def samples(setting: Setting) -> Iterator[float]:
        model = setting.model("stamped")
        _latencies(model)
        while True:
            found = [one for _ in range(streams) for one in _latencies(model)[which]]
            yield statistics.median(found)

    return samples


def _latencies(model: "BaseChatModel") -> list[float]:
    """Seconds that each token of a paced stream took, from the server's write to the caller.

    The server writes the time into the token; `time.monotonic` is one clock for all processes.
    """
    latencies = []
    for chunk in model.stream(_PROMPT):
        arrived = time.monotonic_ns()
        if written := chunk.text:
            latencies.append((arrived - int(written)) / 1e9)
    return latencies


# Many at once, in one event loop


def at_once(calls: int, clock: Callable[[], float]) -> Samples:
    """Each is answered after 50 ms. The baseline has no httpx, whose pool is what costs here."""

    def samples(setting: Setting) -> Iterator[float]:
        allow_many_sockets()
        if setting.measured == BASELINE:
            setting = replace(setting, measured=SOCKET_BASELINE)
        model = setting.model("delayed")
        return _waves(lambda: model.ainvoke(_PROMPT), calls, 1, clock)

    return samples


def streams_at_once(setting: Setting) -> Iterator[float]:
    """Read 100 streams at once, each chunk written on its own."""
    return _waves(_drained(setting.model("paced")), 100, CHUNKS, time.process_time)


def _waves(work: AsyncWork, calls: int, units: int, clock: Callable[[], float]) -> Iterator[float]:
    """Works that all start together; the first wave opens the connections and is not counted."""

    async def wave() -> float:
        began = clock()
        await asyncio.gather(*(work() for _ in range(calls)))
        return (clock() - began) / (calls * units)

    with asyncio.Runner() as runner:
        runner.run(wave())
        while True:
            yield runner.run(wave())


# What is left behind: rows without a baseline, since nothing should be left. They read /proc.


def memory_growth(setting: Setting) -> Iterator[float]:
    """Kilobytes by which the process grows over 5,000 calls."""
    model = setting.model("short")
    while True:
        for _ in range(_CALLS // 10):
            model.invoke(_PROMPT)
        before = _resident_bytes()
        for _ in range(_CALLS):
            model.invoke(_PROMPT)
        yield (_resident_bytes() - before) / 1024


def left(
    count: Callable[[], int], lives: Callable[[Setting], Coroutine[Any, Any, None]], divisor: int
) -> Samples:
    """What models leave that were made, used once and dropped; those before are not counted."""

    def samples(setting: Setting) -> Iterator[float]:
        tracemalloc.start()
        with asyncio.Runner() as runner:
            runner.run(lives(setting))
            while True:
                before = count()
                runner.run(lives(setting))
                yield (count() - before) / divisor

    return samples


async def lives(setting: Setting) -> None:
    """Make models, use each once and drop it."""
    for _ in range(MODELS_DROPPED):
        setting.model("short").invoke(_PROMPT)


async def async_lives(setting: Setting) -> None:
    """The same in a running loop."""
    for _ in range(MODELS_DROPPED):
        await setting.model("short").ainvoke(_PROMPT)
    await asyncio.sleep(0.1)  # asyncio closes sockets a step later.


def open_sockets() -> int:
    """This process's sockets, as they are: without a garbage collection."""
    return sum(entry.is_socket() for entry in Path("/proc/self/fd").iterdir())


def traced_bytes() -> int:
    """The memory that Python has allocated, after a garbage collection."""
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def _resident_bytes() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
