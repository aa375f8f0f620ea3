"""Structured output: what models and servers do to an object on its way."""

import functools
import json
import operator
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from typing import Any, Generic, TypeVar
from uuid import UUID

import pytest
from langchain_core.exceptions import OutputParserException
from pydantic import BaseModel, ConfigDict, Field

from langchain_scaleway import ChatScaleway, ScalewayWarning
from langchain_scaleway.errors import ScalewayTruncatedOutputError
from tests.support.replay import ReplayServer
from tests.support.wire import (
    MODEL,
    Event,
    calls_event,
    event,
    fragment,
    http_reply,
    http_stream,
    usage_event,
    whole,
)
from tests.unit.conftest import ModelFactory

METHODS = ["json_schema", "function_calling", "json_mode"]
T = TypeVar("T")


class Person(BaseModel):
    """A person."""

    name: str
    notes: str | None = None


PERSON_SCHEMA = {"title": "Person", **Person.model_json_schema()}
ALICE = '{"name": "Alice"}'
USAGE = {"prompt_tokens": 1, "completion_tokens": 20, "total_tokens": 21}

every_method = pytest.mark.parametrize("method", METHODS)
every_schema = pytest.mark.parametrize(
    "schema", [Person, PERSON_SCHEMA], ids=["class", "JSON schema"]
)

Answers = Callable[..., list[Any]]


@pytest.fixture
def answers(replay_server: ReplayServer, model_at: ModelFactory) -> Answers:
    """Gives what comes of a reply, whole and streamed: objects, or errors in their place."""

    def ask(message: dict[str, Any], finish: str, schema: Any, method: Any) -> list[Any]:
        stream = [*deltas(message), event({}, finish), usage_event(USAGE)]
        raw = {
            "invoke": http_reply(whole(message, finish, usage=USAGE)),
            "stream": http_stream(stream),
        }
        found: list[Any] = []
        for way, answer in raw.items():
            model = model_at(replay_server.base_url_of(answer), MODEL)
            runnable = model.with_structured_output(schema, method=method)
            try:
                found.append(
                    runnable.invoke("Hi") if way == "invoke" else [*runnable.stream("Hi")][-1]
                )
            except Exception as error:  # noqa: BLE001 -- the tests look at it
                found.append(error)
        return found

    return ask


def deltas(message: dict[str, Any]) -> Iterator[Event]:
    """The events of a stream that brings a message in small pieces."""
    for field in ("reasoning", "content"):
        text = message.get(field) or ""
        yield from (event({field: text[i : i + 3]}) for i in range(0, len(text), 3))
    for index, call in enumerate(message.get("tool_calls", ())):
        function, text = call["function"], call["function"]["arguments"]
        yield calls_event(fragment("", name=function["name"], id=call["id"], index=index))
        for i in range(0, len(text), 3):
            yield calls_event(fragment(text[i : i + 3], index=index))


def saying(method: str, text: str, name: str = "Person") -> dict[str, Any]:
    """A message with the object where the method has it."""
    if method == "function_calling":
        return {"tool_calls": [fragment(text, name=name, id="call_a")]}
    return {"content": text}


# --- Kinds of objects -------------------------------------------------------------------


class Colour(Enum):
    RED = "red"


class Strict(BaseModel):
    """A class that takes no strings for dates."""

    model_config = ConfigDict(strict=True)

    day: date
    at: datetime
    colour: Colour
    id: UUID
    pair: tuple[int, str]


class StrictField(BaseModel):
    day: date = Field(strict=True)


@every_method
@pytest.mark.parametrize("kind", [Strict, StrictField])
def test_strict_classes(kind: Any, method: str, answers: Answers) -> None:
    made = Strict(
        day=date(2026, 11, 28),
        at=datetime(2026, 11, 28, 7, 30),  # noqa: DTZ001 -- as JSON has it
        colour=Colour.RED,
        id=UUID(int=7),
        pair=(1, "a"),
    )
    expected = made if kind is Strict else StrictField(day=made.day)
    text = expected.model_dump_json()
    found = answers(saying(method, text, kind.__name__), "stop", kind, method)
    assert found == [expected, expected]


@dataclass
class Point:
    """A point."""

    x: int
    label: str = ""


class Page(BaseModel, Generic[T]):
    """A page."""

    items: list[T]


