"""When a streamed answer is whole, for each API."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from typing_extensions import override


class Completion(ABC):
    """Knows from the events of one stream whether the answer is whole."""

    name: str
    """What an answer of this API is called."""

    ends_with_done = True
    """Whether `[DONE]` says that the answer is whole."""

    def __init__(self) -> None:
        self.has_answer = False  # Whether any part of one has come.
        self.is_whole = False  # Whatever becomes of the connection now.
        self.is_over = False  # Whether nothing more will come.

    @property
    def has_begun(self) -> bool:
        """Whether the model has begun to answer: from now on, pauses are short."""
        return self.has_answer

    @abstractmethod
    def note(self, event: Mapping[str, Any]) -> bool:
        """Take the next event; gives whether it is one of this API."""

    @abstractmethod
    def is_answer(self, body: Mapping[str, Any]) -> bool:
        """Whether a JSON object is a whole answer, which has come in place of a stream."""


class ChatCompletion(Completion):
    """A chat completion is whole with its finish reason; `[DONE]` may follow.

    With `n` above 1 the other choices have finish reasons of their own, which say nothing about
    the first one.
    """

    name = "chat completion"

    @override
    def note(self, event: Mapping[str, Any]) -> bool:
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

    @override
    def is_answer(self, body: Mapping[str, Any]) -> bool:
        choices = body.get("choices")
        return isinstance(choices, list) and any(
            isinstance(choice.get("message") or choice.get("delta"), dict)
            for choice in filter(_is_first, choices)
        )


class ResponseCompletion(Completion):
    """A response is whole with the event that carries all of it, which is the last one.

    No `[DONE]` follows, and one that comes without it, from a proxy, completes nothing. vLLM just
    cuts a stream off when something goes wrong.
    """

    name = "response"
    ends_with_done = False
    _LAST = frozenset({"response.completed", "response.incomplete", "response.failed"})
    _FIRST = frozenset({"response.created", "response.in_progress", "response.queued"})
    """Events that come at once, before the prompt has been read."""

    has_begun = False

    @override
    def note(self, event: Mapping[str, Any]) -> bool:
        self.has_answer = True
        self.has_begun = self.has_begun or event.get("type") not in self._FIRST
        is_last = event.get("type") in self._LAST and isinstance(event.get("response"), dict)
        self.is_whole = self.is_over = is_last or self.is_answer(event)
        return self.is_over or isinstance(event.get("type"), str)

    @override
    def is_answer(self, body: Mapping[str, Any]) -> bool:
        return body.get("object") == "response" and isinstance(body.get("output"), list)


class TranscriptCompletion(Completion):
    """A transcript is whole with OpenAI's last event, or else with `[DONE]`.

    vLLM gives a finish reason for each 30 seconds of audio, which ends nothing.
    """

    name = "transcript"

    @override
    def note(self, event: Mapping[str, Any]) -> bool:
        self.has_answer = True
        self.is_whole = self.is_over = event.get("type") == "transcript.text.done"
        return True

    @override
    def is_answer(self, body: Mapping[str, Any]) -> bool:
        return isinstance(body.get("text"), str)


def _is_first(choice: Any) -> bool:
    """Whether this is the first choice, whose index servers write in several ways."""
    return isinstance(choice, dict) and choice.get("index") in (0, "0", None, "")
