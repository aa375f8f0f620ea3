"""What one chunk of a stream costs, and how long it takes to reach the caller."""

import statistics
import time
from collections import deque
from collections.abc import Iterator

from langchain_core.language_models import BaseChatModel

from benchmarks.sampling import (
    QUESTION,
    Setting,
    cpu_seconds_per_await,
    cpu_seconds_per_call,
    each,
)
from benchmarks.wire import CHUNKS

_FIRST_STREAMS_FULL, _FIRST_STREAMS_QUICK = 3, 1
_LATER_STREAMS_FULL, _LATER_STREAMS_QUICK = 2, 1
"""Streams whose latencies make one sample. How long the system takes to wake a process differs
twofold from one second to the next, so these are few, and such a row has more turns."""


def stream_content(setting: Setting) -> Iterator[float]:
    """Text, a token a chunk."""
    return _stream(setting, "content")


def stream_reasoning(setting: Setting) -> Iterator[float]:
    """Reasoning text, a token a chunk."""
    return _stream(setting, "reasoning")


def stream_tool_tokens(setting: Setting) -> Iterator[float]:
    """The arguments of a tool call, a token a chunk."""
    return _stream(setting, "tool-tokens")


def stream_tool_fragments(setting: Setting) -> Iterator[float]:
    """The arguments of a tool call, 66 characters a chunk."""
    return _stream(setting, "tool-fragments")


def astream_content(setting: Setting) -> Iterator[float]:
    """Text in a coroutine, a token a chunk, one stream at a time."""
    model = setting.model("content")

    async def drain() -> None:
        async for _ in model.astream(QUESTION):
            pass

    return each(cpu_seconds_per_await(drain, setting), CHUNKS)


def latency_first(setting: Setting) -> Iterator[float]:
    """Seconds from the server's write of the first token to its arrival at the caller."""
    streams = _FIRST_STREAMS_FULL if setting.full else _FIRST_STREAMS_QUICK
    return _latency(setting, streams, slice(0, 1))


def latency_later(setting: Setting) -> Iterator[float]:
    """The same for the tokens after the first: a client that buffers shows here."""
    streams = _LATER_STREAMS_FULL if setting.full else _LATER_STREAMS_QUICK
    return _latency(setting, streams, slice(1, None))


def _stream(setting: Setting, reply: str) -> Iterator[float]:
    model = setting.model(reply)
    # A deque of length 0 is the cheapest way to take all that an iterator gives.
    samples = cpu_seconds_per_call(lambda: deque(model.stream(QUESTION), maxlen=0), setting)
    return each(samples, CHUNKS)


def _latency(setting: Setting, streams: int, which: slice) -> Iterator[float]:
    model = setting.model("stamped")
    _latencies(model)
    while True:
        latencies = [one for _ in range(streams) for one in _latencies(model)[which]]
        yield statistics.median(latencies)


def _latencies(model: BaseChatModel) -> list[float]:
    """Return how many seconds each token of a paced stream took, from write to caller.

    The server writes the time into the token; `time.monotonic` is one clock for all processes.
    """
    latencies = []
    for chunk in model.stream(QUESTION):
        arrived = time.monotonic_ns()
        if written := chunk.text:
            latencies.append((arrived - int(written)) / 1e9)
    return latencies
