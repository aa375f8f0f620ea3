"""gpt-oss on the emulator: its tools work on the Responses API, which it is asked through."""

import asyncio
import json
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from langchain_scaleway import ScalewayError, ScalewayWarning
from langchain_scaleway.errors import ScalewayContextOverflowError, ScalewayInvalidRequestError
from langchain_scaleway.testing import RawReply, Reply, ScalewayEmulator, ServedModel, ToolCall
from tests.support.models import model_on
from tests.support.tools import Person, get_weather

GPT_OSS = "gpt-oss-120b"


def paths(emulator: ScalewayEmulator) -> list[str]:
    return [request.path.removeprefix("/v1") for request in emulator.requests]


@pytest.mark.parametrize("way", ["invoke", "ainvoke", "stream", "astream_events"])
@pytest.mark.parametrize("output_version", ["v0", "v1"])
def test_an_agent_of_gpt_oss_runs_its_loop(
    emulator: ScalewayEmulator, way: str, output_version: str
) -> None:
    model = model_on(emulator, GPT_OSS, output_version=output_version)
    agent = create_agent(model, tools=[get_weather])
    question: Any = {"messages": [HumanMessage("Please get_weather for Paris.")]}

    async def events() -> list[Any]:
        return [event async for event in agent.astream_events(question, version="v2")]

    match way:
        case "invoke":
            answer = agent.invoke(question)["messages"][-1].text
        case "ainvoke":
            answer = asyncio.run(agent.ainvoke(question))["messages"][-1].text
        case "stream":
            chunks: Any = [chunk for chunk, _ in agent.stream(question, stream_mode="messages")]
            answer = "".join(chunk.text for chunk in chunks)
        case _:
            answer = asyncio.run(events())[-1]["data"]["output"]["messages"][-1].text
    assert "sunny in" in answer
    assert paths(emulator) == ["/responses", "/responses"]


def test_without_tools_gpt_oss_is_asked_through_chat_completions(
    emulator: ScalewayEmulator,
) -> None:
    model_on(emulator, GPT_OSS).invoke("Hello")
    assert paths(emulator) == ["/chat/completions"]


def test_a_history_with_calls_goes_to_the_responses_api(emulator: ScalewayEmulator) -> None:
    call = {"name": "get_weather", "args": {"city": "Paris"}, "id": "call_1"}
    history = [
        HumanMessage("Weather?"),
        AIMessage("", tool_calls=[call], additional_kwargs={"reasoning_content": "Look it up."}),
        ToolMessage("sunny", tool_call_id="call_1"),
    ]
    model_on(emulator, GPT_OSS).invoke(history)
    [request] = emulator.requests
    kinds = [item.get("type") for item in request.json["input"]]
    assert kinds == [None, "reasoning", "function_call", "function_call_output"]


def test_a_picture_is_refused_where_it_would_be_passed_over(emulator: ScalewayEmulator) -> None:
    picture = HumanMessage([{"type": "image", "url": "https://example.com/a.png"}])
    model = model_on(emulator, GPT_OSS).bind_tools([get_weather])
    with pytest.raises(ValueError, match="would answer as if there were none"):
        model.invoke([picture])
    assert emulator.requests == []
    with pytest.warns(ScalewayWarning, match="not shown a block of type 'image'"):
        model.invoke([picture, AIMessage("A cat."), HumanMessage("What colour?")])


def test_a_model_that_nobody_knows_is_asked_where_the_user_says() -> None:
    with ScalewayEmulator(models=(ServedModel(id="my-own-model"),)) as emulator:
        for choice in (None, True, False):
            model_on(emulator, "my-own-model", use_responses_api=choice).invoke("Hello")
        assert paths(emulator) == ["/chat/completions", "/responses", "/chat/completions"]


