"""Whatever the dialect, however it is cut: the same reply comes out."""

import itertools
import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.support.outcomes import Call, calls_of, invalid_calls_of, outcome_of
from tests.support.wire import (
    Event,
    calls_event,
    decode,
    event,
    fragment,
    usage_event,
    whole,
    whole_message,
)

Draw = Callable[[st.SearchStrategy[Any]], Any]
Deltas = list[list[dict[str, Any]]]
WrittenCall = tuple[str, str, str]
"""Name, the arguments as JSON text, and id."""
Dialect = Callable[[Draw, Sequence[WrittenCall]], Deltas]

_CHARACTERS = st.characters(exclude_categories=["Cs"])
_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(_CHARACTERS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
_OBJECTS = st.dictionaries(st.text(_CHARACTERS, max_size=6), _JSON, max_size=4)
_NAMES = st.sampled_from(["add", "get_weather", "a-b_C9"])
# A `<` could begin a thinking block, which test_think_tags.py is about.
_TEXTS = st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="<")))


@st.composite
def _written_calls(draw: Draw) -> list[WrittenCall]:
    """Calls as a model writes them, with JSON in every style of white space and escapes."""
    calls = []
    for position in range(draw(st.integers(0, 4))):
        arguments = draw(_OBJECTS)
        text = json.dumps(
            arguments,
            ensure_ascii=draw(st.booleans()),
            indent=draw(st.sampled_from([None, 1])),
            separators=draw(st.sampled_from([None, (",", ":")])),
        )
        if not arguments and draw(st.booleans()):
            text = ""
        calls.append((draw(_NAMES), text, f"call_{position}"))
    return calls


def _pieces(draw: Draw, text: str) -> list[str]:
    """A text, cut anywhere, also into nothing."""
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=5)))
    edges = [0, *cuts, len(text)]
    return [text[start:end] for start, end in itertools.pairwise(edges)]


def _opening(draw: Draw, name: str, **fields: Any) -> dict[str, Any]:
    """The first fragment of a call, in each way of saying that no arguments came yet.

    Scaleway's was `null` (November 2025).
    """
    return fragment(draw(st.sampled_from([..., None, ""])), name=name, **fields)


def _interleaved_by(key: str) -> Dialect:
    """Fragments of several calls, told apart by index or by the id alone; several in a delta."""

    def deltas(draw: Draw, calls: Sequence[WrittenCall]) -> Deltas:
        waiting = []
        for index, (name, text, call_id) in enumerate(calls):
            known: dict[str, Any] = {"index": index, "id": call_id}
            if key == "id":
                del known["index"]
            pieces = [fragment(piece, **{key: known[key]}) for piece in _pieces(draw, text)]
            waiting.append([_opening(draw, name, **known), *pieces])
        return _grouped(draw, _interleaved(draw, waiting))

    return deltas


def _repeating_everything(draw: Draw, calls: Sequence[WrittenCall]) -> Deltas:
    """Index, id and name stand in every fragment."""
    waiting = [
        [fragment(p, name=name, index=index, id=call_id) for p in _pieces(draw, text)]
        for index, (name, text, call_id) in enumerate(calls)
    ]
    return _grouped(draw, _interleaved(draw, waiting))


def _one_after_the_other(draw: Draw, calls: Sequence[WrittenCall]) -> Deltas:
    """No index, or 0 for every call; a new id and a name begin one."""
    index = draw(st.sampled_from([{}, {"index": 0}]))
    deltas = []
    for name, text, call_id in calls:
        deltas.append([_opening(draw, name, id=call_id, **index)])
        deltas += [[fragment(piece, **index)] for piece in _pieces(draw, text)]
    return deltas


def _whole_calls(draw: Draw, calls: Sequence[WrittenCall]) -> Deltas:
    """Each call in one fragment, with an index or without, its arguments text or an object."""
    is_indexed, is_object = draw(st.booleans()), draw(st.booleans())
    fragments = []
    for index, (name, text, call_id) in enumerate(calls):
        place: dict[str, Any] = {"index": index} if is_indexed else {}
        arguments = json.loads(text or "{}") if is_object else text
        fragments.append(fragment(arguments, name=name, id=call_id, **place))
    return _grouped(draw, fragments)


