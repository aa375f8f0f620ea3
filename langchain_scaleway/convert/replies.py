"""Replies on the wire -> LangChain messages: whole ones, and the events of a stream.

Parsing is lenient, because Scaleway's gateway, several vLLM versions and other engines stand
behind one API: unknown fields are passed over, missing ones and nulls are tolerated.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple, Self

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

from langchain_scaleway.convert.chunks import reasoning_chunk, text_chunk
from langchain_scaleway.convert.dialects import reasoning_text
from langchain_scaleway.convert.metadata import (
    CHOICE_FIELDS,
    CUT_OFF,
    answered_model,
    count,
    normalized_finish_reason,
    reply_metadata,
    usage_metadata,
)
from langchain_scaleway.convert.names import ToolNames
from langchain_scaleway.convert.thinking import ThinkingSplitter
from langchain_scaleway.convert.tool_calls import ToolCalls
from langchain_scaleway.errors import ScalewayError, ScalewayResponseError

_FIRST_INDEXES = (0, "0", None, "")
"""Indexes of the first choice, as servers write them."""


class ReplyContext(NamedTuple):
    """What a reply is read with: facts of the request that it answers.

    Attributes:
        model: The model that was asked; another one may answer.
        names: The names of the request's tools.
        has_tools: Whether the model was offered tools, and may call them.
        max_tokens: The limit on output tokens, if one was sent for a single choice.
        with_headers: Whether the answer's HTTP headers go into `response_metadata`.
    """

    model: str
    names: ToolNames = ToolNames()
    has_tools: bool = False
    max_tokens: int | None = None
    with_headers: bool = False

    @classmethod
    def of(cls, body: Mapping[str, Any], names: ToolNames, *, with_headers: bool) -> Self:
        """Note what matters of a request's body, as chat completions have it."""
        # The service obeys the first of them; the usage counts the tokens of all choices.
        limit = body.get("max_completion_tokens") or body.get("max_tokens")
        return cls(
            model=body["model"],
            names=names,
            has_tools=bool(body.get("tools")) and body.get("tool_choice") != "none",
            max_tokens=limit if isinstance(limit, int) and body.get("n") in (None, 1) else None,
            with_headers=with_headers,
        )


