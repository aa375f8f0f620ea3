"""Structured output: what replies become (objects, parsing errors, truncation errors)."""

import functools
import json
import operator
from typing import Any, Literal, TypedDict

import pytest
from langchain_core import exceptions
from langchain_core.exceptions import OutputParserException
from langchain_core.messages import AIMessage
from pydantic import BaseModel, create_model

from langchain_scaleway.errors import ScalewayTruncatedOutputError
from tests.support.outcomes import expected_outcome
from tests.support.recordings import LLAMACPP, VLLM_QWEN, Recording
from tests.support.structured import (
    BY_TEXT,
    METHODS,
    PROMPT,
    Ask,
    Method,
    answers,
    outcomes,
    saying,
)
from tests.support.wire import event


class Person(BaseModel):
    """A person."""

    name: str
    age: int
    city: Literal["Paris", "Lyon", "Lille"]


class PersonDict(TypedDict):
    """A person."""

    name: str
    age: int
    city: Literal["Paris", "Lyon", "Lille"]


ALICE = Person(name="Alice", age=30, city="Paris")
ALICE_TEXT = '{"name": "Alice", "age": 30, "city": "Paris"}'
PERSON_SCHEMA = {"title": "Person", **Person.model_json_schema()}

GetTime = create_model("get_time", city=(str, ...))
GET_TIME_SCHEMA = {
    "title": "get_time",
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
}

PARSING_ERRORS = (OutputParserException, getattr(exceptions, "ModelRefusalError", type(None)))
"""LangChain has had the second since 1.7.5, for refusals."""

# --- Objects ----------------------------------------------------------------------------

JSON_RECORDINGS = [
    Recording(folder, case)
    for folder in (VLLM_QWEN, LLAMACPP)
    for name in ("json_schema", "json_object", "reasoning_json_schema")
    for case in (name, f"{name}_stream")
]


@pytest.mark.parametrize("recording", JSON_RECORDINGS, ids=str)
async def test_recorded_objects(recording: Recording, ask: Ask) -> None:
    method: Method = "json_mode" if "object" in recording.case else "json_schema"
    model, streamed = ask(recording), recording.is_streamed
    as_object = model.with_structured_output(Person, method=method)
    assert await outcomes(as_object, streamed=streamed) == [ALICE, ALICE]
    as_dict = model.with_structured_output(PERSON_SCHEMA, method=method)
    assert await outcomes(as_dict, streamed=streamed) == [ALICE.model_dump()] * 2


@pytest.mark.parametrize("case", ["tool_named", "tool_named_stream"])
async def test_recorded_calls(case: str, ask: Ask) -> None:
    """VLLM ends a call that was asked for by name with `stop`."""
    model, streamed = ask(Recording(VLLM_QWEN, case)), case.endswith("stream")
    as_object = model.with_structured_output(GetTime, method="function_calling")
    assert await outcomes(as_object, streamed=streamed) == [GetTime(city="Paris")] * 2
    as_dict = model.with_structured_output(GET_TIME_SCHEMA, method="function_calling")
    assert await outcomes(as_dict, streamed=streamed) == [{"city": "Paris"}] * 2


def test_objects_grow_in_a_stream(ask: Ask) -> None:
    recording = Recording(VLLM_QWEN, "json_schema_stream")
    parts = list(ask(recording).with_structured_output(PERSON_SCHEMA).stream(PROMPT))
    assert parts[0] == {}
    assert parts[-1] == ALICE.model_dump()
    sizes = [len(part) for part in parts]
    assert len(sizes) > 3
    assert sizes == sorted(sizes)


def test_raw_replies_stand_beside_objects(ask: Ask) -> None:
    model = ask(Recording(VLLM_QWEN, "reasoning_json_schema"))
    answer = model.with_structured_output(Person, include_raw=True).invoke(PROMPT)
    assert (answer["parsed"], answer["parsing_error"]) == (ALICE, None)
    assert isinstance(answer["raw"], AIMessage)
    assert answer["raw"].additional_kwargs["reasoning_content"] == "\nThe person is Alice.\n"


