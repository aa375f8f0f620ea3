"""Chunks built without pydantic's validators equal those of the constructors in every respect."""

import functools
import json
import operator
from collections.abc import Callable
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from langchain_core.load import dumpd
from langchain_core.messages import AIMessageChunk, message_chunk_to_message
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGenerationChunk
from pydantic import BaseModel
from pydantic_core import PydanticSerializationError

from langchain_scaleway.convert import chunks

Pair = tuple[ChatGenerationChunk, ChatGenerationChunk]
"""The same chunk twice: made by us, and by the constructors."""


def constructed(**fields: Any) -> ChatGenerationChunk:
    """A chunk with all of pydantic's validators and LangChain's initialisers."""
    metadata = {"model_provider": "scaleway", **fields.pop("response_metadata", {})}
    message = AIMessageChunk(**{"content": "", **fields, "response_metadata": metadata})
    return ChatGenerationChunk(message=message)


def text_pair(text: str) -> Pair:
    return chunks.text_chunk(text), constructed(content=text)


def reasoning_pair(reasoning: str) -> Pair:
    expected = constructed(additional_kwargs={"reasoning_content": reasoning})
    return chunks.reasoning_chunk(reasoning), expected


def tool_pair(name: str | None, arguments: str, call_id: str | None, index: int) -> Pair:
    fragment = tool_call_chunk(name=name, args=arguments, id=call_id, index=index)
    expected = constructed(tool_call_chunks=[fragment])
    return chunks.tool_chunk(name, arguments, call_id, index), expected


def state_of(model: BaseModel) -> dict[str, Any]:
    """All that pydantic keeps of a model, and what it makes of that."""
    return {
        "class": type(model),
        "fields": model.__dict__,
        "order of fields": list(model.__dict__),
        "types": {name: type(value) for name, value in model.__dict__.items()},
        "fields set": model.model_fields_set,
        "extra": model.model_extra,
        "repr": repr(model),
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


def check_same(made: ChatGenerationChunk, expected: ChatGenerationChunk) -> None:
    """Compare two chunks and all that LangChain reads out of each."""
    assert made == expected
    assert state_of(made) == state_of(expected)
    assert state_of(made.message) == state_of(expected.message)
    assert made.message.content_blocks == expected.message.content_blocks
    whole = [message_chunk_to_message(one.message) for one in (made, expected)]
    assert whole[0].__dict__ == whole[1].__dict__


SAMPLES: list[Callable[[], Pair]] = [
    lambda: text_pair("Hello"),
    lambda: reasoning_pair("Well"),
    lambda: tool_pair("f", '{"a": 1}', "call_1", 0),
    lambda: tool_pair(None, '"}', None, 0),
]

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
PAIRS = (
    st.builds(text_pair, TEXTS)
    | st.builds(reasoning_pair, TEXTS)
    | st.builds(tool_pair, NAMES, FRAGMENTS, NAMES, st.integers(0, 200))
)


@given(TEXTS)
def test_text_and_reasoning(text: str) -> None:
    check_same(*text_pair(text))
    check_same(*reasoning_pair(text))


@given(NAMES, FRAGMENTS, NAMES, st.integers(0, 200))
@example("get_weather", "", "call_1", 0)
@example("get_weather", '{"city": "Par', "call_1", 0)
@example("get_weather", '{"face": "\\ud83d', "call_1", 0)
@example(None, ' \n\t{"a": 1}', None, 3)
@example(None, "\u00a0{}", None, 0)  # white space to Python, not to JSON
@example(None, "\ufeff{}", None, 0)
@example(None, "[{}]", None, 0)
@example(None, '{"a": 1}}', None, 0)
@example(None, '{"a": NaN}', None, 0)
def test_tool_call(name: str | None, arguments: str, call_id: str | None, index: int) -> None:
    made, expected = tool_pair(name, arguments, call_id, index)
    if "NaN" in arguments:  # It is no equal of itself: its text has to do.
        assert repr(made) == repr(expected)
    else:
        check_same(made, expected)


def test_a_fragment_nested_deeper_than_python_can_read() -> None:
    made, expected = tool_pair("f", '{"a": ' + "[" * 100_000, "call_1", 0)
    assert made.message.__dict__ == expected.message.__dict__


@settings(max_examples=50)
@given(st.lists(PAIRS, min_size=1, max_size=6), st.booleans())
def test_sums(pairs: list[Pair], ends: bool) -> None:
    end = constructed(usage_metadata=None, chunk_position="last")
    made, expected = zip(*pairs, *([(end, end)] if ends else []), strict=True)
    check_same(functools.reduce(operator.add, made), functools.reduce(operator.add, expected))
    first, *others = made
    assert first + others == expected[0] + list(expected[1:])


def change(chunk: ChatGenerationChunk) -> None:
    """Do what LangChain and its callers do to a chunk, and more."""
    message = chunk.message
    assert isinstance(message, AIMessageChunk)
    _ = chunk + constructed(content="more")
    message.id = "lc_run-1"
    message.response_metadata["output_version"] = "v0"
    message.additional_kwargs["note"] = "mine"
    message.tool_calls.append({"name": "g", "args": {}, "id": None, "type": "tool_call"})
    message.invalid_tool_calls.clear()
    message.tool_call_chunks.clear()
    message.usage_metadata = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}
    message.model_fields_set.add("name")
    chunk.model_fields_set.add("type")
    chunk.generation_info = {"note": "mine"}


def test_changes_stay_with_their_chunk() -> None:
    for make in SAMPLES:
        made, expected = make()
        change(made)
        change(expected)
        check_same(made, expected)
        check_same(*make())