class ReplyDecoder:
    """Reads one reply: the events of a stream, or all of it as the only event.

    Chunks carry text, reasoning or a fragment of a tool call. Usage, finish reason and all
    other metadata come once, in the last chunk, because core joins repeated strings and adds up
    repeated counts. With `n` above 1 only the first choice of a stream is read.

    Attributes:
        context: Facts of the request.
        usage: The usage that the server has reported last; dedicated deployments send a running
            total with every event.
        text: The pieces of answer text so far.
        reasoning: The pieces of reasoning so far.
    """

    _place_of_answers = "`choices` with a message"

    def __init__(self, context: ReplyContext) -> None:
        """Make a decoder for the replies to one request."""
        self.context = context
        self.start()

    def start(self) -> None:
        """Take the beginning of a reply, and forget what an earlier one brought."""
        self.usage: Mapping[str, Any] | None = None
        self.text: list[str] = []
        self.reasoning: list[str] = []
        self._refusal = self._name = ""
        self._first: dict[str, Any] = {}  # The first event that names a model.
        self._latest: dict[str, Any] = {}
        self._choice: dict[str, Any] = {}  # What its events said beside the message.
        self._thinking: ThinkingSplitter | None = ThinkingSplitter(self.context.model)
        self._calls = ToolCalls(self.context.names)

    def result(self, reply: dict[str, Any], headers: Mapping[str, str]) -> ChatResult:
        """Read a whole reply: one generation per choice.

        Raises:
            ScalewayResponseError: The reply has no choices, or none of them a message.
        """
        generations: list[ChatGeneration] = []
        for event in self._events_of(reply):
            self.start()
            self.feed(event)
            self._end_thinking()
            said = {"reasoning_content": "".join(self.reasoning), "refusal": self._refusal}
            message = AIMessage(
                content="".join(self.text),
                name=self._name or None,
                additional_kwargs={name: text for name, text in said.items() if text},
                response_metadata=self.metadata(headers),
                usage_metadata=usage_metadata(self.usage),
                tool_calls=self._calls.valid,
                invalid_tool_calls=self._calls.invalid,
            )
            info = _generation_info(message)
            generations.append(ChatGeneration(message=message, generation_info=info))
        if not generations:
            raise ScalewayResponseError(
                f"The reply for model {self.context.model!r} has no {self._place_of_answers}, so "
                "there is no answer in it. Try again; if it persists, report the reply's id to "
                "Scaleway's support.",
                model=self.context.model,
                body=reply,
            )
        # Callbacks count usage by it.
        metadata = generations[0].message.response_metadata
        names = ("token_usage", "model_name", "id")
        output = {name: metadata[name] for name in names if name in metadata}
        return ChatResult(generations=generations, llm_output=output)

    def feed(self, event: dict[str, Any]) -> list[ChatGenerationChunk]:
        """Take one event; gives the chunks to hand on, usually one."""
        self._latest = event
        if not self._first and event.get("model"):
            self._first = event
        if usage := event.get("usage"):
            self.usage = usage
        for choice in _choices(event):
            if choice.get("index") in _FIRST_INDEXES:
                for name in CHOICE_FIELDS:
                    if (value := choice.get(name)) is not None:
                        _note(self._choice, name, value)
                # A server that ignores `stream` sends a message instead of a delta.
                delta = choice.get("delta") or choice.get("message")
                return self._feed_delta(delta) if isinstance(delta, dict) else []
        return []

    def finish(self, headers: Mapping[str, str]) -> list[ChatGenerationChunk]:
        """Take the end of the stream; gives what had been held back, and the last chunk."""
        chunks = self._end_thinking()
        last = AIMessageChunk(
            content="",
            name=self._name or None,
            additional_kwargs={"refusal": self._refusal} if self._refusal else {},
            response_metadata=self.metadata(headers),
            usage_metadata=usage_metadata(self.usage),
            chunk_position="last",
        )
        end = ChatGenerationChunk(message=last, generation_info=_generation_info(last))
        return [*chunks, *self._calls.rest(), end]

    def metadata(self, headers: Mapping[str, str]) -> dict[str, Any]:
        """Take the end of the reply; gives its `response_metadata`."""
        context = self.context
        reply = {**self._first, **{k: v for k, v in self._latest.items() if v is not None}}
        reply["model"] = self._first.get("model")
        metadata = reply_metadata(reply, context.model) | self._choice
        if context.with_headers:
            metadata["headers"] = dict(headers)
        # vLLM says `tool_calls` of a call that it cut off; then the usage tells.
        written = count(self.usage, "completion_tokens") or 0
        is_cut_off = metadata.get("finish_reason") == CUT_OFF or (
            context.max_tokens is not None and written >= context.max_tokens
        )
        # Qwen writes calls within its thoughts at times, where vLLM does not look for them.
        said = "".join(self.text).strip() or "".join(self.reasoning)
        text = said if context.has_tools else ""
        calls = self._calls
        calls.end(metadata.get("id"), is_cut_off=is_cut_off, text=text)
        # Some servers say `stop`, or `completed`, of thoughts that were cut off (vLLM 24184).
        says_nothing = not (calls.valid or self._refusal or "".join(self.text).strip())
        if is_cut_off and (calls.invalid or says_nothing):
            metadata["finish_reason"] = CUT_OFF
        reason = normalized_finish_reason(
            metadata.get("finish_reason"),
            has_calls=bool(calls.valid or calls.invalid),
            is_refusal=bool(self._refusal),
        )
        if reason:
            metadata["normalized_finish_reason"] = reason
        if isinstance(self.usage, dict):  # For cost trackers that know no `usage_metadata`.
            metadata["token_usage"] = self.usage
        return metadata

    def attach_partial_answer(self, error: ScalewayError) -> None:
        """Attach all that had come of the stream to an error, held back or not."""
        self._end_thinking()
        error.partial_text = "".join(self.text)
        error.partial_reasoning = "".join(self.reasoning)

    def answered_model(self) -> str:
        """The model that answers, as far as the server has said."""
        return answered_model(self._first, self.context.model)

    def _events_of(self, reply: dict[str, Any]) -> list[dict[str, Any]]:
        """An event for each choice of a whole reply."""
        events = []
        for choice in _choices(reply):
            message = choice.get("message") or choice.get("delta")
            if isinstance(message, dict):
                if isinstance(calls := message.get("tool_calls"), list):
                    # Each is whole, and none continues the one before.
                    numbered = enumerate(call for call in calls if isinstance(call, dict))
                    calls = [{**call, "index": number} for number, call in numbered]
                    message = {**message, "tool_calls": calls}
                events.append({**reply, "choices": [{**choice, "index": 0, "delta": message}]})
        for event in events[1:]:  # It counts the tokens of all of them, and callers add it up.
            event["usage"] = None
        return events

    def _feed_delta(self, delta: dict[str, Any]) -> list[ChatGenerationChunk]:
        chunks: list[ChatGenerationChunk] = []
        if reasoning := delta.get("reasoning") or delta.get("reasoning_content"):  # copies
            chunks = [*self._end_thinking(), *self._chunks(reasoning_text(reasoning), "")]
        if content := delta.get("content"):
            chunks += self._feed_content(_text(content))
        if wire_calls := delta.get("tool_calls"):
            reply_id = self._latest.get("id") or self._first.get("id")
            chunks += [*self._end_thinking(), *self._calls.feed(wire_calls, reply_id)]
        if refusal := delta.get("refusal"):  # Too rare to be streamed: for the last chunk.
            self._refusal += _text(refusal)
        if name := delta.get("name"):
            self._name = _text(name)
        return chunks

    def _feed_content(self, text: str) -> list[ChatGenerationChunk]:
        if self._thinking is None:
            return self._chunks("", text)
        chunks = self._chunks(*self._thinking.feed(text))
        if self._thinking.is_done:
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


def _generation_info(message: AIMessage) -> dict[str, Any] | None:
    """Why the reply ended, where tracers read it."""
    reason = message.response_metadata.get("finish_reason")
    return {"finish_reason": reason} if reason else None


def _text(content: Any) -> str:
    """Content as text; some engines send it in parts, or as one."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else [content]
    texts = [part.get("text") if isinstance(part, dict) else part for part in parts]
    return "".join(text for text in texts if isinstance(text, str))


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
