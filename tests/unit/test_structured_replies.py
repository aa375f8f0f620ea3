"""Structured output: what replies become (objects, parsing errors, truncation errors)."""

import functools
import json
import operator
from typing import Any, Literal

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


ALICE = Person(name="Alice", age=30, city="Paris")
ALICE_TEXT = '{"name": "Alice", "age": 30, "city": "Paris"}'
PERSON_SCHEMA = {"title": "Person", **Person.model_json_schema()}

GetTime = create_model("get_time", city=(str, ...))

OF_REFUSALS = getattr(exceptions, "ModelRefusalError", OutputParserException)
"""LangChain has had its own since 1.7.5."""

# --- Objects ----------------------------------------------------------------------------

RECORDED: list[tuple[Recording, Method, Any]] = [
    *(
        (Recording(folder, case), "json_mode" if name == "json_object" else "json_schema", ALICE)
        for folder in (VLLM_QWEN, LLAMACPP)
        for name in ("json_schema", "json_object", "reasoning_json_schema")
        for case in (name, f"{name}_stream")
    ),
    *(
        # VLLM ends a call that was asked for by name with `stop`.
        (Recording(VLLM_QWEN, case), "function_calling", GetTime(city="Paris"))
        for case in ("tool_named", "tool_named_stream")
    ),
]


@pytest.mark.parametrize(("recording", "method", "found"), RECORDED, ids=str)
async def test_recorded_objects(
    recording: Recording, method: Method, found: BaseModel, ask: Ask
) -> None:
    model, kind = ask(recording), type(found)
    schema = {"title": kind.__name__, **kind.model_json_schema()}
    for form, expected in ((kind, found), (schema, found.model_dump())):
        asking = model.with_structured_output(form, method=method)
        assert await outcomes(asking, streamed=recording.is_streamed) == [expected] * 2


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


async def test_a_schema_that_is_no_object_is_answered_with_what_it_is(ask: Ask) -> None:
    schema = {"title": "some", "anyOf": [{"type": "integer"}, {"type": "array"}]}
    for text in ("5", "[1, 2]"):
        found = await answers(ask, {"content": text}, schema, "json_schema")
        assert found == [json.loads(text)] * 4


UNFIT = "does not fit its schema"
SEVERAL = f"{ALICE_TEXT} or {ALICE_TEXT.replace('30', '31')}"

TEXTS: dict[str, tuple[dict[str, Any], str]] = {
    "nothing": ({}, "Its answer is empty"),
    "an empty text": ({"content": ""}, "Its answer is empty"),
    **{text: ({"content": text}, UNFIT) for text in ("null", "5", "[1, 2]", "{}")},
    "half of the keys": ({"content": '{"name": "Alice"}'}, UNFIT),
    "another object": ({"content": '{"species": "cat"}'}, "species"),
    "a refusal": ({"refusal": "I will not."}, "I will not."),
    "prose": ({"content": "It is Paris."}, "It is not JSON: 'It is Paris.'"),
    "long prose": ({"content": "x" * 201}, repr("x" * 200 + "…")),
    "two that fit": ({"content": SEVERAL}, "It is not JSON"),
    "two that fit, fenced": (
        {"content": "```\n" + SEVERAL.replace(" or ", "\n```\nor\n```json\n") + "\n```"},
        "It is not JSON",
    ),
    "a part of what was cut off": (
        {"content": f'{{"person": {ALICE_TEXT}, "age":'},
        'It ends in the middle, the limit was not reached: \'{"person"',
    ),
    "none that fits": ({"content": '.{"species": "cat"}'}, 'It is not JSON: \'.{"species": "cat"}'),
    "not quite JSON": ({"content": "{'name': 'Alice'}"}, """It is not JSON: "{'name'"""),
    **{
        f"in the reasoning: {text}": ({"reasoning": text}, f"in its reasoning: {text!r}")
        for text in ("Alice, then.", f"Maybe {ALICE_TEXT}?", '{"species": "cat"}')
    },
}
CALLS: dict[str, tuple[dict[str, Any], str]] = {
    "no arguments": (saying("function_calling", "{}"), "{}"),
    "another tool's": (saying("function_calling", "{}", "Animal"), "the tool 'Animal' instead"),
    "prose": ({"content": "It is Paris."}, "It called no tool for it, and answered 'It is Paris.'"),
    "broken off": (saying("function_calling", '{"name": "Al'), """the middle.*: '{"name": "Al"""),
    "malformed": (saying("function_calling", '{"name": x}'), "are not JSON for an object"),
    "markup": (saying("function_calling", f"<a>{ALICE_TEXT}"), "are not JSON for an object: '<a>{"),
    "no object": (saying("function_calling", "[1]"), "are not JSON for an object: '[1]'"),
    "a refusal": ({"refusal": "I will not."}, "I will not."),
}


@pytest.mark.parametrize(
    ("methods", "message", "said"),
    [
        pytest.param(methods, *row, id=f"{methods[0]}: {name}")
        for methods, table in ((BY_TEXT, TEXTS), (METHODS[1:2], CALLS))
        for name, row in table.items()
    ],
)
async def test_what_is_no_such_object_is_an_error_that_shows_it(
    methods: tuple[Method, ...], message: dict[str, Any], said: str, ask: Ask
) -> None:
    """LangChain's parsers end such a stream in silence, and give `None` without a tool call."""
    for method in methods:
        for schema in (Person, PERSON_SCHEMA):
            for error in await answers(ask, message, schema, method):
                assert isinstance(
                    error, OF_REFUSALS if "refusal" in message else OutputParserException
                )
                assert all(part in str(error) for part in said.split(".*"))


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
        for schema in by_tool if is_call else (Person, PERSON_SCHEMA):
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
