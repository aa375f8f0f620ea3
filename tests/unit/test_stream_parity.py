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
from langchain_core.messages import AIMessage, AIMessageChunk

from langchain_scaleway import ChatScaleway
from tests.support.outcomes import Call, InvalidCall, calls_of, invalid_calls_of, usage_of
from tests.support.recordings import Recording, all_recordings
from tests.support.replay import ReplayServer
from tests.support.wire import MODEL, Event, calls_event, event, fragment, http_stream, usage_event
from tests.unit.conftest import ModelFactory

# Core calls the third version a beta each time it is used.
pytestmark = pytest.mark.filterwarnings("ignore::langchain_core._api.LangChainBetaWarning")

PROMPT = "What is the capital of France?"

MakeModel = Callable[..., ChatScaleway]

STREAMED = [
    recording
    for recording in all_recordings()
    if recording.is_chat
    and recording.status == 200
    and recording.is_streamed
    and recording.is_whole
]


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
    blocks = [_plain(block) for block in message.content_blocks]
    reasoning = "".join(block["reasoning"] for block in blocks if block["type"] == "reasoning")
    assert message.additional_kwargs.get("reasoning_content", "") == reasoning
    metadata = {k: v for k, v in message.response_metadata.items() if k != "output_version"}
    return View(
        text=str(message.text),
        reasoning=reasoning,
        calls=calls_of(message),
        invalid_calls=invalid_calls_of(message),
        usage=usage_of(message),
        metadata=metadata,
        blocks=blocks,
    )


def _plain(block: Any) -> dict[str, Any]:
    """A block without what only tells streamed blocks apart.

    Core leaves an unreadable call of a v1 stream in the content as a `tool_call_chunk`,
    where the other versions have an `invalid_tool_call` (`AIMessageChunk.init_tool_calls`
    puts in readable ones only).
    """
    plain = {name: value for name, value in block.items() if name not in ("index", "error")}
    if plain["type"] == "tool_call_chunk":
        plain["type"] = "invalid_tool_call"
    return plain


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


async def all_views(make_model: MakeModel) -> dict[str, View]:
    """What the same stream says in every version."""
    v0, v1 = make_model(), make_model(output_version="v1")
    streamed_v0 = make_model(streaming=True)
    streamed_v1 = make_model(streaming=True, output_version="v1")
    messages = {
        "stream": stream(v0),
        "astream": await astream(v0),
        "stream, v1": stream(v1),
        "astream, v1": await astream(v1),
        "invoke": streamed_v0.invoke(PROMPT),
        "ainvoke": await streamed_v0.ainvoke(PROMPT),
        "invoke, v1": streamed_v1.invoke(PROMPT),
        "ainvoke, v1": await streamed_v1.ainvoke(PROMPT),
        "stream_events": stream_v3(v0),
        "astream_events": await astream_v3(v0),
    }
    return {version: view(message) for version, message in messages.items()}


@pytest.mark.parametrize("recording", STREAMED, ids=str)
async def test_recorded_streams_agree_in_every_version(
    recording: Recording, replay_server: ReplayServer, model_at: ModelFactory
) -> None:
    base_url = replay_server.base_url(recording)
    views = await all_views(functools.partial(model_at, base_url, recording.requested_model))
    for version, found in views.items():
        assert found == views["stream"], version


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
    "an unreadable call beside a readable one": (
        [calls_event(ADD), calls_event(fragment("{nope}", name="f", id="call_x", index=1))],
        ["tool_call", "invalid_tool_call"],
    ),
    "reasoning alone": ([event({"reasoning": "Why?"})], ["reasoning"]),
    "nothing": ([], []),
}


@pytest.mark.parametrize(("events", "types"), SHAPES.values(), ids=SHAPES)
async def test_shapes_that_nobody_recorded_agree_in_every_version(
    events: list[Event], types: list[str], replay_server: ReplayServer, model_at: ModelFactory
) -> None:
    usage = usage_event({"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7})
    raw = http_stream([event({"role": "assistant"}), *events, event({}, "stop"), usage])
    base_url = replay_server.base_url_of(raw)
    views = await all_views(functools.partial(model_at, base_url, MODEL))
    assert [block["type"] for block in views["stream"].blocks] == types
    for version, found in views.items():
        assert found == views["stream"], version


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
    assert len({index for found in indexes.values() for index in found}) == len(indexes)
