"""`<think>` blocks that an engine without a reasoning parser leaves in the content."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_scaleway.convert.replies import ReplyContext, ReplyDecoder
from langchain_scaleway.errors import ScalewayError
from tests.support.outcomes import calls_of, outcome_of
from tests.support.wire import (
    calls_event,
    decode,
    event,
    fragment,
    streamed_outcome,
    whole,
    whole_message,
)

END = event({}, "stop")

BLOCKS = [
    pytest.param("<think>Why?</think>Four.", "Why?", "Four.", id="at once"),
    pytest.param("<think>\nWhy?\n</think>\n\nFour.", "\nWhy?\n", "\n\nFour.", id="with lines"),
    pytest.param("\n<think>Why?</think>Four.", "Why?", "Four.", id="after a line end"),
    pytest.param("<think></think>Four.", "", "Four.", id="empty"),
    pytest.param("<think>\n\n</think>\n\nFour.", "\n\n", "\n\nFour.", id="blank"),
    pytest.param("<think>Why?</think>", "Why?", "", id="no answer"),
    pytest.param("<think>Why? It is", "Why? It is", "", id="cut while thinking"),
    pytest.param("<think>a < b </ c</think>Four.", "a < b </ c", "Four.", id="like a tag"),
    pytest.param("<think>Why?</think>Write <think>.", "Why?", "Write <think>.", id="spoken of"),
    pytest.param("<think>Why?</think>a</think>b", "Why?", "a</think>b", id="closed twice"),
]

CLOSED_ONLY = [
    pytest.param("Why?</think>Four.", "Why?", "Four.", id="at once, not opened"),
    pytest.param("Why?\n</think>\n\nFour.", "Why?\n", "\n\nFour.", id="lines, not opened"),
    pytest.param("a < b </ c</think>Four.", "a < b </ c", "Four.", id="like a tag, not opened"),
    pytest.param("</think>Four.", "", "Four.", id="no thoughts, not opened"),
]

NO_BLOCKS = [
    pytest.param('{"text": "Thought about it.</think>Done"}', id="the closing tag in JSON"),
    pytest.param("Two and two.\n</think>\n\nFour.", id="a block that was never opened"),
    pytest.param("Four.", id="no tag"),
    pytest.param("", id="nothing"),
    pytest.param("\n\nFour.", id="white space first (vLLM after thinking, llama.cpp)"),
    pytest.param("<thinking>Four.", id="another tag"),
    pytest.param("<b>Four</b>", id="HTML"),
    pytest.param("<", id="the beginning of a tag"),
    pytest.param("Models write <think> and </think> around reasoning.", id="a sentence about it"),
    pytest.param("Open it with <think>.", id="the opening tag in a sentence"),
    pytest.param("Close it with </think>, then answer.", id="the closing tag in a sentence"),
    pytest.param("`</think>` closes the block.", id="the closing tag as code"),
]


def _cut_everywhere(content: str) -> list[list[str]]:
    """One character at a time, and in two at every place."""
    halves = [[content[:at], content[at:]] for at in range(len(content) + 1)]
    return [list(content), *halves]


@pytest.mark.parametrize(("content", "reasoning", "answer"), BLOCKS)
def test_a_block_is_reasoning_wherever_it_is_cut(content: str, reasoning: str, answer: str) -> None:
    outcome = outcome_of(whole_message(whole({"content": content})))
    assert (outcome.reasoning, outcome.content) == (reasoning, answer)
    for pieces in _cut_everywhere(content):
        outcome = streamed_outcome(*(event({"content": piece}) for piece in pieces), END)
        assert (outcome.reasoning, outcome.content) == (reasoning, answer), pieces


@pytest.mark.parametrize("content", NO_BLOCKS)
def test_a_reply_that_only_speaks_of_the_tags_keeps_them(content: str) -> None:
    outcome = outcome_of(whole_message(whole({"content": content})))
    assert (outcome.reasoning, outcome.content) == ("", content)
    for pieces in _cut_everywhere(content):
        outcome = streamed_outcome(*(event({"content": piece}) for piece in pieces), END)
        assert (outcome.reasoning, outcome.content) == ("", content), pieces


BEGINS_WITHIN = "qwen/qwen3-235b-a22b-thinking-2507:fp8"
"""A model that always thinks, and whose chat template opens the block."""


@pytest.mark.parametrize(("content", "reasoning", "answer"), BLOCKS + CLOSED_ONLY)
def test_a_reply_that_begins_within_the_block(content: str, reasoning: str, answer: str) -> None:
    outcome = outcome_of(whole_message(whole({"content": content}), BEGINS_WITHIN))
    assert (outcome.reasoning, outcome.content) == (reasoning, answer)
    for pieces in _cut_everywhere(content):
        events = [event({"content": piece}) for piece in pieces]
        outcome = outcome_of(decode(*events, END, model=BEGINS_WITHIN))
        assert (outcome.reasoning, outcome.content) == (reasoning, answer), pieces


def test_a_reply_that_might_have_begun_within_the_block_keeps_its_text() -> None:
    """Structured output leaves no room for thoughts."""
    events = [event({"content": piece}) for piece in ('{"a', '": 1', "}")]
    outcome = outcome_of(decode(*events, END, model=BEGINS_WITHIN))
    assert (outcome.reasoning, outcome.content) == ("", '{"a": 1}')


def test_what_was_held_back_is_not_lost_when_the_stream_breaks() -> None:
    decoder = ReplyDecoder(ReplyContext(BEGINS_WITHIN))
    for piece in ("Two ", "and"):
        assert decoder.feed(event({"content": piece})) == []
    error = ScalewayError("The connection broke.")
    decoder.attach_partial_answer(error)
    assert (error.partial_text, error.partial_reasoning) == ("Two and", "")


def test_reasoning_in_its_own_field_leaves_tags_in_the_answer() -> None:
    content = "<think> is a tag."
    outcome = outcome_of(whole_message(whole({"content": content, "reasoning": "Why?"})))
    assert (outcome.reasoning, outcome.content) == ("Why?", content)
    for pieces in _cut_everywhere(content):
        outcome = streamed_outcome(
            event({"reasoning": "Why?"}), *(event({"content": piece}) for piece in pieces), END
        )
        assert (outcome.reasoning, outcome.content) == ("Why?", content), pieces


def test_thinking_then_a_tool_call() -> None:
    wire_call = fragment('{"a": 1}', name="add", id="call_a", index=0)
    streamed = decode(
        event({"content": "<thi"}), event({"content": "nk>Why?</think>"}), calls_event(wire_call)
    )
    answered = whole_message(whole({"content": "<think>Why?</think>", "tool_calls": [wire_call]}))
    for message in (streamed, answered):
        assert message.additional_kwargs == {"reasoning_content": "Why?"}
        assert message.content == ""
        assert calls_of(message) == [("add", {"a": 1}, "call_a")]


def test_a_tool_call_in_mid_thought() -> None:
    """The block never ends, because the call ends the text."""
    wire_call = fragment('{"a": 1}', name="add", id="call_a", index=0)
    streamed = decode(event({"content": "<think>I call </th"}), calls_event(wire_call), END)
    answered = whole_message(whole({"content": "<think>I call </th", "tool_calls": [wire_call]}))
    for message in (streamed, answered):
        assert message.additional_kwargs == {"reasoning_content": "I call </th"}
        assert message.content == ""


_PIECES = st.lists(
    st.sampled_from(["<think>", "</think>", "<", "</", "think>", "a", "\n", ". ", "Four", " "])
)


@given(pieces=_PIECES, cuts=st.lists(st.integers(0, 80), max_size=8))
def test_any_cut_gives_the_same_reply(pieces: list[str], cuts: list[int]) -> None:
    content = "".join(pieces)
    edges = [0, *sorted(min(cut, len(content)) for cut in cuts), len(content)]
    parts = [content[start:end] for start, end in itertools.pairwise(edges)]
    at_once = streamed_outcome(event({"content": content}), END)
    assert streamed_outcome(*(event({"content": part}) for part in parts), END) == at_once


@given(pieces=_PIECES)
def test_nothing_is_lost_but_the_tags(pieces: list[str]) -> None:
    content = "".join(pieces)
    for outcome in (
        streamed_outcome(event({"content": content}), END),
        outcome_of(whole_message(whole({"content": content}))),
    ):
        together = outcome.reasoning + outcome.content
        assert _without_tags(together).strip() == _without_tags(content).strip()


def _without_tags(text: str) -> str:
    """The text without its tags, and without those that the rest of it then makes."""
    while (rest := text.replace("<think>", "").replace("</think>", "")) != text:
        text = rest
    return text
