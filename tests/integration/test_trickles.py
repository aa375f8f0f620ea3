"""Answers that trickle in: no single wait is too long, so only a limit on the whole ends them."""

import asyncio
import gzip
import itertools
import json
import time
from collections.abc import Iterable
from typing import Any

import httpx
import pytest

from langchain_scaleway import ChatScaleway, errors
from langchain_scaleway.testing import Reply, ScalewayEmulator, Stall
from tests.support.calls import EITHER, STREAMING_MODES, Attempt, Mode, acall, call, is_async
from tests.support.leftovers import nothing_left
from tests.support.models import PLAIN_MODEL, model_on
from tests.support.raw_server import Behaviour, RawServer, stays_silent, trickles

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


@pytest.mark.parametrize("mode", EITHER)
def test_silence_on_a_new_connection_takes_the_timeout_and_no_longer(mode: Mode) -> None:
    with nothing_left(), RawServer(stays_silent) as server:
        began = time.monotonic()
        error = call(model_at(server, timeout=1), mode).error
        assert type(error) is errors.ScalewayTimeoutError
        assert 1 <= time.monotonic() - began < 1.8


@pytest.mark.parametrize("mode", EITHER)
def test_a_refusal_without_end_is_a_refusal(mode: Mode) -> None:
    behave = for_ever(REFUSAL + b"content-length: 90000\r\n\r\n", b"No. ")
    with nothing_left(), RawServer(behave) as server:
        error = call(model_at(server), mode).error
        assert type(error) is errors.ScalewayPermissionDeniedError
        assert "No. No. " in str(error)
        assert server.wait_until_left()


# --- With the user's own client, between whose reads nobody but httpx can look ------------


def call_with_client(mode: Mode, server: RawServer, **fields: Any) -> Attempt:
    async def acall_with_client() -> Attempt:
        async with httpx.AsyncClient() as client:
            return await acall(model_at(server, http_async_client=client, **fields), mode)

    if is_async(mode):
        return asyncio.run(acall_with_client())
    with httpx.Client() as client:
        return call(model_at(server, http_client=client, **fields), mode)


@pytest.mark.parametrize("mode", EITHER)
def test_an_answer_without_end_to_the_users_client(mode: Mode) -> None:
    with nothing_left(), RawServer(ENDLESS["white space"]) as server:
        error = call_with_client(mode, server).error
        assert type(error) is errors.ScalewayTimeoutError


@pytest.mark.parametrize("mode", STREAMING_MODES)
def test_a_stream_without_an_event_to_the_users_client(mode: Mode) -> None:
    with nothing_left(), RawServer(ENDLESS_STREAMS["comments"]) as server:
        error = call_with_client(mode, server).error
        assert type(error) is errors.ScalewayTimeoutError


# --- Streams that begin late and must not pause afterwards --------------------------------


def begins_late(rest: Iterable[bytes]) -> Behaviour:
    """Send the head, comments for longer than a pause may be, an event, and then the rest."""
    comments = [b": reading the prompt\n\n"] * 20
    return trickles(STREAM + b"\r\n", itertools.chain(comments, [event("One ")], rest), PAUSE)


PAUSES: dict[str, Iterable[bytes]] = {
    "comments": itertools.repeat(b": ping\n\n"),
    "silence": itertools.repeat(b""),
}


@pytest.mark.parametrize("mode", STREAMING_MODES)
@pytest.mark.parametrize("pause", PAUSES)
def test_a_pause_between_two_chunks_has_its_own_limit(pause: str, mode: Mode) -> None:
    with nothing_left(), RawServer(begins_late(PAUSES[pause])) as server:
        attempt = call(model_at(server, timeout=20, stream_chunk_timeout=PATIENCE), mode)
        assert server.wait_until_left()
    assert type(attempt.error) is errors.ScalewayTimeoutError
    assert attempt.error.type == "stream_chunk_timeout"
    assert f"The stream's next chunk did not come within {PATIENCE} s" in str(attempt.error)
    assert "Raise `stream_chunk_timeout`" in str(attempt.error)
    assert attempt.error.partial_text == attempt.text == "One "


