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
from langchain_scaleway.client.events import FIRST_INDEXES, EventReader
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

    def _completion(self, content: bytes) -> dict[str, Any]:
        """The whole answer that came in place of a stream."""
        body = self._endpoint.reply(self._response, content, self._model).body
        if not _has_message(body):
            raise self._endpoint.unreadable(self._response, content, self._model, "chat completion")
        self._reader.usage = body.get("usage")
        return body

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
        try:
            self._first = list(islice(self._chunks, 1))
        except BaseException:
            self.close()
            raise

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
        pieces = _pieces(self._response)
        try:
            with self._endpoint.translated_errors(self._model):
                if _claims_to_be_whole(self._response):
                    yield self._read_completion(b"", pieces)
                    return
                _expect_stream(self._response)
                trickle = _Trickle(self._endpoint, reader, self._model)
                for piece in pieces:
                    if not reader.has_begun and _begins_no_stream(piece):
                        yield self._read_completion(piece, pieces)
                        return
                    yield from reader.feed(piece)
                    if reader.is_done:
                        break
                    trickle.check()
        except (ScalewayConnectionError, ScalewayTimeoutError) as error:
            if not reader.has_ended_well:
                raise _as_interruption(error) from error.__cause__
        with self._endpoint.translated_errors(self._model):
            yield from reader.end()
        self._read_behind(pieces)

    def _read_behind(self, pieces: Iterator[bytes]) -> None:
        """Read the rest of the body: the answer is whole, only the connection can be saved."""
        with suppress(Exception):
            if (clock := _clock_of(self._response)) is not None:
                clock.expect_end(_SECONDS_AFTER_THE_END)
            deque(islice(pieces, _PIECES_AFTER_THE_END), maxlen=0)

    def _read_completion(self, start: bytes, rest: Iterator[bytes]) -> dict[str, Any]:
        started = time.monotonic()
        return self._completion(start + read_whole(self._endpoint, rest, self._model, started))


class AsyncAnswerStream(_OpenAnswer[Chunk]):
    """The chunks of one answer, read asynchronously; see `AnswerStream`."""

    async def open(self) -> None:
        """Read the first chunk; raises as `AnswerStream.open` does."""
        self._decoder.start()
        self._events = self._read()
        self._chunks = self._decode()
        try:
            async for chunk in self._chunks:
                self._first.append(chunk)
                return
        except BaseException:
            await self.aclose()
            raise

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
                if _claims_to_be_whole(self._response):
                    yield await self._read_completion(b"", pieces)
                    return
                _expect_stream(self._response)
                trickle = _Trickle(self._endpoint, reader, self._model)
                async for piece in pieces:
                    if not reader.has_begun and _begins_no_stream(piece):
                        yield await self._read_completion(piece, pieces)
                        return
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
        await self._read_behind(pieces)

    async def _read_behind(self, pieces: AsyncIterator[bytes]) -> None:
        with suppress(Exception):
            async with asyncio.timeout(_SECONDS_AFTER_THE_END):
                async for _ in pieces:
                    pass

    async def _read_completion(self, start: bytes, rest: AsyncIterator[bytes]) -> dict[str, Any]:
        started = time.monotonic()
        content = start + await aread_whole(self._endpoint, rest, self._model, started)
        return self._completion(content)


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


def _has_message(completion: dict[str, Any]) -> bool:
    """Whether there is what a stream would give: the first choice, and something in it."""
    choices = completion.get("choices")
    return isinstance(choices, list) and any(
        isinstance(choice, dict)
        and choice.get("index") in FIRST_INDEXES
        and isinstance(choice.get("message") or choice.get("delta"), dict)
        for choice in choices
    )


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


def _expect_stream(response: httpx.Response) -> None:
    """Give each read its own time, where the connection is one of ours."""
    if (clock := _clock_of(response)) is not None:
        clock.expect_stream()


def _as_interruption(error: ScalewayError) -> ScalewayError:
    """A connection that breaks in the middle of a stream interrupts it."""
    if isinstance(error, ScalewayConnectionError):
        return ScalewayStreamInterruptedError(error.message, model=error.model)
    return error


def _claims_to_be_whole(response: httpx.Response) -> bool:
    """Whether the server says that this is a JSON object or a page, and no stream."""
    kind = response.headers.get("content-type", "").lower()
    return "json" in kind or "html" in kind


def _begins_no_stream(start: bytes) -> bool:
    """Whether this is the beginning of a JSON object or a page, whatever the server says.

    No line of an event stream begins so.
    """
    return start.lstrip().startswith((b"{", b"<"))
