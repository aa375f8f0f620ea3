"""LangChain's agent on the emulator: tools, structured answers, every way to stream it.

Unless a test scripts the replies, the emulated model calls the tools whose names the question
mentions, and answers in text with their results. As on Scaleway, it calls no tools in a request
with a response schema.
"""

import json
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import ToolErrorMiddleware
from langchain.agents.middleware.types import InputAgentState, ToolCallRequest
from langchain.agents.structured_output import ProviderStrategy, ToolStrategy
from langchain_core.messages import AIMessageChunk, HumanMessage, ToolMessage
from langgraph.config import get_stream_writer
from langgraph.types import StreamMode
from pydantic import BaseModel, Field

from langchain_scaleway import ScalewayWarning
from langchain_scaleway.testing import Reply, ScalewayEmulator, ToolCall, Usage
from tests.support.models import THINKING_MODEL, model_on
from tests.support.tools import get_time, get_weather

T = TypeVar("T")

QUESTION = "What is the weather in Paris?"


class Forecast(BaseModel):
    """The answer to a question about the sky."""

    city: str
    degrees: int = Field(ge=-90, le=60)


CALL = ToolCall("get_weather", {"city": "Paris"}, id="call_1")
FORECAST = Forecast(city="Paris", degrees=21)
FORECAST_CALL = ToolCall("Forecast", FORECAST.model_dump(), id="call_2")


def ask(question: str = QUESTION) -> InputAgentState:
    """The input of an agent that is asked one question."""
    return {"messages": [HumanMessage(question)]}


def tools_offered(emulator: ScalewayEmulator) -> list[list[str]]:
    """The names of the tools in each request."""
    return [
        [tool["function"]["name"] for tool in request.json.get("tools", [])]
        for request in emulator.requests
    ]


# --- Tools ------------------------------------------------------------------------------


@pytest.mark.usefixtures("both_apis")
async def test_agent_calls_tools_and_answers(emulator: ScalewayEmulator) -> None:
    agent = create_agent(model_on(emulator), tools=[get_weather, get_time])
    question = ask("What are the weather and the time in Lyon?")

    for state in (agent.invoke(question), await agent.ainvoke(question)):
        _, request, *results, answer = state["messages"]
        assert [call["name"] for call in request.tool_calls] == ["get_weather", "get_time"]
        assert [result.text for result in results] == ["sunny in Lyon", "noon in Lyon"]
        ids = [call["id"] for call in request.tool_calls]
        assert [result.tool_call_id for result in results] == ids
        assert answer.text.startswith("The tool answered: ")
    assert all(call_id in str(emulator.requests[-1].json) for call_id in ids), "as they came"


@pytest.mark.parametrize(
    ("replay", "in_run", "afterwards"),
    [(None, True, False), (True, True, True), (False, False, False)],
)
def test_agent_gets_its_thoughts_back_within_a_run(
    emulator: ScalewayEmulator, replay: bool | None, in_run: bool, afterwards: bool
) -> None:
    """Between calls of tools, but not in the next turn, unless it is said otherwise."""
    model = model_on(emulator, THINKING_MODEL, replay_reasoning=replay)
    agent = create_agent(model, tools=[get_weather])

    messages = agent.invoke(ask())["messages"]
    agent.invoke({"messages": [*messages, HumanMessage("Thank you!")]})

    _, request, _, answer = messages
    assert request.additional_kwargs["reasoning_content"]
    assert answer.additional_kwargs["reasoning_content"]
    _, within, next_turn = (r.json["messages"] for r in emulator.requests)
    assert ("reasoning" in within[1]) is in_run
    assert ("reasoning" in next_turn[1]) is afterwards


PICTURE = {"type": "image", "base64": "iVBORw0KGgo=", "mime_type": "image/png"}
REPORT = {"type": "file", "url": "docs://report", "mime_type": "text/markdown"}


