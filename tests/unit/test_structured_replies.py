"""Structured output: what replies become (objects, parsing errors, truncation errors)."""

import functools
import json
import operator
from collections.abc import Callable
from typing import Any, Literal, TypedDict

import pytest
from langchain_core import exceptions
from langchain_core.exceptions import OutputParserException
from langchain_core.messages import AIMessage
from langchain_core.runnables import Runnable
from pydantic import BaseModel, create_model

from langchain_scaleway import ChatScaleway
from langchain_scaleway.errors import ScalewayTruncatedOutputError
from tests.support.outcomes import expected_outcome
from tests.support.recordings import LLAMACPP, VLLM_QWEN, VLLM_SMOLLM, Recording
from tests.support.replay import ReplayServer
from tests.support.wire import (
    MODEL,
    Event,
    calls_event,
    event,
    fragment,
    http_reply,
    http_stream,
    whole,
)
from tests.unit.conftest import ModelFactory

Method = Literal["json_schema", "function_calling", "json_mode"]

PROMPT = "Alice is 30 years old and lives in Paris. Extract the person as JSON."


class Person(BaseModel):
    """A person."""

    name: str
    age: int
    city: Literal["Paris", "Lyon", "Lille"]


ALICE = Person(name="Alice", age=30, city="Paris")
PERSON_SCHEMA = {"title": "Person", **Person.model_json_schema()}


class PersonDict(TypedDict):
    """A person."""

    name: str
    age: int
    city: Literal["Paris", "Lyon", "Lille"]


every_schema = pytest.mark.parametrize(
    "schema", [Person, PersonDict, PERSON_SCHEMA], ids=["class", "TypedDict", "schema"]
)

GetTime = create_model("get_time", city=(str, ...))
GET_TIME_SCHEMA = {
    "title": "get_time",
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
}

PARSING_ERRORS = (OutputParserException, getattr(exceptions, "ModelRefusalError", type(None)))
"""LangChain has had the second since 1.7.5, for refusals."""

Ask = Callable[..., ChatScaleway]


@pytest.fixture
def ask(replay_server: ReplayServer, model_at: ModelFactory) -> Ask:
    """Makes a model that is answered with a recording, a reply or a stream."""

    def make(answer: Recording | Event | list[Event], **fields: Any) -> ChatScaleway:
        if isinstance(answer, Recording):
            url = replay_server.base_url(answer)
            return model_at(url, answer.requested_model, **fields)
        raw = http_stream(answer) if isinstance(answer, list) else http_reply(answer)
        return model_at(replay_server.base_url_of(raw), MODEL, **fields)

    return make


async def outcomes(runnable: Runnable[Any, Any], *, streamed: bool) -> list[Any]:
    """What comes of both ways to ask, synchronous and asynchronous: objects or errors."""
    found: list[Any] = []
    for asynchronous in (False, True):
        try:
            if streamed and asynchronous:
                found.append([part async for part in runnable.astream(PROMPT)][-1])
            elif streamed:
                found.append(list(runnable.stream(PROMPT))[-1])
            elif asynchronous:
                found.append(await runnable.ainvoke(PROMPT))
            else:
                found.append(runnable.invoke(PROMPT))
        except (ValueError, exceptions.LangChainException) as error:
            found.append(error)
    return found


# --- Objects ----------------------------------------------------------------------------

