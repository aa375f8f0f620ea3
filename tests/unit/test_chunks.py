"""Chunks built without pydantic's validators equal those of the constructors in every respect."""

import copy
import functools
import inspect
import json
import operator
import pickle
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from langchain_core.load import dumpd, load
from langchain_core.messages import AIMessageChunk, BaseMessageChunk, message_chunk_to_message
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGenerationChunk
from pydantic import BaseModel
from pydantic_core import PydanticSerializationError

from langchain_scaleway.convert import chunks

Pair = tuple[ChatGenerationChunk, ChatGenerationChunk]
"""The same chunk twice: made by hand, and by the constructors."""


def constructed(content: Any, **fields: Any) -> ChatGenerationChunk:
    """A chunk with all of pydantic's validators and LangChain's initialisers."""
    metadata = {"model_provider": "scaleway", **fields.pop("response_metadata", {})}
    message = AIMessageChunk(content=content, response_metadata=metadata, **fields)
    return ChatGenerationChunk(message=message)


def text_pair(text: str) -> Pair:
    return chunks.text_chunk(text), constructed(text)


def reasoning_pair(reasoning: str) -> Pair:
    expected = constructed("", additional_kwargs={"reasoning_content": reasoning})
    return chunks.reasoning_chunk(reasoning), expected


def tool_pair(name: str | None, arguments: str, call_id: str | None, index: int) -> Pair:
    fragment = tool_call_chunk(name=name, args=arguments, id=call_id, index=index)
    expected = constructed("", tool_call_chunks=[fragment])
    return chunks.tool_chunk(name, arguments, call_id, index), expected


# --- What is compared -------------------------------------------------------------------


def state_of(model: BaseModel) -> dict[str, Any]:
    """All that pydantic keeps of a model, and all that it makes of that."""
    return {
        "class": type(model),
        "fields": model.__dict__,
        "order of fields": list(model.__dict__),
        "types": {name: type(value) for name, value in model.__dict__.items()},
        "fields set": model.model_fields_set,
        "extra": model.__pydantic_extra__,
        "private": model.__pydantic_private__,
        "repr": repr(model),
        "dump": model.model_dump(),
        "dump of what was set": model.model_dump(exclude_unset=True),
        "JSON": json_of(model),
        "LangChain's JSON": json.dumps(dumpd(model)),
    }


def json_of(model: BaseModel) -> str:
    """The model as JSON, or why there is none.

    A fragment may end after the first of a character's two escapes, and core puts half a character
    into the arguments that it reads so far.
    """
    try:
        return model.model_dump_json()
    except PydanticSerializationError as error:
        return str(error)


def views_of(message: BaseMessageChunk) -> dict[str, Any]:
    """What LangChain reads out of a message."""
    return {
        "text": str(message.text),
        "blocks": message.content_blocks,
        "pretty": message.pretty_repr(),
        "whole message": message_chunk_to_message(message),
        "fields of the whole message": message_chunk_to_message(message).__dict__,
    }


def check_same(made: ChatGenerationChunk, expected: ChatGenerationChunk) -> None:
    """Compare two chunks and all that can be made of each."""
    assert made == expected
    assert made.message == expected.message
    assert state_of(made) == state_of(expected)
    assert state_of(made.message) == state_of(expected.message)
    assert views_of(made.message) == views_of(expected.message)


SAMPLES: dict[str, Callable[[], Pair]] = {
    "text": lambda: text_pair("Hello"),
    "reasoning": lambda: reasoning_pair("Well"),
    "call": lambda: tool_pair("f", '{"a": 1}', "call_1", 0),
    "fragment": lambda: tool_pair(None, '"}', None, 0),
}


# --- Texts and fragments ----------------------------------------------------------------

TEXTS = st.text() | st.sampled_from(["", " ", "\n\n", "\x00", "\u2028", "\U0001f600", "e\u0301"])

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda values: st.lists(values) | st.dictionaries(st.text(), values),
    max_leaves=8,
)


@st.composite
def pieces_of_json(draw: st.DrawFn) -> str:
    """Some part of a JSON document, most often of an object."""
    value = draw(st.dictionaries(st.text(), JSON_VALUES) | JSON_VALUES)
    text = json.dumps(value, ensure_ascii=draw(st.booleans()), indent=draw(st.none() | st.just(2)))
    start = draw(st.just(0) | st.integers(0, len(text)))
    return text[start : draw(st.just(len(text)) | st.integers(start, len(text)))]


FRAGMENTS = pieces_of_json() | st.text('{}[]",:\\ \ntrue01.-e') | TEXTS
NAMES = st.none() | TEXTS
INDICES = st.integers(0, 200)

PAIRS = st.one_of(
    st.builds(text_pair, TEXTS),
    st.builds(reasoning_pair, TEXTS),
    st.builds(tool_pair, NAMES, FRAGMENTS, NAMES, INDICES),
)


