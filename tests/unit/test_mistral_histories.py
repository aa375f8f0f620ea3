"""Tool calls in histories for models of the Mistral family, as mistral-common checks them."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import (
    AIMessage,
    AnyMessage,
    ChatMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.messages.tool import invalid_tool_call, tool_call

from langchain_scaleway.convert.messages import messages_to_wire
from langchain_scaleway.convert.mistral import NO_RESULT

ASKED = HumanMessage("a")
IDS_OF_PROVIDERS = {
    "Scaleway": "chatcmpl-tool-8f14e45fceea167a5a36dedd4bea2543",
    "ours": "chatcmpl-8f14e45f-tool-0",
    "OpenAI": "call_1",
    "Anthropic": "toolu_01",
    "Google": "a1b2c3d4-1111-2222-3333-444455556666",
    "none": "",
    "foreign letters": "çà-☕",
}


def wire_of(*messages: AnyMessage) -> list[dict[str, Any]]:
    return messages_to_wire(messages, alternating_roles=True)


def calling(*ids: str, name: str = "f") -> AIMessage:
    return AIMessage("", tool_calls=[tool_call(name=name, args={}, id=one) for one in ids])


def result(call_id: str) -> ToolMessage:
    return ToolMessage("42", tool_call_id=call_id)


def results_in(wire: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(m["tool_call_id"], m["content"]) for m in wire if m["role"] == "tool"]


@pytest.mark.parametrize("call_id", IDS_OF_PROVIDERS.values(), ids=IDS_OF_PROVIDERS)
def test_ids_are_nine_letters_and_digits_in_calls_and_results(call_id: str) -> None:
    history = (ASKED, calling(call_id), result(call_id))
    wire = wire_of(*history)
    (call,) = wire[1]["tool_calls"]
    assert re.fullmatch("[a-zA-Z0-9]{9}", call["id"])
    assert wire[2]["tool_call_id"] == call["id"]
    assert wire_of(*history) == wire  # or no prompt would be found in the cache again


def test_ids_of_their_own_stay() -> None:
    assert wire_of(ASKED, calling("Abcdefg12"))[1]["tool_calls"][0]["id"] == "Abcdefg12"


def test_ids_with_the_same_end_stay_apart() -> None:
    """Of which vLLM itself keeps nine characters."""
    calls = wire_of(ASKED, calling("a-123456789", "b-123456789"))[1]["tool_calls"]
    assert len({call["id"] for call in calls}) == 2


def test_other_models_get_the_ids_as_they_are() -> None:
    wire = messages_to_wire([ASKED, calling("call_1", name="a b"), result("call_1")])
    assert wire[1]["tool_calls"][0]["id"] == wire[2]["tool_call_id"] == "call_1"
    assert wire[1]["tool_calls"][0]["function"]["name"] == "a_b"


@pytest.mark.parametrize(
    ("written", "sent"),
    [("get_weather-2", "get_weather-2"), ("functions.get weather", "functions_get_weather")],
)
def test_names_that_a_model_made_up(written: str, sent: str) -> None:
    # An agent's tool node names the unknown tool in its answer, too.
    unknown = ToolMessage("No such tool.", tool_call_id="1", name=written)
    _, assistant, tool = wire_of(ASKED, calling("1", name=written), unknown)
    assert assistant["tool_calls"][0]["function"]["name"] == tool["name"] == sent


def test_a_long_name_is_cut() -> None:
    long = wire_of(ASKED, calling("1", name="f" * 65))[1]["tool_calls"][0]["function"]["name"]
    assert long == "f" * 64


def test_other_names_stay() -> None:
    assert wire_of(HumanMessage("a", name="Ada Lovelace"))[0]["name"] == "Ada Lovelace"


def test_an_assistant_who_says_nothing_is_left_out() -> None:
    """A reply that `max_tokens` ended within its reasoning is such a message."""
    silent = AIMessage("", additional_kwargs={"reasoning_content": "Hm"})
    assert wire_of(ASKED, silent, HumanMessage("b")) == [{"role": "user", "content": "a\n\nb"}]
    with_reasoning = messages_to_wire(
        [ASKED, silent], alternating_roles=True, replay_reasoning=True
    )
    assert with_reasoning[1] == {"role": "assistant", "content": "", "reasoning": "Hm"}


INVALID = AIMessage(
    "", invalid_tool_calls=[invalid_tool_call(name="f", args="{", id="abcdefgh1", error="")]
)


@pytest.mark.parametrize("unanswered", [calling("abcdefgh1"), INVALID], ids=["open", "invalid"])
@pytest.mark.parametrize("next_turn", [HumanMessage("b"), SystemMessage("b")])
def test_a_call_that_nobody_answered_gets_a_result(
    unanswered: AIMessage, next_turn: AnyMessage
) -> None:
    wire = wire_of(ASKED, unanswered, next_turn, AIMessage("c"), HumanMessage("d"))
    roles = ["user", "assistant", "tool", "assistant", "user", "assistant", "user"]
    assert [message["role"] for message in wire] == roles
    assert results_in(wire) == [("abcdefgh1", NO_RESULT)]


@pytest.mark.parametrize("rest", [[], [AIMessage("b"), HumanMessage("c")]], ids=["end", "more"])
def test_one_of_two_calls_was_answered(rest: list[AnyMessage]) -> None:
    wire = wire_of(ASKED, calling("abcdefgh1", "abcdefgh2"), result("abcdefgh1"), *rest)
    assert results_in(wire) == [("abcdefgh1", "42"), ("abcdefgh2", NO_RESULT)]
    assert [message["role"] for message in wire][:4] == ["user", "assistant", "tool", "tool"]


def test_results_may_come_later_in_the_turn() -> None:
    results = [result("abcdefgh1"), result("abcdefgh2")]
    wire = wire_of(ASKED, calling("abcdefgh1"), calling("abcdefgh2"), *results)
    assert results_in(wire) == [("abcdefgh1", "42"), ("abcdefgh2", "42")]


def test_a_call_at_the_end_is_left_open() -> None:
    assert [message["role"] for message in wire_of(ASKED, calling("1"))] == ["user", "assistant"]


def test_a_tool_message_without_an_id_is_borne() -> None:
    wire = wire_of(ASKED, calling("abcdefgh1"), ChatMessage(role="tool", content="42"))
    assert [message["role"] for message in wire] == ["user", "assistant", "tool"]


_TURNS = st.lists(
    st.one_of(
        st.builds(HumanMessage, st.text(max_size=3)),
        st.builds(AIMessage, st.text(max_size=3)),
        st.lists(st.sampled_from("xyz"), min_size=1, unique=True).map(lambda ids: calling(*ids)),
        st.sampled_from("xyz").map(result),
    ),
    max_size=8,
)


@given(_TURNS)
def test_mistral_common_takes_the_calls_and_results(turns: list[AnyMessage]) -> None:
    """By the rules of its `MistralRequestValidatorV11`, results of no call aside."""
    lacking: set[str] = set()
    for message in wire_of(*turns, HumanMessage("end")):
        if message["role"] in ("assistant", "user"):
            assert not lacking
        if message["role"] == "assistant":
            assert message["content"] or message.get("tool_calls")
        lacking |= {call["id"] for call in message.get("tool_calls", ())}
        lacking.discard(message.get("tool_call_id", ""))
