"""Replies on the wire -> LangChain messages: whole ones, and the events of a stream.

Parsing is lenient, because Scaleway's gateway, several vLLM versions and other engines stand
behind one API: unknown fields are passed over, missing ones and nulls are tolerated.
"""

from collections.abc import Mapping
from typing import Any

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

from langchain_scaleway.convert.chunks import (
    MODEL_PROVIDER,
    reasoning_chunk,
    text_chunk,
    tool_chunk,
    whole_call_chunk,
)
from langchain_scaleway.convert.names import ToolNames
from langchain_scaleway.convert.thinking import ThinkingSplitter, split_thinking
from langchain_scaleway.convert.tool_calls import ToolCallAssembler, parse_tool_calls
from langchain_scaleway.convert.unicode import HalfCharacters, whole_characters
from langchain_scaleway.convert.usage import usage_metadata
from langchain_scaleway.errors import ScalewayError, ScalewayResponseError

_REPLY_FIELDS = ("id", "system_fingerprint", "service_tier")
"""Fields of a reply that go into `response_metadata` as they are."""

_PROMPT_FIELDS = ("prompt_token_ids", "prompt_logprobs", "prompt_text")
"""Likewise: vLLM's echo of the prompt, on request (`extra_body`). Streams have it in their first
event."""

_CHOICE_FIELDS = ("finish_reason", "logprobs", "stop_reason", "token_ids")
"""Fields of a choice that go into `response_metadata` as they are; the last two are vLLM's."""

_CUT_OFF = "length"
"""The finish reason of a reply that the limit on output tokens ended."""


def reply_to_result(
    reply: dict[str, Any],
    requested_model: str,
    headers: Mapping[str, str] | None = None,
    names: ToolNames | None = None,
) -> ChatResult:
    """Convert a whole reply.

    Args:
        reply: The chat completion object.
        requested_model: The model that was asked; another one may have answered.
        headers: The answer's HTTP headers, where they are to be in `response_metadata`.
        names: The names of the request's tools.

    Returns:
        One generation per choice. The usage is on the first one alone, since callers add it up.

    Raises:
        ScalewayResponseError: The reply has no choices, or none of them a message.
    """
    choices = reply.get("choices")
    choices = [c for c in choices if isinstance(c, dict)] if isinstance(choices, list) else []
    if not any(isinstance(_wire_message(choice), dict) for choice in choices):
        lacking = "`choices` without a message" if choices else "no `choices`"
        explanation = (
            f"The reply for model {requested_model!r} has {lacking}, so there is no answer in "
            "it. Try again; if it persists, report the reply's id to Scaleway's support."
        )
        raise ScalewayResponseError(explanation, model=requested_model, body=reply)
    choices.sort(key=_index)
    usage = usage_metadata(reply.get("usage"))
    generations = []
    for choice in choices:
        metadata = _reply_metadata(reply, requested_model, headers)
        metadata.update((f, choice[f]) for f in _CHOICE_FIELDS if choice.get(f) not in (None, ""))
        message = _message(_wire_message(choice), requested_model, metadata, usage, names)
        generations.append(ChatGeneration(message=message))
        usage = None
    return ChatResult(generations=generations)


