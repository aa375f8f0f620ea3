"""Every way of writing a tool call that servers are known to have, streamed and whole.

The recordings show vLLM 0.32 and llama.cpp; these are the dialects of other versions and
engines behind the same API. `test_wire_properties.py` cuts them anywhere, `test_stream_parity.py`
has the calls that must not be run.
"""

import json
from time import monotonic
from typing import Any

import pytest

from tests.support.outcomes import Call, calls_of
from tests.support.wire import (
    Event,
    calls_event,
    decode,
    decode_chunks,
    event,
    fragment,
    usage_event,
    whole,
    whole_message,
)

ADD: Call = ("add", {"a": 1, "b": 2}, "call_a")
NOW: Call = ("now", {}, "call_c")
END = event({}, "tool_calls")

STREAMED_CALLS: dict[str, tuple[list[Event], list[Call]]] = {
    "name in every fragment, id in the first": (
        [
            calls_event(fragment('{"a": 1', name="add", id="call_a", index=0)),
            calls_event(fragment(', "b": 2}', name="add", index=0)),
            calls_event(fragment("", name="add", index=0)),
        ],
        [ADD],
    ),
    "empty or null id and name in later fragments": (
        [
            calls_event(fragment(name="add", id="call_a", index=0)),
            calls_event(fragment('{"a": 1', name="", id="", index=0)),
            calls_event(
                {"index": 0, "id": None, "function": {"name": None, "arguments": ', "b": 2}'}}
            ),
        ],
        [ADD],
    ),
    "name and id behind the beginning of the arguments": (
        [
            calls_event(fragment('{"a": 1', index=0)),
            calls_event(fragment(', "b": 2', name="add", id="call_a", index=0)),
            calls_event(fragment("}", index=0)),
        ],
        [ADD],
    ),
    "encoded twice, in pieces": (
        [
            calls_event(fragment('"{\\"a\\": 1, ', name="add", id="call_a", index=0)),
            calls_event(fragment('\\"b\\": 2}"', index=0)),
        ],
        [ADD],
    ),
    "null in pieces, before another call": (
        [
            calls_event(fragment("nu", name="now", id="call_c", index=0)),
            calls_event(fragment("ll", index=0)),
            calls_event(fragment('{"a": 1, "b": 2}', name="add", id="call_a", index=1)),
        ],
        [NOW, ADD],
    ),
    "with null, empty and odd tool_calls between": (
        [
            event({"tool_calls": None}),
            event({"tool_calls": []}),
            calls_event(fragment("", name="add", id="call_a", index=0)),
            event({"content": "", "tool_calls": []}),
            event({"tool_calls": [None]}),
            calls_event(fragment('{"a": 1, "b": 2}', index=0)),
        ],
        [ADD],
    ),
}


@pytest.mark.parametrize(("events", "calls"), STREAMED_CALLS.values(), ids=STREAMED_CALLS)
def test_streamed_tool_calls(events: list[Event], calls: list[Call]) -> None:
    message = decode(*events, END)
    assert calls_of(message) == calls
    assert message.invalid_tool_calls == []
    assert message.content == ""
    assert message.response_metadata["finish_reason"] == "tool_calls"


def test_a_call_is_given_piece_by_piece_from_its_opening_brace_on() -> None:
    """Its name comes alone: CopilotKit's adapter, `ag-ui-langgraph`, drops what is beside it."""
    pieces = ["", '{"a": ', "1, ", '"b": 2}']
    events = [calls_event(fragment(piece, index=0)) for piece in pieces]
    events.insert(0, calls_event(fragment(name="add", id="call_a", index=0)))
    fragments = [one for chunk in decode_chunks(events) for one in chunk.tool_call_chunks]
    assert [(one["name"], one["args"]) for one in fragments] == [
        ("add", ""),
        (None, '{"a": '),
        (None, "1, "),
        (None, '"b": 2}'),
    ]