def test_raw_replies_are_streamed_too(ask: Ask) -> None:
    model = ask(Recording(VLLM_QWEN, "json_schema_stream"))
    parts = list(model.with_structured_output(PERSON_SCHEMA, include_raw=True).stream(PROMPT))
    assert [part["parsed"] for part in parts if part.get("parsed")] == [ALICE.model_dump()]
    assert len([part for part in parts if "raw" in part]) > 3
    assert functools.reduce(operator.add, parts)["raw"].text == ALICE_TEXT


# --- Replies without the object ---------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
async def test_an_object_of_another_kind_is_a_parsing_error(method: Method, ask: Ask) -> None:
    animal = create_model("get_time", species=(str, ...))
    case = "tool_named" if method == "function_calling" else "json_schema"
    for schema in (animal, {"title": "get_time", **animal.model_json_schema()}):
        model = ask(Recording(VLLM_QWEN, case))
        runnable = model.with_structured_output(schema, method=method)
        with_raw = model.with_structured_output(schema, method=method, include_raw=True)
        [answer, _] = await outcomes(with_raw, streamed=False)
        assert answer["parsed"] is None
        assert isinstance(answer["raw"], AIMessage)
        found = await outcomes(runnable, streamed=False)
        for error in (*found, answer["parsing_error"]):
            assert isinstance(error, OutputParserException)
            assert "does not fit its schema" in str(error)
            assert "species" in str(error)


@pytest.mark.parametrize("text", ["null", "5", "[1, 2]", "{}", '{"name": "Alice"}'])
async def test_json_that_is_no_such_object_is_a_parsing_error(text: str, ask: Ask) -> None:
    for method in BY_TEXT:
        for schema in (Person, PersonDict, PERSON_SCHEMA):
            for error in await answers(ask, {"content": text}, schema, method):
                assert isinstance(error, OutputParserException)
                assert "does not fit its schema" in str(error)


async def test_a_call_without_arguments_is_none_of_a_schema_with_keys(ask: Ask) -> None:
    for error in await answers(
        ask, saying("function_calling", "{}"), PERSON_SCHEMA, "function_calling"
    ):
        assert isinstance(error, OutputParserException)
        assert "it has no 'name', 'age', 'city'" in str(error)


async def test_a_schema_that_is_no_object_is_answered_with_what_it_is(ask: Ask) -> None:
    schema = {"title": "some", "anyOf": [{"type": "integer"}, {"type": "array"}]}
    for text in ("5", "[1, 2]"):
        found = await answers(ask, {"content": text}, schema, "json_schema")
        assert found == [json.loads(text)] * 4


NO_OBJECTS: dict[str, tuple[dict[str, Any], str]] = {
    "nothing": ({}, "Its answer is empty"),
    "a refusal": ({"refusal": "I will not."}, "I will not."),
    "prose": ({"content": "The capital is Paris."}, "The capital is Paris."),
    "another object": ({"content": '{"species": "cat"}'}, "species"),
    "long prose": ({"content": "x" * 201}, repr("x" * 200 + "…")),
    "another tool's call": (saying("function_calling", "{}", "Animal"), "the tool 'Animal' inst"),
}


@pytest.mark.parametrize(("message", "said"), NO_OBJECTS.values(), ids=NO_OBJECTS)
async def test_what_is_no_object_is_an_error_in_streams_too(
    message: dict[str, Any], said: str, ask: Ask
) -> None:
    """LangChain's parsers end such a stream in silence, and give `None` without a tool call."""
    for method in METHODS:
        for error in await answers(ask, message, Person, method):
            assert isinstance(error, PARSING_ERRORS)
            assert said in str(error)