class StreamDecoder:
    """Converts the events of one stream into message chunks.

    Chunks carry text, reasoning or a fragment of a tool call. Usage, finish reason and all
    other metadata come once, in the last chunk, because core joins repeated strings and adds up
    repeated counts. The usage is the last one seen: dedicated deployments send a running total
    with every event. With `n` above 1 only the first choice is read.

    Attributes:
        requested_model: The model that was asked.
        text: The pieces of answer text so far.
        reasoning: The pieces of reasoning so far.
    """

    def __init__(
        self,
        requested_model: str,
        *,
        names: ToolNames | None = None,
        for_events: bool = False,
        with_headers: bool = False,
    ) -> None:
        """Make a decoder for the streams of one call.

        Args:
            requested_model: The model that was asked; another one may answer.
            names: The names of the request's tools.
            for_events: Whether the chunks become the events of `stream_events` (v3). These are not
                added up, so that an invalid call can be given as one instead of being marked.
            with_headers: Whether the HTTP headers go into `response_metadata`.
        """
        self._names = names or ToolNames()
        self._for_events = for_events
        self._with_headers = with_headers
        self.requested_model = requested_model
        self.start()

    def start(self) -> None:
        """Take the beginning of a stream, and forget what an earlier one brought."""
        self.text: list[str] = []
        self.reasoning: list[str] = []
        self._reply: dict[str, Any] = {}
        self._choice: dict[str, Any] = {}
        self._usage: Any = None
        self._kwargs: dict[str, Any] = {}
        self._thinking = ThinkingSplitter(self.requested_model)
        self._text_halves = HalfCharacters()
        self._reasoning_halves = HalfCharacters()
        self._tool_calls: ToolCallAssembler | None = None

    @property
    def answered_model(self) -> str:
        """The model that answers, as far as the server has said."""
        return _answered_model(self._reply, self.requested_model)

    def feed(self, event: dict[str, Any]) -> list[ChatGenerationChunk]:
        """Take one event.

        Args:
            event: The JSON object of a chat completion chunk.

        Returns:
            The chunks to hand on, usually one.
        """
        self._note_reply(event)
        choice = _first_choice(event)
        if choice is None:
            return []
        # A server that ignores `stream` sends a message instead of a delta.
        delta = choice.get("delta") or choice.get("message")
        chunks = self._feed_delta(delta) if isinstance(delta, dict) else []
        self._note_choice(choice)
        return chunks

    def finish(self, headers: Mapping[str, str] | None = None) -> list[ChatGenerationChunk]:
        """Take the end of the stream.

        Args:
            headers: The answer's HTTP headers.

        Returns:
            What had been held back, and the last chunk.
        """
        chunks = self.release()
        if self._tool_calls is not None:
            is_cut_off = self._choice.get("finish_reason") == _CUT_OFF
            chunks += self._finish_tool_calls(self._tool_calls, is_cut_off=is_cut_off)
        shown = headers if self._with_headers else None
        metadata = _reply_metadata(self._reply, self.requested_model, shown)
        metadata.update(self._choice)
        last = AIMessageChunk(
            content="",
            additional_kwargs={name: _whole_texts(value) for name, value in self._kwargs.items()},
            response_metadata=metadata,
            usage_metadata=usage_metadata(self._usage),
            chunk_position="last",
        )
        return [*chunks, ChatGenerationChunk(message=last)]

    def release(self) -> list[ChatGenerationChunk]:
        """Give the text that has been held back, because nothing more follows."""
        chunks = self._chunks(self._reasoning_halves.end(), "")
        chunks += self._feed_content(self._text_halves.end())
        return chunks + self._chunks(*self._thinking.end())

    def attach_partial_answer(self, error: ScalewayError) -> None:
        """Attach all that had come of the stream to an error, held back or not."""
        self.release()
        error.partial_text = "".join(self.text)
        error.partial_reasoning = "".join(self.reasoning)

    def _feed_delta(self, delta: dict[str, Any]) -> list[ChatGenerationChunk]:
        chunks: list[ChatGenerationChunk] = []
        if reasoning := _reasoning(delta):
            if not self._thinking.passes_through:
                chunks = self._chunks(*self._thinking.answer_only())
            chunks += self._chunks(self._reasoning_halves.join(reasoning), "")
        content = delta.get("content")
        if content:
            chunks += self._feed_content(self._text_halves.join(_text(content)))
        if delta.get("tool_calls"):
            chunks += self._feed_tool_calls(delta["tool_calls"])
        if delta.get("refusal") or delta.get("function_call"):
            self._note_kwargs(delta)
        return chunks

    def _feed_content(self, content: str) -> list[ChatGenerationChunk]:
        if self._thinking.passes_through:
            return self._chunks("", content)
        return self._chunks(*self._thinking.feed(content))

    def _feed_tool_calls(self, wire_calls: Any) -> list[ChatGenerationChunk]:
        chunks: list[ChatGenerationChunk] = []
        if self._tool_calls is None:
            chunks = self._chunks(*self._thinking.end())
            self._tool_calls = ToolCallAssembler()
        fragments = self._tool_calls.feed(wire_calls)
        for fragment in fragments:
            name = fragment.name and self._names.from_wire(fragment.name)
            chunks.append(tool_chunk(name, fragment.arguments, fragment.id, fragment.position))
        return chunks

    def _finish_tool_calls(
        self, calls: ToolCallAssembler, *, is_cut_off: bool
    ) -> list[ChatGenerationChunk]:
        fragments = calls.rest(self._reply.get("id"))
        if not self._for_events:
            fragments += calls.endings(is_cut_off=is_cut_off)
        chunks = [tool_chunk(f.name, f.arguments, f.id, f.position) for f in fragments]
        if self._for_events:
            for position, call in calls.misread_by_events(is_cut_off=is_cut_off):
                if call["name"]:
                    call["name"] = self._names.from_wire(call["name"])
                chunks.append(whole_call_chunk(call, position))
        return chunks

    def _note_kwargs(self, delta: dict[str, Any]) -> None:
        """Note a refusal or an old function call: too rare to be streamed, for the last chunk."""
        if isinstance(refusal := delta.get("refusal"), str):
            self._kwargs["refusal"] = self._kwargs.get("refusal", "") + refusal
        if isinstance(call := delta.get("function_call"), dict):
            noted = self._kwargs.setdefault("function_call", {})
            for field, value in call.items():
                if isinstance(value, str):
                    noted[field] = noted.get(field, "") + value

    def _chunks(self, reasoning: str, text: str) -> list[ChatGenerationChunk]:
        chunks = []
        if reasoning:
            self.reasoning.append(reasoning)
            chunks.append(reasoning_chunk(reasoning))
        if text:
            self.text.append(text)
            chunks.append(text_chunk(text))
        return chunks

    def _note_reply(self, event: dict[str, Any]) -> None:
        reply = self._reply
        fields = _REPLY_FIELDS if reply else _REPLY_FIELDS + _PROMPT_FIELDS
        if not reply.get("model") and event.get("model"):
            reply["model"] = event["model"]
        for field in fields:
            if (value := event.get(field)) is not None:
                reply[field] = value
        usage = event.get("usage")
        if usage:
            self._usage = usage

    def _note_choice(self, choice: dict[str, Any]) -> None:
        for field in _CHOICE_FIELDS:
            value = choice.get(field)
            if value is None or value == "":  # Some gateways write an empty text for null.
                continue
            if field == "logprobs" and isinstance(value, dict):
                self._note_logprobs(value)
            else:
                _note(self._choice, field, value)

    def _note_logprobs(self, logprobs: dict[str, Any]) -> None:
        noted = self._choice.get("logprobs")
        if not isinstance(noted, dict):
            noted = self._choice["logprobs"] = {}
        for field, value in logprobs.items():
            if value is not None:
                _note(noted, field, value)


