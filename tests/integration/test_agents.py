"""LangChain's agent on the local engine: the loop of tool calls, with a model that decides itself.

The questions are of the kinds that the toy model has learnt.
"""

from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware.types import InputAgentState
from langchain.agents.structured_output import ProviderStrategy, ToolStrategy
from langchain_core.messages import AIMessage, AIMessageChunk, AnyMessage, HumanMessage, ToolMessage
from pydantic import BaseModel

from langchain_scaleway import ChatScaleway

WEATHER = {"Paris": "sunny", "Lyon": "sunny"}


def get_weather(city: str) -> str:
    """Get the weather in a city."""
    return WEATHER[city]


def add(a: int, b: int) -> int:
    """Add two integers."""
    return a + b


class Person(BaseModel):
    """A person."""

    name: str
    age: int
    city: str


ALICE = Person(name="Alice", age=30, city="Paris")


PARIS = "What is the weather in Paris?"


def ask(question: str) -> InputAgentState:
    """The input of an agent that is asked one question."""
    return {"messages": [HumanMessage(question)]}


def tool_calls(messages: list[AnyMessage]) -> list[tuple[str, dict[str, Any]]]:
    """Name and arguments of every call that the model made."""
    return [
        (call["name"], call["args"])
        for message in messages
        if isinstance(message, AIMessage)
        for call in message.tool_calls
    ]


@pytest.mark.parametrize(
    ("question", "call", "result", "answer"),
    [
        (PARIS, ("get_weather", {"city": "Paris"}), "sunny", "It is sunny in Paris."),
        ("What is 3 + 4?", ("add", {"a": 3, "b": 4}), "7", "The result is 7."),
    ],
)
async def test_agent_picks_one_of_two_tools(
    model: ChatScaleway, question: str, call: tuple[str, dict[str, Any]], result: str, answer: str
) -> None:
    agent = create_agent(model, tools=[get_weather, add])

    for state in (agent.invoke(ask(question)), await agent.ainvoke(ask(question))):
        messages = state["messages"]
        assert tool_calls(messages) == [call]
        assert [m.text for m in messages if isinstance(m, ToolMessage)] == [result]
        assert messages[-1].text.strip() == answer


def test_agent_calls_tools_in_parallel(model: ChatScaleway) -> None:
    question = "What is the weather in Paris and in Lyon?"
    state = create_agent(model, tools=[get_weather]).invoke(ask(question))

    _, request, *results, answer = state["messages"]
    assert [call["args"]["city"] for call in request.tool_calls] == ["Paris", "Lyon"]
    assert [(result.tool_call_id, result.text) for result in results] == [
        (call["id"], "sunny") for call in request.tool_calls
    ]
    assert answer.text.strip() == "It is sunny in Paris and in Lyon."


def test_agent_that_thinks(thinking_model: ChatScaleway) -> None:
    state = create_agent(thinking_model, tools=[get_weather]).invoke(ask(PARIS))

    _, request, _, answer = state["messages"]
    assert request.additional_kwargs["reasoning_content"].strip() == (
        "I should call get_weather for Paris."
    )
    assert tool_calls([request]) == [("get_weather", {"city": "Paris"})]
    assert answer.text.strip() == "It is sunny in Paris."


@pytest.mark.parametrize(
    ("response_format", "tools"),
    [
        (Person, []),
        (ToolStrategy(Person), [get_weather]),
        (ProviderStrategy(Person), []),
    ],
    ids=["bare schema", "ToolStrategy", "ProviderStrategy"],
)
async def test_agent_with_response_format(
    model: ChatScaleway, response_format: Any, tools: list[Any]
) -> None:
    agent = create_agent(model, tools=tools, response_format=response_format)
    question = ask("Alice is 30 years old and lives in Paris.")

    for state in (agent.invoke(question), await agent.ainvoke(question)):
        assert state["structured_response"] == ALICE


async def test_agent_streams_tokens(model: ChatScaleway) -> None:
    agent: Any = create_agent(model, tools=[get_weather])

    pairs = list(agent.stream(ask(PARIS), stream_mode="messages"))
    apairs = [pair async for pair in agent.astream(ask(PARIS), stream_mode="messages")]

    for messages in ([message for message, _ in pairs], [message for message, _ in apairs]):
        texts: dict[str, str] = {}
        for chunk in messages:
            if isinstance(chunk, AIMessageChunk):
                texts[chunk.id or ""] = texts.get(chunk.id or "", "") + chunk.text
        assert [text.strip() for text in texts.values()] == ["", "It is sunny in Paris."]
        assert [m.text for m in messages if isinstance(m, ToolMessage)] == ["sunny"]
