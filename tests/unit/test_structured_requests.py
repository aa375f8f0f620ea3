"""Structured output: what is asked for, and what is refused before anything is sent."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Generic, Literal, TypedDict, TypeVar

import pytest
from pydantic import BaseModel, RootModel

from langchain_scaleway import ChatScaleway
from tests.support.replay import ReplayServer
from tests.support.structured import METHODS, Ask
from tests.support.wire import whole

BY_SCHEMA = ["json_schema", "function_calling"]
T = TypeVar("T")


class Person(BaseModel):
    """A person."""

    name: str
    age: int | None = None


class PersonDict(TypedDict):
    """A person."""

    name: str


@dataclass
class PersonData:
    """A person."""

    name: str


class Color(Enum):
    RED = "red"


class Node(BaseModel):
    """A node of a tree."""

    name: str
    owner: Person | None = None
    children: list["Node"] = []


class Page(BaseModel, Generic[T]):
    """A page."""

    items: list[T]


JSON_SCHEMA = {"title": "Person", "type": "object", "properties": {"name": {"type": "string"}}}
A_LIST = {"title": "numbers", "type": "array", "items": {"type": "integer"}}
UNTITLED = {"type": "object", "properties": {"name": {"type": "integer"}}}
LONG_NAME = "Liste[Größe] " + "x" * 80

SCHEMAS: dict[str, tuple[Any, str]] = {
    "Pydantic class": (Person, "Person"),
    "class that contains itself": (Node, "Node"),
    "generic class": (Page[Person], "Page_Person_"),
    "TypedDict": (PersonDict, "PersonDict"),
    "dataclass": (PersonData, "PersonData"),
    "JSON schema": (JSON_SCHEMA, "Person"),
    "OpenAI tool": (
        {"type": "function", "function": {"name": "Person", "parameters": UNTITLED}},
        "Person",
    ),
    "inside of a response format": ({"name": "Person", "schema": JSON_SCHEMA}, "Person"),
    "response format": (
        {"type": "json_schema", "json_schema": {"name": "Person", "schema": JSON_SCHEMA}},
        "Person",
    ),
    "Anthropic tool": ({"name": "Person", "input_schema": JSON_SCHEMA}, "Person"),
    "JSON schema without a title": (UNTITLED, "response"),
    "name that servers refuse": (
        {**UNTITLED, "title": LONG_NAME},
        "Liste_Gr__e__" + "x" * 51,
    ),
}

Asked = Callable[..., Any]


@pytest.fixture
def asked(replay_server: ReplayServer, ask: Ask) -> Asked:
    """Gives the body of a request for structured output."""

    def of(schema: Any, method: Any = "json_schema", **arguments: Any) -> Any:
        model = ask(whole({"content": "{}"}))
        asking = model.with_structured_output(schema, method=method, include_raw=True, **arguments)
        asking.invoke("Hi")
        return replay_server.received[-1].json()

    return of


def sent_schema(body: Any) -> Any:
    """The schema and its name, by whichever method."""
    if "tools" in body:
        function = dict(body["tools"][0]["function"])
        return {"schema": function.pop("parameters"), **function}
    return body["response_format"]["json_schema"]


@pytest.mark.parametrize(("schema", "name"), SCHEMAS.values(), ids=SCHEMAS)
def test_every_method_sends_the_same_schema(schema: Any, name: str, asked: Asked) -> None:
    for strict in (None, False, True):
        by_text = sent_schema(asked(schema, "json_schema", strict=strict))
        body = asked(schema, "function_calling", strict=strict)
        by_tool = sent_schema(body)
        assert (by_text["name"], by_text["schema"]) == (by_tool["name"], by_tool["schema"])
        assert by_text["name"] == body["tool_choice"]["function"]["name"] == name
        assert by_text["schema"]["properties"].keys() & {"name", "items"}
        assert by_text.get("strict") is strict
        assert schema is not PersonData or by_text["description"] == "A person."


@pytest.mark.parametrize(
    "schema",
    [A_LIST, {"title": "a", "anyOf": [{"type": "integer"}, {"type": "string"}]}, {"$ref": "#/x"}],
)
def test_a_schema_that_is_no_object_is_sent_as_it_is(schema: Any, asked: Asked) -> None:
    """LangChain's converter would leave it out."""
    for strict in (None, True):
        sent = sent_schema(asked(schema, strict=strict))
        assert sent["schema"] == {key: schema[key] for key in schema if key != "title"}


def test_what_is_sent_as_it_is_said(asked: Asked) -> None:
    given = {"name": "Person", "schema": JSON_SCHEMA, "strict": True}
    assert sent_schema(asked(given))["strict"] is True
    for schema in (None, Person):
        assert asked(schema, "json_mode")["response_format"] == {"type": "json_object"}


