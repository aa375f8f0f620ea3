"""A stream says the same in every version in which LangChain hands it on.

`stream` (v0), `output_version="v1"`, streamed `invoke` and `stream_events(version="v3")`,
synchronous and asynchronous, agree in text, reasoning, tool calls, usage and metadata.
"""

import functools
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models.chat_models import generate_from_stream
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage

from langchain_scaleway import ChatScaleway
from tests.support.outcomes import (
    Call,
    InvalidCall,
    calls_of,
    expected_outcome,
    invalid_calls_of,
    usage_of,
)
from tests.support.recordings import Recording, all_recordings
from tests.support.replay import ReplayServer
from tests.support.wire import MODEL, Event, calls_event, event, fragment, http_stream, usage_event
from tests.unit.conftest import ModelFactory

PROMPT = "What is the capital of France?"

MakeModel = Callable[..., ChatScaleway]

ANSWERS = [r for r in all_recordings() if r.is_chat and r.status == 200 and r.is_whole]
STREAMED = [recording for recording in ANSWERS if recording.is_streamed]
WHOLE = [recording for recording in ANSWERS if not recording.is_streamed]


@dataclass(frozen=True)
class View:
    """What a message says, in whichever version it is written."""

    text: str
    reasoning: str
    calls: list[Call]
    invalid_calls: list[InvalidCall]
    usage: dict[str, Any] | None
    metadata: dict[str, Any]
    blocks: list[dict[str, Any]]


def view(message: AIMessage) -> View:
    blocks: list[dict[str, Any]] = [
        {k: v for k, v in block.items() if k != "index"} for block in message.content_blocks
    ]
    reasoning = "".join(block["reasoning"] for block in blocks if block["type"] == "reasoning")
    assert message.additional_kwargs.get("reasoning_content", "") == reasoning
    calls, invalid_calls = calls_of(message), invalid_calls_of(message)
    assert _calls_in(blocks, "tool_call") == calls
    # Core leaves unreadable calls out of a whole message's blocks, and as `tool_call_chunk`
    # in those of a v1 stream; every version has them in `invalid_tool_calls`.
    unreadable = _calls_in(blocks, "invalid_tool_call") + _calls_in(blocks, "tool_call_chunk")
    assert unreadable in ([], invalid_calls)
    metadata = {k: v for k, v in message.response_metadata.items() if k != "output_version"}
    return View(
        text=str(message.text),
        reasoning=reasoning,
        calls=calls,
        invalid_calls=invalid_calls,
        usage=usage_of(message),
        metadata=metadata,
        blocks=[b for b in blocks if b["type"] not in ("invalid_tool_call", "tool_call_chunk")],
    )


def _calls_in(blocks: list[dict[str, Any]], kind: str) -> list[Any]:
    return [(b["name"] or "", b["args"], b["id"]) for b in blocks if b["type"] == kind]


def check_invalid_calls(found: View, sent: list[InvalidCall]) -> None:
    """Check unreadable calls against what the server sent.

    Core completes JSON that breaks off when it adds chunks up. So that a call which was cut
    off is not run with half its arguments, an ending is put behind them that core cannot repair.
    """
    pairs = zip(found.invalid_calls, sent, strict=True)
    for (name, closed, call_id), (sent_name, arguments, sent_id) in pairs:
        assert (name, call_id) == (sent_name, sent_id)
        assert closed.startswith(arguments)
        assert len(closed) <= len(arguments) + 3


def stream(model: ChatScaleway) -> AIMessage:
    chunks = list(model.stream(PROMPT))
    return functools.reduce(operator.add, chunks)


async def astream(model: ChatScaleway) -> AIMessage:
    chunks = [chunk async for chunk in model.astream(PROMPT)]
    return functools.reduce(operator.add, chunks)


def stream_v3(model: ChatScaleway) -> AIMessage:
    return model.stream_events(PROMPT, version="v3").output


async def astream_v3(model: ChatScaleway) -> AIMessage:
    return await (await model.astream_events(PROMPT, version="v3"))