@pytest.mark.parametrize(
    ("model", "roles"),
    [
        ("mistral-small-3.2-24b-instruct-2506", ["tool", "assistant", "user"]),
        (THINKING_MODEL, ["tool", "user"]),
        ("glm-5.2", ["tool"]),
    ],
    ids=["Mistral", "reads pictures", "reads none"],
)
def test_tool_that_returns_a_picture_and_a_file_is_no_end_of_a_run(
    emulator: ScalewayEmulator, model: str, roles: list[str]
) -> None:
    def draw() -> list[dict[str, str]]:
        """Draw a chart."""
        return [{"type": "text", "text": "Done."}, PICTURE, REPORT]

    emulator.script(Reply(tool_calls=[ToolCall("draw", {})]), "A chart.")
    agent = create_agent(model_on(emulator, model), tools=[draw])
    state = agent.invoke(ask())

    assert state["messages"][-1].text == "A chart."
    sent = emulator.requests[-1].json["messages"][2:]
    assert [message["role"] for message in sent] == roles
    assert sent[0]["content"].endswith("[file docs://report, text/markdown: not shown]")
    pictures = [part for message in sent for part in message["content"] if "image_url" in part]
    assert len(pictures) == (1 if "user" in roles else 0)


def test_a_thirteenth_screenshot_is_no_end_of_a_run(emulator: ScalewayEmulator) -> None:
    """Scaleway takes twelve pictures in a request; the model has seen the oldest."""

    def look() -> list[dict[str, str]]:
        """Look at the screen."""
        return [PICTURE]

    emulator.script(*[Reply(tool_calls=[ToolCall("look", {})])] * 13, "All is well.")
    agent = create_agent(model_on(emulator, THINKING_MODEL), tools=[look])
    with pytest.warns(ScalewayWarning, match="is not shown a block of type 'image'"):
        state = agent.invoke(ask())

    assert state["messages"][-1].text == "All is well."
    seen = [m["content"] for m in emulator.requests[-1].json["messages"] if m["role"] == "user"]
    kinds = [content[1]["type"] for content in seen[1:]]
    assert kinds == ["text", *["image_url"] * 12]


@pytest.mark.usefixtures("both_apis")
def test_tool_that_fails_is_reported_to_the_model(emulator: ScalewayEmulator) -> None:
    def get_weather(city: str) -> str:
        """Get the weather in a city."""
        raise TimeoutError("The weather station is asleep.")

    def explain(error: Exception, _request: ToolCallRequest) -> str:
        return f"{type(error).__name__}: try another source."

    agent = create_agent(
        model_on(emulator), tools=[get_weather], middleware=[ToolErrorMiddleware(explain)]
    )
    _, _, result, answer = agent.invoke(ask())["messages"]

    assert isinstance(result, ToolMessage)
    assert result.status == "error"
    assert answer.text == "The tool answered: TimeoutError: try another source."

    emulator.script(Reply(tool_calls=[ToolCall("get_weather", {"town": "Paris"})]))
    _, _, result, _ = create_agent(model_on(emulator), [get_weather]).invoke(ask())["messages"]
    assert isinstance(result, ToolMessage)
    assert (result.status, "city" in result.text) == ("error", True), "wrong arguments, too"


@pytest.mark.parametrize("streaming", [False, True])
def test_unreadable_arguments_are_reported_to_the_model(
    emulator: ScalewayEmulator, streaming: bool
) -> None:
    emulator.script(
        Reply(tool_calls=[ToolCall("get_weather", '{"city": "Par', id="call_cut"), CALL]),
    )
    agent = create_agent(model_on(emulator, streaming=streaming), tools=[get_weather])

    messages = agent.invoke(ask())["messages"]

    results = {m.tool_call_id: m.text for m in messages if isinstance(m, ToolMessage)}
    assert results["call_1"] == "sunny in Paris"
    assert "malformed" in results["call_cut"]
    answered = [
        message["tool_call_id"]
        for message in emulator.requests[-1].json["messages"]
        if message["role"] == "tool"
    ]
    assert sorted(answered) == ["call_1", "call_cut"], "each call has its answer"


