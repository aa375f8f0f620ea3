"""The reader of a stream's events: what is an answer, what an error, and when it is whole."""

import json
from typing import Any

import pytest

from langchain_scaleway import errors
from langchain_scaleway.client.completions import ChatCompletion
from langchain_scaleway.client.error_mapping import error_from_event
from langchain_scaleway.client.events import EventReader

MODEL = "glm-5.2"


def chunk(text: str = "", finish_reason: str | None = None) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": finish_reason}]}


def as_event(data: Any, name: str = "") -> bytes:
    text = data if isinstance(data, str) else json.dumps(data)
    return (f"event: {name}\n" if name else "").encode() + f"data: {text}\n\n".encode()


def read(*pieces: bytes) -> list[dict[str, Any]]:
    """All events of a stream."""
    reader = EventReader(
        ChatCompletion(), MODEL, lambda event: error_from_event(event, model=MODEL)
    )
    events = [event for piece in pieces for event in reader.feed(piece)]
    return events + list(reader.end())


def error_in(*pieces: bytes) -> errors.ScalewayError:
    with pytest.raises(errors.ScalewayError) as caught:
        read(*pieces)
    assert caught.value.model == MODEL
    assert repr(MODEL) in str(caught.value)
    return caught.value


# --- The end ------------------------------------------------------------------------------


def test_done() -> None:
    for done in ("[DONE]", " [DONE]", "[DONE] ", "\t[DONE]\t"):
        assert read(as_event(chunk("One")), as_event(done)) == [chunk("One")]


def test_what_follows_done_means_nothing() -> None:
    assert read(
        as_event(chunk("One")), as_event("[DONE]"), as_event("[DONE]"), as_event({"error": "x"})
    ) == [chunk("One")]


def test_a_finish_reason_is_an_end() -> None:
    assert read(as_event(chunk("One", "stop"))) == [chunk("One", "stop")]


@pytest.mark.parametrize("none", [None, ""])
def test_a_stream_that_just_stops_was_cut(none: str | None) -> None:
    """Some gateways write an empty finish reason into each event."""
    error = error_in(as_event(chunk("One", none)))
    assert type(error) is errors.ScalewayStreamInterruptedError
    assert "neither a finish reason nor [DONE]" in str(error)


def test_nothing_at_all() -> None:
    error = error_in()
    assert type(error) is errors.ScalewayStreamInterruptedError
    assert "before anything came" in str(error)


def test_another_choices_end_is_not_the_end() -> None:
    """With `n` above 1 the first choice is followed, and it alone says when it is whole."""
    other = {"choices": [{"index": 1, "delta": {"content": "Two"}, "finish_reason": "stop"}]}
    error = error_in(as_event(chunk("One")), as_event(other))
    assert type(error) is errors.ScalewayStreamInterruptedError
    events = [chunk("One"), other, chunk("", "stop")]
    assert read(*map(as_event, events)) == events


def test_the_first_choice_may_be_numbered_oddly() -> None:
    for index in ({}, {"index": None}, {"index": "0"}, {"index": ""}):
        event = {"choices": [{"delta": {"content": "One"}, "finish_reason": "stop", **index}]}
        assert read(as_event(event)) == [event]


@pytest.mark.parametrize(
    "stream",
    [
        b"<html>Log in</html>",
        b": ping\n\n",
        as_event("[DONE]"),
        as_event({"choices": [], "usage": {"total_tokens": 5}}) + as_event("[DONE]"),
        as_event({"type": "ping"}) + as_event("[DONE]"),
    ],
)
def test_no_answer(stream: bytes) -> None:
    """A stream of nothing but `[DONE]`, usage or keep-alives holds no answer either."""
    error = error_in(stream)
    assert type(error) is errors.ScalewayStreamInterruptedError
    assert f"holds no answer. It begins: {stream.decode()!r}" in str(error)


# --- Errors -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        {"error": {"message": "The engine died", "code": 500}},
        {"object": "error", "message": "The engine died", "code": 500},
        {"status": 500, "error": "INTERNAL ERROR", "message": "The engine died"},
        {"status": 500, "message": "The engine died"},
    ],
)
def test_an_error(data: dict[str, Any]) -> None:
    for name in ("", "error", "message", "completion.error"):
        error = error_in(as_event(chunk("One")), as_event(data, name))
        assert type(error) is errors.ScalewayAPIError
        assert error.status_code == 500
        assert "The engine died" in str(error)


@pytest.mark.parametrize("data", ["The engine died", '"The engine died"', '["The engine died"]'])
def test_an_event_named_error_may_be_text(data: str) -> None:
    error = error_in(as_event(data, "error"))
    assert type(error) is errors.ScalewayAPIError
    assert "The engine died" in str(error)


def test_half_an_answer_does_not_pass_for_a_whole_one_behind_llama_cpps_error() -> None:
    """Until late 2025 it wrote errors as a field of their own, and `[DONE]` behind them."""
    error = b'error: {"code": 400, "message": "It exceeds the available context size"}\n\n'
    told = error_in(as_event(chunk("One")), error, as_event("[DONE]"))
    assert type(told) is errors.ScalewayContextOverflowError


def test_an_error_after_the_finish_reason() -> None:
    error = error_in(as_event(chunk("One", "stop")), as_event({"error": "The engine died"}))
    assert "The engine died" in str(error)


def test_choices_that_are_no_list() -> None:
    for choices in (5, True, "text", {"index": 0}):
        error = error_in(as_event(chunk("One")), as_event({"choices": choices}))
        assert type(error) is errors.ScalewayResponseError
        assert "not a chat completion" in str(error)


def test_choices_that_are_missing_or_null() -> None:
    events: list[dict[str, Any]] = [{"choices": None}, {"usage": None}, {}, chunk("", "stop")]
    assert read(*map(as_event, events)) == events


def test_keep_alives_mean_nothing_in_any_form() -> None:
    """Some gateways make data of OpenRouter's comments, and pings have names of their own."""
    events = [chunk("One"), chunk("", "stop")]
    for keep_alive in (
        *(": ping\n\n", "data:\n\n", "data: : OPENROUTER PROCESSING\n\n"),
        *("event: ping\ndata: keep-alive\n\n", 'event: ping\ndata: {"type": "ping"}\n\n'),
    ):
        found = read(*(keep_alive.encode() + as_event(event, "completion") for event in events))
        assert [event for event in found if event in events] == events


def test_data_that_is_no_object() -> None:
    for data in ("{", '"text"', "[1]", "5", "null", "\x00"):
        error = error_in(as_event(chunk("One")), as_event(data))
        assert type(error) is errors.ScalewayResponseError
        assert f"is not a JSON object: {data!r}" in str(error)


def test_long_data_is_quoted_in_part() -> None:
    error = error_in(as_event("x" * 1_000_000))
    assert "of 1000000 bytes" in str(error)
    assert len(str(error)) < 500
