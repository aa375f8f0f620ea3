"""An open streamed answer: its chunks, one after the other, and the end of its connection."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Self

from langchain_scaleway.client.answers import Chunk, Decoder, StreamedAnswer
from langchain_scaleway.client.completions import Completion
from langchain_scaleway.client.endpoint import Call
from langchain_scaleway.client.timeouts import broken_off_after, restart
from langchain_scaleway.client.transport import Response, apieces_of, pieces_of
from langchain_scaleway.errors import ScalewayError

if TYPE_CHECKING:
    from langchain_scaleway.client.http import ScalewayClient
    from langchain_scaleway.client.quotas.gate import Permit

_SECONDS_AFTER_THE_END = 0.25
"""How long to wait after `[DONE]` for the end of the body, which lets the connection be used
again. It comes along with `[DONE]`, unless something is wrong."""


def settle(
    permit: "Permit | None",
    usage: Mapping[str, Any] | None = None,
    error: BaseException | None = None,
) -> None:
    """End an attempt that a rate limiter may have counted.

    Args:
        permit: The limiter's permit, if there was one.
        usage: The tokens that the attempt used.
        error: Why nothing came of it.
    """
    if permit is not None:
        permit.end(usage, error if isinstance(error, ScalewayError) else None)


class _Stream(Generic[Chunk]):
    """What the two kinds share.

    Args:
        client: Sends the request.
        call: The request.
        decoder: Makes the chunks.
        completion: Knows when the answer is whole.

    Attributes:
        first: The chunks that `open` has read.
    """

    def __init__(
        self,
        client: "ScalewayClient",
        call: Call,
        decoder: Decoder[Chunk],
        completion: Completion,
    ) -> None:
        self._client = client
        self._endpoint = client.endpoint
        self._call = call
        self._decoder = decoder
        self._completion = completion
        self._errors = self._endpoint.errors(call.model)
        self._errors.awaited = "first_event_timeout"
        self._permit: Permit | None = None
        self._response: Response | None = None
        self._answer: StreamedAnswer[Chunk]
        self.first: Sequence[Chunk] = ()

    def _start(self, response: Response) -> None:
        self._response = response
        self._errors.in_answer = True
        if self._permit is not None:
            self._permit.answered(response.headers)
        self._answer = StreamedAnswer(
            self._endpoint, response, self._call.model, self._decoder, self._completion
        )

    def _seconds_to_chunk(self) -> float | None:
        """How long the next chunk may take, if it has a limit of its own."""
        self._errors.awaited = self._answer.awaited
        is_own = self._answer.awaited == "stream_chunk_timeout"
        return self._endpoint.stream_chunk_timeout if is_own else None

    def _settle(self, error: BaseException | None) -> None:
        usage = None if self._response is None else self._decoder.usage
        settle(self._permit, usage, None if self.first else error)


class OpenStream(_Stream[Chunk]):
    """A stream that is read synchronously. Leave its context to free the connection."""

    _pieces: Iterator[bytes]

    def open(self) -> None:
        """Send the request, and read the first chunks of its answer.

        Raises:
            ScalewayError: None came.
        """
        self._permit = self._client.permit(self._call)
        try:
            with self._errors:
                response = self._client.send(self._call)
            self._pieces = pieces_of(response)
            self._start(response)
            self.first = self.read()
        except BaseException as error:
            self._close(error)
            raise

    def read(self) -> Sequence[Chunk]:
        """Read the next chunks; none are left at the end.

        Raises:
            ScalewayError: The server reports an error, or the stream breaks or is cut.
        """
        answer = self._answer
        try:
            with self._errors:
                if (chunks := answer.take()) is None:
                    chunks = self._read_on()
        except ScalewayError as error:
            if not answer.survives(error):
                raise answer.failure(error) from None
            chunks = answer.take()
        return chunks or ()

    def _read_on(self) -> Sequence[Chunk]:
        answer, seconds = self._answer, self._seconds_to_chunk()
        end = None if seconds is None else time.monotonic() + seconds
        while True:
            answer.feed(self._next_piece(end))
            if (chunks := answer.take()) is not None:
                return chunks

    def _next_piece(self, end: float | None) -> bytes | None:
        if end is None or self._response is None:
            return next(self._pieces, None)
        with broken_off_after(self._response, end - time.monotonic()):
            return next(self._pieces, None)

    def drain(self) -> None:
        """Read what follows the answer, so that the connection can be used again.

        The answer is whole, so a failure here means nothing more than a lost connection.
        """
        if self._response is not None:
            with suppress(Exception), broken_off_after(self._response, _SECONDS_AFTER_THE_END):
                for _ in self._pieces:
                    pass

    def __enter__(self) -> Self:
        """Use the open stream in a `with` statement."""
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Free the connection; close it if its answer was not read to the end."""
        self._close(error)

    def _close(self, error: BaseException | None) -> None:
        try:
            if self._response is not None:
                self._response.close()
        finally:
            self._settle(error)


class AsyncOpenStream(_Stream[Chunk]):
    """The same for event loops."""

    _pieces: AsyncIterator[bytes]

    async def open(self) -> None:
        """Send the request, and read the first chunks of its answer.

        Raises:
            ScalewayError: None came.
        """
        self._permit = await self._client.apermit(self._call)
        try:
            with self._errors:
                response = await self._client.asend(self._call)
            self._pieces = apieces_of(response)
            self._start(response)
            self.first = await self.read()
        except BaseException as error:
            await self._close(error)
            raise

    async def read(self) -> Sequence[Chunk]:
        """Read the next chunks; none are left at the end.

        Raises:
            ScalewayError: The server reports an error, or the stream breaks or is cut.
        """
        answer = self._answer
        try:
            with self._errors:
                if (chunks := answer.take()) is None:
                    chunks = await self._read_on()
        except ScalewayError as error:
            if not answer.survives(error):
                raise answer.failure(error) from None
            chunks = answer.take()
        return chunks or ()

    async def _read_on(self) -> Sequence[Chunk]:
        answer, seconds = self._answer, self._seconds_to_chunk()
        async with asyncio.timeout(None) as limit:
            if seconds is not None:
                restart(limit, seconds)
            while True:
                if seconds is None:
                    restart(limit, self._endpoint.timeout.read)
                answer.feed(await anext(self._pieces, None))
                if (chunks := answer.take()) is not None:
                    return chunks

    async def drain(self) -> None:
        """Read what follows the answer, so that the connection can be used again."""
        with suppress(Exception):
            async with asyncio.timeout(None) as limit:
                restart(limit, _SECONDS_AFTER_THE_END)
                async for _ in self._pieces:
                    pass

    async def __aenter__(self) -> Self:
        """Use the open stream in an `async with` statement."""
        return self

    async def __aexit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Free the connection; close it if its answer was not read to the end."""
        await self._close(error)

    async def _close(self, error: BaseException | None) -> None:
        try:
            if self._response is not None:
                await self._response.aclose()
        finally:
            self._settle(error)
