"""Structured output: what models and servers do to an object on its way."""

import functools
import operator
import warnings
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from time import monotonic
from typing import Any, Generic, NotRequired, TypedDict, TypeVar
from uuid import UUID

import pytest
from langchain_core.exceptions import OutputParserException
from pydantic import BaseModel, ConfigDict, Field, v1

from langchain_scaleway import ScalewayWarning
from langchain_scaleway.errors import ScalewayTruncatedOutputError
from tests.support.structured import BY_TEXT, METHODS, Ask, Method, answers, saying
from tests.support.wire import MODEL, fragment, whole

T = TypeVar("T")


class Person(BaseModel):
    """A person."""

    name: str
    notes: str | None = None


PERSON_SCHEMA = {"title": "Person", **Person.model_json_schema()}
ALICE = '{"name": "Alice"}'
EXPECTED: tuple[tuple[Any, Any], ...] = (
    (Person, Person(name="Alice")),
    (PERSON_SCHEMA, {"name": "Alice"}),
)
"""Each kind of schema, with what Alice is by it."""

every_method = pytest.mark.parametrize("method", METHODS)


async def errors(ask: Ask, message: dict[str, Any], method: Method, finish: str) -> list[str]:
    """What the errors say that each kind of schema raises; the limit's own have `limit: ` first."""
    found = []
    for schema, _ in EXPECTED:
        for error in await answers(ask, message, schema, method, finish):
            assert isinstance(error, OutputParserException)
            is_of_limit = isinstance(error, ScalewayTruncatedOutputError)
            found.append(f"{'limit: ' if is_of_limit else ''}{error}")
    return found


# --- Kinds of objects -------------------------------------------------------------------


class Colour(Enum):
    RED = "red"


class Old(v1.BaseModel):
    """A class of Pydantic 1."""

    day: date


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


@dataclass
class Point:
    """A point."""

    x: int
    label: str = ""


@dataclass
class Boxed(Generic[T]):
    """Something in a box."""

    inside: T


class BoxedDict(TypedDict, Generic[T]):
    """Something in a box."""

    inside: T
    label: NotRequired[str]


class Page(BaseModel, Generic[T]):
    """A page."""

    items: list[T]


DAY = date(2026, 11, 28)
AT = datetime(2026, 11, 28, 7, 30)  # noqa: DTZ001 -- as JSON has it
STRICT = Strict(day=DAY, at=AT, colour=Colour.RED, id=UUID(int=7), pair=(1, "a"))

KINDS: dict[str, tuple[Any, str, Any]] = {
    "strict class": (Strict, STRICT.model_dump_json(), STRICT),
    "strict field": (StrictField, '{"day": "2026-11-28"}', StrictField(day=DAY)),
    "class of Pydantic 1": (Old, '{"day": "2026-11-28"}', Old(day=DAY)),
    "dataclass": (Point, '{"x": 3}', Point(3)),
    "generic dataclass": (Boxed[int], '{"inside": 3}', Boxed(3)),
    "generic TypedDict": (BoxedDict[date], '{"inside": "2026-11-28"}', {"inside": "2026-11-28"}),
    "generic class": (
        Page[Person],
        f'{{"items": [{ALICE}]}}',
        Page[Person](items=[Person(name="Alice")]),
    ),
    "line breaks in strings": (
        Person,  # As models write them that are not held to JSON, when they write code.
        '{\n"name": "a\n\tb"\n}',
        Person(name="a\n\tb"),
    ),
}


@pytest.mark.parametrize(("kind", "text", "expected"), KINDS.values(), ids=KINDS)
async def test_objects_of_every_kind(kind: Any, text: str, expected: Any, ask: Ask) -> None:
    name = "Page_Person_" if kind is Page[Person] else kind.__name__
    for method in METHODS:
        message = saying(method, text, name)
        found = await answers(ask, message, kind, method)
        assert found == [expected] * 4
        if method != "json_mode":
            found = await answers(ask, message, kind, method, strict=True)
            assert found == [expected] * 4, "Scaleway accepts and ignores `strict`"


@every_method
async def test_a_validator_that_refuses(method: Method, ask: Ask) -> None:
    class Short(BaseModel):
        name: str = Field(max_length=2)

    for error in await answers(ask, saying(method, ALICE, "Short"), Short, method):
        assert isinstance(error, OutputParserException)
        assert "at most 2 characters" in str(error)


# --- Half and whole ---------------------------------------------------------------------