def _note(noted: dict[str, Any], field: str, value: Any) -> None:
    """Note a field. Lists come in pieces and are joined, of other values the last one counts."""
    before = noted.get(field)
    if isinstance(value, list) and isinstance(before, list):
        before.extend(value)
    else:
        noted[field] = [*value] if isinstance(value, list) else value


def _first_choice(event: dict[str, Any]) -> dict[str, Any] | None:
    """The event's choice with index 0; with `n` above 1 it may hold others, or only others."""
    choices = event.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        if isinstance(choice, dict) and not (choice.get("index") and _index(choice)):
            return choice
    return None


def _index(choice: dict[str, Any]) -> int:
    """The choice's index; servers may leave out the first one's, or write a string."""
    index = choice.get("index")
    return int(index) if index and str(index).isdecimal() else 0


def _wire_message(choice: dict[str, Any]) -> Any:
    """The choice's message, or what a server that always streams sends in its place."""
    return choice.get("message") or choice.get("delta")


def _message(
    wire: Any,
    requested_model: str,
    metadata: dict[str, Any],
    usage: UsageMetadata | None,
    names: ToolNames | None,
) -> AIMessage:
    """Convert the message of one choice."""
    wire = wire if isinstance(wire, dict) else {}
    content = whole_characters(_text(wire.get("content")))
    reasoning = _reasoning(wire)
    if not reasoning:
        reasoning, content = split_thinking(content, requested_model)
    additional_kwargs: dict[str, Any] = {}
    if reasoning:
        additional_kwargs["reasoning_content"] = whole_characters(reasoning)
    for field in ("refusal", "function_call"):
        if wire.get(field):
            additional_kwargs[field] = _whole_texts(wire[field])
    is_cut_off = metadata.get("finish_reason") == _CUT_OFF
    calls, invalid_calls = parse_tool_calls(
        wire.get("tool_calls"), metadata.get("id"), is_cut_off=is_cut_off, names=names
    )
    return AIMessage(
        content=content,
        additional_kwargs=additional_kwargs,
        response_metadata=metadata,
        tool_calls=calls,
        invalid_tool_calls=invalid_calls,
        usage_metadata=usage,
    )


def _reply_metadata(
    reply: dict[str, Any], requested_model: str, headers: Mapping[str, str] | None
) -> dict[str, Any]:
    answered = _answered_model(reply, requested_model)
    metadata: dict[str, Any] = {"model_provider": MODEL_PROVIDER, "model_name": answered}
    if answered != requested_model:
        # A retired model's requests are answered by another one (Scaleway, "Model lifecycle").
        metadata["requested_model"] = requested_model
    fields = _REPLY_FIELDS + _PROMPT_FIELDS
    metadata.update((f, reply[f]) for f in fields if reply.get(f) is not None)
    if headers is not None:
        metadata["headers"] = dict(headers)
    return metadata


def _answered_model(reply: dict[str, Any], requested_model: str) -> str:
    """The model that the reply names; LangChain counts usage by it, so it must be a text."""
    answered = reply.get("model")
    return answered if answered and isinstance(answered, str) else requested_model


def _reasoning(wire: dict[str, Any]) -> str:
    """The reasoning, under its newer name or its older one; both hold copies of each other."""
    found = wire.get("reasoning") or wire.get("reasoning_content")
    return _text(found) if found else ""


def _text(content: Any) -> str:
    """Content as text; some engines send it in parts."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(part if isinstance(part, str) else _text_of_part(part) for part in content)
    return ""


def _whole_texts(value: Any) -> Any:
    """A refusal or a function call in which halves of characters have been replaced."""
    if isinstance(value, dict):
        return {name: _whole_texts(item) for name, item in value.items()}
    return whole_characters(value) if isinstance(value, str) else value


def _text_of_part(part: Any) -> str:
    text = part.get("text") if isinstance(part, dict) else None
    return text if isinstance(text, str) else ""
