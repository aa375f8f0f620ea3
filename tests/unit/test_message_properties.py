"""Whatever the history: what goes out is whole and in order, and the caller's is untouched."""

import json
from collections.abc import Callable, Sequence
from copy import deepcopy
from importlib.util import find_spec
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    ChatMessage,
    HumanMessage,
    HumanMessageChunk,
    SystemMessage,
    SystemMessageChunk,
    ToolMessage,
    ToolMessageChunk,
)
from langchain_core.messages.tool import ToolCall, invalid_tool_call, tool_call

from langchain_scaleway.convert import blocks
from langchain_scaleway.convert.messages import messages_to_wire
from langchain_scaleway.convert.templates import TEMPLATES, fit
from tests.support.templates import complaints, mistral_common_complaints

Draw = Callable[[st.SearchStrategy[Any]], Any]

_CHUNKS: dict[type[BaseMessage], type[BaseMessage]] = {
    AIMessage: AIMessageChunk,
    HumanMessage: HumanMessageChunk,
    SystemMessage: SystemMessageChunk,
    ToolMessage: ToolMessageChunk,
}

_TEXT = st.text(max_size=12)
_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=5,
)
_EXTRAS = st.fixed_dictionaries(
    {}, optional={"id": _TEXT, "index": st.integers(), "annotations": st.lists(_JSON, max_size=2)}
)
_TEXT_BLOCK = st.builds(
    lambda text, extras: {**extras, "type": "text", "text": text}, _TEXT, _EXTRAS
)
_IMAGE_BLOCK = st.sampled_from(
    [
        {"type": "image", "url": "https://images.example/cat.png"},
        {"type": "image", "base64": "iVBORw0KGgo=", "mime_type": "image/png"},
        {"type": "image_url", "image_url": {"url": "https://images.example/cat.png"}},
    ]
)
_TEXTS = _TEXT | st.lists(_TEXT | _TEXT_BLOCK, max_size=3)
_USER_CONTENT = _TEXTS | st.lists(_TEXT | _TEXT_BLOCK | _IMAGE_BLOCK, max_size=4)
_REASONING = st.fixed_dictionaries({}, optional={"reasoning_content": st.text(min_size=1)})


@st.composite
def _exchanges(draw: Draw, ids: list[int]) -> list[BaseMessage]:
    """An assistant that calls tools, some of them wrongly, and their results."""
    valid: list[ToolCall] = []
    invalid = []
    for _ in range(draw(st.integers(1, 3))):
        ids.append(len(ids))
        call_id = f"call{len(ids):05}"  # Nine letters and digits, as every model takes them
        if draw(st.booleans()):
            valid.append(
                tool_call(
                    name="f", args=draw(st.dictionaries(_TEXT, _JSON, max_size=3)), id=call_id
                )
            )
        else:
            invalid.append(invalid_tool_call(name="f", args=draw(_TEXT), id=call_id, error=None))
    message = AIMessage(
        draw(_TEXTS),
        tool_calls=valid,
        invalid_tool_calls=invalid,
        additional_kwargs=draw(_REASONING),
    )
    results = [
        ToolMessage(draw(_TEXTS), tool_call_id=str(call["id"]), name="f")
        for call in [*valid, *invalid]
    ]
    return [message, *results]


@st.composite
def _histories(draw: Draw) -> list[BaseMessage]:
    """Any order of messages in which each tool message answers a call before it."""
    history: list[BaseMessage] = []
    ids: list[int] = []
    for kind in draw(st.lists(st.sampled_from(["system", "user", "ai", "tools"]), max_size=8)):
        if kind == "system":
            history.append(SystemMessage(draw(_TEXTS)))
        elif kind == "user":
            history.append(HumanMessage(draw(_USER_CONTENT), name=draw(st.none() | st.just("ada"))))
        elif kind == "ai":
            history.append(AIMessage(draw(_TEXTS), additional_kwargs=draw(_REASONING)))
        else:
            history += draw(_exchanges(ids))
    return history


HAS_MISTRAL_COMMON = find_spec("mistral_common") is not None

_FAMILIES = st.sampled_from([None, *TEMPLATES])
_OPTIONS = st.fixed_dictionaries(
    {"family": _FAMILIES, "replay_reasoning": st.none() | st.booleans()}
)

_CALL_IDS = st.sampled_from(["", "call_1", "call_2", "abcdefgh1"])
_TOOL_CONTENT = st.lists(_TEXT | _IMAGE_BLOCK | st.just({"type": "smell"}), max_size=2) | _TEXT
_ANY_ORDER = st.lists(
    st.builds(SystemMessage, _TEXTS)
    | st.builds(HumanMessage, _USER_CONTENT, name=st.sampled_from([None, "ada", "bob"]))
    | st.builds(
        AIMessage,
        _TEXT,
        tool_calls=st.lists(_CALL_IDS, max_size=3).map(
            lambda ids: [tool_call(name="f", args={}, id=one) for one in ids]
        ),
    )
    | st.builds(ToolMessage, _TOOL_CONTENT, tool_call_id=_CALL_IDS)
    | st.builds(ChatMessage, _TEXT, role=st.sampled_from(["critic", "tool", "developer"])),
    min_size=1,
    max_size=8,
)
"""Messages as no agent leaves them, or only after an accident."""