@every_method
@pytest.mark.parametrize("reason", ["stop", "content_filter", "length"])
async def test_half_an_object_never_passes_for_a_whole_one(
    reason: str, method: Method, ask: Ask
) -> None:
    """Whatever the reason it ended: `Person` would do with less."""
    for said in await errors(ask, saying(method, '{"name": "Robert Smith",'), method, reason):
        if reason == "length":
            assert said.startswith("limit: ")
            assert "ends in the middle, the limit of 20 tokens was reached" in said
        else:
            assert not said.startswith("limit: ")
            assert """ends in the middle, the limit was not reached: '{"name": "Robert""" in said


@every_method
async def test_an_object_that_ends_at_the_limit_is_whole(method: Method, ask: Ask) -> None:
    for schema, expected in EXPECTED:
        found = await answers(ask, saying(method, ALICE), schema, method, "length")
        assert found == [expected] * 4


@pytest.mark.parametrize(
    "fenced", ["```json\n{}\n```", "Here it is:\n\n```\n{}```\nThat is", "```json\n{}"]
)
async def test_a_fenced_object_is_whole_at_the_limit(fenced: str, ask: Ask) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        message = {"content": fenced.format(ALICE)}
        found = await answers(ask, message, Person, "json_mode", "length")
    assert found == [Person(name="Alice")] * 4


async def test_a_call_that_is_left_in_the_text_is_cut_off(ask: Ask) -> None:
    """VLLM leaves the markup there if the call does not end (recording `tool_truncated`)."""
    message = {"content": '<tool_call>\n{"name": "Person", "arguments": {"name": "Al'}
    for said in await errors(ask, message, "function_calling", "length"):
        assert said.startswith("limit: ")
    for said in await errors(ask, message, "function_calling", "stop"):
        assert "ends in the middle, the limit was not reached" in said


# --- Where the object is ----------------------------------------------------------------


async def test_an_object_in_the_reasoning_is_taken_from_there(ask: Ask) -> None:
    """VLLM's parser for Qwen takes the whole answer for reasoning (0.23 and later)."""
    message = {"content": None, "reasoning": f"\n{ALICE}\n"}
    for method in BY_TEXT:
        for schema, expected in EXPECTED:
            assert await answers(ask, message, schema, method) == [expected] * 4


async def test_of_several_calls_every_schema_finds_the_same(ask: Ask) -> None:
    calls = [("look", "{}"), ("Person", ALICE), ("Person", '{"name": "Bob"}')]
    message = {
        "tool_calls": [
            fragment(text, name=name, id=f"call_{i}") for i, (name, text) in enumerate(calls)
        ]
    }
    for schema, expected in EXPECTED:
        found = await answers(ask, message, schema, "function_calling", "tool_calls")
        assert found == [expected] * 4


JUNK = [
    ".{}",
    "thought\n{}",
    "{}}}]}}",
    "Sure! {}\nIs there anything else?",
    '{{"species": "cat"}} {}',
    "{0}\n\n{0}",
]


@pytest.mark.usefixtures("nothing_told_yet")
@pytest.mark.parametrize("junk", JUNK)
async def test_the_one_object_that_fits_is_taken_out_of_its_text(junk: str, ask: Ask) -> None:
    message = {"content": junk.format(ALICE)}
    with pytest.warns(ScalewayWarning) as warned:
        found = [await answers(ask, message, schema, "json_schema") for schema, _ in EXPECTED]
    assert found == [[expected] * 4 for _, expected in EXPECTED]
    assert len(warned) == 1, "once"
    assert f"{MODEL} wrote text around its structured output" in str(warned[0].message)


@pytest.mark.parametrize("text", ['\n{"a' * 5_000, '{"name": "a"}\n{"name": "b"}' * 2_000])
def test_a_model_that_repeats_itself_is_told_of_at_once(text: str, ask: Ask) -> None:
    """It took half a minute to look for an object behind each brace."""
    begun = monotonic()
    for schema, _ in EXPECTED:
        model = ask(whole({"content": f"{text}."}))
        with pytest.raises(OutputParserException, match="There is no structured output"):
            model.with_structured_output(schema).invoke("Hi")
    assert monotonic() - begun < 5


@every_method
@pytest.mark.parametrize("field", ["streaming", "disable_streaming"])
def test_a_model_that_does_not_stream_gives_its_object_in_streams(
    field: str, method: Method, ask: Ask
) -> None:
    value: Any = False
    if field == "disable_streaming":
        value = "tool_calling" if method == "function_calling" else True
    model = ask(whole(saying(method, ALICE)), **{field: value})
    for schema, expected in EXPECTED:
        runnable = model.with_structured_output(schema, method=method)
        assert [*runnable.stream("Hi")] == [expected]
        with_raw = model.with_structured_output(schema, method=method, include_raw=True)
        assert functools.reduce(operator.add, with_raw.stream("Hi"))["parsed"] == expected
