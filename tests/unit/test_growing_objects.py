"""Streamed objects: whatever the text and wherever it is cut, they only grow."""

import itertools
import json
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration

from langchain_scaleway.convert.structured import structured_output
from tests.support.structured import BY_TEXT, METHODS, Method
from tests.support.wire import Event, calls_event, decode_chunks, event, fragment

SCHEMA: dict[str, Any] = {"title": "answer", "type": "object", "properties": {}}


def streamed(method: Method, pieces: list[str]) -> list[Any]:
    """The objects that a stream of these pieces of JSON gives."""
    if method == "function_calling":
        events = [calls_event(fragment("", name="answer", id="call_a", index=0))]
        events += [calls_event(fragment(piece, index=0)) for piece in pieces]
    else:
        events = [event({"content": piece}) for piece in pieces]
    end: Event = event({}, "stop")
    _, reader = structured_output(SCHEMA, method, strict=None)
    return [*reader.transform(iter(decode_chunks([*events, end])))]


def has_grown(before: Any, after: Any) -> bool:
    if isinstance(before, dict) and isinstance(after, dict):
        return all(key in after and has_grown(before[key], after[key]) for key in before)
    if isinstance(before, list) and isinstance(after, list):
        return len(before) <= len(after) and all(map(has_grown, before, after))
    return not isinstance(before, str) or after.startswith(before)


def test_a_cut_takes_nothing_back() -> None:
    """Core's parser drops the whole text in which an escaped character is not complete."""
    for method in METHODS:
        objects = streamed(method, ['{"city": "Orl', "\\u00", 'e9ans"', "}"])
        assert {"city": "Orl"} in objects
        assert all(has_grown(*pair) for pair in itertools.pairwise(objects)), objects
        assert objects[-1] == {"city": "Orléans"}
        objects = streamed(method, ['{"said": ["Hi', "\\ud83d", '\\ude00"', "]}"])
        said = {found["said"][0] for found in objects if found.get("said")}
        assert said == {"Hi", "Hi\N{GRINNING FACE}"}, "half a character waits for the other"


def test_objects_grow_whatever_stands_before_them() -> None:
    fenced = streamed("json_mode", ["Here:\n```json\n", '{"a": "x', 'y"}', "\n```"])
    assert fenced == [{"a": "x"}, {"a": "xy"}]
    _, parser = structured_output(SCHEMA, "json_mode", strict=None)
    part = [ChatGeneration(message=AIMessage('{"a": "x'))]
    assert cast("Any", parser).parse_result(part, partial=True) == {"a": "x"}
    events = [
        calls_event(fragment('{"q": 1}', name="look", id="call_a", index=0)),
        calls_event(fragment('{"a": 1}', name="answer", id="call_b", index=1)),
    ]
    _, reader = structured_output(SCHEMA, "function_calling", strict=None)
    chunks = decode_chunks([*events, event({}, "stop")])
    assert [*reader.transform(iter(chunks))] == [{"a": 1}], "no argument of another tool"


def test_the_last_object_is_the_whole_one() -> None:
    """Of a key that the model writes twice, JSON's readers take the second."""
    for method in BY_TEXT:
        assert streamed(method, ["[1]", ' {"a": ', "1}"]) == [{"a": 1}], "a list is no object"
    for method in METHODS:
        *growing, last = streamed(method, ['{"a": "much', '", "a": "l', 'ess"}'])
        assert (growing[-1], last) == ({"a": "much"}, {"a": "less"})
        assert streamed(method, ['{"a": 1', ".", "5}"]) == [{"a": 1}, {"a": 1.5}]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)


@given(
    whole=st.dictionaries(st.text(max_size=3), _JSON, max_size=4),
    method=st.sampled_from(METHODS),
    ensure_ascii=st.booleans(),
    cuts=st.lists(st.integers(0, 80), max_size=8),
)
def test_objects_grow_into_the_whole_one(
    whole: dict[str, Any], method: Method, ensure_ascii: bool, cuts: list[int]
) -> None:
    text = json.dumps(whole, ensure_ascii=ensure_ascii)
    edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    objects = streamed(method, [text[start:end] for start, end in itertools.pairwise(edges)])
    assert all(has_grown(*pair) for pair in itertools.pairwise(objects)), objects
    assert objects[-1] == whole
