"""The events of a streamed answer: bytes in, parsed JSON objects out, no I/O."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any, Protocol

from langchain_scaleway.client.encoding import decode
from langchain_scaleway.client.error_mapping import is_error
from langchain_scaleway.client.sse import ServerSentEvent, SSEDecoder
from langchain_scaleway.errors import (
    ScalewayError,
    ScalewayResponseError,
    ScalewayStreamInterruptedError,
)

_QUOTED_BYTES = 200

_LARGEST_EVENT = 16 * 1024 * 1024
"""Bytes that may come without completing an event."""


class Completion(Protocol):
    """Knows from the events of an API's stream whether the answer is whole.

    Attributes:
        name: What an answer is called.
        has_answer: Whether any part of an answer has come.
        is_whole: Whether the answer is whole, whatever becomes of the connection now.
        is_over: Whether nothing more will come.
    """

    name: str
    has_answer: bool
    is_whole: bool
    is_over: bool

    def note(self, event: Mapping[str, Any]) -> bool:
        """Take the next event; gives whether it is one of this API."""

    def is_answer(self, body: Mapping[str, Any]) -> bool:
        """Whether a JSON object is an answer of this API, which has come in place of a stream."""


class ChatCompletion:
    """A chat completion is whole with its finish reason; `[DONE]` may follow.

    With `n` above 1 the other choices have finish reasons of their own, which say nothing about
    the first one.
    """

    name = "chat completion"

    def __init__(self) -> None:
        """Start at the beginning of a stream."""
        self.has_answer = False
        self.is_whole = False
        self.is_over = False

    def note(self, event: Mapping[str, Any]) -> bool:
        """Take the next event; gives whether its choices are a list."""
        choices = event.get("choices")
        if not choices:
            return True
        if not isinstance(choices, list):
            return False
        for choice in filter(_is_first, choices):
            self.has_answer = True
            if choice.get("finish_reason"):  # Some gateways begin with an empty one.
                self.is_whole = True
        return True

    def is_answer(self, body: Mapping[str, Any]) -> bool:
        """Whether the first choice is there, with a message."""
        choices = body.get("choices")
        return isinstance(choices, list) and any(
            isinstance(choice.get("message") or choice.get("delta"), dict)
            for choice in filter(_is_first, choices)
        )


class ResponseCompletion:
    """A response is whole with the event that carries all of it, which is the last one.

    No `[DONE]` follows. vLLM just cuts a stream off when something goes wrong.
    """

    name = "response"
    _LAST = frozenset({"response.completed", "response.incomplete", "response.failed"})

    def __init__(self) -> None:
        """Start at the beginning of a stream."""
        self.has_answer = False
        self.is_whole = False
        self.is_over = False

    def note(self, event: Mapping[str, Any]) -> bool:
        """Take the next event; gives whether it has a type, or is a response itself."""
        self.has_answer = True
        self.is_whole = self.is_over = event.get("type") in self._LAST or self.is_answer(event)
        return self.is_over or isinstance(event.get("type"), str)

    def is_answer(self, body: Mapping[str, Any]) -> bool:
        """Whether this is a response object."""
        return body.get("object") == "response" and isinstance(body.get("output"), list)


class TranscriptCompletion:
    """A transcript is whole with OpenAI's last event, or else with `[DONE]`.

    vLLM gives a finish reason for each 30 seconds of audio, which ends nothing.
    """

    name = "transcript"

    def __init__(self) -> None:
        """Start at the beginning of a stream."""
        self.has_answer = False
        self.is_whole = False
        self.is_over = False

    def note(self, event: Mapping[str, Any]) -> bool:
        """Take the next event, of either shape."""
        self.has_answer = True
        self.is_whole = self.is_over = event.get("type") == "transcript.text.done"
        return True

    def is_answer(self, body: Mapping[str, Any]) -> bool:
        """Whether this is a whole transcript."""
        return isinstance(body.get("text"), str)


class EventReader:
    """Reads one stream, and knows whether it came to its end.

    A stream has ended well when the server said `[DONE]`, or when the answer is whole. One that
    just stops was cut, and must not pass for a whole answer.

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
        return self.is_done or self._completion.is_whole

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
        message = (
            f"The stream for model {self._model!r} ended before the answer did: neither a finish "
            "reason nor [DONE] came. What had come is in this error's `partial_text`; ask again."
        )
        if not self.has_begun:
            message = f"The stream for model {self._model!r} ended before anything came. Ask again."
        elif not self._completion.has_answer:
            begins = self._quoted_beginning()
            message = f"The stream for model {self._model!r} holds no answer. It begins: {begins}"
        return ScalewayStreamInterruptedError(message, model=self._model)

    def _quoted_beginning(self) -> str:
        return repr(self._beginning[:_QUOTED_BYTES].decode("utf-8", "replace"))


def _is_first(choice: Any) -> bool:
    """Whether this is the first choice, whose index servers write in several ways."""
    return isinstance(choice, dict) and choice.get("index") in (0, "0", None, "")
