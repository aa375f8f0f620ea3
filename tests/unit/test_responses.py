"""Answers of the Responses API, as what chat completions have."""

from collections.abc import Callable
from functools import partial, reduce
from operator import add
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, AIMessageChunk

from langchain_scaleway import ChatScaleway
from langchain_scaleway.client.completions import ResponseCompletion
from langchain_scaleway.client.events import EventReader
from langchain_scaleway.convert.replies import ReplyContext
from langchain_scaleway.convert.responses import ResponsesDecoder
from langchain_scaleway.errors import (
    ScalewayAPIError,
    ScalewayAuthenticationError,
    ScalewayContextOverflowError,
    ScalewayError,
    ScalewayInvalidRequestError,
    ScalewayModelNotFoundError,
    ScalewayStreamInterruptedError,
)
from tests.support.outcomes import outcome_of
from tests.support.recordings import VLLM_RESPONSES, Recording, recordings_of
from tests.support.replay import ReplayServer
from tests.support.versions import streamed_versions, whole_versions
from tests.unit.conftest import ModelFactory

MODEL = "gpt-oss-120b"


def context_of(recording: Recording) -> ReplyContext:
    body = recording.request["body"]
    limit = body.get("max_output_tokens")
    return ReplyContext("tiny-qwen3", has_tools=bool(body.get("tools")), max_tokens=limit)


def whole(response: dict[str, Any], context: ReplyContext) -> AIMessage:
    result = ResponsesDecoder(context).result(response, {})
    message = result.generations[0].message
    assert isinstance(message, AIMessage)
    return message


def streamed(events: list[dict[str, Any]], context: ReplyContext) -> AIMessageChunk:
    decoder = ResponsesDecoder(context)
    chunks = [chunk for event in events for chunk in decoder.feed(event)]
    messages = [chunk.message for chunk in (*chunks, *decoder.finish({}))]
    message = reduce(add, messages)
    assert isinstance(message, AIMessageChunk)
    return message


def said(message: AIMessage) -> dict[str, Any]:
    """All that a message says, apart from what only whole or only streamed answers have."""
    metadata = {k: v for k, v in message.response_metadata.items() if k != "logprobs"}
    return {
        "content": message.content,
        "kwargs": message.additional_kwargs,
        "calls": message.tool_calls,
        "invalid": [(call["name"], call["id"]) for call in message.invalid_tool_calls],
        "usage": message.usage_metadata,
        "metadata": metadata,
    }


RECORDINGS = [one for one in recordings_of(VLLM_RESPONSES) if one.status == 200]
STREAMS = [one for one in RECORDINGS if one.is_streamed and one.is_whole]
WHOLE = [
    one for one in RECORDINGS if not one.is_streamed and one.json_body.get("object") == "response"
]


DISTINCT = [*{one.shape: one for one in (*STREAMS, *WHOLE)}.values()]
"""One of each shape, which is asked for over HTTP."""
FAILURES = [
    one
    for one in recordings_of(VLLM_RESPONSES)
    if (one.request["method"], one.request["path"]) == ("POST", "/v1/responses")
    and not (one.status == 200 and one.is_whole)
]


@pytest.fixture
def replay(replay_server: ReplayServer, model_at: ModelFactory) -> Callable[..., ChatScaleway]:
    """Makes a model that is answered with a recording."""

    def make(recording: Recording, **fields: Any) -> ChatScaleway:
        sent = recording.request["body"] if recording.status == 200 else {}
        tools = [tool for tool in sent.get("tools") or () if tool.get("type") == "function"]
        fields["max_tokens"] = sent.get("max_output_tokens")
        fields["extra_body"] = {"tools": tools} if tools else None
        base_url = replay_server.base_url(recording)
        return model_at(base_url, "tiny-qwen3", use_responses_api=True, **fields)

    return make


@pytest.mark.parametrize("recording", DISTINCT, ids=str)
async def test_a_recorded_answer_is_the_same_in_every_version(
    recording: Recording, replay: Callable[..., ChatScaleway]
) -> None:
    make_model = partial(replay, recording)
    versions = await (streamed_versions if recording.is_streamed else whole_versions)(make_model)
    first, *others = map(outcome_of, versions.values())
    for version, other in zip([*versions][1:], others, strict=True):
        assert other == first, version