# --- Further arguments ------------------------------------------------------------------


def look() -> str:
    """Look."""
    return ""


@pytest.mark.parametrize("method", METHODS)
def test_tools_and_a_choice_may_be_given_as_well(method: str, asked: Asked) -> None:
    """A thinking model may be left the choice."""
    named = {"type": "function", "function": {"name": "look"}}
    for choice, sent in {"auto": "auto", "any": "required", "look": named}.items():
        body = asked(Person, method, tools=[look], tool_choice=choice)
        names = [tool["function"]["name"] for tool in body["tools"]]
        assert names == (["Person", "look"] if method == "function_calling" else ["look"])
        assert body["tool_choice"] == sent
        assert ("response_format" in body) == (method != "function_calling")


def test_a_schema_that_is_among_the_tools_is_sent_once(asked: Asked) -> None:
    body = asked(Person, "function_calling", tools=[look, Person])
    assert [tool["function"]["name"] for tool in body["tools"]] == ["Person", "look"]


@pytest.mark.parametrize("method", METHODS)
def test_further_arguments_that_say_nothing_or_something_else(method: str, asked: Asked) -> None:
    given = dict.fromkeys(("tools", "tool_choice", "response_format", "parallel_tool_calls"))
    assert asked(Person, method, **given) == asked(Person, method)
    assert asked(Person, method, ls_structured_output_format={"a": 1}) == asked(Person, method)
    with pytest.raises(ValueError, match="`tools` is a list of tools"):
        asked(Person, method, tools=look)
    with pytest.raises(ValueError, match=r"makes the `response_format` of its schema"):
        asked(Person, method, response_format={"type": "json_object"})


@pytest.mark.parametrize(
    ("method", "schema", "name"),
    [
        ("json_schema", Person, "PydanticOutputParser"),
        ("json_schema", JSON_SCHEMA, "JsonOutputParser"),
        ("json_mode", None, "JsonOutputParser"),
        ("function_calling", Person, "PydanticToolsParser"),
        ("function_calling", JSON_SCHEMA, "JsonOutputKeyToolsParser"),
    ],
)
def test_graphs_and_schemas_have_langchain_s_names(method: Any, schema: Any, name: str) -> None:
    model = ChatScaleway(model="m", base_url="http://127.0.0.1:1/v1")
    runnable = model.with_structured_output(schema, method=method)
    assert name in {node.name for node in runnable.get_graph().nodes.values()}
    title = "Person" if name == "PydanticOutputParser" else f"{name}Output"
    assert runnable.get_output_jsonschema()["title"] == title
    with_raw = model.with_structured_output(schema, method=method, include_raw=True)
    [shape] = with_raw.get_output_jsonschema()["$defs"].values()
    assert [*shape["properties"]] == ["raw", "parsed", "parsing_error"]


# --- What is refused --------------------------------------------------------------------


class Sized(BaseModel):
    """A class with a field that JSON cannot hold."""

    work: Callable[[], None]


class SizedDict(TypedDict):
    """A TypedDict with a value that JSON cannot hold."""

    work: Callable[[], None]


NO_SCHEMA = "must be a Pydantic class, a TypedDict or a JSON schema"
NOT_CONVERTED = "cannot be made a JSON schema.*Make it a Pydantic class"

REFUSED: list[Any] = [
    (Sized, BY_SCHEMA, NOT_CONVERTED),
    (SizedDict, BY_SCHEMA, NOT_CONVERTED),
    (A_LIST, ["function_calling"], "arguments of a tool are an object.*json_schema"),
    (RootModel[list[int]], ["function_calling"], "arguments of a tool are an object"),
    ({"answer": "yes"}, BY_SCHEMA, "is not a JSON schema"),
    (None, BY_SCHEMA, "needs a schema"),
    (Person, ["yaml"], "json_schema, function_calling, json_mode"),
    *(
        (schema, [*METHODS], NO_SCHEMA)
        for schema in (
            list[Person],
            Person | None,
            Literal["a"],
            Color,
            int,
            "Person",
            Person(name="A"),
        )
    ),
]


@pytest.mark.parametrize(("schema", "methods", "said"), REFUSED)
def test_what_is_no_schema_of_a_method_is_refused(
    schema: Any, methods: list[Any], said: str
) -> None:
    model = ChatScaleway(model="m", base_url="http://127.0.0.1:1/v1")
    for method in methods:
        with pytest.raises(ValueError, match=f"(?s){said}"):
            model.with_structured_output(schema, method=method)
    with pytest.raises(ValueError, match="`strict` needs a schema"):
        model.with_structured_output(schema, method="json_mode", strict=True)