@pytest.mark.parametrize("arguments", ['{"name": "Al', "[1]"], ids=["broken off", "no object"])
async def test_arguments_that_are_no_object_are_an_error(arguments: str, ask: Ask) -> None:
    message = saying("function_calling", arguments)
    for schema in (Person, PERSON_SCHEMA):
        for error in await answers(ask, message, schema, "function_calling", "tool_calls"):
            assert isinstance(error, OutputParserException)
            assert arguments in str(error)


@pytest.mark.parametrize("reason", ["stop", "length"])
async def test_raw_streams_end_with_the_error(reason: str, ask: Ask) -> None:
    events = [event({"content": '{"species"'}), event({"content": ': "ca'}), event({}, reason)]
    for method in METHODS:
        runnable = ask(events).with_structured_output(Person, method=method, include_raw=True)
        for parts in (list(runnable.stream(PROMPT)), [p async for p in runnable.astream(PROMPT)]):
            answer = functools.reduce(operator.add, parts)
            assert answer["raw"].text == '{"species": "ca'
            assert answer["parsed"] is None
            assert isinstance(answer["parsing_error"], OutputParserException)
            truncated = isinstance(answer["parsing_error"], ScalewayTruncatedOutputError)
            assert truncated == (reason == "length")


# --- Truncation -------------------------------------------------------------------------

TRUNCATED = [
    Recording(folder, case)
    for folder in (VLLM_QWEN, LLAMACPP)
    for case in (
        "json_schema_truncated",
        "chat_length_stream",
        "reasoning_truncated",
        "reasoning_truncated_stream",
        "tool_truncated",
        "tool_truncated_stream",
    )
]


@pytest.mark.parametrize("recording", TRUNCATED, ids=str)
async def test_recorded_truncation(recording: Recording, ask: Ask) -> None:
    """LangChain alone would complete the arguments of a call, or give `None`."""
    weather = create_model("get_weather", city=(str, ...))
    by_tool: tuple[Any, ...] = (weather, {"title": "get_weather", **weather.model_json_schema()})
    is_call = recording.case.startswith("tool")
    usage = expected_outcome(recording).usage
    assert usage is not None
    for method in ("function_calling",) if is_call else BY_TEXT:
        for schema in by_tool if is_call else (Person, PersonDict, PERSON_SCHEMA):
            runnable = ask(recording).with_structured_output(schema, method=method)
            for error in await outcomes(runnable, streamed=recording.is_streamed):
                assert isinstance(error, ScalewayTruncatedOutputError)
                assert isinstance(error, OutputParserException)
                limit = f"the limit of {usage['output_tokens']} tokens was reached"
                assert f"ends in the middle, {limit}" in str(error)
                assert f"{recording.requested_model!r}" in str(error)
                assert "Raise `max_tokens`" in str(error)
                assert error.model == recording.requested_model


@pytest.mark.parametrize("case", ["reasoning_truncated", "reasoning_truncated_stream"])
async def test_the_share_of_reasoning_is_told(case: str, ask: Ask) -> None:
    for folder, share in ((VLLM_QWEN, "11"), (LLAMACPP, "a share")):
        runnable = ask(Recording(folder, case)).with_structured_output(Person)
        for error in await outcomes(runnable, streamed=case.endswith("stream")):
            assert f"12 tokens was reached ({share} of it spent on reasoning)." in str(error)
            assert "`reasoning_effort" in str(error)


def test_what_came_before_a_truncation_has_been_streamed(ask: Ask) -> None:
    events = [event({"content": '{"name": "Al'}), event({"content": "ice"}), event({}, "length")]
    runnable = ask(events).with_structured_output(PERSON_SCHEMA)
    parts: list[Any] = []
    with pytest.raises(
        ScalewayTruncatedOutputError, match="ends in the middle, the limit was reached\\. Raise"
    ):
        parts.extend(runnable.stream(PROMPT))
    assert parts[-1] == {"name": "Alice"}