def test_every_function_is_compared() -> None:
    """A new function needs a pair of its own."""
    public = {
        name
        for name, function in inspect.getmembers(chunks, inspect.isfunction)
        if function.__module__ == chunks.__name__ and not name.startswith("_")
    }
    assert public == {"text_chunk", "reasoning_chunk", "tool_chunk"}


@given(TEXTS)
def test_text_and_reasoning(text: str) -> None:
    check_same(*text_pair(text))
    check_same(*reasoning_pair(text))


@given(NAMES, FRAGMENTS, NAMES, INDICES)
@example("get_weather", "", "call_1", 0)
@example("get_weather", "{", "call_1", 0)
@example("get_weather", '{"city": "Par', "call_1", 0)
@example("get_weather", '{"face": "\\ud83d', "call_1", 0)
@example(None, 'is"}', None, 0)
@example(None, ' \n\t{"a": 1}', None, 3)
@example(None, "\u00a0{}", None, 0)  # white space to Python, not to JSON
@example(None, "\ufeff{}", None, 0)
@example(None, "[{}]", None, 0)
@example(None, "null", None, 0)
@example(None, '{"a": 1}}', None, 0)
@example(None, '{"a": NaN}', None, 0)
@example(None, '{"a": "\n"}', None, 0)
def test_tool_call(name: str | None, arguments: str, call_id: str | None, index: int) -> None:
    made, expected = tool_pair(name, arguments, call_id, index)
    if "NaN" in arguments:  # It is no equal of itself: its text has to do.
        assert repr(made) == repr(expected)
    else:
        check_same(made, expected)


def test_a_fragment_nested_deeper_than_python_can_read() -> None:
    made, expected = tool_pair("f", '{"a": ' + "[" * 100_000, "call_1", 0)
    assert state_of(made.message)["fields"] == state_of(expected.message)["fields"]


COPIERS: dict[str, Callable[[Any], Any]] = {
    "pickle": lambda chunk: pickle.loads(pickle.dumps(chunk)),  # noqa: S301 -- our own
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "model_copy": lambda chunk: chunk.model_copy(deep=True),
}


@pytest.mark.parametrize("copier", COPIERS.values(), ids=COPIERS)
def test_copies(copier: Callable[[Any], Any]) -> None:
    for make in SAMPLES.values():
        made, expected = make()
        check_same(copier(made), copier(expected))
        check_same(copier(made), made)


def test_messages_are_written_and_read() -> None:
    for make in SAMPLES.values():
        made, expected = (load(dumpd(one.message), allowed_objects="messages") for one in make())
        assert state_of(made) == state_of(expected)


# --- Chunks are added up ----------------------------------------------------------------


def total(generations: Sequence[ChatGenerationChunk]) -> ChatGenerationChunk:
    return functools.reduce(operator.add, generations)


def last_pair() -> Pair:
    """The end of a stream, as the decoder makes it; it is constructed on both sides."""
    fields: dict[str, Any] = {
        "response_metadata": {"model_name": "glm-5.2", "finish_reason": "stop"},
        "usage_metadata": {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3},
        "chunk_position": "last",
    }
    return constructed("", **copy.deepcopy(fields)), constructed("", **fields)


@settings(max_examples=50)
@given(st.lists(PAIRS, min_size=1, max_size=6), st.booleans())
def test_sums(pairs: list[Pair], ends: bool) -> None:
    pairs = [*pairs, last_pair()] if ends else pairs
    made, expected = zip(*pairs, strict=True)
    check_same(total(made), total(expected))
    messages = [chunk.message for chunk in made], [chunk.message for chunk in expected]
    one_by_one = [functools.reduce(operator.add, column) for column in messages]
    assert state_of(one_by_one[0]) == state_of(one_by_one[1])
    first, *others = made
    assert first + others == expected[0] + list(expected[1:])


def test_a_sum_leaves_its_parts_as_it_leaves_others() -> None:
    for make in SAMPLES.values():
        made, expected = make()
        for chunk in (made, expected):
            _ = chunk + constructed("more")
            _ = constructed("more") + chunk
        check_same(made, expected)


# --- Chunks are changed -----------------------------------------------------------------


def change(chunk: ChatGenerationChunk) -> None:
    """Do what LangChain and its callers do to a chunk, and more."""
    message = chunk.message
    assert isinstance(message, AIMessageChunk)
    message.id = "lc_run-1"
    message.response_metadata["output_version"] = "v0"
    message.additional_kwargs["note"] = "mine"
    message.tool_calls.append({"name": "g", "args": {}, "id": None, "type": "tool_call"})
    message.invalid_tool_calls.clear()
    message.tool_call_chunks.clear()
    message.usage_metadata = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}
    message.chunk_position = "last"
    chunk.generation_info = {"note": "mine"}


def test_changes_stay_with_their_chunk() -> None:
    for make in SAMPLES.values():
        made, expected = make()
        change(made)
        change(expected)
        check_same(made, expected)
        made.message.model_fields_set.add("name")
        made.model_fields_set.add("type")
        check_same(*make())
