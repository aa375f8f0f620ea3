"""Whatever stands in a history goes out in the API's form.

Only what a person has just written is refused, in so many words.
"""

import json
import re
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import example, given, reject
from hypothesis import strategies as st
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.messages.tool import invalid_tool_call, tool_call
from pydantic import TypeAdapter, ValidationError

from langchain_scaleway.convert.messages import messages_to_wire
from langchain_scaleway.convert.templates import TEMPLATES
from tests.support.messages import wire_of
from tests.unit.test_content_blocks import PARTS

Block = dict[str, Any]

_FOR_USERS: list[Block] = [
    {"type": "tool_result", "tool_use_id": "a", "content": [{"type": "text", "text": "b"}]},
    {"type": "function_call_output", "call_id": "a", "output": "b"},
    {"cachePoint": {"type": "default"}},
    *(block for block, _ in PARTS.values() if isinstance(block, dict)),
]

_FOR_ASSISTANTS: list[Block] = [
    {"type": "text", "text": "a"},
    {"type": "refusal", "refusal": "a"},
    {"type": "reasoning", "reasoning": "a"},
    {"type": "reasoning", "summary": [{"type": "summary_text", "text": "a"}]},
    {"type": "thinking", "thinking": [{"type": "text", "text": "a"}]},
    {"type": "reasoning_content", "reasoning_content": {"text": "a"}},
    {"type": "tool_use", "id": "a", "name": "f", "input": {"a": 1}},
    {"type": "function_call", "id": "a", "call_id": "b", "name": "f", "arguments": "{}"},
    {"type": "invalid_tool_call", "id": "a", "name": "f", "args": "{", "error": None},
    {"type": "compaction", "content": "a"},
    {"type": "non_standard", "value": {"type": "refusal", "refusal": "a"}},
]

_FIELDS_OF_ASSISTANTS: list[dict[str, Any]] = [
    {"refusal": "a"},
    {"reasoning_content": "a"},
    {"audio": {"transcript": "a"}},
    {"function_call": {"name": "f", "arguments": "{}"}},
    {"tool_calls": [{"id": "a", "function": {"name": "f", "arguments": "{}"}}]},
]

_ODD: list[Any] = [None, True, 7, 1.5, "", "a", [], ["a"], [None], {}, {"a": 1}, {"type": None}]


@st.composite
def _with_an_odd_value(draw: st.DrawFn, choices: list[Any]) -> Any:
    """One of the choices, as it is or with one thing in it lost or replaced."""
    chosen = deepcopy(draw(st.sampled_from(choices)))
    inner: Any = chosen
    while isinstance(inner, (dict, list)) and inner and draw(st.booleans()):
        key = draw(st.sampled_from([*(inner if isinstance(inner, dict) else range(len(inner)))]))
        if isinstance(inner[key], (dict, list)) and inner[key] and draw(st.booleans()):
            inner = inner[key]
            continue
        if isinstance(inner, dict) and draw(st.booleans()):
            del inner[key]
        else:
            inner[key] = draw(st.sampled_from(_ODD))
        break
    return chosen


def _contents(blocks: list[Block]) -> st.SearchStrategy[Any]:
    return st.lists(st.just("a") | _with_an_odd_value(blocks), max_size=3)


def _assistant_message(content: Any, additional_kwargs: dict[str, Any]) -> AIMessage:
    try:
        return AIMessage(content, additional_kwargs=additional_kwargs)
    except ValidationError:  # Nobody can have such a message.
        reject()


_HISTORIES = st.lists(
    st.builds(HumanMessage, _contents(_FOR_USERS))
    | st.builds(ToolMessage, _contents(_FOR_USERS), tool_call_id=st.just("a"))
    | st.builds(ChatMessage, _contents(_FOR_USERS), role=st.sampled_from(["user", "critic"]))
    | st.builds(
        _assistant_message,
        _contents(_FOR_ASSISTANTS),
        additional_kwargs=_with_an_odd_value([{}, *_FIELDS_OF_ASSISTANTS]),
    ),
    min_size=1,
    max_size=3,
)


@given(
    history=_HISTORIES,
    options=st.fixed_dictionaries(
        {"family": st.sampled_from([None, *TEMPLATES]), "replay_reasoning": st.booleans()}
    ),
)
@example(history=[AIMessage("", additional_kwargs={"tool_calls": True})], options={})
def test_it_goes_out_in_the_apis_form_or_is_refused(
    history: list[BaseMessage], options: dict[str, Any]
) -> None:
    try:
        wire = messages_to_wire(history, **options)
    except ValueError as error:
        position = re.match(r"messages\[(\d+)\] \((Human|Chat)Message\)", str(error))
        assert position is not None
        assert not any(isinstance(m, AIMessage) for m in history[int(position[1]) :])
        return
    for message in wire:
        _check(message)


def _check(message: dict[str, Any]) -> None:
    texts = [message[key] for key in ("role", "tool_call_id", "reasoning") if key in message]
    content = message["content"]
    assert content or isinstance(content, str)
    parts: list[Any] = content if isinstance(content, list) else []
    for part in parts:
        kind = part["type"]
        if kind == "text":
            texts.append(part["text"])
        elif kind == "input_audio":
            texts += [part[kind]["data"], part[kind]["format"]]
        else:
            texts.append(part[kind]["url"])
    for call in message.get("tool_calls", ()):
        texts += [call["id"], call["function"]["name"]]
        assert isinstance(json.loads(call["function"]["arguments"]), dict)
    assert all(isinstance(text, str) for text in texts), message


@pytest.mark.parametrize("field", ["id", "name"])
def test_a_call_without_a_text_for_its_id_or_name(field: str) -> None:
    block = {"type": "tool_use", "id": "a", "name": "f", "input": {}, field: {"a": 1}}
    (call,) = wire_of(AIMessage([block]))["tool_calls"]
    assert {"id": call["id"], "name": call["function"]["name"]}[field] in {
        "call0n0",
        "unnamed_tool",
    }


def test_a_state_that_has_forgotten_the_classes_of_its_messages_goes_on() -> None:
    """A Pydantic state of `list[BaseMessage]` that was read from JSON (langgraph 6675)."""
    history = [
        SystemMessage("Be brief."),
        HumanMessage("How warm?"),
        AIMessage("", tool_calls=[tool_call(name="f", args={"a": 1}, id="1")]),
        ToolMessage("21", tool_call_id="1"),
        AIMessage("21 °C.", invalid_tool_calls=[invalid_tool_call(name="f", args="{", id="2")]),
    ]
    forgetful = TypeAdapter(list[BaseMessage])
    read = forgetful.validate_json(json.dumps([message.model_dump() for message in history]))
    assert {type(message) for message in read} == {BaseMessage}
    assert messages_to_wire(read) == messages_to_wire(history)
    odd = ChatMessage(content="Hm.", role="assistant", tool_calls=[None, {"id": 5}])
    assert wire_of(odd) == {"role": "assistant", "content": "Hm."}
