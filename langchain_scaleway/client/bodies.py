"""The bytes of an answer's body: how they are read, and what they begin with."""

import time
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, cast

import httpx

from langchain_scaleway.client.endpoint import Endpoint
from langchain_scaleway.client.error_mapping import LONGEST_BODY

if TYPE_CHECKING:
    from langchain_scaleway.client.network import ReadClock


def read_whole(
    endpoint: Endpoint, pieces: Iterator[bytes], model: str | None, started: float
) -> bytes:
    """Read a whole answer.

    Args:
        endpoint: Where it comes from.
        pieces: What comes.
        model: The model that was asked.
        started: When, on the monotonic clock.

    Raises:
        ScalewayTimeoutError: It trickles in for longer than the timeout.
    """
    kept = []
    for piece in pieces:
        kept.append(piece)
        endpoint.deadlines.check_whole_answer(started, model)
    return b"".join(kept)


async def aread_whole(
    endpoint: Endpoint, pieces: AsyncIterator[bytes], model: str | None, started: float
) -> bytes:
    """Do what `read_whole` does, asynchronously."""
    kept = []
    async for piece in pieces:
        kept.append(piece)
        endpoint.deadlines.check_whole_answer(started, model)
    return b"".join(kept)


def read_start(endpoint: Endpoint, pieces: Iterator[bytes]) -> bytes:
    """Read the beginning of an error's body, which may be huge, trickle in or break off.

    A body that cannot be read raises nothing: the status says enough, and a second error would
    hide it.

    Args:
        endpoint: Where it comes from.
        pieces: What comes.

    Returns:
        At most `LONGEST_BODY` bytes.
    """
    started = time.monotonic()
    start = b""
    try:
        for piece in pieces:
            start += piece
            if len(start) > LONGEST_BODY:
                break
            endpoint.deadlines.check_whole_answer(started, None)
    except Exception as error:
        if not endpoint.is_failure_to_read(error):
            raise
    return start[:LONGEST_BODY]


async def aread_start(endpoint: Endpoint, pieces: AsyncIterator[bytes]) -> bytes:
    """Do what `read_start` does, asynchronously."""
    started = time.monotonic()
    start = b""
    try:
        async for piece in pieces:
            start += piece
            if len(start) > LONGEST_BODY:
                break
            endpoint.deadlines.check_whole_answer(started, None)
    except Exception as error:
        if not endpoint.is_failure_to_read(error):
            raise
    return start[:LONGEST_BODY]


def pieces_of(response: httpx.Response) -> Iterator[bytes]:
    """The answer's bytes as they come, without httpx's layers where these would do nothing."""
    if _is_read_by_httpx(response):
        return response.iter_bytes()
    return iter(cast("httpx.SyncByteStream", response.stream))


def apieces_of(response: httpx.Response) -> AsyncIterator[bytes]:
    """Do what `pieces_of` does, asynchronously."""
    if _is_read_by_httpx(response):
        return response.aiter_bytes()
    return aiter(cast("httpx.AsyncByteStream", response.stream))


def expect_stream(response: httpx.Response) -> None:
    """Give each read its own time; does nothing on a user's own client."""
    if (clock := _clock_of(response)) is not None:
        clock.expect_stream()


def expect_end(response: httpx.Response, seconds: float) -> None:
    """Allow all further reads together so many seconds; does nothing on a user's own client."""
    if (clock := _clock_of(response)) is not None:
        clock.expect_end(seconds)


def claims_to_be_whole(response: httpx.Response) -> bool:
    """Whether the server says that this is JSON or an HTML page, and not a stream."""
    kind = response.headers.get("content-type", "").lower()
    return "json" in kind or "html" in kind


def begins_no_stream(start: bytes) -> bool:
    """Whether this is the beginning of a JSON object or an HTML page, whatever the server says.

    No line of an event stream begins with these characters.
    """
    return start.lstrip().startswith((b"{", b"<"))


def _is_read_by_httpx(response: httpx.Response) -> bool:
    """Whether an answer is compressed, or came over a client that is not one of our pools."""
    return _clock_of(response) is None or "content-encoding" in response.headers


def _clock_of(response: httpx.Response) -> "ReadClock | None":
    return getattr(response.extensions.get("network_stream"), "clock", None)
