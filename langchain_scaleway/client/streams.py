"""An open streamed answer: its chunks, one by one, and the end of its connection."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Generic, Protocol, Self, TypeVar, cast

import httpx

from langchain_scaleway.client.endpoint import Endpoint
from langchain_scaleway.client.events import EventReader
from langchain_scaleway.errors import (
    ScalewayConnectionError,
    ScalewayError,
    ScalewayStreamInterruptedError,
    ScalewayTimeoutError,
)

if TYPE_CHECKING:
    from langchain_scaleway.client.network import ReadClock
    from langchain_scaleway.client.quotas.quota import Turn

Chunk = TypeVar("Chunk")
Chunk_co = TypeVar("Chunk_co", covariant=True)

_PIECES_AFTER_THE_END = 4
_SECONDS_AFTER_THE_END = 0.25
"""How long to wait after `[DONE]` for the end of the body, which lets the connection be used
again. It comes along with `[DONE]`, unless something is wrong."""


class Decoder(Protocol[Chunk_co]):
    """Turns an answer's events into the chunks that the caller wants."""

    def start(self) -> None:
        """Take the beginning of an answer, and forget one that broke off unseen."""

    def feed(self, event: dict[str, Any]) -> Sequence[Chunk_co]:
        """Take the next event."""

    def finish(self, headers: Mapping[str, str]) -> Sequence[Chunk_co]:
        """Take the end of the answer, and its HTTP headers."""

    def attach_partial_answer(self, error: ScalewayError) -> None:
        """Attach what has come to the error that broke the answer off."""


class _OpenAnswer(Generic[Chunk]):
    """What the two kinds of streams share.

    Args:
        endpoint: Where the answer comes from.
        response: The answer, not read yet.
        model: The model that was asked.
        decoder: Makes the chunks.

    Attributes:
        turn: What the pacer counts until the stream is closed.
    """

    turn: "Turn | None" = None

    def __init__(
        self,
        endpoint: Endpoint,
        response: httpx.Response,
        model: str | None,
        decoder: Decoder[Chunk],
    ) -> None:
        self._endpoint = endpoint
        self._response = response
        self._model = model
        self._decoder = decoder
        self._reader = EventReader(model, endpoint.project_id)
        self._first: list[Chunk] = []

    @property
    def headers(self) -> dict[str, str]:
        """The answer's HTTP headers, names in lower case."""
        return self._endpoint.headers_of(self._response)

    def _end_turn(self) -> None:
        if self.turn is not None:
            self.turn.end(self._reader.usage)


class AnswerStream(_OpenAnswer[Chunk]):
    """The chunks of one answer, read synchronously. Leave its context to free the connection."""

    def open(self) -> None:
        """Read the first chunk. Until it has come, nobody has seen anything of this answer.

        Raises:
            ScalewayError: The server reports an error, or the stream breaks or is cut.
        """
        self._decoder.start()
        self._events = self._read()
        self._chunks = self._decode()
        self._first = list(islice(self._chunks, 1))

    def __iter__(self) -> Iterator[Chunk]:
        """Give the chunks, once.

        Raises:
            ScalewayError: The server reports an error, or the stream breaks or is cut.
        """
        return chain(self._first, self._chunks)

    def close(self) -> None:
        """Free the connection; close it if its answer was not read to the end."""
        try:
            self._chunks.close()
            self._events.close()
            self._response.close()
        finally:
            self._end_turn()

    def __enter__(self) -> Self:
        """Use the stream in a `with` statement."""
        return self

    def __exit__(self, *_: object) -> None:
        """Free the connection."""
        self.close()

    def _decode(self) -> Generator[Chunk]:
        try:
            for event in self._events:
                yield from self._decoder.feed(event)
            yield from self._decoder.finish(self.headers)
        except ScalewayError as error:
            self._decoder.attach_partial_answer(error)
            raise

    def _read(self) -> Generator[dict[str, Any]]:
        reader = self._reader
        clock = _clock_of(self._response)
        pieces = _pieces(self._response)
        try:
            with self._endpoint.translated_errors(self._model):
                if _is_whole_answer(self._response):
                    started = time.monotonic()
                    content = read_whole(self._endpoint, pieces, self._model, started)
                    yield _completion(self._endpoint, self._response, content, self._model)
                    return
                if clock is not None:
                    clock.expect_stream()
                trickle = _Trickle(self._endpoint, reader, self._model)
                for piece in pieces:
                    yield from reader.feed(piece)
                    if reader.is_done:
                        break
                    trickle.check()
        except (ScalewayConnectionError, ScalewayTimeoutError) as error:
            if not reader.has_ended_well:
                raise _as_interruption(error) from error.__cause__
        with self._endpoint.translated_errors(self._model):
            yield from reader.end()
        with suppress(Exception):  # The answer is whole; only the connection could still be saved.
            if clock is not None:
                clock.expect_end(_SECONDS_AFTER_THE_END)
            deque(islice(pieces, _PIECES_AFTER_THE_END), maxlen=0)