def test_an_earlier_video_gives_way_to_a_line(emulator: ScalewayEmulator) -> None:
    """The API takes no videos, and the thread goes on."""
    video = {"type": "video", "url": "https://example.com/a.mp4"}
    history = [HumanMessage([video]), AIMessage("A cat."), HumanMessage("What colour?")]
    model = model_on(emulator, "qwen3.5-397b-a17b", use_responses_api=True)
    with pytest.warns(ScalewayWarning, match="not shown a block of type 'video'"):
        model.invoke(history)
    [request] = emulator.requests
    line = "[video https://example.com/a.mp4: not shown]"
    assert request.json["input"][0]["content"] == [{"type": "input_text", "text": line}]


@pytest.mark.parametrize("other", [{"reasoning_effort": "low"}, {"logprobs": None}, {"seed": 1}])
def test_no_other_argument_chooses_the_api(emulator: ScalewayEmulator, other: Any) -> None:
    model_on(emulator, GPT_OSS, **other).invoke("Hello")
    assert paths(emulator) == ["/chat/completions"]


def test_chat_completions_can_be_chosen_and_are_warned_of(
    emulator: ScalewayEmulator, nothing_told_yet: None
) -> None:
    agent = create_agent(model_on(emulator, GPT_OSS, use_responses_api=False), tools=[get_weather])
    with (
        pytest.warns(ScalewayWarning, match="Leave `use_responses_api` unset"),
        pytest.raises(ScalewayError),
    ):
        agent.invoke({"messages": [HumanMessage("Please get_weather for Paris.")]})
    assert set(paths(emulator)) == {"/chat/completions"}


@pytest.mark.parametrize("model", ["glm-5.2", "mistral-medium-3.5-128b"])
def test_a_model_without_the_api_says_which_switch_to_turn(
    emulator: ScalewayEmulator, model: str
) -> None:
    with pytest.raises(ScalewayInvalidRequestError, match="use_responses_api") as caught:
        model_on(emulator, model, use_responses_api=True).invoke("Hello")
    assert model in str(caught.value)


@pytest.mark.parametrize("method", ["json_schema", "function_calling", "json_mode"])
@pytest.mark.parametrize("stream", [False, True], ids=["invoke", "stream"])
def test_structured_output_by_each_method(
    emulator: ScalewayEmulator, method: Any, stream: bool
) -> None:
    person = '{"name": "Ada"}'
    if method == "function_calling":
        emulator.script(Reply(tool_calls=[ToolCall("Person", {"name": "Ada"})]))
    else:
        emulator.script(person)
    model = model_on(emulator, GPT_OSS, use_responses_api=True)
    structured = model.with_structured_output(Person, method=method)
    found = [*structured.stream("Who?")][-1] if stream else structured.invoke("Who?")
    assert found == Person(name="Ada")
    assert paths(emulator) == ["/responses"]


@pytest.mark.parametrize("stream", [False, True], ids=["invoke", "stream"])
def test_a_response_that_failed_is_the_same_error_either_way(
    emulator: ScalewayEmulator, stream: bool
) -> None:
    error = {"code": "context_length_exceeded", "message": "Too much."}
    response = {"object": "response", "status": "failed", "output": [], "error": error}
    event = f"data: {json.dumps({'type': 'response.failed', 'response': response})}\n\n"
    body, kind = (event, "text/event-stream") if stream else (json.dumps(response), "")
    headers = {"content-type": kind or "application/json"}
    emulator.script(RawReply(headers=headers, body=body.encode()))
    model = model_on(emulator, GPT_OSS, use_responses_api=True)
    with pytest.raises(ScalewayContextOverflowError, match="Too much"):
        _ = [*model.stream("Hello")] if stream else model.invoke("Hello")


def test_usage_breaks_out_reasoning_and_cache(emulator: ScalewayEmulator) -> None:
    message = model_on(emulator, GPT_OSS, use_responses_api=True).invoke("Think about it.")
    assert message.usage_metadata is not None
    assert message.usage_metadata["output_token_details"]["reasoning"] > 0
    assert "cache_read" in message.usage_metadata["input_token_details"]
    assert message.additional_kwargs["reasoning_content"]