def test_a_file_that_is_written_line_by_line_is_read_at_once() -> None:
    """Each line break was looked for from the beginning of the file on, which took ten seconds."""
    lines = ["x = \\", '"é\\', "n\\", '"\n', "\ty\n"] * 1500
    events = [calls_event(fragment(line, index=0)) for line in lines]
    begin = calls_event(fragment('{"code": "', name="write", id="call_a", index=0))
    begun = monotonic()
    chunks = decode_chunks([begin, *events, calls_event(fragment('"}', index=0))])
    assert monotonic() - begun < 5
    written = "".join(str(one["args"]) for chunk in chunks for one in chunk.tool_call_chunks)
    assert json.loads(written) == {"code": 'x = "é\n"\n\ty\n' * 1500}


@pytest.mark.parametrize("arguments", [None, "{}"])
def test_a_call_cut_off_before_its_arguments_is_not_valid(arguments: str | None) -> None:
    """A name comes first in a stream, and vLLM makes up `{}` if that is the last thing it sends.

    Such a call is not to be run without its arguments.
    """
    now = fragment("", name="now", id="call_c", index=0)
    cut_off = fragment(arguments, name="delete", id="call_d", index=1)
    streamed = decode(calls_event(now), calls_event(cut_off), event({}, "length"))
    answered = whole_message(whole({"tool_calls": [now, cut_off]}, "length"))
    for message in (streamed, answered):
        assert calls_of(message) == [NOW]
        assert [call["id"] for call in message.invalid_tool_calls] == ["call_d"]
    assert "cut" in str(answered.invalid_tool_calls[0]["error"])


@pytest.mark.parametrize(
    ("arguments", "written", "reason", "is_valid"),
    [
        # Whatever the server says: streaming, vLLM says `tool_calls`, with arguments `{}`.
        *((cut_off, 10, "tool_calls", False) for cut_off in ("", "{}", '{"really": ')),
        ("{}", 9, "tool_calls", True),
        ('{"a": 1}', 10, "tool_calls", True),
        ('{"a": 1}', 10, "length", True),
    ],
)
def test_a_call_without_arguments_counts_as_cut_off_where_the_limit_was_reached(
    arguments: str, written: int, reason: str, is_valid: bool
) -> None:
    usage = {"prompt_tokens": 5, "completion_tokens": written}
    wire_call = fragment(arguments, name="delete_all", id="call_d", index=0)
    events = [calls_event(wire_call), event({}, reason), usage_event(usage)]
    reply = whole({"tool_calls": [wire_call]}, reason, usage=usage)
    for message in (decode(*events, max_tokens=10), whole_message(reply, max_tokens=10)):
        assert len(message.tool_calls) == is_valid
        assert len(message.invalid_tool_calls) == (not is_valid)
        said = reason if is_valid else "length"
        assert message.response_metadata["finish_reason"] == said


WRITTEN = '<tool_call>\n{"name": "get_weather", "'
"""What vLLM leaves in the text (recording `tool_truncated`)."""


@pytest.mark.parametrize(
    ("text", "invalid"),
    [
        (WRITTEN, [("get_weather", WRITTEN)]),
        (f"I look.\n{WRITTEN}", [("get_weather", WRITTEN)]),
        ('<tool_call>\n{"na', [(None, '<tool_call>\n{"na')]),
        ("A <tool_call> is closed by </tool_call>, mostly", []),
        ("It is sunny in", []),
    ],
)
def test_a_call_that_was_cut_off_within_the_text_is_an_invalid_call(
    text: str, invalid: list[tuple[str | None, str]]
) -> None:
    for message in (
        whole_message(whole({"content": text}, "length"), has_tools=True),
        decode(event({"content": text}), event({}, "length"), has_tools=True),
    ):
        assert message.content == text
        assert message.tool_calls == []
        assert [(call["name"], call["args"]) for call in message.invalid_tool_calls] == invalid
        assert all(call["id"] for call in message.invalid_tool_calls)


