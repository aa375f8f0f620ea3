"""Builds replies and streams as servers write them, for the dialects nobody recorded."""

import functools
import json
import operator
from collections.abc import Iterable
from typing import Any

from langchain_core.messages import AIMessage, AIMessageChunk

from langchain_scaleway.convert.replies import ReplyContext, ReplyDecoder
from tests.support.outcomes import Outcome, outcome_of

MODEL = "some-model"

_ENVELOPE = {"id": "chatcmpl-1", "created": 1795357352, "model": MODEL}

Event = dict[str, Any]


def event(delta: Any, finish_reason: str | None = None, **choice_fields: Any) -> Event:
    """One event of a stream, with one choice."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason, **choice_fields}
    return {**_ENVELOPE, "object": "chat.completion.chunk", "choices": [choice]}


def usage_event(usage: Any) -> Event:
    """The event without choices that ends a stream whose request asked for usage."""
    return {**_ENVELOPE, "object": "chat.completion.chunk", "choices": [], "usage": usage}


def calls_event(*fragments: dict[str, Any]) -> Event:
    """An event with fragments of tool calls."""
    return event({"tool_calls": list(fragments)})


def fragment(arguments: Any = ..., *, name: str | None = None, **fields: Any) -> dict[str, Any]:
    """A fragment of a tool call; what is not given is absent from it."""
    function: dict[str, Any] = {} if name is None else {"name": name}
    if arguments is not ...:
        function["arguments"] = arguments
    return {**fields, "function": function}


def whole(message: dict[str, Any], finish_reason: str = "stop", **reply_fields: Any) -> Event:
    """A whole reply with one choice."""
    message = {"role": "assistant", "content": None, **message}
    choice = {"index": 0, "message": message, "finish_reason": finish_reason}
    return {**_ENVELOPE, "object": "chat.completion", "choices": [choice], **reply_fields}


def http_stream(events: Iterable[Event]) -> bytes:
    """A whole HTTP answer that streams these events and closes the connection."""
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
    payloads = [*(json.dumps(one_event) for one_event in events), "[DONE]"]
    return head + "".join(f"data: {payload}\n\n" for payload in payloads).encode()


def http_reply(reply: Event) -> bytes:
    """A whole HTTP answer with this reply as its body."""
    body = json.dumps(reply).encode()
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n"
    head += b"content-length: %d\r\n\r\n"
    return head % len(body) + body


def decode_chunks(
    events: Iterable[Event], model: str = MODEL, **request: Any
) -> list[AIMessageChunk]:
    """The message chunks of a stream; `request` are further facts of what was asked."""
    decoder = ReplyDecoder(ReplyContext(model, **request))
    generations = [chunk for one_event in events for chunk in decoder.feed(one_event)]
    generations += decoder.finish({})
    messages = [generation.message for generation in generations]
    assert all(isinstance(message, AIMessageChunk) for message in messages)
    return [message for message in messages if isinstance(message, AIMessageChunk)]


def decode(*events: Event, model: str = MODEL, **request: Any) -> AIMessageChunk:
    """The message that the chunks of a stream add up to."""
    return functools.reduce(operator.add, decode_chunks(events, model, **request))


def streamed_outcome(*events: Event) -> Outcome:
    """What a stream says."""
    return outcome_of(decode(*events))


def whole_message(reply: Event, model: str = MODEL, **request: Any) -> AIMessage:
    """The message of a whole reply; `request` are further facts of what was asked."""
    [generation] = ReplyDecoder(ReplyContext(model, **request)).result(reply, {}).generations
    assert isinstance(generation.message, AIMessage)
    return generation.message
