"""Tools may have any name: legal ones go out, and the caller's own come back."""

import re
from typing import Any, Generic, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import StructuredTool
from pydantic import BaseModel

from langchain_scaleway.convert.names import ToolNames
from tests.support.replay import ReplayServer
from tests.support.structured import Ask
from tests.support.wire import calls_event, event, fragment, whole

_NAMES = st.lists(
    st.text(max_size=90)
    | st.text("ab_.[] ", min_size=60, max_size=70)
    | st.text("a_ .", max_size=3),
    max_size=8,
)
_LEGAL = r"[A-Za-z0-9_-]{1,64}"


@given(_NAMES, st.text(max_size=80), st.randoms())
def test_names_on_the_wire_are_legal_and_distinct_and_come_back(
    bound: list[str], unknown: str, random: Any
) -> None:
    names = ToolNames(bound)
    wire = {name: names.to_wire(name) for name in bound}
    assert len(set(wire.values())) == len(set(bound))
    assert all(re.fullmatch(_LEGAL, name) for name in [*wire.values(), names.to_wire(unknown)])
    assert [names.from_wire(wire[name]) for name in bound] == bound
    again = ToolNames(random.sample(bound, len(bound)))
    assert wire == {name: again.to_wire(name) for name in bound}, "prompt caches depend on it"


@given(st.from_regex(_LEGAL, fullmatch=True), _NAMES)
def test_a_legal_name_stays(name: str, others: list[str]) -> None:
    assert ToolNames([*others, name]).to_wire(name) == name
    assert ToolNames(others).to_wire(name) == name


@given(st.text("ab.", min_size=1, max_size=4), st.text("ab.", min_size=1, max_size=4))
def test_an_unknown_name_is_not_mistaken_for_a_bound_one(bound: str, unknown: str) -> None:
    names = ToolNames([bound])
    if unknown != bound and re.fullmatch(_LEGAL, unknown) is None:
        assert names.to_wire(unknown) != names.to_wire(bound)


def test_what_clings_to_a_name_is_cut_from_a_bound_tool() -> None:
    """The markup of gpt-oss, and the line break of GLM."""
    for before, after in (
        ("", "\n"),
        ("functions.", ""),
        ("", "<|channel|>commentary"),
        ("functions.", "<|channel|>commentary json"),
    ):
        said = f"{before}get_weather{after}"
        assert ToolNames(["get_weather", "add"]).from_wire(said) == "get_weather"
        assert ToolNames(["add"]).from_wire(said) == said, "an unknown name is shown as it came"


T = TypeVar("T")


class Page(BaseModel, Generic[T]):
    """A page of items."""

    items: list[T]


class Invoice(BaseModel):
    number: int


def look_up(name: str) -> StructuredTool:
    return StructuredTool.from_function(lambda: "", name=name, description="Look.")


ILLEGAL = {
    "a generic class": (Page[Invoice], "Page[Invoice]", "Page_Invoice_"),
    "a dot": (look_up("files.read"), "files.read", "files_read"),
    "spaces and accents": (look_up("météo à Paris"), "météo à Paris", "m_t_o___Paris"),
    "66 letters": (look_up("a" * 66), "a" * 66, "a" * 64),
}


@pytest.mark.parametrize(("tool", "name", "legal"), ILLEGAL.values(), ids=ILLEGAL)
def test_any_name_goes_there_and_back(
    tool: Any, name: str, legal: str, replay_server: ReplayServer, ask: Ask
) -> None:
    """In the tools, the choice and the history, and in calls that are whole or streamed."""
    called = fragment("{}", name=legal, id="c2", index=0)
    history = [
        HumanMessage("Look!"),
        AIMessage("", tool_calls=[{"name": name, "args": {}, "id": "c1"}]),
        ToolMessage("Nothing.", tool_call_id="c1", name=name),
    ]
    bound: Any = ask(whole({"tool_calls": [called]})).bind_tools([tool], tool_choice=name)
    answer = bound.invoke(history)
    events = [calls_event(called), event({}, "tool_calls")]
    streaming: Any = ask(events).bind_tools([tool], tool_choice=name)
    chunks = list(streaming.stream(history))
    assert bound.kwargs["tools"][0]["function"]["name"] == name, "the caller's own is kept"
    for calls in (answer.tool_calls, sum(chunks[1:], chunks[0]).tool_calls):
        assert [(call["name"], call["args"]) for call in calls] == [(name, {})]
    body = replay_server.received[-1].json()
    assert body["tools"][0]["function"]["name"] == legal
    assert body["tool_choice"] == {"type": "function", "function": {"name": legal}}
    assert body["messages"][1]["tool_calls"][0]["function"]["name"] == legal
    assert body["messages"][2]["name"] == legal
