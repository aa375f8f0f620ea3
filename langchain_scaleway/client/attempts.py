"""One attempt of a request: its permit, its sending, its answer, and the end of its connection."""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Generic, Self

from langchain_scaleway.client.answers import Answer, Chunk, Decoder, Reply, StreamedAnswer
from langchain_scaleway.client.completions import Completion
from langchain_scaleway.client.endpoint import Call, Endpoint
from langchain_scaleway.client.translation import Translation
from langchain_scaleway.client.transport import Response
from langchain_scaleway.client.wires import Blocking
from langchain_scaleway.errors import ScalewayError, ScalewayRateLimitError

if TYPE_CHECKING:
    from langchain_scaleway.client.quotas.gate import Permit

_SECONDS_AFTER_THE_END = 0.25
"""How long to wait after `[DONE]` for the end of the body, which lets the connection be used
again. It comes along with `[DONE]`, unless something is wrong."""


LastHeaders = dict[str | None, Mapping[str, str]]
"""The headers of each model's last success, because refusals carry none."""


class Attempt:
    """An attempt, from its permit to the end of its connection."""

    def __init__(
        self, endpoint: Endpoint, wire: Blocking, call: Call, last_headers: LastHeaders
    ) -> None:
        self._endpoint = endpoint
        self._wire = wire
        self._call = call
        self._last_headers = last_headers
        self._errors = Translation(endpoint, call.model)
        self._permit: Permit | None = None
        self._response: Response | None = None
        self._pieces: Any = None

    async def reply(self) -> Reply:
        """Send the request, and read its whole answer.

        Raises:
            ScalewayError: The request was refused, or no whole or readable answer came.
        """
        try:
            answer = await self._send()
            with self._errors:
                await self._collect(answer)
                reply = answer.reply()
        except BaseException as error:
            await self._end(None, error)
            raise
        await self._end(reply.body.get("usage"))
        return reply

    async def _send(self) -> Answer:
        """Send the request, when it may be sent, and read the head of its answer."""
        call = self._call
        if call.body is not None:
            self._permit = await self._wire.permit(call.body)
        with self._errors as errors:
            response = errors.response = self._response = await self._wire.send(call)
            self._pieces = self._wire.pieces(response)
            answer = Answer(self._endpoint, response, call.model)
            if not response.is_success:
                with suppress(Exception):  # The status says enough.
                    await self._collect(answer)
                raise self._explained(answer.refusal())
        self._last_headers[call.model] = response.headers
        if self._permit is not None:
            self._permit.answered(response.headers)
        return answer

    async def _end(
        self, usage: Mapping[str, Any] | None, error: BaseException | None = None
    ) -> None:
        """Free the connection, and make room for others; the error says why nothing came of it."""
        try:
            if self._response is not None:
                with self._errors:
                    await self._wire.close(self._response)
        finally:
            if self._permit is not None:
                self._permit.end(usage, error if isinstance(error, ScalewayError) else None)

    async def _collect(self, answer: Answer) -> None:
        while not answer.is_enough and (piece := await self._next(answer.seconds_left)) is not None:
            answer.feed(piece)

    async def _next(self, seconds: float | None, *, is_tight: bool = False) -> bytes | None:
        response: Any = self._response
        return await self._wire.next(response, self._pieces, seconds, is_tight=is_tight)

    def _explained(self, error: ScalewayError) -> ScalewayError:
        """A refusal, or one that says that no wait will help."""
        if self._call.body is None or not isinstance(error, ScalewayRateLimitError):
            return error
        from langchain_scaleway.client.quotas.refusals import (  # noqa: PLC0415 -- rarely needed
            explain_too_large,
        )

        headers = self._last_headers.get(self._call.model)
        return explain_too_large(error, self._call.content, headers)


class StreamAttempt(Attempt, Generic[Chunk]):
    """An attempt whose answer is read chunk by chunk.

    Attributes:
        first: The chunks that `open` has read.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        wire: Blocking,
        call: Call,
        last_headers: LastHeaders,
        *,
        decoder: Decoder[Chunk],
        completion: Completion,
    ) -> None:
        super().__init__(endpoint, wire, call, last_headers)
        self.first: Sequence[Chunk] = ()
        self._decoder = decoder
        self._completion = completion
        self._answer: StreamedAnswer[Chunk]
        self._errors.awaited = "first_event_timeout"
        decoder.start()

    async def open(self) -> Self:
        """Send the request, and read the first chunks of its answer.

        Raises:
            ScalewayError: None came.
        """
        try:
            answer = await self._send()
            self._answer = StreamedAnswer(answer, self._decoder, self._completion)
            self.first = await self.read_on()
        except BaseException as error:
            await self.close(error)
            raise
        return self

    async def read_on(self) -> Sequence[Chunk]:
        """Read the next chunks; none are left at the end.

        Raises:
            ScalewayError: The server reports an error, or the stream breaks or is cut.
        """
        answer, since = self._answer, time.monotonic()
        try:
            with self._errors as errors:
                while (chunks := answer.take()) is None:
                    errors.awaited, seconds, is_tight = answer.limit(since)
                    answer.feed(await self._next(seconds, is_tight=is_tight))
        except ScalewayError as error:
            if not answer.survives(error):
                raise answer.failure(error) from None
            chunks = answer.take()
        return chunks or ()

    async def drain(self) -> None:
        """Read what follows the answer, so that the connection can be used again.

        The answer is whole, so a failure here means nothing more than a lost connection.
        """
        end = time.monotonic() + _SECONDS_AFTER_THE_END
        with suppress(Exception):
            while await self._next(end - time.monotonic(), is_tight=True) is not None:
                pass

    async def close(self, error: BaseException | None = None) -> None:
        """Free the connection; close it if its answer was not read to the end."""
        await self._end(self._decoder.usage, None if self.first else error)
