"""Streams whose server leaves the body open after `[DONE]`: nobody waits for its end."""

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import httpx2
import pytest

from langchain_scaleway import ChatScaleway
from tests.support.calls import STREAMING_MODES, Mode
from tests.support.leftovers import nothing_left
from tests.support.models import PLAIN_MODEL
from tests.support.raw_server import RawServer, has_left

pytestmark = pytest.mark.timeout(30)

LONG = 20.0
"""Seconds that the server keeps the body open."""

SOON = 3.0
"""Seconds in which a stream ends, on a busy machine as well."""

USAGE = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}


def event(data: Any) -> bytes:
    text = data if isinstance(data, str) else json.dumps(data)
    line = f"data: {text}\n\n".encode()
    return b"%x\r\n%s\r\n" % (len(line), line)


def leaves_the_body_open(connection: socket.socket) -> None:
    choice = {"index": 0, "delta": {"content": "Bonjour"}, "finish_reason": "stop"}
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n"
    connection.sendall(head + b"\r\n" + event({"choices": [choice]}))
    connection.sendall(event({"choices": [], "usage": USAGE}) + event("[DONE]"))
    has_left(connection, LONG)


def check(chunks: list[Any], seconds_to_usage: float, seconds: float) -> None:
    assert "".join(str(chunk.text) for chunk in chunks) == "Bonjour"
    assert chunks[-1].usage_metadata["total_tokens"] == 3
    assert seconds_to_usage < SOON
    assert seconds < SOON


def read(chunks: Iterator[Any]) -> None:
    began, collected, until_usage = time.monotonic(), [], LONG
    for chunk in chunks:
        collected.append(chunk)
        until_usage = time.monotonic() - began
    check(collected, until_usage, time.monotonic() - began)


async def aread(chunks: AsyncIterator[Any]) -> None:
    began, collected, until_usage = time.monotonic(), [], LONG
    async for chunk in chunks:
        collected.append(chunk)
        until_usage = time.monotonic() - began
    check(collected, until_usage, time.monotonic() - began)


def model_at(base_url: str, **fields: Any) -> ChatScaleway:
    return ChatScaleway(model=PLAIN_MODEL, base_url=base_url, timeout=LONG, max_retries=0, **fields)


def stream(mode: Mode, make: Callable[[], ChatScaleway]) -> None:
    async def astream() -> None:
        async with make() as model:
            await aread(model.astream("Hello"))

    if mode == "astream":
        asyncio.run(astream())
        return
    with make() as model:
        read(model.stream("Hello"))


@pytest.mark.parametrize("mode", STREAMING_MODES)
def test_our_own_connections(mode: Mode) -> None:
    with nothing_left(), RawServer(leaves_the_body_open) as server:
        stream(mode, lambda: model_at(server.base_url))
        assert server.wait_until_left()


@pytest.mark.parametrize("library", [httpx, httpx2], ids=lambda library: library.__name__)
@pytest.mark.parametrize("mode", STREAMING_MODES)
def test_a_client_of_the_users(mode: Mode, library: Any) -> None:
    async def astream(base_url: str) -> None:
        async with library.AsyncClient() as client:
            await aread(model_at(base_url, http_async_client=client).astream("Hello"))

    with nothing_left(), RawServer(leaves_the_body_open) as server:
        if mode == "astream":
            asyncio.run(astream(server.base_url))
        else:
            with library.Client() as client:
                read(model_at(server.base_url, http_client=client).stream("Hello"))
        assert server.wait_until_left()