@pytest.mark.parametrize("streaming", [False, True])
def test_a_call_that_max_tokens_cut_off_is_not_run_and_leads_to_a_second_try(
    emulator: ScalewayEmulator, streaming: bool
) -> None:
    """Streaming, vLLM makes up the arguments `{}` and says `tool_calls`.

    LangChain 1.5 goes on by itself where another call of the turn was whole; else the run ends,
    and the model is told in the next one.
    """
    deleted: list[str | None] = []

    def delete_all(path: str | None = None) -> str:
        """Delete everything, or everything in a folder."""
        deleted.append(path)
        return "deleted"

    at_limit = Usage(prompt_tokens=9, completion_tokens=20)
    cut_off = ToolCall("delete_all", {}, id="call_cut")
    whole = ToolCall("delete_all", {"path": "cache"}, id="call_whole")
    emulator.script(
        Reply(tool_calls=[CALL, cut_off], finish_reason="tool_calls", usage=at_limit),
        Reply(tool_calls=[whole], usage=Usage(prompt_tokens=9, completion_tokens=5)),
        "Done.",
    )
    model = model_on(emulator, streaming=streaming, max_tokens=20)
    messages = create_agent(model, tools=[get_weather, delete_all]).invoke(ask("Tidy up."))[
        "messages"
    ]

    assert deleted == ["cache"]
    assert messages[-1].text == "Done."
    told = {m["tool_call_id"]: m["content"] for m in emulator.requests[1].json["messages"][2:]}
    assert told["call_1"] == "sunny in Paris"
    assert "malformed or truncated" in told["call_cut"]


# --- Structured answers -----------------------------------------------------------------


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize(
    "response_format", [Forecast, ToolStrategy(Forecast)], ids=["bare schema", "ToolStrategy"]
)
async def test_tools_are_called_and_the_answer_is_structured(
    emulator: ScalewayEmulator, response_format: Any, streaming: bool
) -> None:
    """With nothing to configure: no request carries the schema that would suppress the tools."""
    model = model_on(emulator, streaming=streaming)
    agent = create_agent(model, tools=[get_weather], response_format=response_format)
    replies = Reply(tool_calls=[CALL]), Reply(tool_calls=[FORECAST_CALL])

    emulator.script(*replies, *replies)
    for state in (agent.invoke(ask()), await agent.ainvoke(ask())):
        assert state["structured_response"] == FORECAST
        results = [m.text for m in state["messages"] if isinstance(m, ToolMessage)]
        assert results[0] == "sunny in Paris"
    assert tools_offered(emulator) == [["get_weather", "Forecast"]] * 4
    for request in emulator.requests:
        assert request.json["tool_choice"] == "required"
        assert "response_format" not in request.json


@pytest.mark.usefixtures("both_apis")
def test_bare_schema_goes_through_a_tool_for_an_unknown_model_too(
    emulator: ScalewayEmulator,
) -> None:
    """A model without a profile: `create_agent` then goes by patterns of names."""
    model = model_on(emulator).model_copy(update={"profile": None})
    emulator.script(Reply(tool_calls=[FORECAST_CALL]))

    state = create_agent(model, tools=[], response_format=Forecast).invoke(ask())

    assert state["structured_response"] == FORECAST
    assert "response_format" not in emulator.requests[0].json


class Page(BaseModel, Generic[T]):
    """A page of answers."""

    items: list[T]


def test_generic_class_is_the_structured_answer(emulator: ScalewayEmulator) -> None:
    """Its name, `Page[Forecast]`, is none that a tool can have on the wire."""
    page = Page[Forecast](items=[FORECAST])
    emulator.script(Reply(tool_calls=[ToolCall("Page_Forecast_", page.model_dump())]))
    agent = create_agent(model_on(emulator), [get_time], response_format=Page[Forecast])
    assert agent.invoke(ask())["structured_response"] == page


def test_structured_answer_that_breaks_the_schema_is_asked_for_again(
    emulator: ScalewayEmulator,
) -> None:
    wrong = ToolCall("Forecast", {"city": "Paris", "degrees": 200})
    emulator.script(Reply(tool_calls=[wrong]), Reply(tool_calls=[FORECAST_CALL]))

    agent = create_agent(model_on(emulator), tools=[], response_format=ToolStrategy(Forecast))

    assert agent.invoke(ask())["structured_response"] == FORECAST
    assert "degrees" in emulator.requests[-1].json["messages"][-1]["content"]