def test_recorded_refusals_and_cuts_are_typed_errors(
    replay: Callable[..., ChatScaleway], subtests: pytest.Subtests
) -> None:
    kinds = {
        200: ScalewayStreamInterruptedError,
        400: ScalewayInvalidRequestError,
        401: ScalewayAuthenticationError,
        404: ScalewayModelNotFoundError,
        500: ScalewayAPIError,
    }
    assert FAILURES
    for recording in FAILURES:
        kind = kinds[recording.status]
        if recording.case.startswith("err_context"):
            kind = ScalewayContextOverflowError
        with subtests.test(str(recording)):
            with pytest.raises(ScalewayError) as caught:
                replay(recording, streaming=recording.is_streamed).invoke("Hello")
            assert type(caught.value) is kind


def test_recorded_streams_say_what_their_last_events_say() -> None:
    assert STREAMS
    for recording in STREAMS:
        context = context_of(recording)
        *pieces, last = recording.events
        answered = whole(last["response"], context)
        assert said(streamed(recording.events, context)) == said(answered), recording
        decoder = ResponsesDecoder(context)
        given = [chunk.text for event in pieces for chunk in decoder.feed(event)]
        assert "".join(given) == answered.content, recording


def test_recorded_answers_are_read() -> None:
    assert WHOLE
    for recording in WHOLE:
        response = recording.json_body
        message = whole(response, context_of(recording))
        texts, thoughts, calls = [], [], []
        for item in response["output"]:
            parts = [part["text"] for part in item.get("content") or ()]
            texts += parts if item["type"] == "message" else []
            thoughts += parts if item["type"] == "reasoning" else []
            calls += [item["call_id"]] if item["type"] == "function_call" else []
        assert message.content == "\n\n".join(filter(str.strip, texts)), recording
        reasoning = message.additional_kwargs.get("reasoning_content", "")
        assert reasoning == "\n\n".join(thoughts), recording
        found = [call["id"] for call in (*message.tool_calls, *message.invalid_tool_calls)]
        assert found[: len(calls)] == calls, recording
        assert message.usage_metadata is not None, recording
        counts = response["usage"]
        assert message.usage_metadata["total_tokens"] == counts["total_tokens"], recording
        is_cut = message.response_metadata["finish_reason"] == "length"
        assert is_cut is (response["status"] == "incomplete"), recording


def test_recorded_streams_that_stop_early_are_errors() -> None:
    for recording in STREAMS:
        *most, _ = recording.content.split(b"\n\n")[:-1]
        reader = EventReader(
            ResponseCompletion(), "tiny-qwen3", lambda event: ScalewayError(str(event))
        )
        list(reader.feed(b"\n\n".join(most) + b"\n\n"))
        with pytest.raises(ScalewayError, match="ended before the answer did"):
            list(reader.end())


@pytest.mark.parametrize("last", [b"[DONE]", b'{"type": "response.completed"}'])
def test_a_stream_without_the_whole_response_is_cut_whatever_it_says(last: bytes) -> None:
    piece = b'{"type": "response.output_text.delta", "delta": "Hel"}'
    reader = EventReader(ResponseCompletion(), MODEL, lambda event: ScalewayError(str(event)))
    list(reader.feed(b"data: %b\n\ndata: %b\n\n" % (piece, last)))
    with pytest.raises(ScalewayError, match="no event with all of it came"):
        list(reader.end())


@pytest.mark.parametrize("answer", [{"choices": [{"message": {"content": "Hi"}}]}, {"output": {}}])
def test_an_answer_that_is_no_response_is_an_error(answer: dict[str, Any]) -> None:
    with pytest.raises(ScalewayError, match="has no `output`, so there is no answer in it"):
        whole(answer, CONTEXT)


@pytest.mark.parametrize(
    "name",
    [
        *("tool_length_auto_stream", "tool_length_second_call_stream", "tool_length_auto"),
        *("tool_length_named", "tool_length_auto_in_name", "reasoning_tool_length"),
    ],
)
def test_a_recorded_call_that_was_cut_off_is_not_run(name: str) -> None:
    recording = Recording(VLLM_RESPONSES, name)
    context = context_of(recording)
    message = (
        streamed(recording.events, context)
        if recording.is_streamed
        else whole(recording.json_body, context)
    )
    assert message.response_metadata["finish_reason"] == "length"
    assert len(message.invalid_tool_calls) == 1
    assert all(call["args"] for call in message.tool_calls)