async def chunk_views(make_model: MakeModel) -> View:
    """What v0, v1 and streamed `invoke` say, once they are seen to agree."""
    v0, v1 = make_model(), make_model(output_version="v1")
    streamed_v0 = make_model(streaming=True)
    streamed_v1 = make_model(streaming=True, output_version="v1")
    views = {
        "stream": view(stream(v0)),
        "astream": view(await astream(v0)),
        "stream, v1": view(stream(v1)),
        "astream, v1": view(await astream(v1)),
        "invoke": view(streamed_v0.invoke(PROMPT)),
        "ainvoke": view(await streamed_v0.ainvoke(PROMPT)),
        "invoke, v1": view(streamed_v1.invoke(PROMPT)),
        "ainvoke, v1": view(await streamed_v1.ainvoke(PROMPT)),
    }
    for version, found in views.items():
        assert found == views["stream"], version
    return views["stream"]


async def event_views(make_model: MakeModel) -> View:
    """What v3 says, once its two sides are seen to agree."""
    model = make_model()
    found = view(stream_v3(model))
    assert view(await astream_v3(model)) == found
    return found


@pytest.mark.parametrize("recording", STREAMED, ids=str)
async def test_recorded_streams_agree_in_every_version(
    recording: Recording, replay_server: ReplayServer, model_at: ModelFactory
) -> None:
    base_url = replay_server.base_url(recording)
    make_model = functools.partial(model_at, base_url, recording.requested_model)
    in_chunks = await chunk_views(make_model)
    check_invalid_calls(in_chunks, expected_outcome(recording).invalid_calls)
    assert await event_views(make_model) == in_chunks


@pytest.mark.parametrize("recording", WHOLE, ids=str)
async def test_recorded_whole_replies_agree_in_both_versions(
    recording: Recording, replay_server: ReplayServer, model_at: ModelFactory
) -> None:
    base_url = replay_server.base_url(recording)
    v0 = model_at(base_url, recording.requested_model)
    v1 = model_at(base_url, recording.requested_model, output_version="v1")
    message = v0.invoke(PROMPT)
    # Core's `message_to_events` adds `invalid_tool_calls` to the blocks of a whole message;
    # if they were among them already, each would come twice.
    assert all(block["type"] != "invalid_tool_call" for block in message.content_blocks)
    expected = view(message)
    assert view(await v0.ainvoke(PROMPT)) == expected
    assert view(v1.invoke(PROMPT)) == expected
    assert view(await v1.ainvoke(PROMPT)) == expected


ADD = fragment('{"a": 1, "b": 2}', name="add", id="call_a", index=0)
MULTIPLY = fragment('{"a": 3, "b": 4}', name="multiply", id="call_b", index=1)

SHAPES: dict[str, tuple[list[Event], list[str]]] = {
    "text, then two calls": (
        [event({"content": "Let me "}), event({"content": "see."}), calls_event(ADD, MULTIPLY)],
        ["text", "tool_call", "tool_call"],
    ),
    "two calls in fragments": (
        [
            calls_event(fragment(name="add", id="call_a", index=0)),
            calls_event(fragment('{"a": 1,', index=0)),
            calls_event(fragment(' "b": 2}', index=0)),
            calls_event(fragment(name="multiply", id="call_b", index=1)),
            calls_event(fragment('{"a": 3, "b": 4}', index=1)),
        ],
        ["tool_call", "tool_call"],
    ),
    "reasoning, text and two calls": (
        [
            event({"reasoning": "Let me "}),
            event({"reasoning": "think."}),
            event({"content": "\n\nI add."}),
            calls_event(ADD),
            calls_event(MULTIPLY),
        ],
        ["reasoning", "text", "tool_call", "tool_call"],
    ),
    "reasoning and text in one event": (
        [
            event({"reasoning": "Why?"}),
            event({"reasoning": " So.", "content": "Fo"}),
            event({"content": "ur."}),
        ],
        ["reasoning", "text"],
    ),
    "text and a call in one event": (
        [event({"content": "I add.", "tool_calls": [ADD]})],
        ["text", "tool_call"],
    ),
    "calls without an index": (
        [
            calls_event({**ADD, "index": None}),
            calls_event({**MULTIPLY, "index": None}),
        ],
        ["tool_call", "tool_call"],
    ),
    "an index used twice": (
        [calls_event(ADD), calls_event({**MULTIPLY, "index": 0})],
        ["tool_call", "tool_call"],
    ),
    "a thinking block in the content": (
        [
            event({"content": "<thi"}),
            event({"content": "nk>Why?</think>"}),
            event({"content": "4"}),
        ],
        ["reasoning", "text"],
    ),
    "a call without an id": (
        [event({"content": "I add."}), calls_event(fragment("{}", name="now", index=0))],
        ["text", "tool_call"],
    ),
    "line breaks within strings of arguments": (
        [
            calls_event(fragment('{"code": "a = 1', name="run", id="call_a", index=0)),
            calls_event(fragment('\nb = 2"}', index=0)),
            calls_event(MULTIPLY),
        ],
        ["tool_call", "tool_call"],
    ),
    "reasoning alone": ([event({"reasoning": "Why?"})], ["reasoning"]),
    "a refusal": (
        [event({"refusal": "I "}), event({"refusal": "will not."})],
        ["refusal"],
    ),
    "nothing": ([], []),
}