JSON_RECORDINGS = [
    Recording(folder, case)
    for folder, cases in {
        VLLM_QWEN: ["json_schema", "json_object", "reasoning_json_schema"],
        VLLM_SMOLLM: ["json_schema"],
        LLAMACPP: ["json_schema", "json_object", "reasoning_json_schema"],
    }.items()
    for name in cases
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


async def test_objects_grow_in_a_stream(ask: Ask) -> None:
    recording = Recording(VLLM_QWEN, "json_schema_stream")
    parts = list(ask(recording).with_structured_output(PERSON_SCHEMA).stream(PROMPT))
    assert parts[0] == {}
    assert parts[-1] == ALICE.model_dump()
    assert len(parts) > 3
    sizes = [len(part) for part in parts]
    assert sizes == sorted(sizes)


def test_raw_replies_stand_beside_objects(ask: Ask) -> None:
    model = ask(Recording(VLLM_QWEN, "reasoning_json_schema"))
    answer = model.with_structured_output(Person, include_raw=True).invoke(PROMPT)
    assert answer["parsed"] == ALICE
    assert answer["parsing_error"] is None
    assert isinstance(answer["raw"], AIMessage)
    assert answer["raw"].additional_kwargs["reasoning_content"] == "\nThe person is Alice.\n"


def test_raw_replies_are_streamed_too(ask: Ask) -> None:
    model = ask(Recording(VLLM_QWEN, "json_schema_stream"))
    parts = list(model.with_structured_output(PERSON_SCHEMA, include_raw=True).stream(PROMPT))
    parsed = [part["parsed"] for part in parts if part.get("parsed")]
    assert parsed[-1] == ALICE.model_dump()
    raw = [part["raw"] for part in parts if "raw" in part]
    assert (
        "".join(str(chunk.text) for chunk in raw) == '{"name": "Alice", "age": 30, "city": "Paris"}'
    )


# --- Replies without the object ---------------------------------------------------------


class Animal(BaseModel):
    species: str


async def test_an_object_of_another_kind_is_a_parsing_error(ask: Ask) -> None:
    model = ask(Recording(VLLM_QWEN, "json_schema"))
    for error in await outcomes(model.with_structured_output(Animal), streamed=False):
        assert isinstance(error, OutputParserException)
        assert "species" in str(error)
    answer = model.with_structured_output(Animal, include_raw=True).invoke(PROMPT)
    assert answer["parsed"] is None
    assert isinstance(answer["parsing_error"], OutputParserException)
    assert answer["raw"].text == '{"name": "Alice", "age": 30, "city": "Paris"}'


ZONE = create_model("get_time", zone=(str, ...))
ZONE_SCHEMA = {**GET_TIME_SCHEMA, "required": ["zone"]}


@pytest.mark.parametrize("schema", [ZONE, ZONE_SCHEMA], ids=["class", "schema"])
async def test_arguments_of_another_kind_are_a_parsing_error(schema: Any, ask: Ask) -> None:
    model = ask(Recording(VLLM_QWEN, "tool_named"))
    runnable = model.with_structured_output(schema, method="function_calling")
    for error in await outcomes(runnable, streamed=False):
        assert isinstance(error, OutputParserException)
        assert "zone" in str(error)
    runnable = model.with_structured_output(schema, method="function_calling", include_raw=True)
    answer = runnable.invoke(PROMPT)
    assert isinstance(answer["parsing_error"], OutputParserException)
    assert answer["raw"].tool_calls


@pytest.mark.parametrize("method", ["json_schema", "json_mode"])
@pytest.mark.parametrize("schema", [PersonDict, PERSON_SCHEMA], ids=["TypedDict", "schema"])
@pytest.mark.parametrize("text", ["null", "5", "[1, 2]", "{}", '{"name": "Alice"}'])
async def test_json_that_is_no_such_object_is_a_parsing_error(
    text: str, schema: Any, method: Method, ask: Ask
) -> None:
    for reply in (whole({"content": text}), [event({"content": text}), event({}, "stop")]):
        runnable = ask(reply).with_structured_output(schema, method=method)
        for error in await outcomes(runnable, streamed=isinstance(reply, list)):
            assert isinstance(error, OutputParserException)
            assert "does not fit its schema" in str(error)


@pytest.mark.parametrize("text", ["5", "[1, 2]"])
def test_a_schema_that_is_no_object_is_answered_with_what_it_is(text: str, ask: Ask) -> None:
    schema = {"title": "some", "anyOf": [{"type": "integer"}, {"type": "array"}]}
    runnable = ask(whole({"content": text})).with_structured_output(schema)
    assert runnable.invoke(PROMPT) == json.loads(text)


@pytest.mark.parametrize(("length", "quoted"), [(200, "x" * 200), (201, "x" * 200 + "…")])
def test_a_long_answer_is_quoted_in_part(length: int, quoted: str, ask: Ask) -> None:
    model = ask(whole({"content": "x" * length}))
    runnable = model.with_structured_output(Person, method="function_calling")
    with pytest.raises(OutputParserException) as caught:
        runnable.invoke(PROMPT)
    assert repr(quoted) in str(caught.value)


PIECES = {
    "nothing": ([], "Its answer is empty"),
    "a refusal": ([{"refusal": "I "}, {"refusal": "will not."}], "I will not."),
    "prose": ([{"content": "The capital "}, {"content": "is Paris."}], "The capital is Paris."),
    "an object of another kind": ([{"content": '{"species"'}, {"content": ': "cat"}'}], "species"),
}


@pytest.mark.parametrize("method", ["json_schema", "function_calling", "json_mode"])
@pytest.mark.parametrize(("deltas", "said"), PIECES.values(), ids=PIECES)
async def test_what_is_no_object_is_an_error_in_streams_too(
    deltas: list[dict[str, str]], said: str, method: Method, ask: Ask
) -> None:
    """LangChain's parsers end such a stream in silence, and give `None` without a tool call."""
    whole_message = {key: "".join(d.get(key, "") for d in deltas) for key in ("content", "refusal")}
    replies: list[Any] = [[*map(event, deltas), event({}, "stop")], whole(whole_message)]
    for reply, streamed in zip(replies, (True, False), strict=True):
        runnable = ask(reply).with_structured_output(Person, method=method)
        for error in await outcomes(runnable, streamed=streamed):
            assert isinstance(error, PARSING_ERRORS)
            assert said in str(error)


BROKEN_CALLS = {
    "arguments that break off": ("Person", '{"name": "Al', '{"name": "Al'),
    "arguments that are no object": ("Person", "[1]", "[1]"),
    "another tool": ("Animal", '{"species": "cat"}', "Animal"),
}


@pytest.mark.parametrize("schema", [Person, PERSON_SCHEMA], ids=["class", "schema"])
@pytest.mark.parametrize(("name", "arguments", "said"), BROKEN_CALLS.values(), ids=BROKEN_CALLS)
async def test_a_call_that_is_no_object_is_an_error(
    name: str, arguments: str, said: str, schema: Any, ask: Ask
) -> None:
    calls = [fragment(arguments, name=name, id="call_a", index=0)]
    for reply in (whole({"tool_calls": calls}), [calls_event(*calls), event({}, "tool_calls")]):
        model, streamed = ask(reply), isinstance(reply, list)
        runnable = model.with_structured_output(schema, method="function_calling")
        for error in await outcomes(runnable, streamed=streamed):
            assert isinstance(error, OutputParserException)
            assert said in str(error)


@pytest.mark.parametrize("method", ["json_schema", "json_mode"])
async def test_a_call_in_place_of_an_object_is_named(method: Method, ask: Ask) -> None:
    """With tools bound as well, a vLLM server may have the model call one instead."""
    calls = [fragment('{"city": "Paris"}', name="get_weather", id="call_a", index=0)]
    for reply in (whole({"tool_calls": calls}), [calls_event(*calls), event({}, "tool_calls")]):
        runnable = ask(reply).with_structured_output(Person, method=method)
        for error in await outcomes(runnable, streamed=isinstance(reply, list)):
            assert isinstance(error, OutputParserException)
            assert "It called the tool 'get_weather' instead." in str(error)


@pytest.mark.parametrize("method", ["json_schema", "function_calling", "json_mode"])
@pytest.mark.parametrize("reason", ["stop", "length"])
async def test_raw_streams_end_with_the_error(reason: str, method: Method, ask: Ask) -> None:
    events = [event({"content": '{"species"'}), event({"content": ': "ca'}), event({}, reason)]
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
    )
]
TRUNCATED_CALLS = [
    Recording(folder, case)
    for folder in (VLLM_QWEN, LLAMACPP)
    for case in ("tool_truncated", "tool_truncated_stream")
]


