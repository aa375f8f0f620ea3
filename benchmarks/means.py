"""What each technique gains: the plain way beside ours. `python -m benchmarks.means`.

Each pair does the same work, once as a program would do it with what httpx, `json` and
langchain-core offer, and once as this package does it. Both are timed in turn, in one process.
"""

import argparse
import functools
import itertools
import json
import statistics
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import h11
import httpx
from langchain_core.messages import AIMessageChunk, convert_to_openai_messages
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGenerationChunk
from langchain_core.utils.function_calling import convert_to_openai_tool

from benchmarks.cases.calls import conversation, image_prompt
from benchmarks.cases.concurrency import ainvoke_512
from benchmarks.cases.objects import ten_tools
from benchmarks.contestants import SCALEWAY, OverHttpx
from benchmarks.report import duration, number, table
from benchmarks.sampling import Setting
from benchmarks.server import Server
from benchmarks.wire import TOKEN, replies
from langchain_scaleway.client.connections import ssl_context
from langchain_scaleway.client.encoding import encode
from langchain_scaleway.client.endpoint import Endpoint
from langchain_scaleway.client.events import EventReader
from langchain_scaleway.client.response_parser import ResponseParser
from langchain_scaleway.convert.chunks import text_chunk, tool_chunk
from langchain_scaleway.convert.messages import messages_to_wire
from langchain_scaleway.convert.tools import convert_tools

_SAMPLES = 7
_SAMPLE_SECONDS = 0.05
_URL = "http://127.0.0.1/v1/chat/completions"
_READ = 16_384
"""Bytes of a stream that are read at once."""

_LONGEST_HEAD = 100_000


@dataclass(frozen=True)
class Means:
    """One means.

    Attributes:
        title: What is done.
        place: The module with the fast path.
        plain: How a program would do it.
        ours: How it is done here.
    """

    title: str
    place: str
    plain: Callable[[], object]
    ours: Callable[[], object]


def main() -> None:
    """Time every means, and print and write a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.means", description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("build/benchmarks"))
    output: Path = parser.parse_args().output
    lines = [_line(one.title, one.place, *_compared(one.plain, one.ours)) for one in _all()]
    lines.append(_line("a call among 512 at once", "client/pool.py", *_pools()))
    report = table(["", "plain", "ours", "times less", "where"], lines) + "\n"
    output.mkdir(parents=True, exist_ok=True)
    (output / "means.md").write_text(report)
    print(report)


def _all() -> Iterator[Means]:
    yield Means(
        "an HTTP client with TLS",
        "client/connections.py",
        httpx.Client,
        lambda: httpx.Client(verify=ssl_context()),
    )
    client, endpoint = httpx.Client(verify=ssl_context()), Endpoint("http://127.0.0.1/v1")
    yield Means(
        "a request",
        "client/endpoint.py",
        lambda: client.build_request("POST", _URL, content=b"{}"),
        lambda: endpoint.build_request("/chat/completions", b"{}", stream=True),
    )
    yield from _bodies()
    yield from _streams()
    tools = ten_tools()
    yield Means(
        "ten tools that were bound before",
        "convert/tools.py",
        lambda: [convert_to_openai_tool(tool) for tool in tools],
        lambda: convert_tools(tools),
    )


def _bodies() -> Iterator[Means]:
    history, image = conversation(), image_prompt()
    yield Means(
        "a history of 1,000 messages, converted",
        "convert/messages.py",
        lambda: convert_to_openai_messages(history),
        lambda: messages_to_wire(history),
    )
    for title, messages in (("the same", history), ("a 10 MB image", image)):
        body = {"model": "benchmark", "messages": messages_to_wire(messages)}
        yield Means(
            f"{title}, as JSON",
            "client/encoding.py",
            functools.partial(_plain_json, body),
            functools.partial(encode, body),
        )


def _plain_json(body: object) -> bytes:
    return json.dumps(body).encode()


def _streams() -> Iterator[Means]:
    answer = replies()["content"].writes[0]
    body = b"".join(answer.partition(b"\r\n\r\n")[2].split(b"\r\n")[1::2])
    yield Means(
        "a stream of 200 chunks, out of HTTP's own",
        "client/response_parser.py",
        lambda: _read(h11.Connection(h11.CLIENT), answer),
        lambda: _read(ResponseParser(_LONGEST_HEAD), answer),
    )
    yield Means(
        "its events",
        "client/sse.py",
        lambda: deque(_plain_events(body), maxlen=0),
        lambda: deque(_our_events(body), maxlen=0),
    )
    yield Means(
        "a chunk of text",
        "convert/chunks.py",
        lambda: ChatGenerationChunk(
            message=AIMessageChunk(content=TOKEN, response_metadata={"model_provider": "x"})
        ),
        lambda: text_chunk(TOKEN),
    )
    yield Means(
        "a chunk of a tool call",
        "convert/chunks.py",
        lambda: ChatGenerationChunk(
            message=AIMessageChunk(
                content="",
                response_metadata={"model_provider": "x"},
                tool_call_chunks=[tool_call_chunk(args=TOKEN, index=0)],
            )
        ),
        lambda: tool_chunk(None, TOKEN, None, 0),
    )


def _pieces(body: bytes) -> Iterator[bytes]:
    return (body[start : start + _READ] for start in range(0, len(body), _READ))


def _read(parser: h11.Connection, answer: bytes) -> None:
    parser.send(h11.Request(method="GET", target="/", headers=[("host", "benchmark")]))
    parser.send(h11.EndOfMessage())
    for piece in _pieces(answer):
        parser.receive_data(piece)
        while isinstance(parser.next_event(), h11.Event):
            pass


def _plain_events(body: bytes) -> Iterator[object]:
    response = httpx.Response(200, content=_pieces(body))
    for line in response.iter_lines():
        if line.startswith("data: {"):
            yield json.loads(line[6:])


def _our_events(body: bytes) -> Iterator[object]:
    reader = EventReader("benchmark")
    return itertools.chain.from_iterable(map(reader.feed, _pieces(body)))


def _compared(plain: Callable[[], object], ours: Callable[[], object]) -> tuple[float, float]:
    """Return the median CPU time of a call of each, in seconds, timed in turn."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(_SAMPLES):
        for work, found in zip((plain, ours), times, strict=True):
            found.append(_cpu_seconds(work))
    return statistics.median(times[0]), statistics.median(times[1])


def _cpu_seconds(work: Callable[[], object]) -> float:
    calls, began = 0, time.process_time()
    while (spent := time.process_time() - began) < _SAMPLE_SECONDS:
        work()
        calls += 1
    return spent / calls


def _pools() -> tuple[float, float]:
    """Return the CPU time of a call among 512 at once, over httpx's own pool and over ours."""
    plain = OverHttpx(SCALEWAY.name, SCALEWAY.module)
    with Server() as server:
        times = [
            next(ainvoke_512(Setting(contestant, server.url, budget=0, full=False)))
            for contestant in (plain, SCALEWAY)
        ]
    return times[0], times[1]


def _line(title: str, place: str, plain: float, ours: float) -> list[str]:
    return [title, duration(plain), duration(ours), number(plain / ours), f"`{place}`"]


if __name__ == "__main__":
    main()
