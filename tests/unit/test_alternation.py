"""Histories for models whose chat template insists on turns."""

from copy import deepcopy
from typing import Any

import pytest
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.messages.tool import tool_call

from langchain_scaleway.convert.messages import messages_to_wire

CALLING = AIMessage("", tool_calls=[tool_call(name="f", args={}, id="abcdefgh1")])
RESULT = ToolMessage("42", tool_call_id="abcdefgh1")
IMAGE = {"type": "image_url", "image_url": {"url": "https://images.example/cat.png"}}


def turns(*messages: BaseMessage, **options: Any) -> list[dict[str, Any]]:
    return messages_to_wire(messages, alternating_roles=True, **options)


def said(*messages: BaseMessage) -> list[tuple[str, Any]]:
    return [(message["role"], message["content"]) for message in turns(*messages)]


def test_roles_in_turn_stay_as_they_are() -> None:
    history = [
        SystemMessage("s"),
        HumanMessage("a"),
        CALLING,
        RESULT,
        AIMessage("b"),
        HumanMessage("c"),
    ]
    assert turns(*history) == messages_to_wire(history)


def test_without_the_option_nothing_is_merged() -> None:
    assert len(messages_to_wire([HumanMessage("a"), HumanMessage("b")])) == 2


def test_users_in_a_row_are_one() -> None:
    assert said(HumanMessage("a"), HumanMessage("b"), HumanMessage("c")) == [
        ("user", "a\n\nb\n\nc")
    ]


def test_assistants_in_a_row_are_one() -> None:
    assert said(HumanMessage("a"), AIMessage("b"), AIMessage("c"))[1:] == [("assistant", "b\n\nc")]


def test_an_empty_message_adds_nothing() -> None:
    assert said(HumanMessage(""), HumanMessage("b"), HumanMessage([])) == [("user", "b")]


@pytest.mark.parametrize(
    ("first", "second", "merged"),
    [
        (["a"], [IMAGE, "b"], ["a", IMAGE, "b"]),
        ("a", [IMAGE], ["a", IMAGE]),
        ([IMAGE], "b", [IMAGE, "b"]),
        ("", [IMAGE], [IMAGE]),
    ],
)
def test_parts_are_put_together(first: Any, second: Any, merged: list[Any]) -> None:
    expected = [{"type": "text", "text": p} if isinstance(p, str) else p for p in merged]
    assert said(HumanMessage(first), HumanMessage(second)) == [("user", expected)]


def test_a_text_and_the_call_after_it_are_one_message() -> None:
    _, assistant, _, _ = turns(
        HumanMessage("a"), AIMessage("Let me see."), CALLING, RESULT, AIMessage("42.")
    )
    assert assistant["content"] == "Let me see."
    assert [call["id"] for call in assistant["tool_calls"]] == ["abcdefgh1"]


def test_calls_of_assistants_in_a_row_are_one_message() -> None:
    """As agents that run side by side leave them; mistral-common refuses the second message."""
    other = AIMessage("b", tool_calls=[tool_call(name="g", args={}, id="abcdefgh2")])
    other_result = ToolMessage("43", tool_call_id="abcdefgh2")
    _, assistant, *results = turns(HumanMessage("a"), CALLING, other, RESULT, other_result)
    assert assistant["content"] == "b"
    assert [call["id"] for call in assistant["tool_calls"]] == ["abcdefgh1", "abcdefgh2"]
    assert [result["role"] for result in results] == ["tool", "tool"]


@pytest.mark.parametrize("exchange", [[CALLING, RESULT], [CALLING]], ids=["answered", "open"])
def test_the_assistant_has_the_last_word_in_a_tool_exchange(exchange: list[BaseMessage]) -> None:
    history = [HumanMessage("a"), *exchange, HumanMessage("b")]
    assert said(*history)[-2:] == [("assistant", "OK."), ("user", "b")]


def test_a_tool_message_at_the_end_is_left_for_the_model_to_answer() -> None:
    assert turns(HumanMessage("a"), CALLING, RESULT)[-1]["role"] == "tool"


def test_system_messages_at_the_start_are_one() -> None:
    assert said(SystemMessage("a"), SystemMessage("b"), HumanMessage("c")) == [
        ("system", "a\n\nb"),
        ("user", "c"),
    ]


def test_a_later_system_message_is_a_users() -> None:
    history = [SystemMessage("a"), HumanMessage("b"), SystemMessage("c"), AIMessage("d")]
    assert said(*history) == [("system", "a"), ("user", "b\n\nc"), ("assistant", "d")]


def test_a_beginning_by_the_assistant_is_kept() -> None:
    history = [SystemMessage("a"), AIMessage("Welcome!"), HumanMessage("b")]
    assert turns(*history) == messages_to_wire(history)


def test_other_roles_are_kept() -> None:
    history = [ChatMessage(content="a", role="critic"), ChatMessage(content="b", role="critic")]
    assert turns(*history) == messages_to_wire(history)


@pytest.mark.parametrize(
    ("first", "second", "name"),
    [("ada", "ada", "ada"), ("ada", "bob", None), (None, "bob", None), ("ada", None, None)],
)
def test_a_name_stays_if_both_have_it(
    first: str | None, second: str | None, name: str | None
) -> None:
    (merged,) = turns(HumanMessage("a", name=first), HumanMessage("b", name=second))
    assert merged.get("name") == name


def test_reasoning_is_joined_like_text() -> None:
    first = AIMessage("a", additional_kwargs={"reasoning_content": "r"})
    second = AIMessage("b", additional_kwargs={"reasoning_content": "s"})
    assert turns(first, second, AIMessage("c"), replay_reasoning=True) == [
        {"role": "assistant", "content": "a\n\nb\n\nc", "reasoning": "r\n\ns"}
    ]


def test_the_callers_messages_stay_as_they_were() -> None:
    history = [HumanMessage(["a", IMAGE]), HumanMessage(["b"]), AIMessage("c"), CALLING]
    before = deepcopy(history)
    turns(*history)
    assert history == before
