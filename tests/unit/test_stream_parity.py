"""A stream says the same in every version in which LangChain hands it on, and as `invoke` does.

`stream` (v0), `output_version="v1"`, streamed `invoke` and `stream_events(version="v3")`,
synchronous and asynchronous, agree in text, reasoning, refusal, tool calls, usage and metadata.
What was recorded is in `test_recordings.py`; here are the shapes of other engines.
"""

import functools
from dataclasses import dataclass, field
from typing import Any

import pytest
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models.chat_models import generate_from_stream
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage

from tests.support.outcomes import Call, InvalidCall, outcome_of
from tests.support.replay import ReplayServer
from tests.support.versions import PROMPT, streamed_versions, whole_versions
from tests.support.wire import (
    MODEL,
    Event,
    calls_event,
    event,
    fragment,
    http_reply,
    http_stream,
    usage_event,
    whole,
)
from tests.unit.conftest import ModelFactory

USAGE = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}


@dataclass(frozen=True)
class Row:
    """One answer, streamed and whole, and what it says.

    Attributes:
        events: What is streamed between the first event and the finish reason.
        message: The same as a whole message, where a server would write it so.
        text: The answer's text.
        reasoning: The reasoning.
        refusal: The refusal.
        calls: The calls.
        invalid_calls: The calls that must not be run, with the arguments as they were sent.
        finish_reason: What the server says.
    """

    events: list[Event]
    message: dict[str, Any] | None = None
    text: str = ""
    reasoning: str = ""
    refusal: str = ""
    calls: list[Call] = field(default_factory=list)
    invalid_calls: list[InvalidCall] = field(default_factory=list)
    finish_reason: str = "stop"


ADD = fragment('{"a": 1, "b": 2}', name="add", id="call_a", index=0)
ADD_ENCODED_TWICE = fragment('"{\\"a\\": 1, \\"b\\": 2}"', name="add", id="call_a", index=0)
MULTIPLY = fragment('{"a": 3, "b": 4}', name="multiply", id="call_b", index=1)
CALLS: list[Call] = [("add", {"a": 1, "b": 2}, "call_a"), ("multiply", {"a": 3, "b": 4}, "call_b")]