def check_truncation(error: Any, recording: Recording) -> None:
    assert isinstance(error, ScalewayTruncatedOutputError)
    assert isinstance(error, OutputParserException)
    usage = expected_outcome(recording).usage
    assert usage is not None
    assert "Raise `max_tokens`" in str(error)
    assert f"ends in the middle, the limit of {usage['output_tokens']} tokens was reached" in str(
        error
    )
    assert f"{recording.requested_model!r}" in str(error)
    assert error.model == recording.requested_model


@pytest.mark.parametrize("recording", TRUNCATED, ids=str)
@every_schema
async def test_recorded_truncation(recording: Recording, schema: Any, ask: Ask) -> None:
    model, streamed = ask(recording), recording.is_streamed
    for method in ("json_schema", "json_mode"):
        runnable = model.with_structured_output(schema, method=method)
        for error in await outcomes(runnable, streamed=streamed):
            check_truncation(error, recording)


@pytest.mark.parametrize("recording", TRUNCATED_CALLS, ids=str)
@pytest.mark.parametrize(
    "schema",
    [
        create_model("get_weather", city=(str, ...)),
        {**GET_TIME_SCHEMA, "title": "get_weather"},
    ],
    ids=["class", "schema"],
)
async def test_recorded_truncation_of_a_call(recording: Recording, schema: Any, ask: Ask) -> None:
    """LangChain alone would complete the arguments, or give `None`."""
    runnable = ask(recording).with_structured_output(schema, method="function_calling")
    for error in await outcomes(runnable, streamed=recording.is_streamed):
        check_truncation(error, recording)


@pytest.mark.parametrize("case", ["reasoning_truncated", "reasoning_truncated_stream"])
async def test_the_share_of_reasoning_is_told(case: str, ask: Ask) -> None:
    streamed = case.endswith("stream")
    counted = ask(Recording(VLLM_QWEN, case)).with_structured_output(Person)
    for error in await outcomes(counted, streamed=streamed):
        assert "limit of 12 tokens was reached (11 of it spent on reasoning)." in str(error)
        assert "`reasoning_effort" in str(error)
    uncounted = ask(Recording(LLAMACPP, case)).with_structured_output(Person)
    for error in await outcomes(uncounted, streamed=streamed):
        assert "limit of 12 tokens was reached (a share of it spent on reasoning)." in str(error)


def test_what_came_before_a_truncation_has_been_streamed(ask: Ask) -> None:
    events = [event({"content": '{"name": "Al'}), event({"content": "ice"}), event({}, "length")]
    runnable = ask(events).with_structured_output(PERSON_SCHEMA)
    parts: list[Any] = []
    with pytest.raises(
        ScalewayTruncatedOutputError, match="ends in the middle, the limit was reached\\. Raise"
    ):
        parts.extend(runnable.stream(PROMPT))
    assert parts[-1] == {"name": "Alice"}
