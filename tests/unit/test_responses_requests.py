"""Requests of the Responses API, from what chat completions have."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_scaleway.convert.responses import to_responses_request

MODEL = "gpt-oss-120b"
CALL = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "get_weather", "arguments": '{"city": "Paris"}'},
}
TOOL = {
    "type": "function",
    "function": {"name": "get_weather", "description": "Weather.", "parameters": {}},
}


def request_of(*messages: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return to_responses_request({"model": MODEL, "messages": [*messages], **fields})


def test_a_turn_with_tools_goes_out_as_items() -> None:
    body = request_of(
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "reasoning": "Look.", "content": "Wait.", "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "call_1", "content": "Sunny."},
        tools=[TOOL],
        tool_choice={"type": "function", "function": {"name": "get_weather"}},
        max_tokens=100,
        logprobs=True,
        stream_options={"include_usage": True},
        reasoning_effort="high",
        temperature=0.5,
    )
    assert body == {
        "model": MODEL,
        "instructions": "Be brief.",
        "input": [
            {"role": "user", "content": "Weather?"},
            {
                "type": "reasoning",
                "id": "rs_1",
                "summary": [],
                "content": [{"type": "reasoning_text", "text": "Look."}],
            },
            {
                "type": "message",
                "id": "msg_1",
                "role": "assistant",
                "status": "completed",
                "content": [{"type": "output_text", "text": "Wait.", "annotations": []}],
            },
            {
                "type": "function_call",
                "id": "fc_1_0",
                "call_id": "call_1",
                "name": "get_weather",
                "arguments": '{"city": "Paris"}',
                "status": "completed",
            },
            {"type": "function_call_output", "call_id": "call_1", "output": "Sunny."},
        ],
        "tools": [
            {"type": "function", "name": "get_weather", "description": "Weather.", "parameters": {}}
        ],
        "tool_choice": {"type": "function", "name": "get_weather"},
        "max_output_tokens": 100,
        "include": ["message.output_text.logprobs"],
        "reasoning": {"effort": "high"},
        "temperature": 0.5,
    }


def test_a_schema_goes_out_flat() -> None:
    schema = {"name": "Person", "schema": {"type": "object"}, "strict": True}
    form = {"type": "json_schema", "json_schema": schema}
    body = request_of({"role": "user", "content": "Hi"}, response_format=form)
    assert body["text"] == {"format": {"type": "json_schema", **schema}}
    body = request_of({"role": "user", "content": "Hi"}, response_format={"type": "json_object"})
    assert body["text"] == {"format": {"type": "json_object"}}


def test_no_tools_go_out_with_the_choice_none() -> None:
    body = request_of(
        {"role": "user", "content": "Hi"},
        tools=[TOOL],
        tool_choice="none",
        parallel_tool_calls=False,
    )
    assert body.keys() == {"model", "input"}


@pytest.mark.parametrize(
    ("message", "sent"),
    [
        ({"role": "system", "content": "Hi"}, {"role": "system", "content": "Hi"}),
        (
            {"role": "tool", "tool_call_id": "call_0", "content": "Sunny."},
            {"role": "user", "content": "A tool returned: Sunny."},
        ),
        (
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "Hi"},
                    {"type": "image_url", "image_url": {"url": "https://a.example/cat.png"}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "Hi"},
                    {
                        "type": "input_image",
                        "image_url": "https://a.example/cat.png",
                        "detail": "auto",
                    },
                ],
            },
        ),
    ],
    ids=["a lone system message", "a result without its call", "a text and a picture"],
)
def test_what_goes_out_as_a_plain_item(message: dict[str, Any], sent: dict[str, Any]) -> None:
    assert request_of(message, model="my-own-model")["input"] == [sent]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"reasoning_effort": "none"}, "low, medium, high"),
        ({"n": 2}, "`n` cannot be sent"),
        ({"tools": [TOOL], "tool_choice": {"type": "allowed_tools"}}, "name one tool, or a mode"),
        ({"logit_bias": {1: 5}}, "`logit_bias` cannot be sent"),
        (
            {"messages": [{"role": "user", "content": [{"type": "video_url", "video_url": {}}]}]},
            "use_responses_api=False",
        ),
    ],
)
def test_what_the_api_does_not_know_is_refused_with_a_way_out(
    fields: dict[str, Any], said: str
) -> None:
    chat = {"model": MODEL, "messages": [{"role": "user", "content": "Hi"}], **fields}
    with pytest.raises(ValueError, match=said):
        to_responses_request(chat)


@given(
    st.lists(
        st.fixed_dictionaries({"role": st.just("user"), "content": st.text()})
        | st.fixed_dictionaries(
            {"role": st.just("assistant"), "content": st.text(), "reasoning": st.text()},
            optional={"tool_calls": st.just([CALL])},
        )
        | st.fixed_dictionaries(
            {
                "role": st.just("tool"),
                "content": st.text(),
                "tool_call_id": st.sampled_from(["call_1", "call_2"]),
            }
        ),
        min_size=1,
    )
)
def test_every_result_has_its_call_before_it_and_items_keep_when_the_history_grows(
    messages: list[dict[str, Any]],
) -> None:
    sent = request_of(*messages)["input"]
    called = set()
    for one in sent:
        called |= {one["call_id"]} if one.get("type") == "function_call" else set()
        assert one.get("type") != "function_call_output" or one["call_id"] in called
        assert one.get("type") not in ("reasoning", "message") or one["content"][0]["text"]
    longer = request_of(*messages, {"role": "user", "content": "More."})["input"]
    assert longer[: len(sent)] == sent
    assert json.loads(json.dumps(sent)) == sent