def _interleaved(draw: Draw, waiting: list[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Fragments of several calls in any order that keeps each call's own order.

    Calls begin in the order of their numbers, as those of every known server do.
    """
    order = []
    begun: list[list[dict[str, Any]]] = []
    while waiting or any(begun):
        open_calls = [call for call in begun if call]
        if waiting and (not open_calls or draw(st.booleans())):
            begun.append(waiting.pop(0))
            order.append(begun[-1].pop(0))
        else:
            order.append(draw(st.sampled_from(open_calls)).pop(0))
    return order


def _grouped(draw: Draw, fragments: list[dict[str, Any]]) -> Deltas:
    """Fragments, several of them in a delta."""
    deltas: Deltas = []
    for one in fragments:
        if deltas and draw(st.booleans()):
            deltas[-1].append(one)
        else:
            deltas.append([one])
    return deltas


_DIALECTS = st.sampled_from(
    [
        *(_interleaved_by("index"), _interleaved_by("id")),
        *(_repeating_everything, _one_after_the_other, _whole_calls),
    ]
)


@st.composite
def _streamed_calls(draw: Draw) -> tuple[list[WrittenCall], list[Event]]:
    calls = draw(_written_calls())
    deltas = draw(_DIALECTS)(draw, calls)
    return calls, [calls_event(*delta) for delta in deltas]


def _parsed(calls: Sequence[WrittenCall]) -> list[Call]:
    return [(name, json.loads(text or "{}"), call_id) for name, text, call_id in calls]


@given(streamed=_streamed_calls())
def test_calls_cut_in_any_dialect_come_together_again(
    streamed: tuple[list[WrittenCall], list[Event]],
) -> None:
    calls, events = streamed
    message = decode(*events, event({}, "tool_calls"))
    assert calls_of(message) == _parsed(calls)
    assert message.invalid_tool_calls == []


@given(streamed=_streamed_calls(), reasoning=_TEXTS, content=_TEXTS, cached=st.integers(0, 9))
def test_a_stream_says_what_the_whole_reply_says(
    streamed: tuple[list[WrittenCall], list[Event]],
    reasoning: list[str],
    content: list[str],
    cached: int,
) -> None:
    calls, events = streamed
    usage = {
        "prompt_tokens": 9,
        "completion_tokens": 5,
        "total_tokens": 14,
        "prompt_tokens_details": {"cached_tokens": cached},
    }
    reply = whole(
        {
            "content": "".join(content),
            "reasoning": "".join(reasoning),
            "tool_calls": [fragment(t, name=n, id=i, type="function") for n, t, i in calls],
        },
        "tool_calls",
        usage=usage,
    )
    message = decode(
        *(event({"reasoning": piece}) for piece in reasoning),
        *(event({"content": piece}) for piece in content),
        *events,
        event({}, "tool_calls"),
        usage_event(usage),
    )
    assert outcome_of(message) == outcome_of(whole_message(reply))


_TOKENS = st.lists(
    st.fixed_dictionaries({"token": st.text(_CHARACTERS), "logprob": st.floats(-9, 0)})
)


@given(
    tokens=st.lists(_TOKENS, min_size=1),
    finish_reason=st.sampled_from(["stop", "length", "tool_calls", "content_filter"]),
    stop_reason=st.none() | st.text(_CHARACTERS) | st.integers(),
    of_reply=st.fixed_dictionaries(
        {"id": st.text(), "model": st.text()},
        optional={
            "system_fingerprint": st.none() | st.text(),
            "service_tier": st.none() | st.text(),
            "prompt_token_ids": st.lists(st.integers()),
        },
    ),
)
def test_a_streams_metadata_are_those_of_the_whole_reply(
    tokens: list[list[dict[str, Any]]],
    finish_reason: str,
    stop_reason: Any,
    of_reply: dict[str, Any],
) -> None:
    def fields_of(some: list[dict[str, Any]]) -> dict[str, Any]:
        return {"logprobs": {"content": some}, "token_ids": [len(one["token"]) for one in some]}

    events = [event({"content": "a"}, **fields_of(some)) for some in tokens]
    events.append(event({}, finish_reason, stop_reason=stop_reason))
    streamed = decode(*({**one_event, **of_reply} for one_event in events))
    reply = {**whole({"content": "a"}, finish_reason), **of_reply}
    reply["choices"][0] |= {**fields_of([*itertools.chain(*tokens)]), "stop_reason": stop_reason}
    metadata = streamed.response_metadata
    assert metadata == whole_message(reply).response_metadata
    assert metadata["logprobs"] == {"content": [*itertools.chain(*tokens)]}
    assert metadata["token_ids"] == fields_of([*itertools.chain(*tokens)])["token_ids"]


_ALMOST_JSON = st.lists(
    st.sampled_from(
        ["{", "}", "[", "]", '"', "a", ":", ",", "1", " ", "\\", "\n", "null", '{"a":1}']
    )
).map("".join)


@given(texts=st.lists(st.text(_CHARACTERS, max_size=30) | _ALMOST_JSON, max_size=3), data=st.data())
def test_a_call_is_valid_if_its_arguments_are_an_object_and_never_lost(
    texts: list[str], data: st.DataObject
) -> None:
    calls = [("add", text, f"call_{position}") for position, text in enumerate(texts)]
    events = [calls_event(*delta) for delta in _interleaved_by("index")(data.draw, calls)]
    reply = whole({"tool_calls": [fragment(t, name=n, id=i) for n, t, i in calls]})
    valid = [call for call in calls if _is_object(call[1])]
    invalid = [call for call in calls if not _is_object(call[1])]
    answered, streamed = whole_message(reply), decode(*events, event({}, "tool_calls"))
    assert invalid_calls_of(answered) == invalid
    for message in (answered, streamed):
        assert [call_id for _, _, call_id in calls_of(message)] == [call[2] for call in valid]
    for found, sent in zip(invalid_calls_of(streamed), invalid, strict=True):
        assert (found[0], found[2]) == (sent[0], sent[2])
        # Behind what was cut off stands an ending that core cannot repair, and line breaks within
        # strings are escaped.
        text = re.sub(r"\\u00([01][0-9a-f])", lambda code: chr(int(code[1], 16)), found[1])
        assert text.startswith("" if sent[1].isspace() else sent[1])
        assert len(text) <= len(sent[1]) + 3


def _is_object(text: str) -> bool:
    """Whether these are arguments: an object, be it as the text of a string, or none at all."""
    try:
        found = json.loads(text.strip() or "null", strict=False)
        if isinstance(found, str):
            return isinstance(json.loads(found, strict=False), dict)
    except ValueError:
        return False
    return found is None or isinstance(found, dict)


_FIELDS = ["content", "reasoning", "reasoning_content", "tool_calls", "refusal", "role", "name"]
_ODD_CALLS = st.lists(
    _JSON
    | st.fixed_dictionaries(
        {},
        optional={
            "index": _JSON,
            "id": _JSON,
            "function": _JSON
            | st.fixed_dictionaries({}, optional={"name": _JSON, "arguments": _JSON}),
        },
    ),
    max_size=3,
)
_ODD_MESSAGES = st.dictionaries(st.sampled_from(_FIELDS), _JSON) | st.fixed_dictionaries(
    {}, optional={"content": _JSON, "tool_calls": _ODD_CALLS}
)


@given(deltas=st.lists(_ODD_MESSAGES, max_size=4), usage=_JSON)
def test_odd_values_break_neither_a_stream_nor_a_whole_reply(
    deltas: list[dict[str, Any]], usage: Any
) -> None:
    message = decode(*map(event, deltas), event({}, "stop"), usage_event(usage))
    assert message.response_metadata["finish_reason"] == "stop"
    for delta in deltas:
        answered = whole_message(whole(delta, usage=usage))
        assert answered.response_metadata["finish_reason"] == "stop"
