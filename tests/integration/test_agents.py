"""LangChain's agent on the local engine: the loop of tool calls, in every way to run it.

The questions are of the kinds that the toy model has learnt.
"""

from collections.abc import Iterator
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


def tool_results(messages: list[AnyMessage]) -> list[str]:
    """What the tools answered."""
    return [message.text for message in messages if isinstance(message, ToolMessage)]


@pytest.mark.parametrize(
    ("question", "call", "result", "answer"),
    [
        (
            "What is the weather in Paris?",
            ("get_weather", {"city": "Paris"}),
            "sunny",
            "It is sunny in Paris.",
        ),
        ("What is 3 + 4?", ("add", {"a": 3, "b": 4}), "7", "The result is 7."),
    ],
)
def test_agent_picks_one_of_two_tools(
    model: ChatScaleway, question: str, call: tuple[str, dict[str, Any]], result: str, answer: str
) -> None:
    state = create_agent(model, tools=[get_weather, add]).invoke(ask(question))

    assert tool_calls(state["messages"]) == [call]
    assert tool_results(state["messages"]) == [result]
    assert state["messages"][-1].text.strip() == answer


def test_agent_calls_tools_in_parallel(model: ChatScaleway) -> None:
    question = "What is the weather in Paris and in Lyon?"
    state = create_agent(model, tools=[get_weather]).invoke(ask(question))

    _, request, *results, answer = state["messages"]
    assert tool_calls([request]) == [
        ("get_weather", {"city": "Paris"}),
        ("get_weather", {"city": "Lyon"}),
    ]
    assert [result.tool_call_id for result in results] == [
        call["id"] for call in request.tool_calls
    ]
    assert tool_results(results) == ["sunny", "sunny"]
    assert answer.text.strip() == "It is sunny in Paris and in Lyon."


def test_agent_that_thinks(thinking_model: ChatScaleway) -> None:
    state = create_agent(thinking_model, tools=[get_weather]).invoke(
        ask("What is the weather in Paris?")
    )

    _, request, _, answer = state["messages"]
    assert request.additional_kwargs["reasoning_content"].strip() == (
        "I should call get_weather for Paris."
    )
    assert tool_calls([request]) == [("get_weather", {"city": "Paris"})]
    assert answer.text.strip() == "It is sunny in Paris."


@pytest.mark.parametrize(
    "response_format",
    [Person, ToolStrategy(Person), ProviderStrategy(Person)],
    ids=["bare schema", "ToolStrategy", "ProviderStrategy"],
)
def test_agent_with_response_format(model: ChatScaleway, response_format: Any) -> None:
    agent = create_agent(model, tools=[], response_format=response_format)
    state = agent.invoke(ask("Alice is 30 years old and lives in Paris."))

    assert state["structured_response"] == ALICE


def test_agent_with_tools_and_response_format(model: ChatScaleway) -> None:
    agent = create_agent(model, tools=[get_weather], response_format=ToolStrategy(Person))
    state = agent.invoke(ask("Alice is 30 years old and lives in Paris."))

    assert state["structured_response"] == ALICE


def test_agent_streams_tokens(model: ChatScaleway) -> None:
    agent = create_agent(model, tools=[get_weather])

    stream: Iterator[Any] = agent.stream(
        ask("What is the weather in Paris?"), stream_mode="messages"
    )

    texts: dict[str | None, str] = {}
    results = []
    for message, _metadata in stream:
        if isinstance(message, AIMessageChunk):
            texts[message.id] = texts.get(message.id, "") + message.text
        else:
            results.append(message.text)

    assert results == ["sunny"]
    assert [text.strip() for text in texts.values()] == ["", "It is sunny in Paris."]


def test_agent_streams_steps(model: ChatScaleway) -> None:
    agent = create_agent(model, tools=[get_weather])

    steps = [
        node
        for update in agent.stream(ask("What is the weather in Paris?"), stream_mode="updates")
        for node in update
    ]

    assert steps == ["model", "tools", "model"]


async def test_agent_async(model: ChatScaleway) -> None:
    state = await create_agent(model, tools=[get_weather, add]).ainvoke(
        ask("What is the weather in Lyon?")
    )

    assert tool_calls(state["messages"]) == [("get_weather", {"city": "Lyon"})]
    assert state["messages"][-1].text.strip() == "It is sunny in Lyon."


async def test_agent_streams_tokens_async(model: ChatScaleway) -> None:
    agent = create_agent(model, tools=[get_weather])

    text = ""
    async for message, _metadata in agent.astream(
        ask("What is the weather in Lyon?"), stream_mode="messages"
    ):
        if isinstance(message, AIMessageChunk):
            text += message.text

    assert text.strip() == "It is sunny in Lyon."


async def test_agent_with_response_format_async(model: ChatScaleway) -> None:
    agent = create_agent(model, tools=[], response_format=Person)
    state = await agent.ainvoke(ask("Alice is 30 years old and lives in Paris."))

    assert state["structured_response"] == ALICE
