"""Answers that trickle in: no single wait is too long, so only a limit on the whole ends them."""

import asyncio
import gzip
import itertools
import json
from typing import Any

import httpx
import pytest

from langchain_scaleway import ChatScaleway, errors
from tests.support.calls import MODES, STREAMING_MODES, Attempt, Mode, acall, call, is_async
from tests.support.leftovers import nothing_left
from tests.support.models import PLAIN_MODEL
from tests.support.raw_server import Behaviour, RawServer, trickles

pytestmark = pytest.mark.timeout(30)

PATIENCE = 0.3
"""Seconds of silence after which the model gives up."""

PAUSE = 0.05
"""Seconds between two pieces; far below the patience for silence."""

OK = b"HTTP/1.1 200 OK\r\ncontent-type: "
PLAIN = OK + b"application/json\r\n"
STREAM = OK + b"text/event-stream\r\n"
REFUSAL = b"HTTP/1.1 403 Forbidden\r\ncontent-type: application/json\r\n"

NO_NAME_END = gzip.compress(b"")[:3] + b"\x08" + gzip.compress(b"")[4:10]
"""The head of compressed data that goes on with a file's name."""


def event(text: str, finish_reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish_reason}
    return b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n"


def for_ever(head: bytes, piece: bytes) -> Behaviour:
    return trickles(head, itertools.repeat(piece), PAUSE)


ENDLESS: dict[str, Behaviour] = {
    "headers": for_ever(b"HTTP/1.1 200 OK\r\n", b"x-more: 1\r\n"),
    "interim answers": for_ever(b"", b"HTTP/1.1 102 Processing\r\n\r\n"),
    "white space": for_ever(PLAIN + b"content-length: 90000\r\n\r\n", b" "),
    "the length of a chunk": for_ever(PLAIN + b"transfer-encoding: chunked\r\n\r\n1;", b"x"),
    "compressed nothing": for_ever(PLAIN + b"content-encoding: gzip\r\n\r\n" + NO_NAME_END, b"x"),
}

ENDLESS_STREAMS: dict[str, Behaviour] = {
    "comments": for_ever(STREAM + b"\r\n", b": ping\n\n"),
    "comments midway": for_ever(STREAM + b"\r\n" + event("One"), b": ping\n\n"),
    "empty events": for_ever(STREAM + b"\r\n", b"data:\n\n"),
    "one event": for_ever(STREAM + b"\r\ndata: ", b" "),
}


def model_at(server: RawServer, **fields: Any) -> ChatScaleway:
    settings: dict[str, Any] = {"timeout": PATIENCE, "max_retries": 0}
    return ChatScaleway(model=PLAIN_MODEL, base_url=server.base_url, **(settings | fields))


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        *itertools.product(ENDLESS, ("ainvoke", "astream")),
        *itertools.product(["white space"], ("invoke", "stream")),
    ],
)
def test_an_answer_without_end(name: str, mode: Mode) -> None:
    """Outside event loops only between two pieces of a body: httpx looks nowhere else."""
    with nothing_left(), RawServer(ENDLESS[name]) as server:
        error = call(model_at(server), mode).error
        assert type(error) is errors.ScalewayTimeoutError
        assert server.wait_until_left()


@pytest.mark.parametrize("mode", STREAMING_MODES)
@pytest.mark.parametrize("behave", ENDLESS_STREAMS.values(), ids=ENDLESS_STREAMS)
def test_a_stream_without_an_event(behave: Behaviour, mode: Mode) -> None:
    with nothing_left(), RawServer(behave) as server:
        attempt = call(model_at(server), mode)
        assert type(attempt.error) is errors.ScalewayTimeoutError
        assert attempt.error.partial_text == attempt.text
        assert server.wait_until_left()


@pytest.mark.parametrize("mode", MODES)
def test_a_refusal_without_end_is_a_refusal(mode: Mode) -> None:
    behave = for_ever(REFUSAL + b"content-length: 90000\r\n\r\n", b"No. ")
    with nothing_left(), RawServer(behave) as server:
        error = call(model_at(server), mode).error
        assert type(error) is errors.ScalewayPermissionDeniedError
        assert "No. No. " in str(error)
        assert server.wait_until_left()


# --- With the user's own client, between whose reads nobody but httpx can look ------------


def call_with_client(mode: Mode, server: RawServer) -> Attempt:
    async def acall_with_client() -> Attempt:
        async with httpx.AsyncClient() as client:
            return await acall(model_at(server, http_async_client=client), mode)

    if is_async(mode):
        return asyncio.run(acall_with_client())
    with httpx.Client() as client:
        return call(model_at(server, http_client=client), mode)


@pytest.mark.parametrize("mode", MODES)
def test_an_answer_without_end_to_the_users_client(mode: Mode) -> None:
    with nothing_left(), RawServer(ENDLESS["white space"]) as server:
        error = call_with_client(mode, server).error
        assert type(error) is errors.ScalewayTimeoutError


@pytest.mark.parametrize("mode", MODES)
def test_a_refusal_without_end_to_the_users_client(mode: Mode) -> None:
    behave = for_ever(REFUSAL + b"content-length: 90000\r\n\r\n", b"No. ")
    with nothing_left(), RawServer(behave) as server:
        error = call_with_client(mode, server).error
        assert type(error) is errors.ScalewayPermissionDeniedError


@pytest.mark.parametrize("mode", STREAMING_MODES)
def test_a_stream_without_an_event_to_the_users_client(mode: Mode) -> None:
    with nothing_left(), RawServer(ENDLESS_STREAMS["comments"]) as server:
        error = call_with_client(mode, server).error
        assert type(error) is errors.ScalewayTimeoutError


# --- What is slow and alive ---------------------------------------------------------------


ALIVE: dict[str, list[bytes]] = {
    "comments": [b": ping\n\n"] * 30 + [event("One two", "stop")],
    "pieces of an event": [b"data: " + b" " * 9 + b"\n"] * 30 + [event("One two", "stop")],
    "events": [event("One "), *[event("")] * 40, event("two", "stop")],
}
"""Streams that take longer than the patience for silence."""

MORE_PATIENCE = 1.0
"""Seconds; a busy machine may be silent for longer than the others."""


@pytest.mark.parametrize("mode", STREAMING_MODES)
@pytest.mark.parametrize("pieces", ALIVE.values(), ids=ALIVE)
def test_a_slow_stream_comes_to_its_end(pieces: list[bytes], mode: Mode) -> None:
    behave = trickles(STREAM + b"\r\n", pieces, PAUSE)
    with nothing_left(), RawServer(behave) as server:
        attempt = call(model_at(server, timeout=MORE_PATIENCE), mode)
    assert (attempt.text, attempt.error) == ("One two", None)
