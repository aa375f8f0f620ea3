"""`<think>` and similar blocks that an engine without a reasoning parser leaves in the content."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_scaleway.convert.replies import ReplyContext, ReplyDecoder
from langchain_scaleway.errors import ScalewayError
from tests.support.outcomes import calls_of, outcome_of
from tests.support.wire import (
    MODEL,
    calls_event,
    decode,
    decode_chunks,
    event,
    fragment,
    streamed_outcome,
    whole,
    whole_message,
)

END = event({}, "stop")

Splits = dict[str, tuple[str, str]]
"""Content, and the reasoning and the answer in it."""

BLOCKS: Splits = {
    "<think>Why?</think>Four.": ("Why?", "Four."),
    "<think>\nWhy?\n</think>\n\nFour.": ("\nWhy?\n", "\n\nFour."),
    "\n<think>Why?</think>Four.": ("Why?", "Four."),
    "<think></think>Four.": ("", "Four."),
    "<think>Why?</think>": ("Why?", ""),
    "<think>Why? It is": ("Why? It is", ""),  # cut while thinking
    "<think>": ("", ""),
    "<think>a < b </ c</think>Four.": ("a < b </ c", "Four."),
    "<think>Why?</think>Write <think>.": ("Why?", "Write <think>."),
    "<think>Why?</think>a</think>b": ("Why?", "a</think>b"),
    "<|channel>thought\nWhy?\n<channel|>Four.": ("\nWhy?\n", "Four."),
    "<|channel>thought\na </think> <channel": ("\na </think> <channel", ""),
    "[THINK]Why? [/[/THINK]Four. [/THINK]": ("Why? [/", "Four. [/THINK]"),
}

CLOSED_ONLY: Splits = {
    "Why?\n</think>\n\nFour.": ("Why?\n", "\n\nFour."),
    "a < b </ c</think>Four.": ("a < b </ c", "Four."),
    "</think>Four.": ("", "Four."),
    '{"a": 1}': ("", '{"a": 1}'),  # Structured output leaves no room for thoughts.
}

NO_BLOCKS = (
    '{"text": "Thought about it.</think>Done"}',
    "Two and two.\n</think>\n\nFour.",
    "",
    "\n\nFour.",  # vLLM after thinking, llama.cpp
    "<thinking>Four.",
    "<b>Four</b>",
    "<",
    "[1, 2]",
    "<|channel|>final",
    "Models write <think> and </think> around reasoning.",
)


def _cut_everywhere(content: str) -> list[list[str]]:
    """One character at a time, and in two at every place."""
    halves = [[content[:at], content[at:]] for at in range(len(content) + 1)]
    return [list(content), *halves]


BEGINS_WITHIN = "Qwen/Qwen3-235B-A22B-Thinking-2507:fp8"
"""A model that always thinks, and whose chat template opens the block."""

CASES = [
    *((MODEL, content, *split) for content, split in BLOCKS.items()),
    *((MODEL, content, "", content) for content in NO_BLOCKS),
    *((BEGINS_WITHIN, content, *split) for content, split in (BLOCKS | CLOSED_ONLY).items()),
]


@pytest.mark.parametrize(("model", "content", "reasoning", "answer"), CASES)
def test_only_a_leading_block_is_reasoning_wherever_it_is_cut(
    model: str, content: str, reasoning: str, answer: str
) -> None:
    outcome = outcome_of(whole_message(whole({"content": content}), model))
    assert (outcome.reasoning, outcome.content) == (reasoning, answer)
    for pieces in _cut_everywhere(content):
        events = [event({"content": piece}) for piece in pieces]
        outcome = outcome_of(decode(*events, END, model=model))
        assert (outcome.reasoning, outcome.content) == (reasoning, answer), pieces


def test_thoughts_are_given_as_they_come() -> None:
    pieces = ["<think>Two and ", "two", ".</think>", "Four", "."]
    chunks = decode_chunks([event({"content": piece}) for piece in pieces])
    given = [chunk.additional_kwargs.get("reasoning_content") or chunk.content for chunk in chunks]
    assert given == ["Two and ", "two", ".", "Four", ".", ""]


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


@pytest.mark.parametrize(
    ("pieces", "reasoning"),
    [
        (["<thi", "nk>Why?</think>"], "Why?"),
        (["<think>I call </th"], "I call </th"),  # The call ends the text, so the block never ends.
    ],
)
def test_thinking_then_a_tool_call(pieces: list[str], reasoning: str) -> None:
    wire_call = fragment('{"a": 1}', name="add", id="call_a", index=0)
    events = [*(event({"content": one}) for one in pieces), calls_event(wire_call), END]
    *thoughts, _ = [bool(chunk.tool_call_chunks) for chunk in decode_chunks(events)]
    assert thoughts == sorted(thoughts)  # The call comes behind them.
    streamed = decode(*events)
    answered = whole_message(whole({"content": "".join(pieces), "tool_calls": [wire_call]}))
    for message in (streamed, answered):
        assert message.additional_kwargs == {"reasoning_content": reasoning}
        assert message.content == ""
        assert calls_of(message) == [("add", {"a": 1}, "call_a")]


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