@given(_histories(), _OPTIONS)
def test_it_is_json_and_the_history_stays_untouched_and_chunks_are_sent_alike(
    history: list[BaseMessage], options: dict[str, Any]
) -> None:
    before = deepcopy(history)
    wire = messages_to_wire(history, **options)
    assert json.loads(orjson.dumps(wire)) == wire
    assert history == before
    chunks = [_as_chunk(message) for message in history]
    assert messages_to_wire(chunks, **options) == wire


@given(_histories(), _OPTIONS)
def test_every_character_of_every_text_goes_out_in_order(
    history: list[BaseMessage], options: dict[str, Any]
) -> None:
    sent = "".join(_text_of(message["content"]) for message in messages_to_wire(history, **options))
    written = "".join(_text_of(message.content) for message in history)
    letters = iter(sent)
    assert all(letter in letters for letter in written)


@given(_histories(), _OPTIONS)
def test_every_call_goes_out_once_and_before_its_result(
    history: list[BaseMessage], options: dict[str, Any]
) -> None:
    wire = messages_to_wire(history, **options)
    called: dict[str, Any] = {}
    answered: list[str] = []
    for message in wire:
        for call in message.get("tool_calls", ()):
            assert call["id"] not in called
            called[call["id"]] = json.loads(call["function"]["arguments"])
        if message["role"] == "tool":
            assert message["tool_call_id"] in called
            answered.append(message["tool_call_id"])
    assert sorted(answered) == sorted(called)
    replies = [message for message in history if isinstance(message, AIMessage)]
    kept = [call for reply in replies for call in [*reply.tool_calls, *reply.invalid_tool_calls]]
    assert list(called) == [call["id"] for call in kept]
    assert all(isinstance(arguments, dict) for arguments in called.values())
    assert all(called[str(c["id"])] == c["args"] for reply in replies for c in reply.tool_calls)


@given(
    st.text(),
    st.fixed_dictionaries(
        {}, optional={"reasoning_content": st.text(min_size=1), "refusal": st.text(min_size=1)}
    ),
    st.lists(st.dictionaries(_TEXT, _JSON, max_size=3), max_size=3),
    st.booleans(),
)
def test_a_reply_in_v1_content_is_sent_as_in_v0(
    text: str,
    additional_kwargs: dict[str, str],
    arguments: list[dict[str, Any]],
    replay_reasoning: bool,
) -> None:
    blocks.register()
    reply = AIMessage(
        text,
        additional_kwargs=additional_kwargs,
        response_metadata={"model_provider": "scaleway"},
        tool_calls=[tool_call(name="f", args=a, id=f"call-{i}") for i, a in enumerate(arguments)],
    )
    wire = messages_to_wire([reply], replay_reasoning=replay_reasoning)
    assert messages_to_wire([_in_v1(reply)], replay_reasoning=replay_reasoning) == wire
    # What a v1 message is without the fields that v0 keeps beside its content.
    bare = _in_v1(reply).model_copy(update={"additional_kwargs": {}, "tool_calls": []})
    assert messages_to_wire([bare], replay_reasoning=replay_reasoning) == wire


@given(_ANY_ORDER, st.sampled_from(list(TEMPLATES)))
def test_no_template_refuses_what_goes_out(history: list[BaseMessage], family: str) -> None:
    wire = messages_to_wire(history, family=family)
    assert complaints(family, wire) == []
    assert fit(deepcopy(wire), family) == wire
    if family == "mistral" and HAS_MISTRAL_COMMON:
        assert mistral_common_complaints(wire) == []


@st.composite
def _conversations(draw: Draw) -> list[list[BaseMessage]]:
    """What an agent sends in the course of a conversation: a longer history each time."""
    sent: list[list[BaseMessage]] = []
    history: list[BaseMessage] = draw(st.lists(st.builds(SystemMessage, _TEXT), max_size=2))
    ids: list[int] = []
    for _ in range(draw(st.integers(1, 3))):
        history = [*history, HumanMessage(draw(_USER_CONTENT))]
        if draw(st.booleans()):
            history.append(SystemMessage(draw(_TEXT)))  # as middleware reminds of something
        sent.append(history)
        for _ in range(draw(st.integers(0, 2))):
            history = [*history, *draw(_exchanges(ids))]
            if draw(st.booleans()):
                history[-1] = history[-1].model_copy(update={"content": draw(_TOOL_CONTENT)})
            sent.append(history)
        history = [*history, AIMessage(draw(st.text(min_size=1, max_size=5)))]
    return sent


@given(_conversations(), _FAMILIES, st.booleans())
def test_a_longer_conversation_begins_as_before(
    conversation: list[list[BaseMessage]], family: str | None, replay_reasoning: bool
) -> None:
    """So that the server finds in its cache what it has read before."""
    before: list[dict[str, Any]] = []
    for history in conversation:
        wire = messages_to_wire(history, family=family, replay_reasoning=replay_reasoning)
        assert wire[: len(before)] == before
        before = wire


def _as_chunk(message: BaseMessage) -> BaseMessage:
    fields = message.model_dump(exclude={"type"})
    return _CHUNKS[type(message)](**fields)


def _in_v1(message: AIMessage) -> AIMessage:
    """The message as core makes it for `output_version="v1"`."""
    metadata = {**message.response_metadata, "output_version": "v1"}
    return message.model_copy(
        update={"content": message.content_blocks, "response_metadata": metadata}
    )


def _text_of(content: str | Sequence[str | dict[str, Any]]) -> str:
    if isinstance(content, str):
        return content
    return "".join(b if isinstance(b, str) else b.get("text", "") for b in content)