@pytest.mark.parametrize("mode", STREAMING_MODES)
def test_of_two_limits_the_shorter_one_is_named(mode: Mode) -> None:
    with nothing_left(), RawServer(trickles(STREAM + b"\r\n", [event("One ")], 20)) as server:
        attempt = call(model_at(server, stream_chunk_timeout=20), mode)
    assert isinstance(attempt.error, errors.ScalewayTimeoutError)
    assert attempt.error.type == "read_timeout"
    assert f"silent for {PATIENCE} s" in str(attempt.error)


@pytest.mark.parametrize("mode", STREAMING_MODES)
def test_the_first_chunk_may_take_longer(mode: Mode) -> None:
    rest = [event("two "), event("three", "stop"), b"data: [DONE]\n\n"]
    with nothing_left(), RawServer(begins_late(rest)) as server:
        attempt = call(model_at(server, timeout=20, stream_chunk_timeout=MORE_PATIENCE), mode)
    assert (attempt.text, attempt.error) == ("One two three", None)


@pytest.mark.parametrize("mode", STREAMING_MODES)
def test_the_first_chunk_may_take_longer_on_the_responses_api(
    mode: Mode, emulator: ScalewayEmulator
) -> None:
    """Two events come there before the prompt has been read (recorded of vLLM)."""
    emulator.script(*[Reply("One two", faults=[Stall(after_events=2, seconds=1)])] * 2)
    fields: dict[str, Any] = {"use_responses_api": True}
    model = model_on(emulator, "gpt-oss-120b", timeout=20, stream_chunk_timeout=PATIENCE, **fields)
    attempt = call(model, mode)
    assert (attempt.text, attempt.error) == ("One two", None)
    attempt = call(model_on(emulator, "gpt-oss-120b", timeout=PATIENCE, **fields), mode)
    assert isinstance(attempt.error, errors.ScalewayTimeoutError)
    assert attempt.error.type == "first_event_timeout"
    assert str(attempt.error).endswith("Raise `timeout`.")


@pytest.mark.parametrize("mode", STREAMING_MODES)
def test_a_caller_may_take_longer(mode: Mode, emulator: ScalewayEmulator) -> None:
    """It is the server whose pauses count."""
    emulator.script("One two three")
    model = model_on(emulator, stream_chunk_timeout=PATIENCE)

    async def astream() -> str:
        text = ""
        async for chunk in model.astream("Hello"):
            text += str(chunk.text)
            await asyncio.sleep(PATIENCE * 2)
        return text

    with nothing_left():
        if mode == "astream":
            text = asyncio.run(astream())
        else:
            text = ""
            for chunk in model.stream("Hello"):
                text += str(chunk.text)
                time.sleep(PATIENCE * 2)
            model.close()
    assert text == "One two three"


# --- What is slow and alive ---------------------------------------------------------------


ALIVE: dict[str, list[bytes]] = {
    "comments": [b": ping\n\n"] * 20 + [event("One two", "stop")],
    "pieces of an event": [b"data: " + b" " * 9 + b"\n"] * 20 + [event("One two", "stop")],
    "events": [event("One "), *[event("")] * 22, event("two", "stop")],
}
"""Streams that take longer than the patience for silence."""

MORE_PATIENCE = 0.8
"""Seconds; a busy machine may be silent for longer than the others."""


@pytest.mark.parametrize("mode", STREAMING_MODES)
@pytest.mark.parametrize("pieces", ALIVE.values(), ids=ALIVE)
def test_a_slow_stream_comes_to_its_end(pieces: list[bytes], mode: Mode) -> None:
    behave = trickles(STREAM + b"\r\n", pieces, PAUSE)
    with nothing_left(), RawServer(behave) as server:
        attempt = call(model_at(server, timeout=MORE_PATIENCE), mode)
    assert (attempt.text, attempt.error) == ("One two", None)
