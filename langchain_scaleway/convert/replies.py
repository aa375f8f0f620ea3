"""Replies on the wire -> LangChain messages: whole ones, and the events of a stream.

Parsing is lenient, because Scaleway's gateway, several vLLM versions and other engines stand
behind one API: unknown fields are passed over, missing ones and nulls are tolerated.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

from langchain_scaleway.convert.chunks import reasoning_chunk, text_chunk
from langchain_scaleway.convert.metadata import (
    CHOICE_FIELDS,
    CUT_OFF,
    answered_model,
    count,
    generation_info,
    llm_output,
    normalized_finish_reason,
    reply_metadata,
    token_usage,
    usage_metadata,
)
from langchain_scaleway.convert.names import ToolNames
from langchain_scaleway.convert.thinking import ThinkingSplitter, split_thinking
from langchain_scaleway.convert.tool_calls import ToolCallAssembler, read_tool_calls
from langchain_scaleway.errors import ScalewayError, ScalewayResponseError

_FIRST_INDEXES = (0, "0", None, "")
"""Indexes of the first choice, as servers write them."""


@dataclass(frozen=True)
class ReplyContext:
    """What a reply is read with: facts of the request that it answers.

    Attributes:
        model: The model that was asked; another one may answer.
        names: The names of the request's tools.
        has_tools: Whether the model was offered tools.
        max_tokens: The limit on output tokens, if one was sent for a single choice.
        with_headers: Whether the answer's HTTP headers go into `response_metadata`.
    """

    model: str
    names: ToolNames = field(default_factory=ToolNames)
    has_tools: bool = False
    max_tokens: int | None = None
    with_headers: bool = False

    @classmethod
    def of(cls, body: Mapping[str, Any], names: ToolNames, *, with_headers: bool) -> Self:
        """Note what matters of a request.

        Args:
            body: The request as it is sent.
            names: The names of its tools.
            with_headers: Whether the answer's HTTP headers go into `response_metadata`.
        """
        # The service obeys the first of them; the usage counts the tokens of all choices.
        limit = body.get("max_completion_tokens") or body.get("max_tokens")
        return cls(
            model=body["model"],
            names=names,
            has_tools=bool(body.get("tools")),
            max_tokens=limit if isinstance(limit, int) and body.get("n") in (None, 1) else None,
            with_headers=with_headers,
        )

    def is_cut_off(self, metadata: Mapping[str, Any], usage: Any) -> bool:
        """Whether the limit on output tokens ended a reply.

        vLLM says `tool_calls` of a call that it cut off; then the usage tells.

        Args:
            metadata: What is known of the reply, its finish reason among it.
            usage: The usage as the server reports it.
        """
        written = count(usage, "completion_tokens") or 0
        at_limit = self.max_tokens is not None and written >= self.max_tokens
        return at_limit or metadata.get("finish_reason") == CUT_OFF


def reply_to_result(
    reply: dict[str, Any], context: ReplyContext, headers: Mapping[str, str]
) -> ChatResult:
    """Convert a whole reply.

    Args:
        reply: The chat completion object.
        context: Facts of the request.
        headers: The answer's HTTP headers.

    Returns:
        One generation per choice. The usage is on the first one alone, since callers add it up.

    Raises:
        ScalewayResponseError: The reply has no choices, or none of them a message.
    """
    generations: list[ChatGeneration] = []
    choices = _choices(reply)
    shared = reply_metadata(reply, context.model, headers if context.with_headers else None)
    usage = reply.get("usage")
    for choice in choices:
        wire = choice.get("message") or choice.get("delta")
        if isinstance(wire, dict):
            told = {name: choice.get(name) for name in CHOICE_FIELDS}
            told = {name: value for name, value in told.items() if value not in (None, "")}
            message = _message(wire, context, {**shared, **told}, usage)
            if not generations:
                message.usage_metadata = usage_metadata(usage)
                message.response_metadata |= token_usage(usage)
            info = generation_info(message.response_metadata)
            generations.append(ChatGeneration(message=message, generation_info=info))
    if not generations:
        lacking = "`choices` without a message" if choices else "no `choices`"
        explanation = (
            f"The reply for model {context.model!r} has {lacking}, so there is no answer in it. "
            "Try again; if it persists, report the reply's id to Scaleway's support."
        )
        raise ScalewayResponseError(explanation, model=context.model, body=reply)
    output = llm_output(generations[0].message.response_metadata)
    return ChatResult(generations=generations, llm_output=output)


def _message(
    wire: dict[str, Any], context: ReplyContext, metadata: dict[str, Any], usage: Any
) -> AIMessage:
    """Convert the message of one choice, apart from its usage."""
    reasoning, content = _reasoning(wire), _text(wire.get("content"))
    if not reasoning:
        reasoning, content = split_thinking(content, context.model)
    refusal = _text(wire.get("refusal"))
    said = {"reasoning_content": reasoning, "refusal": refusal}
    is_cut_off = context.is_cut_off(metadata, usage)
    calls, invalid_calls = read_tool_calls(
        wire.get("tool_calls"),
        metadata.get("id"),
        context.names,
        is_cut_off=is_cut_off,
        text=content if context.has_tools else "",
    )
    if is_cut_off and invalid_calls:
        metadata["finish_reason"] = CUT_OFF
    has_calls = bool(calls or invalid_calls)
    metadata |= normalized_finish_reason(metadata, has_calls=has_calls, is_refusal=bool(refusal))
    return AIMessage(
        content=content,
        name=_text(wire.get("name")) or None,
        additional_kwargs={name: text for name, text in said.items() if text},
        response_metadata=metadata,
        tool_calls=calls,
        invalid_tool_calls=invalid_calls,
    )


class StreamDecoder:
    """Converts the events of one stream into message chunks.

    Chunks carry text, reasoning or a fragment of a tool call. Usage, finish reason and all
    other metadata come once, in the last chunk, because core joins repeated strings and adds up
    repeated counts. With `n` above 1 only the first choice is read.

    Attributes:
        context: Facts of the request.
        usage: The usage that the server has reported last; dedicated deployments send a running
            total with every event.
        text: The pieces of answer text so far.
        reasoning: The pieces of reasoning so far.
    """

    def __init__(self, context: ReplyContext) -> None:
        """Make a decoder for the streams of one call.

        Args:
            context: Facts of the request.
        """
        self.context = context
        self.start()

    def start(self) -> None:
        """Take the beginning of a stream, and forget what an earlier one brought."""
        self.usage: Mapping[str, Any] | None = None
        self.text: list[str] = []
        self.reasoning: list[str] = []
        self._refusal = ""
        self._first: dict[str, Any] = {}  # The first event that names a model.
        self._latest: dict[str, Any] = {}
        self._choice: dict[str, Any] = {}  # What its events said beside the message.
        self._thinking: ThinkingSplitter | None = ThinkingSplitter(self.context.model)
        self._tool_calls: ToolCallAssembler | None = None

    @property
    def answered_model(self) -> str:
        """The model that answers, as far as the server has said."""
        return answered_model(self._first, self.context.model)

    def feed(self, event: dict[str, Any]) -> list[ChatGenerationChunk]:
        """Take one event.

        Args:
            event: The JSON object of a chat completion chunk.

        Returns:
            The chunks to hand on, usually one.
        """
        self._latest = event
        if not self._first and event.get("model"):
            self._first = event
        if usage := event.get("usage"):
            self.usage = usage
        for choice in _choices(event):
            if choice.get("index") in _FIRST_INDEXES:
                return self._feed_choice(choice)
        return []

    def finish(self, headers: Mapping[str, str]) -> list[ChatGenerationChunk]:
        """Take the end of the stream.

        Args:
            headers: The answer's HTTP headers.

        Returns:
            What had been held back, and the last chunk.
        """
        chunks = self._end_thinking()
        reply = {**self._first, **{k: v for k, v in self._latest.items() if v is not None}}
        reply["model"] = self.answered_model
        context = self.context
        metadata = reply_metadata(reply, context.model, headers if context.with_headers else None)
        metadata |= self._choice
        calls = self._tool_calls or ToolCallAssembler(context.names)
        is_cut_off = context.is_cut_off(metadata, self.usage)
        text = "".join(self.text) if context.has_tools else ""
        chunks += calls.finish(metadata.get("id"), is_cut_off=is_cut_off, text=text)
        if is_cut_off and not calls.all_whole:
            metadata["finish_reason"] = CUT_OFF
        metadata |= normalized_finish_reason(
            metadata, has_calls=calls.has_calls, is_refusal=bool(self._refusal)
        )
        last = AIMessageChunk(
            content="",
            additional_kwargs={"refusal": self._refusal} if self._refusal else {},
            response_metadata=metadata | token_usage(self.usage),
            usage_metadata=usage_metadata(self.usage),
            chunk_position="last",
        )
        info = generation_info(metadata)
        return [*chunks, ChatGenerationChunk(message=last, generation_info=info)]

    def attach_partial_answer(self, error: ScalewayError) -> None:
        """Attach all that had come of the stream to an error, held back or not."""
        self._end_thinking()
        error.partial_text = "".join(self.text)
        error.partial_reasoning = "".join(self.reasoning)

    def _feed_choice(self, choice: dict[str, Any]) -> list[ChatGenerationChunk]:
        for name in CHOICE_FIELDS:
            if (value := choice.get(name)) is not None:
                _note(self._choice, name, value)
        # A server that ignores `stream` sends a message instead of a delta.
        delta = choice.get("delta") or choice.get("message")
        return self._feed_delta(delta) if isinstance(delta, dict) else []

    def _feed_delta(self, delta: dict[str, Any]) -> list[ChatGenerationChunk]:
        chunks: list[ChatGenerationChunk] = []
        if reasoning := _reasoning(delta):
            if self._thinking is not None:
                chunks = self._end_thinking()
            chunks += self._chunks(reasoning, "")
        if content := delta.get("content"):
            chunks += self._feed_content(_text(content))
        if wire_calls := delta.get("tool_calls"):
            if self._tool_calls is None:
                chunks += self._end_thinking()
                self._tool_calls = ToolCallAssembler(self.context.names)
            chunks += self._tool_calls.feed(wire_calls)
        if refusal := delta.get("refusal"):  # Too rare to be streamed: for the last chunk.
            self._refusal += _text(refusal)
        return chunks

    def _feed_content(self, text: str) -> list[ChatGenerationChunk]:
        if self._thinking is None:
            return self._chunks("", text)
        chunks = self._chunks(*self._thinking.feed(text))
        if self._thinking.passes_through:
            self._thinking = None
        return chunks

    def _end_thinking(self) -> list[ChatGenerationChunk]:
        """Give the text that was held back, because it cannot be the beginning of a thought."""
        thinking, self._thinking = self._thinking, None
        return [] if thinking is None else self._chunks(*thinking.end())

    def _chunks(self, reasoning: str, text: str) -> list[ChatGenerationChunk]:
        chunks = []
        if reasoning:
            self.reasoning.append(reasoning)
            chunks.append(reasoning_chunk(reasoning))
        if text:
            self.text.append(text)
            chunks.append(text_chunk(text))
        return chunks


def _choices(reply: dict[str, Any]) -> list[dict[str, Any]]:
    choices = reply.get("choices")
    return [c for c in choices if isinstance(c, dict)] if isinstance(choices, list) else []


def _reasoning(wire: dict[str, Any]) -> str:
    """The reasoning, under its newer name or its older one; both hold copies of each other."""
    reasoning = wire.get("reasoning") or wire.get("reasoning_content")
    return _text(reasoning) if reasoning else ""


def _text(content: Any) -> str:
    """Content as text; some engines send it in parts."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        parts = [part.get("text") if isinstance(part, dict) else part for part in content]
        return "".join(part for part in parts if isinstance(part, str))
    return ""


def _note(noted: dict[str, Any], name: str, value: Any) -> None:
    """Note a field. Lists come in pieces and are joined, of other values the last one counts."""
    before = noted.get(name)
    if isinstance(value, dict):
        inner = noted[name] = before if isinstance(before, dict) else {}
        for key, item in value.items():
            if item is not None:
                _note(inner, key, item)
    elif isinstance(value, list):
        noted[name] = joined = before if isinstance(before, list) else []
        joined.extend(value)
    elif value != "":  # Some gateways write an empty text for null.
        noted[name] = value