@every_method
def test_dataclasses_are_answered_with_instances(method: str, answers: Answers) -> None:
    found = answers(saying(method, '{"x": 3}', "Point"), "stop", Point, method)
    assert found == [Point(3), Point(3)]


@every_method
def test_generic_classes(method: str, answers: Answers) -> None:
    text = json.dumps({"items": [{"name": "Alice"}]})
    expected = Page[Person](items=[Person(name="Alice")])
    found = answers(saying(method, text, "Page_Person_"), "stop", Page[Person], method)
    assert found == [expected, expected]


# --- Half and whole ---------------------------------------------------------------------


@every_method
@every_schema
@pytest.mark.parametrize("reason", ["stop", "content_filter"])
def test_half_an_object_never_passes_for_a_whole_one(
    reason: str, schema: Any, method: str, answers: Answers
) -> None:
    """Whatever the reason it ended: `Person` would do with less."""
    for error in answers(saying(method, '{"name": "Robert Smith",'), reason, schema, method):
        assert isinstance(error, OutputParserException)
        assert not isinstance(error, ScalewayTruncatedOutputError)
        assert "Robert Smith" in str(error)
        if method != "function_calling":
            assert "ends in the middle, the limit was not reached" in str(error)


@every_method
@every_schema
def test_an_object_that_the_limit_cut_off(schema: Any, method: str, answers: Answers) -> None:
    for error in answers(saying(method, '{"name": "Robert'), "length", schema, method):
        assert isinstance(error, ScalewayTruncatedOutputError)
        assert "ends in the middle, the limit of 20 tokens was reached" in str(error)


@every_method
@every_schema
def test_an_object_that_ends_at_the_limit_is_whole(
    schema: Any, method: str, answers: Answers
) -> None:
    expected = Person(name="Alice") if schema is Person else {"name": "Alice"}
    found = answers(saying(method, ALICE), "length", schema, method)
    assert found == [expected, expected]


@pytest.mark.parametrize(
    "fenced", ["```json\n{}\n```", "Here it is:\n\n```\n{}```\nThat is", "```json\n{}"]
)
def test_a_fenced_object_is_whole_at_the_limit(fenced: str, answers: Answers) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = answers({"content": fenced.format(ALICE)}, "length", Person, "json_mode")
    assert found == [Person(name="Alice")] * 2


@every_schema
def test_a_call_that_is_left_in_the_text_is_cut_off(schema: Any, answers: Answers) -> None:
    """VLLM leaves the markup there if the call does not end (recording `tool_truncated`)."""
    text = '<tool_call>\n{"name": "Person", "arguments": {"name": "Al'
    for error in answers({"content": text}, "length", schema, "function_calling"):
        assert isinstance(error, ScalewayTruncatedOutputError)
    for error in answers({"content": text}, "stop", schema, "function_calling"):
        assert "ends in the middle, the limit was not reached" in str(error)


@pytest.mark.parametrize("method", ["json_schema", "json_mode"])
@every_schema
def test_what_is_not_json_is_told_apart(schema: Any, method: str, answers: Answers) -> None:
    for error in answers({"content": "{'name': 'Alice'}"}, "stop", schema, method):
        assert isinstance(error, OutputParserException)
        assert "It is not JSON: \"{'name': 'Alice'}\"" in str(error)


# --- Where the object is ----------------------------------------------------------------


@pytest.mark.parametrize("method", ["json_schema", "json_mode"])
@every_schema
def test_an_object_in_the_reasoning_is_taken_from_there(
    schema: Any, method: str, answers: Answers
) -> None:
    """VLLM's parser for Qwen takes the whole answer for reasoning (0.23 and later)."""
    expected = Person(name="Alice") if schema is Person else {"name": "Alice"}
    message = {"content": None, "reasoning": f"\n{ALICE}\n"}
    assert answers(message, "stop", schema, method) == [expected, expected]


@pytest.mark.parametrize("reasoning", ["Alice, then.", f"Maybe {ALICE}?", '{"species": "cat"}'])
@every_schema
def test_what_else_is_in_the_reasoning_is_shown(
    reasoning: str, schema: Any, answers: Answers
) -> None:
    for error in answers({"reasoning": reasoning}, "stop", schema, "json_schema"):
        assert isinstance(error, OutputParserException)
        assert "all it wrote is in its reasoning" in str(error)
        assert reasoning in str(error)
        assert "completion null" not in str(error)