ROWS = {
    "two calls in fragments": Row(
        [
            calls_event(fragment(name="add", id="call_a", index=0)),
            calls_event(fragment('{"a": 1,', index=0)),
            calls_event(fragment(' "b": 2}', index=0)),
            calls_event(fragment(name="multiply", id="call_b", index=1)),
            calls_event(fragment('{"a": 3, "b": 4}', index=1)),
        ],
        {"tool_calls": [ADD, MULTIPLY]},
        calls=CALLS,
    ),
    "reasoning, text and two calls": Row(
        [
            event({"reasoning": "Let me "}),
            event({"reasoning": "think."}),
            event({"content": "\n\nI "}),
            event({"content": "add.", "tool_calls": [ADD]}),
            calls_event(MULTIPLY),
        ],
        {"reasoning": "Let me think.", "content": "\n\nI add.", "tool_calls": [ADD, MULTIPLY]},
        reasoning="Let me think.",
        text="\n\nI add.",
        calls=CALLS,
    ),
    "a call without an id and arguments": Row(
        [event({"content": "I add."}), calls_event(fragment("", name="now", index=0))],
        {"content": "I add.", "tool_calls": [fragment("", name="now")]},
        text="I add.",
        calls=[("now", {}, "chatcmpl-1-tool-0")],
    ),
    "a call without an id that breaks off": Row(
        [calls_event(fragment('{"a": 1', name="add", index=0))],
        {"tool_calls": [fragment('{"a": 1', name="add")]},
        invalid_calls=[("add", '{"a": 1', "chatcmpl-1-tool-0")],
    ),
    "a call without an id and with null before another": Row(
        [calls_event(fragment("null", name="now", index=0)), calls_event(MULTIPLY)],
        {"tool_calls": [fragment("null", name="now"), MULTIPLY]},
        calls=[("now", {}, "chatcmpl-1-tool-0"), *CALLS[1:]],
    ),
    "arguments that were encoded twice before another call": Row(
        [calls_event(ADD_ENCODED_TWICE), calls_event(MULTIPLY)],
        {"tool_calls": [ADD_ENCODED_TWICE, MULTIPLY]},
        calls=CALLS,
    ),
    "line breaks within strings of arguments": Row(
        [
            calls_event(fragment('{"code": "a = 1', name="run", id="call_a", index=0)),
            calls_event(fragment('\nb = 2"}', index=0)),
            calls_event(MULTIPLY),
        ],
        {"tool_calls": [fragment('{"code": "a = 1\nb = 2"}', name="run", id="call_a"), MULTIPLY]},
        calls=[("run", {"code": "a = 1\nb = 2"}, "call_a"), CALLS[1]],
    ),
    "reasoning alone": Row([event({"reasoning": "Why?"})], {"reasoning": "Why?"}, reasoning="Why?"),
    "a refusal": Row(
        [event({"refusal": "I "}), event({"refusal": "will not."})],
        {"refusal": "I will not."},
        refusal="I will not.",
    ),
    "nothing": Row([], {"content": ""}),
    **{
        f"arguments {arguments}": Row(
            [calls_event(ADD, fragment(arguments, name="f", id="call_x", index=1))],
            {"tool_calls": [ADD, fragment(arguments, name="f", id="call_x")]},
            calls=CALLS[:1],
            invalid_calls=[("f", arguments, "call_x")],
        )
        for arguments in (
            # No object
            *("{nope}", '{"a": 1}}', "[1, 2]", '"Paris"', '"null"', "5"),
            # Cut off
            *("{", '{"a": 1', '{"a": "Par', '{"a": "x\\', '{"a": [1, 2'),
        )
    },
    **{
        f"no tool is named, arguments {arguments}": Row(
            [calls_event(ADD, fragment(arguments, id="call_x", index=1))],
            {"tool_calls": [ADD, fragment(arguments, id="call_x")]},
            calls=CALLS[:1],
            invalid_calls=[("", arguments, "call_x")],
        )
        for arguments in ("", '{"a": 1}', "{nope}")
    },
    "a call that was cut off before its arguments": Row(
        [calls_event(ADD, fragment("", name="delete_all", id="call_x", index=1))],
        {"tool_calls": [ADD, fragment("", name="delete_all", id="call_x")]},
        calls=CALLS[:1],
        invalid_calls=[("delete_all", "", "call_x")],
        finish_reason="length",
    ),
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
async def test_a_stream_says_the_same_in_every_version(
    row: Row, replay_server: ReplayServer, model_at: ModelFactory
) -> None:
    end = [event({}, row.finish_reason), usage_event(USAGE)]
    answer = http_stream([event({"role": "assistant"}), *row.events, *end])
    base_url = replay_server.base_url_of(answer)
    versions = await streamed_versions(functools.partial(model_at, base_url, MODEL))
    expected = outcome_of(versions["stream"])
    assert (expected.content, expected.reasoning) == (row.text, row.reasoning)
    assert (expected.refusal, expected.calls) == (row.refusal, row.calls)
    check_invalid_calls(expected.invalid_calls, row.invalid_calls)
    for version, message in versions.items():
        assert outcome_of(message) == expected, version


@pytest.mark.parametrize(
    "row", [pytest.param(row, id=name) for name, row in ROWS.items() if row.message is not None]
)
async def test_a_whole_reply_says_what_its_stream_says(
    row: Row, replay_server: ReplayServer, model_at: ModelFactory
) -> None:
    assert row.message is not None
    answer = http_reply(whole(row.message, row.finish_reason, usage=USAGE))
    base_url = replay_server.base_url_of(answer)
    for message in (await whole_versions(functools.partial(model_at, base_url, MODEL))).values():
        found = outcome_of(message)
        assert (found.content, found.reasoning) == (row.text, row.reasoning)
        assert (found.refusal, found.calls) == (row.refusal, row.calls)
        assert found.invalid_calls == row.invalid_calls
        assert all(call["error"] for call in message.invalid_tool_calls)


def check_invalid_calls(found: list[InvalidCall], sent: list[InvalidCall]) -> None:
    """Check a stream's unreadable calls against what the server sent.

    Core completes JSON that breaks off when it adds chunks up. So that a call which was cut
    off is not run with half its arguments, an ending is put behind them that core cannot repair.
    """
    for (name, closed, call_id), (sent_name, arguments, sent_id) in zip(found, sent, strict=True):
        assert (name, call_id) == (sent_name, sent_id)
        assert closed.startswith(arguments)
        assert len(closed) <= len(arguments) + 3


def test_chunks_of_one_block_share_an_index(
    replay_server: ReplayServer, model_at: ModelFactory
) -> None:
    """Core adds v1 chunks up by it; numbers from a provider would melt blocks together."""
    events = ROWS["reasoning, text and two calls"].events
    base_url = replay_server.base_url_of(http_stream([*events, event({}, "stop")]))
    model = model_at(base_url, MODEL, output_version="v1")
    indexes: dict[str, set[Any]] = {}
    for chunk in model.stream(PROMPT):
        assert isinstance(chunk, AIMessageChunk)
        for block in chunk.content_blocks:
            if block["type"] == "tool_call_chunk" and not block["id"]:
                begun = [found for kind, found in indexes.items() if "tool_call_chunk" in kind]
                assert {block.get("index")} in begun
                continue
            kind = block["type"] + str(block.get("id") or "")
            indexes.setdefault(kind, set()).add(block.get("index"))
    assert all(len(found) == 1 for found in indexes.values()), indexes
    assert all(str(index).startswith("lc_") for found in indexes.values() for index in found)
    assert len({index for found in indexes.values() for index in found}) == len(indexes)


def test_a_message_whose_content_others_changed_is_read_by_core() -> None:
    content: list[str | dict[Any, Any]] = [{"type": "text", "text": "Hi!"}]
    message = AIMessage(content, response_metadata={"model_provider": "scaleway"})
    assert message.content_blocks == content


def test_a_stream_that_is_given_a_run_manager_says_the_same(
    replay_server: ReplayServer, model_at: ModelFactory
) -> None:
    """Routers and other integrations hand one on; a call that was cut off must not become valid."""
    cut_off = fragment('{"path": "/tmp', name="rm", id="call_a", index=0)
    answer = http_stream([calls_event(cut_off), event({}, "length")])
    model = model_at(replay_server.base_url_of(answer), MODEL)
    run_manager = CallbackManagerForLLMRun.get_noop_manager()
    for manager in (None, run_manager):
        chunks = model._stream([HumanMessage(PROMPT)], run_manager=manager)
        [generation] = generate_from_stream(chunks).generations
        assert isinstance(generation.message, AIMessage)
        assert generation.message.tool_calls == []
        [invalid] = generation.message.invalid_tool_calls
        assert str(invalid["args"]).startswith('{"path": "/tmp')