def item(kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": kind, **fields}


def message_item(text: str) -> dict[str, Any]:
    return item("message", role="assistant", content=[{"type": "output_text", "text": text}])


def response_of(
    *output: dict[str, Any], status: str = "completed", **fields: Any
) -> dict[str, Any]:
    return {
        "object": "response",
        "id": "resp_1",
        "model": MODEL,
        "status": status,
        "output": [*output],
        **fields,
    }


def last_event(response: dict[str, Any], kind: str = "response.completed") -> dict[str, Any]:
    return {"type": kind, "response": response}


CONTEXT = ReplyContext(MODEL, has_tools=True)


def test_what_was_never_streamed_is_given_at_the_end_and_once() -> None:
    call = item("function_call", call_id="call_1", name="f", arguments='{"a": 1}')
    response = response_of(
        item("reasoning", summary=[{"text": "Hm."}]), message_item("Wait."), call
    )
    events = [
        {"type": "response.output_item.added", "output_index": 1, "item": message_item("")},
        {"type": "response.output_text.delta", "output_index": 1, "delta": "Wa"},
        last_event(response),
    ]
    message = streamed(events, CONTEXT)
    assert said(message) == said(whole(response, CONTEXT))
    assert message.content == "Wait."
    assert message.additional_kwargs == {"reasoning_content": "Hm."}


@pytest.mark.parametrize(
    ("streamed_texts", "texts", "content"),
    [
        (["Hello."], ["Let me see.", "Hello."], "Hello.\n\nLet me see."),
        (["\n\n", "Hello."], ["Hello."], "Hello."),
        (["\n\nHello."], ["Hello."], "\n\nHello."),
    ],
    ids=["one-more-at-the-end", "one-more-in-the-stream", "stripped"],
)
def test_no_text_comes_twice_if_stream_and_end_hold_other_items(
    streamed_texts: list[str], texts: list[str], content: str
) -> None:
    events = [
        {"type": "response.output_text.delta", "output_index": place, "delta": text}
        for place, text in enumerate(streamed_texts)
    ]
    last = last_event(response_of(*map(message_item, texts)))
    assert streamed([*events, last], CONTEXT).content == content


def test_an_id_that_changes_at_the_end_makes_no_second_call() -> None:
    added = item("function_call", id="fc_1", call_id="call_1", name="f", arguments="")
    events = [
        {"type": "response.output_item.added", "output_index": 0, "item": added},
        {"type": "response.function_call_arguments.delta", "output_index": 0, "delta": '{"a": 1}'},
        last_event(
            response_of({**added, "id": "fc_2", "call_id": "call_2", "arguments": '{"a": 1}'})
        ),
    ]
    [call] = streamed(events, CONTEXT).tool_calls
    assert call == {"name": "f", "args": {"a": 1}, "id": "call_1", "type": "tool_call"}


def test_what_comes_with_an_items_beginning_comes_once() -> None:
    """llama-cpp-python 2285: an item already holds the first piece when it is announced."""
    call = item("function_call", call_id="call_1", name="f", arguments='{"a"')
    thought = item("reasoning", content=[{"type": "reasoning_text", "text": "So"}])
    begun = {"reasoning_text": thought, "output_text": message_item("Hel")}
    begun["function_call_arguments"] = call
    pieces = [("So", "."), ("Hel", "lo."), ('{"a"', ": 1}")]
    events: list[dict[str, Any]] = []
    for place, (kind, texts) in enumerate(zip(begun, pieces, strict=True)):
        added = "response.output_item.added"
        events.append({"type": added, "output_index": place, "item": begun[kind]})
        for text in texts:
            delta = f"response.{kind}.delta"
            events.append({"type": delta, "output_index": place, "delta": text})
    message = streamed([*events, last_event(response_of())], CONTEXT)
    assert message.content == "Hello."
    assert message.additional_kwargs["reasoning_content"] == "So."
    assert [call["args"] for call in message.tool_calls] == [{"a": 1}]


def test_usage_in_the_words_of_chat_completions_counts() -> None:
    """SGLang's Responses API has them."""
    usage = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
    found = whole(response_of(message_item("Hi."), usage=usage), CONTEXT).usage_metadata
    assert found == {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}


def test_items_that_a_proxy_gives_one_index_are_told_apart() -> None:
    calls = [
        item("function_call", call_id=f"call_{n}", name="f", arguments=f'{{"a": {n}}}')
        for n in range(2)
    ]
    items = [message_item("One."), message_item("Two."), *calls]
    pieces = {
        "message": "response.output_text",
        "function_call": "response.function_call_arguments",
    }
    events: list[dict[str, Any]] = []
    for one in items:
        empty: dict[str, Any] = {"arguments": ""} if one in calls else {"content": []}
        text = one["arguments"] if one in calls else one["content"][0]["text"]
        events += [
            {"type": "response.output_item.added", "output_index": 0, "item": {**one, **empty}},
            {"type": f"{pieces[one['type']]}.delta", "output_index": 0, "delta": text},
            {"type": "response.output_item.done", "output_index": 0, "item": one},
        ]
    message = streamed([*events, last_event(response_of(*items))], CONTEXT)
    assert said(message) == said(whole(response_of(*items), CONTEXT))
    assert message.content == "One.\n\nTwo."
    assert [call["args"] for call in message.tool_calls] == [{"a": 0}, {"a": 1}]


def test_paragraphs_of_a_summary_stay_apart() -> None:
    parts = [{"type": "summary_text", "text": text} for text in ("**One**", "**Two**")]
    message = whole(response_of(item("reasoning", summary=parts)), CONTEXT)
    assert message.additional_kwargs["reasoning_content"] == "**One**\n\n**Two**"


def test_unknown_items_are_kept_as_they_are() -> None:
    unknown = [item("mcp_call", name="browser"), item("web_search_call", id="ws_1")]
    response = response_of(unknown[0], message_item("Hello."), unknown[1])
    for message in (whole(response, CONTEXT), streamed([last_event(response)], CONTEXT)):
        assert message.content == "Hello."
        assert message.response_metadata["output_items"] == unknown


def test_a_refusal_is_given_once() -> None:
    refused = item("message", content=[{"type": "refusal", "refusal": "I will not."}])
    events = [
        {"type": "response.refusal.delta", "output_index": 0, "delta": "I will "},
        last_event(response_of(refused)),
    ]
    for message in (whole(response_of(refused), CONTEXT), streamed(events, CONTEXT)):
        assert message.additional_kwargs["refusal"] == "I will not."
        assert message.response_metadata["normalized_finish_reason"] == "refusal"


def test_a_message_of_line_breaks_before_a_call_is_left_out() -> None:
    call = item("function_call", call_id="call_1", name="f", arguments="{}")
    response = response_of(message_item("\n\n"), call)
    events = [
        {"type": "response.output_text.delta", "output_index": 0, "delta": "\n\n"},
        last_event(response),
    ]
    assert whole(response, CONTEXT).content == streamed(events, CONTEXT).content == ""


def test_a_message_of_line_breaks_does_not_hide_one_that_was_not_streamed() -> None:
    events = [
        {"type": "response.output_text.delta", "output_index": 0, "delta": "\n\n"},
        last_event(response_of(message_item("Hello."))),
    ]
    assert streamed(events, CONTEXT).content == "Hello."


def test_texts_and_arguments_in_other_shapes_are_not_lost() -> None:
    response = response_of(
        item("reasoning", content="Hm."),
        item("message", content="Wait."),
        item("function_call", call_id="call_1", name="f", arguments={"a": 1}),
    )
    for message in (whole(response, CONTEXT), streamed([last_event(response)], CONTEXT)):
        assert message.content == "Wait."
        assert message.additional_kwargs["reasoning_content"] == "Hm."
        assert [call["args"] for call in message.tool_calls] == [{"a": 1}]


@pytest.mark.parametrize(
    ("details", "reason"),
    [
        ({"reason": "max_output_tokens"}, "length"),
        ({"reason": "content_filter"}, "content_filter"),
        (None, "length"),
    ],
)
def test_the_status_says_why_an_answer_is_incomplete(details: Any, reason: str) -> None:
    response = response_of(message_item("Once"), status="incomplete", incomplete_details=details)
    for kind in ("response.completed", "response.incomplete"):
        message = streamed([last_event(response, kind)], CONTEXT)
        assert message.response_metadata["finish_reason"] == reason


@pytest.mark.parametrize("status", ["cancelled", "in_progress", "queued"])
def test_half_a_response_never_passes_for_a_whole_one(status: str) -> None:
    response = response_of(message_item("Once upon"), status=status)
    with pytest.raises(ScalewayAPIError, match=status):
        whole(response, CONTEXT)
    with pytest.raises(ScalewayAPIError, match=status):
        streamed([last_event(response)], CONTEXT)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
kinds = st.sampled_from(["reasoning", "message", "function_call", "mcp_call"])
names = st.sampled_from(["content", "arguments", "call_id", "name", "summary", "text"])
items = st.builds(
    lambda kind, more: {**more, "type": kind}, kinds, st.dictionaries(names, json_values)
)


@given(st.lists(items | json_values), json_values, json_values)
@example([{"type": "message", "content": [{"text": "Hi", "logprobs": 5}]}], None, None)
def test_no_answer_crashes(output: list[Any], usage: Any, status: Any) -> None:
    response = response_of(status=status, usage=usage) | {"output": output}
    if status in (None, "completed", "incomplete"):
        assert said(streamed([last_event(response)], CONTEXT)) == said(whole(response, CONTEXT))