@pytest.mark.parametrize("streaming", [False, True])
async def test_provider_strategy_without_tools(emulator: ScalewayEmulator, streaming: bool) -> None:
    model = model_on(emulator, streaming=streaming)
    agent = create_agent(model, tools=[], response_format=ProviderStrategy(Forecast))

    for state in (agent.invoke(ask()), await agent.ainvoke(ask())):
        assert isinstance(state["structured_response"], Forecast)
    for request in emulator.requests:
        assert request.json["response_format"]["json_schema"]["name"] == "Forecast"
        assert "tools" not in request.json


@pytest.mark.usefixtures("nothing_told_yet")
def test_provider_strategy_with_tools_answers_without_them_and_says_so(
    emulator: ScalewayEmulator,
) -> None:
    """Who asks for the schema in the request gets what Scaleway does with it, and a warning."""
    agent = create_agent(
        model_on(emulator), tools=[get_weather], response_format=ProviderStrategy(Forecast)
    )

    with pytest.warns(ScalewayWarning, match="ToolStrategy"):
        state = agent.invoke(ask())

    assert isinstance(state["structured_response"], Forecast)
    assert not any(isinstance(message, ToolMessage) for message in state["messages"])


# --- Streaming --------------------------------------------------------------------------


def get_weather_slowly(city: str) -> str:
    """Get the weather in a city."""
    get_stream_writer()(f"looking at {city}")
    return f"sunny in {city}"


def of_values(states: list[Any]) -> None:
    assert [len(state["messages"]) for state in states] == [1, 2, 3, 4]


def of_updates(updates: list[Any]) -> None:
    assert [list(update) for update in updates] == [["model"], ["tools"], ["model"]]


def of_messages(pairs: list[Any]) -> None:
    chunks = [message for message, _ in pairs if isinstance(message, AIMessageChunk)]
    answers = {chunk.id: [c for c in chunks if c.id == chunk.id] for chunk in chunks}
    assert len(answers) == 2, "one for each call of the model"
    request, answer = (sum(parts[1:], parts[0]) for parts in answers.values())
    assert [call["name"] for call in request.tool_calls] == ["get_weather_slowly"]
    assert answer.text == "The tool answered: sunny in Paris"
    assert len(chunks) > 8, "token by token"
    assert [m.text for m, _ in pairs if isinstance(m, ToolMessage)] == ["sunny in Paris"]


def of_custom(written: list[Any]) -> None:
    assert written == ["looking at Paris"]


def of_debug(events: list[Any]) -> None:
    finished = [event["payload"]["name"] for event in events if event["type"] == "task_result"]
    assert finished == ["model", "tools", "model"]


CHECKS: dict[StreamMode, Callable[[list[Any]], None]] = {
    "values": of_values,
    "updates": of_updates,
    "messages": of_messages,
    "custom": of_custom,
    "debug": of_debug,
}


@pytest.mark.usefixtures("both_apis")
async def test_agent_streams_in_every_mode(emulator: ScalewayEmulator) -> None:
    agent = create_agent(model_on(emulator), tools=[get_weather_slowly])
    modes = list(CHECKS)

    parts = list(agent.stream(ask(), stream_mode=modes))
    aparts = [part async for part in agent.astream(ask(), stream_mode=modes)]

    for found in (parts, aparts):
        for mode, check in CHECKS.items():
            check([part for its_mode, part in found if its_mode == mode])


@pytest.mark.usefixtures("both_apis")
def test_agent_streams_its_structured_answer(emulator: ScalewayEmulator) -> None:
    agent = create_agent(model_on(emulator), tools=[get_weather], response_format=Forecast)

    emulator.script(Reply(tool_calls=[CALL]), Reply(tool_calls=[FORECAST_CALL]))
    arguments = ""
    for message, _ in agent.stream(ask(), stream_mode="messages"):
        if isinstance(message, AIMessageChunk):
            for call in message.tool_call_chunks:
                arguments += call["args"] or ""

    assert arguments == json.dumps({"city": "Paris"}, separators=(",", ":")) + json.dumps(
        FORECAST.model_dump(), separators=(",", ":")
    )