@every_schema
def test_of_several_calls_every_schema_finds_the_same(schema: Any, answers: Answers) -> None:
    calls = [("look", "{}"), ("Person", ALICE), ("Person", '{"name": "Bob"}')]
    message = {
        "tool_calls": [
            fragment(text, name=name, id=f"call_{i}") for i, (name, text) in enumerate(calls)
        ]
    }
    expected = Person(name="Alice") if schema is Person else {"name": "Alice"}
    found = answers(message, "tool_calls", schema, "function_calling")
    assert found == [expected, expected]


JUNK = [
    ".{}",
    "thought\n{}",
    "{}}}]}}",
    "Sure! {}\nIs there anything else?",
    '{{"species": "cat"}} {}',
]


@pytest.mark.usefixtures("nothing_told_yet")
@pytest.mark.parametrize("junk", JUNK)
@every_schema
def test_the_one_object_that_fits_is_taken_out_of_its_text(
    junk: str, schema: Any, answers: Answers
) -> None:
    text = junk.format(ALICE)
    expected = Person(name="Alice") if schema is Person else {"name": "Alice"}
    with pytest.warns(ScalewayWarning) as warned:
        assert answers({"content": text}, "stop", schema, "json_schema") == [expected, expected]
    assert len(warned) == 1, "once"
    assert f"{MODEL} wrote text around its structured output" in str(warned[0].message)


@pytest.mark.parametrize(
    "text",
    [
        f'{ALICE} or {{"name": "Bob"}}',
        '{"person": {"name": "Alice"}, "age":',
        '.{"species": "cat"}',
        "Alice",
    ],
    ids=["two that fit", "a part of what was cut off", "none that fits", "no object"],
)
@every_schema
def test_otherwise_the_text_is_quoted(text: str, schema: Any, answers: Answers) -> None:
    for error in answers({"content": text}, "stop", schema, "json_schema"):
        assert isinstance(error, OutputParserException)
        assert repr(text) in str(error)


# --- Errors and fields ------------------------------------------------------------------


@pytest.mark.parametrize("method", ["json_schema", "json_mode"])
@pytest.mark.parametrize("content", [None, "", "null"])
def test_an_answer_of_nothing_is_named(content: Any, method: str, answers: Answers) -> None:
    for error in answers({"content": content}, "stop", Person, method):
        assert isinstance(error, OutputParserException)
        assert "completion null" not in str(error)
        assert ("empty" if not content else "does not fit its schema") in str(error)


def test_line_breaks_within_strings_are_read(answers: Answers) -> None:
    """As models write them that are not held to JSON, when they write code."""
    for method in METHODS:
        found = answers(saying(method, '{\n"name": "a\n\tb"\n}'), "stop", Person, method)
        assert found == [Person(name="a\n\tb")] * 2


def test_a_validator_that_refuses(answers: Answers) -> None:
    class Short(BaseModel):
        name: str = Field(max_length=2)

    for method in METHODS:
        for error in answers(saying(method, ALICE, "Short"), "stop", Short, method):
            assert isinstance(error, OutputParserException)
            assert "at most 2 characters" in str(error)


@every_method
@pytest.mark.parametrize("fields", [{"streaming": False}, {"disable_streaming": "tool_calling"}])
@every_schema
def test_a_model_that_does_not_stream_gives_its_object_in_streams(
    fields: Any, schema: Any, method: Any, replay_server: ReplayServer, model_at: ModelFactory
) -> None:
    raw = http_reply(whole(saying(method, ALICE)))
    if "disable_streaming" in fields and method != "function_calling":
        fields = {"disable_streaming": True}
    model: ChatScaleway = model_at(replay_server.base_url_of(raw), MODEL, **fields)
    runnable = model.with_structured_output(schema, method=method)
    expected = Person(name="Alice") if schema is Person else {"name": "Alice"}
    assert [*runnable.stream("Hi")] == [expected]
    with_raw = model_at(replay_server.base_url_of(raw), MODEL, **fields).with_structured_output(
        schema, method=method, include_raw=True
    )
    parts = [*with_raw.stream("Hi")]
    assert functools.reduce(operator.add, parts)["parsed"] == expected
