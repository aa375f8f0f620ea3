"""The events of a streamed answer: bytes in, parsed JSON objects out, no I/O."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from langchain_scaleway.client.completions import Completion
from langchain_scaleway.client.encoding import decode
from langchain_scaleway.client.error_reports import is_error
from langchain_scaleway.client.sse import ServerSentEvent, SSEDecoder
from langchain_scaleway.errors import (
    ScalewayError,
    ScalewayResponseError,
    ScalewayStreamInterruptedError,
)

_QUOTED_BYTES = 200

_LARGEST_EVENT = 16 * 1024 * 1024
"""Bytes that may come without completing an event."""


class EventReader:
    """Reads one stream, and knows whether it came to its end.

    A stream has ended well when the answer is whole, or when the server said `[DONE]`, where the
    API has that. One that just stops was cut, and must not pass for a whole answer.

    Args:
        completion: Knows when the answer is whole.
        model: The model that was asked.
        error_from: Makes the exception for an event that is an error.

    Attributes:
        is_done: Whether the server said `[DONE]`; what follows it means nothing.
        event_count: How many events have been given.
        has_begun: Whether any bytes have come.
    """

    def __init__(
        self,
        completion: Completion,
        model: str | None,
        error_from: Callable[[Mapping[str, Any]], ScalewayError],
    ) -> None:
        self.is_done = False
        self.event_count = 0
        self.has_begun = False
        self._completion = completion
        self._model = model
        self._error_from = error_from
        self._decoder = SSEDecoder()
        self._beginning = b""
        self._bytes_since_event = 0

    def feed(self, chunk: bytes) -> Iterator[dict[str, Any]]:
        """Take the next bytes, and give the events that they complete.

        Args:
            chunk: Bytes as they came, of any length.

        Raises:
            ScalewayError: The server reports an error; the events before it were given.
            ScalewayResponseError: An event is no event of this API, or does not end.
        """
        if len(self._beginning) < _QUOTED_BYTES:
            self._beginning += chunk[:_QUOTED_BYTES]
            self.has_begun = bool(self._beginning)
        events = self._decoder.feed(chunk)
        self._bytes_since_event = 0 if events else self._bytes_since_event + len(chunk)
        if self._bytes_since_event > _LARGEST_EVENT:
            raise ScalewayResponseError(
                f"The stream for model {self._model!r} has sent more than {_LARGEST_EVENT:,} bytes "
                f"without completing an event. It begins: {self._quoted_beginning()}",
                model=self._model,
            )
        return self._parse(events)

    def end(self) -> Iterator[dict[str, Any]]:
        """Take the end of the bytes, and give an event that was left open.

        Raises:
            ScalewayStreamInterruptedError: The stream was cut.
        """
        if not self.is_done:
            with suppress(ScalewayResponseError):  # An event that was cut off counts for nothing.
                yield from self._parse(self._decoder.flush())
        if not (self._completion.has_answer and self.has_ended_well):
            raise self._interruption()

    @property
    def has_ended_well(self) -> bool:
        """Whether the answer is whole, whatever becomes of the connection now."""
        return self._completion.is_whole or (self.is_done and self._completion.ends_with_done)

    def _parse(self, events: list[ServerSentEvent]) -> Iterator[dict[str, Any]]:
        for name, data in events:
            if not data.startswith(b"{"):
                said = data.strip()
                self.is_done = self.is_done or said == b"[DONE]"
                is_of_another_kind = name not in ("message", "error") and said[:1] != b"{"
                if not said or said.startswith(b":") or is_of_another_kind:
                    continue  # A keep-alive; some gateways make data of comments.
            if self.is_done:
                return
            event = self._parse_data(data, may_be_text=name == "error")
            if name == "error" or is_error(event):
                raise self._error_from(event)
            self.event_count += 1
            if not self._completion.note(event):
                raise self._unreadable(data, self._completion.name)
            yield event
            self.is_done = self._completion.is_over

    def _parse_data(self, data: bytes, *, may_be_text: bool) -> dict[str, Any]:
        try:
            event = decode(data)
        except ValueError:  # The error holds all the data, however long, so it is not passed on.
            event = None
        if not isinstance(event, dict):
            if may_be_text:
                return {"message": data.decode("utf-8", "replace")}
            raise self._unreadable(data, "JSON object")
        return event

    def _unreadable(self, data: bytes, expected: str) -> ScalewayResponseError:
        quote = data[:_QUOTED_BYTES].decode("utf-8", "replace")
        message = (
            f"The stream for model {self._model!r} holds an event of {len(data)} bytes that is not "
            f"a {expected}: {quote!r}"
        )
        return ScalewayResponseError(message, model=self._model, body=quote)

    def _interruption(self) -> ScalewayStreamInterruptedError:
        awaited = "no event with all of it"
        if self._completion.ends_with_done:
            awaited = "neither a finish reason nor [DONE]"
        message = (
            f"The stream for model {self._model!r} ended before the answer did: {awaited} came. "
            "What had come is in this error's `partial_text`; ask again."
        )
        if not self.has_begun:
            message = f"The stream for model {self._model!r} ended before anything came. Ask again."
        elif not self._completion.has_answer:
            begins = self._quoted_beginning()
            message = f"The stream for model {self._model!r} holds no answer. It begins: {begins}"
        return ScalewayStreamInterruptedError(message, model=self._model)

    def _quoted_beginning(self) -> str:
        return repr(self._beginning[:_QUOTED_BYTES].decode("utf-8", "replace"))
