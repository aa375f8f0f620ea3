"""The events of a streamed answer: bytes in, parsed JSON objects out, no I/O."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from langchain_scaleway.client.encoding import decode
from langchain_scaleway.client.error_mapping import error_from_event, is_error
from langchain_scaleway.client.sse import ServerSentEvent, SSEDecoder
from langchain_scaleway.errors import (
    ScalewayError,
    ScalewayResponseError,
    ScalewayStreamInterruptedError,
)

_QUOTED_BYTES = 200

FIRST_INDEXES = (0, "0", None, "")
"""Indexes of the first choice, as servers write them. With `n` above 1 the other choices have
finish reasons of their own, which say nothing about the first one."""


class EventReader:
    """Reads one stream, and knows whether it came to its end.

    A stream has ended well when the server said `[DONE]` or gave a finish reason. One that
    just stops was cut, and must not pass for a whole answer.

    Attributes:
        is_done: Whether the server said `[DONE]`; what follows it means nothing.
        usage: The tokens used, as the server has reported them last.
        event_count: How many events have been given.
        has_begun: Whether any bytes have come.
    """

    def __init__(
        self, model: str | None, project_id: str | None = None, *, is_serverless: bool = True
    ) -> None:
        """Start at the beginning of a stream.

        Args:
            model: The model that was asked.
            project_id: The project in the URL, where there is one.
            is_serverless: Whether the serverless API was asked, rather than another server.
        """
        self.is_done = False
        self.usage: Any = None
        self.event_count = 0
        self.has_begun = False
        self._has_answer = False
        self._is_finished = False
        self._model = model
        self._project_id = project_id
        self._is_serverless = is_serverless
        self._decoder = SSEDecoder()
        self._beginning = b""

    def feed(self, chunk: bytes) -> Iterator[dict[str, Any]]:
        """Take the next bytes, and give the events that they complete.

        Args:
            chunk: Bytes as they came, of any length.

        Raises:
            ScalewayError: The server reports an error; the events before it were given.
            ScalewayResponseError: An event is not a chat completion.
        """
        if len(self._beginning) < _QUOTED_BYTES:
            self._beginning += chunk[:_QUOTED_BYTES]
            self.has_begun = bool(self._beginning)
        return self._parse(self._decoder.feed(chunk))

    def end(self) -> Iterator[dict[str, Any]]:
        """Take the end of the bytes, and give an event that was left open.

        Raises:
            ScalewayStreamInterruptedError: The stream was cut.
        """
        if not self.is_done:
            with suppress(ScalewayResponseError):  # An event that was cut off counts for nothing.
                yield from self._parse(self._decoder.flush())
        if not (self._has_answer and self.has_ended_well):
            raise self._interruption()

    @property
    def has_ended_well(self) -> bool:
        """Whether the answer is whole, whatever becomes of the connection now."""
        return self.is_done or self._is_finished

    def _parse(self, events: list[ServerSentEvent]) -> Iterator[dict[str, Any]]:
        for name, data in events:
            if not data.startswith(b"{"):
                said = data.strip()
                if not said:
                    continue  # A keep-alive.
                self.is_done = self.is_done or said == b"[DONE]"
            if self.is_done:
                return
            event = self._parse_data(data, may_be_text=name == "error")
            if name == "error" or is_error(event):
                raise self._error_of(event)
            self.event_count += 1
            self.usage = event.get("usage") or self.usage
            if choices := event.get("choices"):
                self._note_choices(choices, data)
            yield event

    def _error_of(self, event: dict[str, Any]) -> ScalewayError:
        return error_from_event(
            event,
            model=self._model,
            project_id=self._project_id,
            is_serverless=self._is_serverless,
        )

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

    def _note_choices(self, choices: Any, data: bytes) -> None:
        if not isinstance(choices, list):
            raise self._unreadable(data, "chat completion")
        for choice in choices:
            if isinstance(choice, dict) and choice.get("index") in FIRST_INDEXES:
                self._has_answer = True
                if choice.get("finish_reason"):  # Some gateways begin with an empty one.
                    self._is_finished = True

    def _unreadable(self, data: bytes, expected: str) -> ScalewayResponseError:
        quote = data[:_QUOTED_BYTES].decode("utf-8", "replace")
        message = (
            f"The stream for model {self._model!r} holds an event of {len(data)} bytes that is not "
            f"a {expected}: {quote!r}"
        )
        return ScalewayResponseError(message, model=self._model, body=quote)

    def _interruption(self) -> ScalewayStreamInterruptedError:
        message = (
            f"The stream for model {self._model!r} ended before the answer did: neither a finish "
            "reason nor [DONE] came. What had come is in this error's `partial_text`; ask again."
        )
        if not self.has_begun:
            message = f"The stream for model {self._model!r} ended before anything came. Ask again."
        elif not self._has_answer:
            quote = self._beginning[:_QUOTED_BYTES].decode("utf-8", "replace")
            message = f"The stream for model {self._model!r} holds no answer. It begins: {quote!r}"
        return ScalewayStreamInterruptedError(message, model=self._model)
