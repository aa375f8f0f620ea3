"""Answers, whole and streamed: bytes in, JSON or chunks out, no I/O."""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar

from langchain_scaleway.client.completions import Completion
from langchain_scaleway.client.endpoint import Endpoint, Reply
from langchain_scaleway.client.error_mapping import LONGEST_BODY
from langchain_scaleway.client.events import EventReader
from langchain_scaleway.client.timeouts import TRICKLE
from langchain_scaleway.client.transport import Response
from langchain_scaleway.errors import (
    ScalewayConnectionError,
    ScalewayError,
    ScalewayResponseError,
    ScalewayStreamInterruptedError,
    ScalewayTimeoutError,
)

Chunk = TypeVar("Chunk")
Chunk_co = TypeVar("Chunk_co", covariant=True)

_LARGEST_BODY = 256 * 1024 * 1024
"""Bytes. 2,048 embeddings, the most in a request, are about 170 MB."""


class Decoder(Protocol[Chunk_co]):
    """Turns an answer's events into the chunks that the caller wants."""

    @property
    def usage(self) -> Mapping[str, Any] | None:
        """The tokens used, as the server has reported them last."""

    def start(self) -> None:
        """Take the beginning of an answer, and forget one that broke off unseen."""

    def feed(self, event: dict[str, Any]) -> Sequence[Chunk_co]:
        """Take the next event."""

    def finish(self, headers: Mapping[str, str]) -> Sequence[Chunk_co]:
        """Take the end of the answer, and its HTTP headers."""

    def attach_partial_answer(self, error: ScalewayError) -> None:
        """Attach what has come to the error that broke the answer off."""


class WholeAnswer:
    """The body of an answer that is no stream, as it comes.

    Args:
        endpoint: Where it comes from.
        response: Its head, which has just come.
        model: The model that was asked.

    Attributes:
        is_enough: Whether no more of it is needed: of a refusal a beginning is.
    """

    def __init__(self, endpoint: Endpoint, response: Response, model: str | None) -> None:
        self._endpoint = endpoint
        self._response = response
        self._model = model
        self._started = time.monotonic()
        self._pieces: list[bytes] = []
        self._size = 0
        self.is_enough = False

    def feed(self, piece: bytes) -> None:
        """Take the next bytes.

        Raises:
            ScalewayResponseError: They are too many.
            ScalewayTimeoutError: They have been coming for longer than the timeout.
        """
        self._pieces.append(piece)
        self._size += len(piece)
        self.is_enough = not self._response.is_success and self._size >= LONGEST_BODY
        if self._size > _LARGEST_BODY:
            raise ScalewayResponseError(
                f"The answer for model {self._model!r} is larger than {_LARGEST_BODY:,} bytes, and "
                f"was not read any further; is {self._endpoint.base_url} the API's address?",
                model=self._model,
            )
        limit = self._endpoint.timeout.read
        if limit is not None and time.monotonic() - self._started > limit:
            raise self._endpoint.timed_out("answer_timeout", self._model)

    def refusal(self) -> ScalewayError:
        """Make the exception for a status that is no success."""
        return self._endpoint.refusal(self._response, b"".join(self._pieces), self._model)

    def reply(self, *, raw: bool = False) -> Reply:
        """Read the body, as JSON or as it is.

        Raises:
            ScalewayError: It is an error all the same.
            ScalewayResponseError: It is not a JSON object.
        """
        content = b"".join(self._pieces)
        if raw:
            return Reply(content, self._endpoint.headers_of(self._response))
        return self._endpoint.reply(self._response, content, self._model)

    def in_place_of(self, completion: Completion) -> dict[str, Any]:
        """Read the body as the answer that has come in place of a stream.

        Raises:
            ScalewayError: It is an error.
            ScalewayResponseError: It is something else.
        """
        content = b"".join(self._pieces)
        body: dict[str, Any] = self._endpoint.reply(self._response, content, self._model).body
        if completion.is_answer(body):
            return body
        raise self._endpoint.unreadable(self._response, content, self._model, completion.name)


