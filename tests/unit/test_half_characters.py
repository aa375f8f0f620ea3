"""Characters whose two UTF-16 halves arrive in two events."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.support.outcomes import Call, InvalidCall, calls_of, invalid_calls_of, outcome_of
from tests.support.wire import calls_event, decode, event, fragment, whole, whole_message

END = event({}, "stop")

HALF = "\ud83d"
"""The first half of many emojis."""


def _units(text: str) -> list[str]:
    """The UTF-16 code units of a text, one string each."""
    encoded = text.encode("utf-16-le")
    pairs = (encoded[at : at + 2] for at in range(0, len(encoded), 2))
    return [pair.decode("utf-16-le", "surrogatepass") for pair in pairs]


@given(st.text())
@example("One \U0001f600\U0001f469\u200d\U0001f680 two")
def test_halves_are_joined(text: str) -> None:
    units = _units(f"A{text}")
    answer = outcome_of(decode(*(event({"content": unit}) for unit in units), END))
    thoughts = outcome_of(decode(*(event({"reasoning": unit}) for unit in units), END))
    assert (answer.content, thoughts.reasoning) == (f"A{text}", f"A{text}")


@given(st.text())
@example("One \U0001f600\U0001f469\u200d\U0001f680 two")
def test_halves_are_joined_in_arguments(text: str) -> None:
    arguments = json.dumps({"text": text}, ensure_ascii=False)
    streamed = decode(
        *(calls_event(fragment(unit, name="f", id="x", index=0)) for unit in _units(arguments)),
        END,
    )
    wire_call = fragment("".join(_units(arguments)), name="f", id="x")
    answered = whole_message(whole({"tool_calls": [wire_call]}))
    for message in (streamed, answered):
        assert calls_of(message) == [("f", {"text": text}, "x")]


def test_halves_are_joined_in_what_comes_with_the_last_chunk() -> None:
    first, second = _units("\U0001f600")
    streamed = decode(
        event({"refusal": f"No {first}", "function_call": {"arguments": first}}),
        event({"refusal": second, "function_call": {"arguments": f"{second}{HALF}"}}),
        END,
    )
    call = {"arguments": f"{first}{second}{HALF}"}
    answered = whole_message(whole({"refusal": f"No {first}{second}", "function_call": call}))
    for message in (streamed, answered):
        assert message.additional_kwargs == {
            "refusal": "No \U0001f600",
            "function_call": {"arguments": "\U0001f600\ufffd"},
        }


@pytest.mark.parametrize(
    ("arguments", "calls", "invalid_calls"),
    [
        (f'{{"a": "{HALF}b"}}', [("f", {"a": "\ufffdb"}, "x")], []),
        (f'{{"a": "{HALF}"}}', [("f", {"a": "\ufffd"}, "x")], []),
        (f"no JSON {HALF}", [], [("f", "no JSON \ufffd", "x")]),
    ],
)
def test_a_half_alone_in_arguments(
    arguments: str, calls: list[Call], invalid_calls: list[InvalidCall]
) -> None:
    """A tool could not write it to a file, and the history could not be sent."""
    head, tail = arguments[: arguments.index(HALF) + 1], arguments[arguments.index(HALF) + 1 :]
    streamed = decode(
        calls_event(fragment(head, name="f", id="x", index=0)),
        calls_event(fragment(tail, index=0)),
        END,
    )
    answered = whole_message(whole({"tool_calls": [fragment(arguments, name="f", id="x")]}))
    for message in (streamed, answered):
        assert calls_of(message) == calls
        assert invalid_calls_of(message) == invalid_calls


def test_a_half_alone_is_shown_as_such() -> None:
    """It cannot be encoded, so it cannot stay; it is not lost either."""
    for content, shown in ((f"a{HALF}", "a\ufffd"), (f"a{HALF}b", "a\ufffdb")):
        streamed = decode(*(event({"content": unit}) for unit in content), END)
        answered = whole_message(whole({"content": content}))
        assert streamed.content == answered.content == shown


def test_a_half_alone_at_the_end_of_a_thought() -> None:
    streamed = decode(event({"content": "<think>a"}), event({"content": HALF}), END)
    thought = decode(event({"reasoning": f"a{HALF}"}), END)
    for message in (streamed, thought):
        assert message.additional_kwargs == {"reasoning_content": "a\ufffd"}
        assert message.content == ""
