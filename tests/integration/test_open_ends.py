"""Streams whose server leaves the body open after `[DONE]`: nobody waits for its end."""

import asyncio
import json
import socket
import time
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

CHOICE = {"index": 0, "delta": {"content": "Bonjour"}, "finish_reason": "stop"}
USAGE = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}


def event(data: Any) -> bytes:
    text = data if isinstance(data, str) else json.dumps(data)
    line = f"data: {text}\n\n".encode()
    return b"%x\r\n%s\r\n" % (len(line), line)


def leaves_the_body_open(connection: socket.socket) -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n"
    connection.sendall(head + b"\r\n" + event({"choices": [CHOICE]}))
    connection.sendall(event({"choices": [], "usage": USAGE}) + event("[DONE]"))
    has_left(connection, LONG)


@pytest.mark.parametrize("library", [None, httpx, httpx2], ids=["ours", "httpx", "httpx2"])
@pytest.mark.parametrize("mode", STREAMING_MODES)
def test_a_stream_ends_with_done(mode: Mode, library: Any) -> None:
    def model(**client: Any) -> ChatScaleway:
        fields: dict[str, Any] = {"base_url": server.base_url, "timeout": LONG, "max_retries": 0}
        return ChatScaleway(model=PLAIN_MODEL, **fields, **client)

    def stream(client: Any = None) -> list[Any]:
        with model(http_client=client) as ours:
            return list(ours.stream("Hello"))

    async def astream() -> list[Any]:
        if library is None:
            async with model() as ours:
                return [chunk async for chunk in ours.astream("Hello")]
        async with library.AsyncClient() as client:
            theirs = model(http_async_client=client)
            return [chunk async for chunk in theirs.astream("Hello")]

    with nothing_left(), RawServer(leaves_the_body_open) as server:
        began = time.monotonic()
        if mode == "astream":
            chunks = asyncio.run(astream())
        elif library is None:
            chunks = stream()
        else:
            with library.Client() as client:
                chunks = stream(client)
        assert time.monotonic() - began < SOON
        assert server.wait_until_left()
    assert "".join(str(chunk.text) for chunk in chunks) == "Bonjour"
    assert chunks[-1].usage_metadata["total_tokens"] == 3