def answer_with(events: list[Event]) -> bytes:
    usage = usage_event({"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7})
    return http_stream([event({"role": "assistant"}), *events, event({}, "stop"), usage])


@pytest.mark.parametrize(("events", "types"), SHAPES.values(), ids=SHAPES)
async def test_shapes_that_nobody_recorded_agree_in_every_version(
    events: list[Event], types: list[str], replay_server: ReplayServer, model_at: ModelFactory
) -> None:
    base_url = replay_server.base_url_of(answer_with(events))
    make_model = functools.partial(model_at, base_url, MODEL)
    in_chunks = await chunk_views(make_model)
    assert [block["type"] for block in in_chunks.blocks] == types
    assert await event_views(make_model) == in_chunks


UNREADABLE = ["{nope}", '{"a": 1}}', "[1, 2]", '"Paris"', "7", "null"]
CUT_OFF = [
    "{",
    '{"a"',
    '{"a": 1',
    '{"a": "Par',
    '{"a": "x\\',
    '{"a": [1, 2',
    '{"a": {"b": 1}, "c": ',
]


@pytest.mark.parametrize("arguments", [*UNREADABLE, *CUT_OFF])
async def test_unreadable_calls_agree_in_every_version(
    arguments: str, replay_server: ReplayServer, model_at: ModelFactory
) -> None:
    wire_call = fragment(arguments, name="f", id="call_x", index=1)
    base_url = replay_server.base_url_of(answer_with([calls_event(ADD, wire_call)]))
    make_model = functools.partial(model_at, base_url, MODEL)
    unreadable: list[InvalidCall] = [("f", arguments, "call_x")]
    in_chunks = await chunk_views(make_model)
    assert in_chunks.calls == [("add", {"a": 1, "b": 2}, "call_a")]
    check_invalid_calls(in_chunks, unreadable)
    assert arguments in CUT_OFF or in_chunks.invalid_calls == unreadable
    assert await event_views(make_model) == in_chunks


@pytest.mark.parametrize("arguments", ["", "{}", '{"a": 1}', '{"a": 1', "{nope}"])
async def test_calls_of_no_tool_agree_in_every_version(
    arguments: str, replay_server: ReplayServer, model_at: ModelFactory
) -> None:
    wire_call = fragment(arguments, id="call_x", index=1)
    base_url = replay_server.base_url_of(answer_with([calls_event(ADD, wire_call)]))
    make_model = functools.partial(model_at, base_url, MODEL)
    nameless: list[InvalidCall] = [("", arguments, "call_x")]
    in_chunks = await chunk_views(make_model)
    check_invalid_calls(in_chunks, nameless)
    assert in_chunks.calls == [("add", {"a": 1, "b": 2}, "call_a")]
    assert await event_views(make_model) == in_chunks


def test_chunks_of_one_block_share_an_index(
    replay_server: ReplayServer, model_at: ModelFactory
) -> None:
    """Core adds v1 chunks up by it; numbers from a provider would melt blocks together."""
    events, _ = SHAPES["reasoning, text and two calls"]
    base_url = replay_server.base_url_of(http_stream([*events, event({}, "stop")]))
    model = model_at(base_url, MODEL, output_version="v1")
    indexes: dict[str, set[Any]] = {}
    for chunk in model.stream(PROMPT):
        assert isinstance(chunk, AIMessageChunk)
        for block in chunk.content_blocks:
            kind = block["type"] + str(block.get("id") or "")
            indexes.setdefault(kind, set()).add(block.get("index"))
    assert all(len(found) == 1 for found in indexes.values()), indexes
    assert all(str(index).startswith("lc_") for found in indexes.values() for index in found)
    assert len({index for found in indexes.values() for index in found}) == len(indexes)


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
