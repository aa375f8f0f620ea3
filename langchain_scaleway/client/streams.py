"""An open streamed answer: its chunks, one after the other, and the end of its connection."""

import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Generic, Self

from langchain_scaleway.client.answers import Chunk, Decoder, StreamedAnswer
from langchain_scaleway.client.endpoint import Call
from langchain_scaleway.client.events import Completion
from langchain_scaleway.client.timeouts import Within, broken_off_after
from langchain_scaleway.client.transport import (
    Response,
    apieces_of,
    pieces_of,
)
from langchain_scaleway.errors import ScalewayError

if TYPE_CHECKING:
    from langchain_scaleway.client.http import ScalewayClient
    from langchain_scaleway.client.quotas.gate import Permit

_SECONDS_AFTER_THE_END = 0.25
"""How long to wait after `[DONE]` for the end of the body, which lets the connection be used
again. It comes along with `[DONE]`, unless something is wrong."""


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

    _answer: StreamedAnswer[Chunk]

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
        self._permit: Permit | None = None
        self._response: Response | None = None
        self.first: Sequence[Chunk] = ()

    def _settle(self, error: BaseException | None) -> None:
        if self._permit is not None:
            usage = None if self._response is None else self._decoder.usage
            if isinstance(error, ScalewayError) and not self.first:
                self._permit.end(usage, error)
            else:
                self._permit.end(usage)

    def _reading(self) -> AbstractContextManager[None]:
        return self._endpoint.errors(self._call.model, awaited=self._answer.awaited, in_answer=True)

    def _start(self, response: Response, permit: "Permit") -> StreamedAnswer[Chunk]:
        self._response = response
        permit.answered(response.headers)
        return StreamedAnswer(
            self._endpoint, response, self._call.model, self._decoder, self._completion
        )


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
            with self._endpoint.errors(self._call.model, awaited="first_event_timeout"):
                response = self._client.send(self._call)
                self._answer = self._start(response, self._permit)
                self._pieces = pieces_of(response)
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
            with self._reading():
                end = self._end_of_pause()
                while (chunks := answer.take()) is None:
                    answer.feed(self._next_piece(end))
        except ScalewayError as error:
            chunks = answer.fail(error)
        return chunks

    def _end_of_pause(self) -> float | None:
        seconds = self._endpoint.stream_chunk_timeout
        if seconds is None or not self._answer.has_begun:
            return None
        return time.monotonic() + seconds

    def _next_piece(self, end: float | None) -> bytes | None:
        if end is None or self._response is None:
            return next(self._pieces, None)
        with broken_off_after(self._response, end - time.monotonic()) as has_run_out:
            try:
                return next(self._pieces, None)
            finally:
                if has_run_out.is_set():
                    raise TimeoutError

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
            with self._endpoint.errors(self._call.model, awaited="first_event_timeout"):
                async with Within(None) as limit:
                    response = await self._client.asend(self._call, limit)
                self._answer = self._start(response, self._permit)
                self._pieces = apieces_of(response)
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
            with self._reading():
                if (chunks := answer.take()) is None:
                    chunks = await self._read_on()
        except ScalewayError as error:
            chunks = answer.fail(error)
        return chunks

    async def _read_on(self) -> Sequence[Chunk]:
        answer = self._answer
        seconds = self._endpoint.stream_chunk_timeout if answer.has_begun else None
        async with Within(seconds) as limit:
            while True:
                if seconds is None:
                    limit.restart(self._endpoint.timeout.read)
                answer.feed(await anext(self._pieces, None))
                if (chunks := answer.take()) is not None:
                    return chunks

    async def drain(self) -> None:
        """Read what follows the answer, so that the connection can be used again."""
        with suppress(Exception):
            async with Within(_SECONDS_AFTER_THE_END):
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
