"""An open streamed answer: its events one by one, and the end of its connection."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Any, Self

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

EventPredicate = Callable[[dict[str, Any]], bool]

_PIECES_AFTER_THE_END = 4
_SECONDS_AFTER_THE_END = 0.25
"""How long to wait after `[DONE]` for the end of the body, which lets the connection be used
again. It comes along with `[DONE]`, unless something is wrong."""


class EventStream:
    """The events of one answer, read synchronously. Leave its context to free the connection.

    Args:
        endpoint: Where the answer comes from.
        response: The answer, not read yet.
        model: The model that was asked.

    Attributes:
        turn: What the pacer counts until the stream is closed.
    """

    turn: "Turn | None" = None

    def __init__(self, endpoint: Endpoint, response: httpx.Response, model: str | None) -> None:
        self._endpoint = endpoint
        self._response = response
        self._model = model
        self._reader = EventReader(model, endpoint.project_id)
        self._read_ahead: deque[dict[str, Any]] = deque()
        self._events = self._read()

    @property
    def headers(self) -> dict[str, str]:
        """The answer's HTTP headers, names in lower case."""
        return self._endpoint.headers_of(self._response)

    def read_until(self, is_enough: EventPredicate) -> None:
        """Read ahead, up to the first event for which this holds."""
        for event in self._events:
            self._read_ahead.append(event)
            if is_enough(event):
                return

    def __iter__(self) -> Self:
        """Give the events, those read ahead first."""
        return self

    def __next__(self) -> dict[str, Any]:
        """Give the next event.

        Raises:
            ScalewayError: The server reports an error, or the stream breaks or is cut.
        """
        return self._read_ahead.popleft() if self._read_ahead else next(self._events)

    def close(self) -> None:
        """Free the connection; one whose answer was not read to its end is closed."""
        try:
            self._events.close()
            self._response.close()
        finally:
            if self.turn is not None:
                self.turn.end(self._reader.usage)

    def __enter__(self) -> Self:
        """Use the stream in a `with` statement."""
        return self

    def __exit__(self, *_: object) -> None:
        """Free the connection."""
        self.close()

    def _read(self) -> Generator[dict[str, Any]]:
        reader = self._reader
        clock = _clock_of(self._response)
        pieces = self._response.iter_bytes()
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
        with suppress(Exception):  # The answer is whole; all this could win is the connection.
            if clock is not None:
                clock.expect_end(_SECONDS_AFTER_THE_END)
            deque(islice(pieces, _PIECES_AFTER_THE_END), maxlen=0)


class AsyncEventStream:
    """The events of one answer, read asynchronously; see `EventStream`."""

    turn: "Turn | None" = None

    def __init__(self, endpoint: Endpoint, response: httpx.Response, model: str | None) -> None:
        self._endpoint = endpoint
        self._response = response
        self._model = model
        self._reader = EventReader(model, endpoint.project_id)
        self._read_ahead: deque[dict[str, Any]] = deque()
        self._events = self._read()

    @property
    def headers(self) -> dict[str, str]:
        """The answer's HTTP headers, names in lower case."""
        return self._endpoint.headers_of(self._response)

    async def read_until(self, is_enough: EventPredicate) -> None:
        """Read ahead, up to the first event for which this holds."""
        async for event in self._events:
            self._read_ahead.append(event)
            if is_enough(event):
                return

    def __aiter__(self) -> Self:
        """Give the events, those read ahead first."""
        return self

    async def __anext__(self) -> dict[str, Any]:
        """Give the next event; raises as `EventStream` does."""
        return self._read_ahead.popleft() if self._read_ahead else await anext(self._events)

    async def aclose(self) -> None:
        """Free the connection; one whose answer was not read to its end is closed."""
        try:
            await self._events.aclose()
            await self._response.aclose()
        finally:
            if self.turn is not None:
                self.turn.end(self._reader.usage)

    async def __aenter__(self) -> Self:
        """Use the stream in an `async with` statement."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Free the connection."""
        await self.aclose()

    async def _read(self) -> AsyncGenerator[dict[str, Any]]:
        reader = self._reader
        pieces = self._response.aiter_bytes()
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
        with suppress(Exception):  # The answer is whole; all this could win is the connection.
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
        self._last_event = time.monotonic()

    def check(self) -> None:
        """Look whether events have come, and raise if none have for too long."""
        if self._reader.events == self._events:
            self._endpoint.deadlines.check_stream(self._last_event, self._model)
        else:
            self._last_event, self._events = time.monotonic(), self._reader.events


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
