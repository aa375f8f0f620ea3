"""Answers, whole and streamed: bytes in, JSON or chunks out, no I/O."""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from langchain_scaleway.client.completions import Completion
from langchain_scaleway.client.encoding import decode
from langchain_scaleway.client.endpoint import TRICKLE, Endpoint
from langchain_scaleway.client.error_mapping import LONGEST_BODY, error_from, error_from_event
from langchain_scaleway.client.error_reports import is_error
from langchain_scaleway.client.events import EventReader
from langchain_scaleway.client.transport import Response
from langchain_scaleway.errors import (
    ErrorResponse,
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

_QUOTED_CHARACTERS = 200
"""How much of an unreadable answer its exception quotes."""


class Reply(NamedTuple):
    """A whole answer.

    Attributes:
        body: The JSON object.
        headers: The HTTP headers, names in lower case.
    """

    body: dict[str, Any]
    headers: dict[str, str]


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


class Answer:
    """An answer whose head has come, and its body as it comes.

    Attributes:
        seconds_left: How long the rest of the body may take; `None` without a limit.
        is_enough: Whether no more of it is needed: of a refusal a beginning is.
    """

    def __init__(self, endpoint: Endpoint, response: Response, model: str | None) -> None:
        self.endpoint = endpoint
        self.response = response
        self.model = model
        self.seconds_left = endpoint.timeout.read
        self.is_enough = False
        self._started = time.monotonic()
        self._pieces: list[bytes] = []
        self._size = 0

    def feed(self, piece: bytes) -> None:
        """Take the next bytes.

        Raises:
            ScalewayResponseError: They are too many.
            ScalewayTimeoutError: They have been coming for longer than the timeout.
        """
        self._pieces.append(piece)
        self._size += len(piece)
        self.is_enough = not self.response.is_success and self._size >= LONGEST_BODY
        if self._size > _LARGEST_BODY:
            raise ScalewayResponseError(
                f"The answer for model {self.model!r} is larger than {_LARGEST_BODY:,} bytes, and "
                f"was not read any further; is {self.endpoint.base_url} the API's address?",
                model=self.model,
            )
        limit = self.endpoint.timeout.read
        if limit is not None:
            self.seconds_left = self._started + limit - time.monotonic()
            if self.seconds_left < 0:
                raise self.endpoint.timed_out("answer_timeout", self.model)

    @property
    def headers(self) -> dict[str, str]:
        """Its headers without cookies, names in lower case."""
        redaction = self.endpoint.redaction()
        return {
            name.lower(): redaction.text(value)
            for name, value in self.response.headers.items()
            if name.lower() != "set-cookie"
        }

    def reply(self) -> Reply:
        """Read the body of a success.

        Raises:
            ScalewayError: It is an error all the same.
            ScalewayResponseError: It is not a JSON object.
        """
        try:
            body = decode(b"".join(self._pieces))
        except ValueError:  # It refers to the whole text, however long, so it goes no further.
            body = None
        if not isinstance(body, dict):
            raise self.unreadable("JSON object")
        if is_error(body):
            raise self.reported(body)
        return Reply(body, self.headers)

    def refusal(self) -> ScalewayError:
        """Make the exception for a status that is no success."""
        text = b"".join(self._pieces)[:LONGEST_BODY].decode("utf-8-sig", "replace")
        status, place = self.response.status_code, self.endpoint.place
        return error_from(status, self.headers, text, model=self.model, **place)

    def reported(self, body: Mapping[str, Any]) -> ScalewayError:
        """Make the exception for an error with a success status, in a body or an event."""
        return error_from_event(body, model=self.model, **self.endpoint.place)

    def unreadable(self, expected: str) -> ScalewayResponseError:
        """Make the exception for a success with an unexpected body."""
        status, content = self.response.status_code, b"".join(self._pieces)
        text = content[:LONGEST_BODY].decode("utf-8", "replace")
        kind = self.response.headers.get("content-type", "no content type")
        about = "" if self.model is None else f" for model {self.model!r}"
        return ScalewayResponseError(
            f"Scaleway answered {status}{about}, but the body is not a {expected} "
            f"({len(content)} bytes, {kind}): {text[:_QUOTED_CHARACTERS]!r}. Try again; "
            f"if it persists, check that {self.endpoint.base_url} is the API's address.",
            status_code=status,
            model=self.model,
            body=text,
            response=ErrorResponse(status, self.headers, text),
        )


class StreamedAnswer(Generic[Chunk]):
    """The chunks of a streamed answer.

    Whoever reads it asks for chunks, and gives bytes, or the end of them, as long as there are
    none.
    """

    def __init__(self, answer: Answer, decoder: Decoder[Chunk], completion: Completion) -> None:
        self._answer, self._endpoint = answer, answer.endpoint
        self._decoder = decoder
        self._completion = completion
        self._reader = EventReader(completion, answer.model, answer.reported)
        kind = answer.response.headers.get("content-type", "").lower()
        self._is_plain = "json" in kind or "html" in kind  # No stream, but one whole body.
        self._events: Iterator[dict[str, Any]] = iter(())
        self._has_ended = False
        self._is_finished = False
        self._events_seen = 0
        self._waiting_since = time.monotonic()
        self._begun_at: float | None = None  # For the first chunk it may take more than one event.

    def limit(self, since: float) -> tuple[str, float | None, bool]:
        """The kind of timeout if nothing comes, its seconds, and whether `timeout` is longer.

        Args:
            since: When the next chunk has begun to be waited for, on the monotonic clock.
        """
        read, own = self._endpoint.timeout.read, self._endpoint.stream_chunk_timeout
        if not self._completion.has_begun:
            return "first_event_timeout", read, False
        self._begun_at = self._begun_at or time.monotonic()
        if own is not None:
            left = max(since, self._begun_at) + own - time.monotonic()
            if read is None or left < read:
                return "stream_chunk_timeout", left, True
        return "read_timeout", read, False

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
        return self._decoder.finish(self._answer.headers)

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
            self._is_plain = True
        if self._is_plain:
            self._answer.feed(piece)
            return
        now, limit = time.monotonic(), self._endpoint.timeout.read
        if self._reader.event_count != self._events_seen:
            self._events_seen = self._reader.event_count
            self._waiting_since = now
        elif limit is not None and now - self._waiting_since > limit * TRICKLE:
            raise self._endpoint.timed_out("event_timeout", self._answer.model)
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
        self._events = iter((self._whole(),)) if self._is_plain else self._reader.end()

    def _whole(self) -> dict[str, Any]:
        """Read the body as the answer that has come in place of a stream."""
        body = self._answer.reply().body
        if not self._completion.is_answer(body):
            raise self._answer.unreadable(self._completion.name)
        return body
