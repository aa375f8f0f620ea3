"""An open streamed answer: its chunks, one by one, and the end of its connection."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Any, Generic, Protocol, Self, TypeVar

import httpx

from langchain_scaleway.client.bodies import (
    apieces_of,
    aread_whole,
    begins_no_stream,
    claims_to_be_whole,
    expect_end,
    expect_stream,
    pieces_of,
    read_whole,
)
from langchain_scaleway.client.endpoint import Endpoint
from langchain_scaleway.client.events import FIRST_INDEXES, EventReader
from langchain_scaleway.errors import (
    ScalewayConnectionError,
    ScalewayError,
    ScalewayStreamInterruptedError,
    ScalewayTimeoutError,
)

if TYPE_CHECKING:
    from langchain_scaleway.client.quotas.gate import Permit

Chunk = TypeVar("Chunk")
Chunk_co = TypeVar("Chunk_co", covariant=True)

_SECONDS_AFTER_THE_END = 0.25
_PIECES_AFTER_THE_END = 4
"""How long to wait after `[DONE]` for the end of the body, which lets the connection be used
again. It comes along with `[DONE]`, unless something is wrong. A user's own synchronous client
knows no such time limit, so there is one in pieces as well."""


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
        permit: What the limiter counts until the stream is closed.
        has_begun: Whether a chunk was given. Before that nobody has seen any of this answer, so
            the request may be sent again.
        first: The chunks that `open` has read.
    """

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
        self._reader = EventReader(model, endpoint.project_id, is_serverless=endpoint.is_serverless)
        self.permit: Permit | None = None
        self.has_begun = False
        self.first: list[Chunk] = []

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
        if self.permit is not None:
            self.permit.end(self._reader.usage)

    def _note_failure(self, error: ScalewayError) -> None:
        self._decoder.attach_partial_answer(error)
        if self.permit is not None and not self.has_begun:
            self.permit.end(error=error)


class AnswerStream(_OpenAnswer[Chunk]):
    """The chunks of one answer, read synchronously. Leave its context to free the connection."""

    def __init__(
        self,
        endpoint: Endpoint,
        response: httpx.Response,
        model: str | None,
        decoder: Decoder[Chunk],
    ) -> None:
        super().__init__(endpoint, response, model, decoder)
        self._events = self._read()
        self._chunks = self._decode()

    def __iter__(self) -> Iterator[Chunk]:
        """Give the chunks, once.

        Raises:
            ScalewayError: The server reports an error, or the stream breaks or is cut.
        """
        return self._chunks

    def open(self) -> None:
        """Read the first chunk, and keep it in `first`.

        Raises:
            ScalewayError: No chunk came; the connection is freed.
        """
        try:
            self.first = list(islice(self._chunks, 1))
        except BaseException:
            self.close()
            raise

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
        decoder = self._decoder
        decoder.start()
        try:
            for event in self._events:
                if chunks := decoder.feed(event):
                    self.has_begun = True
                    yield from chunks
            self.has_begun = True
            yield from decoder.finish(self.headers)
        except ScalewayError as error:
            self._note_failure(error)
            raise

    def _read(self) -> Generator[dict[str, Any]]:
        reader = self._reader
        pieces = pieces_of(self._response)
        try:
            with self._endpoint.translated_errors(self._model):
                if claims_to_be_whole(self._response):
                    yield self._read_completion(b"", pieces)
                    return
                expect_stream(self._response)
                trickle = _Trickle(self._endpoint, reader, self._model)
                for piece in pieces:
                    if not reader.has_begun and begins_no_stream(piece):
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
        self._read_to_the_end(pieces)

    def _read_to_the_end(self, pieces: Iterator[bytes]) -> None:
        """Read what follows the answer, so that the connection can be used again.

        The answer is whole, so a failure here means nothing more than a lost connection.
        """
        with suppress(Exception):
            expect_end(self._response, _SECONDS_AFTER_THE_END)
            deque(islice(pieces, _PIECES_AFTER_THE_END), maxlen=0)

    def _read_completion(self, start: bytes, rest: Iterator[bytes]) -> dict[str, Any]:
        started = time.monotonic()
        return self._completion(start + read_whole(self._endpoint, rest, self._model, started))


class AsyncAnswerStream(_OpenAnswer[Chunk]):
    """The chunks of one answer, read asynchronously; see `AnswerStream`."""

    def __init__(
        self,
        endpoint: Endpoint,
        response: httpx.Response,
        model: str | None,
        decoder: Decoder[Chunk],
    ) -> None:
        super().__init__(endpoint, response, model, decoder)
        self._events = self._read()
        self._chunks = self._decode()

    def __aiter__(self) -> AsyncIterator[Chunk]:
        """Give the chunks, once; raises as `AnswerStream` does."""
        return self._chunks

    async def open(self) -> None:
        """Read the first chunk, as `AnswerStream.open` does."""
        try:
            async for chunk in self._chunks:
                self.first.append(chunk)
                return
        except BaseException:
            await self.aclose()
            raise

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
        decoder = self._decoder
        decoder.start()
        try:
            async for event in self._events:
                for chunk in decoder.feed(event):
                    self.has_begun = True
                    yield chunk
            self.has_begun = True
            for chunk in decoder.finish(self.headers):
                yield chunk
        except ScalewayError as error:
            self._note_failure(error)
            raise

    async def _read(self) -> AsyncGenerator[dict[str, Any]]:
        reader = self._reader
        pieces = apieces_of(self._response)
        try:
            with self._endpoint.translated_errors(self._model):
                if claims_to_be_whole(self._response):
                    yield await self._read_completion(b"", pieces)
                    return
                expect_stream(self._response)
                trickle = _Trickle(self._endpoint, reader, self._model)
                async for piece in pieces:
                    if not reader.has_begun and begins_no_stream(piece):
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
        await self._read_to_the_end(pieces)

    async def _read_to_the_end(self, pieces: AsyncIterator[bytes]) -> None:
        with suppress(Exception):
            async with asyncio.timeout(_SECONDS_AFTER_THE_END):
                async for _ in pieces:
                    pass

    async def _read_completion(self, start: bytes, rest: AsyncIterator[bytes]) -> dict[str, Any]:
        started = time.monotonic()
        content = start + await aread_whole(self._endpoint, rest, self._model, started)
        return self._completion(content)


class _Trickle:
    """Notices a stream that keeps sending bytes, but completes no event."""

    def __init__(self, endpoint: Endpoint, reader: EventReader, model: str | None) -> None:
        self._endpoint = endpoint
        self._reader = reader
        self._model = model
        self._event_count = 0
        self._waiting_since: float | None = time.monotonic()

    def check(self) -> None:
        """Check whether events have come, and raise if none have for too long."""
        if self._reader.event_count != self._event_count:
            self._event_count = self._reader.event_count
            self._waiting_since = None
        elif self._waiting_since is None:
            self._waiting_since = time.monotonic()
        else:
            self._endpoint.deadlines.check_stream(self._waiting_since, self._model)


def _has_message(completion: dict[str, Any]) -> bool:
    """Whether a completion has what a stream would give: the first choice, with a message."""
    choices = completion.get("choices")
    return isinstance(choices, list) and any(
        isinstance(choice, dict)
        and choice.get("index") in FIRST_INDEXES
        and isinstance(choice.get("message") or choice.get("delta"), dict)
        for choice in choices
    )


def _as_interruption(error: ScalewayError) -> ScalewayError:
    """A connection that breaks in the middle of a stream interrupts it."""
    if isinstance(error, ScalewayConnectionError):
        return ScalewayStreamInterruptedError(error.message, model=error.model)
    return error