class AsyncAnswerStream(_OpenAnswer[Chunk]):
    """The chunks of one answer, read asynchronously; see `AnswerStream`."""

    async def open(self) -> None:
        """Read the first chunk; raises as `AnswerStream.open` does."""
        self._decoder.start()
        self._events = self._read()
        self._chunks = self._decode()
        async for chunk in self._chunks:
            self._first.append(chunk)
            return

    def __aiter__(self) -> Self:
        """Give the chunks, once."""
        return self

    async def __anext__(self) -> Chunk:
        """Give the next chunk; raises as `AnswerStream` does."""
        return self._first.pop() if self._first else await anext(self._chunks)

    async def aclose(self) -> None:
        """Free the connection; close it if its answer was not read to the end."""
        try:
            await self._chunks.aclose()
            await self._events.aclose()
            await self._response.aclose()
        finally:
            self._end_turn()

    async def __aenter__(self) -> Self:
        """Use the stream in an `async with` statement."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Free the connection."""
        await self.aclose()

    async def _decode(self) -> AsyncGenerator[Chunk]:
        try:
            async for event in self._events:
                for chunk in self._decoder.feed(event):
                    yield chunk
            for chunk in self._decoder.finish(self.headers):
                yield chunk
        except ScalewayError as error:
            self._decoder.attach_partial_answer(error)
            raise

    async def _read(self) -> AsyncGenerator[dict[str, Any]]:
        reader = self._reader
        pieces = _apieces(self._response)
        try:
            with self._endpoint.translated_errors(self._model):
                if _is_whole_answer(self._response):
                    started = time.monotonic()
                    content = await aread_whole(self._endpoint, pieces, self._model, started)
                    yield _completion(self._endpoint, self._response, content, self._model)
                    return
                if (clock := _clock_of(self._response)) is not None:
                    clock.expect_stream()
                trickle = _Trickle(self._endpoint, reader, self._model)
                async for piece in pieces:
                    for event in reader.feed(piece):
                        yield event
                    if reader.is_done:
                        break
                    trickle.check()
        except (ScalewayConnectionError, ScalewayTimeoutError) as error:
            if not reader.has_ended_well:
                raise _as_interruption(error) from error.__cause__
        with self._endpoint.translated_errors(self._model):
            for event in reader.end():
                yield event
        with suppress(Exception):  # The answer is whole; only the connection could still be saved.
            async with asyncio.timeout(_SECONDS_AFTER_THE_END):
                async for _ in pieces:
                    pass


class _Trickle:
    """Notices that a stream gives bytes, but no events."""

    def __init__(self, endpoint: Endpoint, reader: EventReader, model: str | None) -> None:
        self._endpoint = endpoint
        self._reader = reader
        self._model = model
        self._events = 0
        self._waiting_since: float | None = time.monotonic()

    def check(self) -> None:
        """Check whether events have come, and raise if none have for too long."""
        if self._reader.events != self._events:
            self._events = self._reader.events
            self._waiting_since = None
        elif self._waiting_since is None:
            self._waiting_since = time.monotonic()
        else:
            self._endpoint.deadlines.check_stream(self._waiting_since, self._model)


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


def _completion(
    endpoint: Endpoint, response: httpx.Response, content: bytes, model: str | None
) -> dict[str, Any]:
    """The whole answer that came in place of a stream."""
    body = endpoint.reply(response, content, model).body
    if not body.get("choices"):
        raise endpoint.unreadable(response, content, model, "chat completion")
    return body


def _pieces(response: httpx.Response) -> Iterator[bytes]:
    """The answer's bytes as they come, without httpx's layers where these would do nothing."""
    if _is_read_by_httpx(response):
        return response.iter_bytes()
    return iter(cast("httpx.SyncByteStream", response.stream))


def _apieces(response: httpx.Response) -> AsyncIterator[bytes]:
    if _is_read_by_httpx(response):
        return response.aiter_bytes()
    return aiter(cast("httpx.AsyncByteStream", response.stream))


def _is_read_by_httpx(response: httpx.Response) -> bool:
    """Whether an answer is compressed, or came over a client that is not one of our pools."""
    return _clock_of(response) is None or "content-encoding" in response.headers


def _clock_of(response: httpx.Response) -> "ReadClock | None":
    """The clock of one of our connections."""
    return getattr(response.extensions.get("network_stream"), "clock", None)


def _as_interruption(error: ScalewayError) -> ScalewayError:
    """A connection that breaks in the middle of a stream interrupts it."""
    if isinstance(error, ScalewayConnectionError):
        return ScalewayStreamInterruptedError(error.message, model=error.model)
    return error


def _is_whole_answer(response: httpx.Response) -> bool:
    """Whether the server answers with one JSON object or page in place of a stream."""
    kind = response.headers.get("content-type", "")
    return "json" in kind or "html" in kind