class StreamedAnswer(Generic[Chunk]):
    """The chunks of a streamed answer.

    Whoever reads it asks for chunks, and gives bytes, or the end of them, as long as there are
    none.

    Args:
        endpoint: Where it comes from.
        response: Its head.
        model: The model that was asked.
        decoder: Makes the chunks.
        completion: Knows when the answer is whole.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        response: Response,
        model: str | None,
        decoder: Decoder[Chunk],
        completion: Completion,
    ) -> None:
        self._endpoint = endpoint
        self._response = response
        self._model = model
        self._decoder = decoder
        self._completion = completion
        self._reader = EventReader(
            completion, model, lambda event: endpoint.reported(response, event, model)
        )
        kind = response.headers.get("content-type", "").lower()
        self._whole: WholeAnswer | None = None
        if "json" in kind or "html" in kind:
            self._whole = WholeAnswer(endpoint, response, model)
        self._events: Iterator[dict[str, Any]] = iter(())
        self._has_ended = False
        self._is_finished = False
        self._events_seen = 0
        self._waiting_since = time.monotonic()
        decoder.start()

    @property
    def awaited(self) -> str:
        """The kind of timeout that it is if nothing comes now; see `timeouts`."""
        if self._reader.event_count == 0:
            return "first_event_timeout"
        has_own = self._endpoint.stream_chunk_timeout is not None
        return "stream_chunk_timeout" if has_own else "read_timeout"

    def take(self) -> Sequence[Chunk] | None:
        """Give the next chunks.

        Returns:
            Chunks; none when the answer is over; `None` if more bytes are needed.

        Raises:
            ScalewayError: The server reports an error, or the answer is not whole or not readable.
        """
        for event in self._events:
            if chunks := self._decoder.feed(event):
                return chunks
        if not self._has_ended:
            if not self._reader.is_done:
                return None
            self._end()
            return self.take()
        if self._is_finished:
            return ()
        self._is_finished = True
        return self._decoder.finish(self._endpoint.headers_of(self._response))

    def feed(self, piece: bytes | None) -> None:
        """Take the next bytes, or `None` for the end of them.

        Raises:
            ScalewayTimeoutError: Bytes came, but no event, for several times the timeout.
        """
        if piece is None:
            self._end()
            return
        # No line of an event stream begins as JSON objects and HTML pages do.
        if not self._reader.has_begun and piece.lstrip().startswith((b"{", b"<")):
            self._whole = self._whole or WholeAnswer(self._endpoint, self._response, self._model)
        if self._whole is not None:
            self._whole.feed(piece)
            return
        now, limit = time.monotonic(), self._endpoint.timeout.read
        if self._reader.event_count != self._events_seen:
            self._events_seen = self._reader.event_count
            self._waiting_since = now
        elif limit is not None and now - self._waiting_since > limit * TRICKLE:
            raise self._endpoint.timed_out("event_timeout", self._model)
        self._events = self._reader.feed(piece)

    def survives(self, error: ScalewayError) -> bool:
        """Whether an error does no harm, because the answer is whole; `take` gives the rest."""
        is_late = self._reader.has_ended_well and not self._has_ended
        if not is_late or not isinstance(error, (ScalewayConnectionError, ScalewayTimeoutError)):
            return False
        self._end()
        return True

    def failure(self, error: ScalewayError) -> ScalewayError:
        """What the error that broke the answer off is called, with what has come."""
        if isinstance(error, ScalewayConnectionError):
            error = ScalewayStreamInterruptedError(error.message, model=error.model)
        self._decoder.attach_partial_answer(error)
        return error

    def _end(self) -> None:
        self._has_ended = True
        if self._whole is not None:
            self._events = iter((self._whole.in_place_of(self._completion),))
        else:
            self._events = self._reader.end()