@pytest.mark.parametrize(
    "markup",
    [
        '<tool_call>\n{"name": "look", "arguments": {}}\n</tool_call>',
        "<tool_call>\n<function=look>\n<parameter=at>\nA\n</parameter>\n</function>\n</tool_call>",
        "<tool_call>look\n<arg_key>at</arg_key>\n<arg_value>Paris</arg_value>\n</tool_call>",
        "<tool_call>look</tool_call>",
        '<|tool_call>call:look{at:<|"|>Paris<|"|>}<tool_call|>',
        '<|DSML|function_calls>\n<|DSML|invoke name="look">\n</|DSML|invoke>\n'
        "</|DSML|function_calls>".replace("|", "\uff5c"),
        '[TOOL_CALLS]look[ARGS]{"name": "Paris"}',
        '[TOOL_CALLS][{"name": "look", "arguments": {}}]',
    ],
    ids=["Qwen", "Qwen's coders", "GLM", "GLM, nothing", "Gemma", "DeepSeek", "Mistral", "v3"],
)
@pytest.mark.parametrize("field", ["content", "reasoning"])
def test_a_call_that_the_server_left_in_the_text_is_an_invalid_call(
    field: str, markup: str
) -> None:
    """An agent would take the answer for the last one, although nothing was done."""
    said = {field: f"I look.\n{markup}\n"}
    for message in (
        whole_message(whole(said), has_tools=True),
        decode(event(said), event({}, "stop"), has_tools=True),
    ):
        assert message.tool_calls == []
        [invalid] = message.invalid_tool_calls
        assert (invalid["name"], str(invalid["args"]).strip()) == ("look", markup)
    answered = {**said, "tool_calls": [fragment("{}", name="look", id="call_a")]}
    assert whole_message(whole(answered), has_tools=True).invalid_tool_calls == []


def test_markup_in_a_text_is_text_without_tools_or_a_cut() -> None:
    assert whole_message(whole({"content": WRITTEN}, "length")).invalid_tool_calls == []
    reply = whole({"content": WRITTEN}, "stop")
    assert whole_message(reply, has_tools=True).invalid_tool_calls == []


def test_an_index_used_again_after_an_unreadable_call() -> None:
    """Its server does not repeat the name, so that a name begins another call."""
    message = decode(
        calls_event(fragment("", name="add", id="call_x", index=0)),
        calls_event(fragment("{nope", index=0)),
        calls_event(fragment("", name="add", id="call_a", index=0)),
        calls_event(fragment('{"a": 1, "b": 2}', index=0)),
        END,
    )
    assert calls_of(message) == [ADD]
    assert [(call["id"], call["name"]) for call in message.invalid_tool_calls] == [
        ("call_x", "add")
    ]


@pytest.mark.parametrize("arguments", ["", " \n", None, ..., "null", " null", "{}", '"{}"'])
def test_a_whole_call_without_arguments(arguments: Any) -> None:
    wire_call = fragment(arguments, name="now", id="call_c")
    assert calls_of(whole_message(whole({"tool_calls": [wire_call]}))) == [NOW]
    assert calls_of(decode(calls_event(wire_call), END)) == [NOW]


def test_whole_calls_of_one_id_stay_apart() -> None:
    wire_calls = [
        fragment('{"a": 1, "b": 2}', name="add", id="call_a"),
        fragment("{}", name="now", id="call_a"),
    ]
    calls = calls_of(whole_message(whole({"tool_calls": wire_calls})))
    assert calls == [ADD, ("now", {}, "call_a")]


@pytest.mark.parametrize("index", [None, 0])
def test_calls_without_an_id_get_one_each(index: int | None) -> None:
    """Some servers number none, others give each the same number."""
    wire_calls = [
        fragment('{"a": 1, "b": 2}', name="add", index=index),
        fragment("{}", name="now", index=index),
    ]
    streamed = decode(calls_event(wire_calls[0]), calls_event(wire_calls[1]), END)
    answered = whole_message(whole({"tool_calls": wire_calls}))
    for message in (streamed, answered):
        assert [(name, args) for name, args, _ in calls_of(message)] == [ADD[:2], NOW[:2]]
        ids = {call_id for _, _, call_id in calls_of(message)}
        assert len(ids) == 2
        assert all(ids)
    assert calls_of(streamed) == calls_of(answered)
