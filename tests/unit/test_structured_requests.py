"""Structured output: what is asked for, and what is refused before anything is sent."""

from collections.abc import Callable
from enum import Enum
from typing import Any, Literal, TypedDict

import pytest
from pydantic import BaseModel, RootModel

from langchain_scaleway import ChatScaleway
from langchain_scaleway.convert.structured import response_format, structured_output


class Person(BaseModel):
    """A person."""

    name: str
    age: int | None = None


class PersonDict(TypedDict):
    """A person."""

    name: str


class Color(Enum):
    RED = "red"


class Node(BaseModel):
    """A node of a tree."""

    name: str
    children: list["Node"] = []


JSON_SCHEMA = {"title": "Person", "type": "object", "properties": {"name": {"type": "string"}}}

SCHEMAS: dict[str, Any] = {
    "Pydantic class": Person,
    "TypedDict": PersonDict,
    "JSON schema": JSON_SCHEMA,
    "OpenAI tool": {
        "type": "function",
        "function": {
            "name": "Person",
            "parameters": {k: JSON_SCHEMA[k] for k in ("type", "properties")},
        },
    },
    "inside of a response format": {"name": "Person", "schema": JSON_SCHEMA},
}


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS)
def test_json_schema_is_sent_as_response_format(schema: Any) -> None:
    sent = structured_output(schema, "json_schema", strict=None).arguments["response_format"]
    assert sent["type"] == "json_schema"
    assert sent["json_schema"]["name"] in {"Person", "PersonDict"}
    assert "name" in sent["json_schema"]["schema"]["properties"]
    assert "strict" not in sent["json_schema"]


A_LIST = {"title": "numbers", "type": "array", "items": {"type": "integer"}}


@pytest.mark.parametrize("strict", [None, True])
@pytest.mark.parametrize(
    "schema",
    [A_LIST, {"title": "a", "anyOf": [{"type": "integer"}, {"type": "string"}]}, {"$ref": "#/x"}],
)
def test_a_schema_that_is_no_object_is_sent_as_it_is(schema: Any, strict: bool | None) -> None:
    """LangChain's converter would leave it out."""
    sent = response_format(schema, strict=strict)["json_schema"]
    assert sent["schema"] == {key: schema[key] for key in schema if key != "title"}


def test_a_schema_s_own_strict_is_sent() -> None:
    given = {"name": "Person", "schema": JSON_SCHEMA, "strict": True}
    assert response_format(given, strict=None)["json_schema"]["strict"] is True


@pytest.mark.parametrize(
    "schema",
    [
        {"name": "Person", "schema": JSON_SCHEMA},
        {"type": "json_schema", "json_schema": {"name": "Person", "schema": JSON_SCHEMA}},
        {"name": "Person", "input_schema": JSON_SCHEMA},
        JSON_SCHEMA,
    ],
)
def test_function_calling_takes_the_same_schemas(schema: Any) -> None:
    arguments = structured_output(schema, "function_calling", strict=None).arguments
    [tool] = arguments["tools"]
    assert arguments["tool_choice"] == tool["name"] == "Person"
    assert tool["parameters"]["properties"] == JSON_SCHEMA["properties"]


def test_a_schema_without_a_title_makes_a_tool() -> None:
    untitled = {"type": "object", "properties": {"a": {"type": "integer"}}}
    arguments = structured_output(untitled, "function_calling", strict=None).arguments
    assert arguments["tool_choice"] == "response"


@pytest.mark.parametrize("schema", [A_LIST, RootModel[list[int]]])
def test_a_list_is_no_tool(schema: Any) -> None:
    with pytest.raises(ValueError, match=r"arguments of a tool are an object.*json_schema"):
        structured_output(schema, "function_calling", strict=None)


@pytest.mark.parametrize("method", ["json_schema", "function_calling", "json_mode"])
@pytest.mark.parametrize(
    "schema", [list[Person], Person | None, Literal["a"], Color, int, "Person", Person(name="A")]
)
def test_what_is_no_schema_is_refused(schema: Any, method: Any) -> None:
    with pytest.raises(ValueError, match="must be a Pydantic class, a TypedDict or a JSON schema"):
        structured_output(schema, method, strict=None)


def test_a_dict_that_is_no_schema_is_refused() -> None:
    for method in ("json_schema", "function_calling"):
        with pytest.raises(ValueError, match="is not a JSON schema"):
            structured_output({"answer": "yes"}, method, strict=None)


def test_a_response_format_is_taken_as_it_is() -> None:
    given = {"type": "json_schema", "json_schema": {"name": "x", "schema": {}}}
    assert response_format(given, strict=None) is given


def test_strict_closes_every_object() -> None:
    schema = response_format(Node, strict=True)["json_schema"]
    assert schema["strict"] is True
    assert schema["schema"]["$defs"]["Node"]["additionalProperties"] is False


def test_a_model_may_contain_itself() -> None:
    schema = response_format(Node, strict=None)["json_schema"]["schema"]
    items = schema["$defs"]["Node"]["properties"]["children"]["items"]
    assert items == {"$ref": "#/$defs/Node"}


def test_a_typed_dict_is_described_by_its_own_words() -> None:
    schema = response_format(HasANode, strict=True)["json_schema"]
    assert schema["name"] == "HasANode"
    assert schema["description"] == "A TypedDict with a class in it that contains itself."
    assert schema["schema"]["required"] == ["node"]
    assert schema["schema"]["additionalProperties"] is False
    assert schema["schema"]["$defs"]["Node"]["additionalProperties"] is False


def test_a_schema_without_a_title_gets_a_name() -> None:
    untitled = {"type": "object", "properties": {"a": {"type": "integer"}}}
    assert response_format(untitled, strict=None)["json_schema"]["name"] == "response"


def test_a_name_holds_only_what_the_service_takes() -> None:
    schema = {"title": "Liste[Größe] " + "x" * 80, "type": "object", "properties": {}}
    name = response_format(schema, strict=None)["json_schema"]["name"]
    assert name == ("Liste_Gr__e__" + "x" * 80)[:64]
    arguments = structured_output(schema, "function_calling", strict=None).arguments
    assert arguments["tool_choice"] == arguments["tools"][0]["name"] == name


class Endless(TypedDict):
    """A TypedDict that contains itself."""

    inner: "Endless"


class HasANode(TypedDict):
    """A TypedDict with a class in it that contains itself."""

    node: Node | None


class HasNoJson(TypedDict):
    """A TypedDict with a value that JSON cannot hold."""

    work: Callable[[], None]


class NoJson(BaseModel):
    """A class with a field that JSON cannot hold."""

    work: Callable[[], None]


@pytest.mark.parametrize("schema", [Endless, HasNoJson, NoJson])
@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
def test_what_no_schema_can_be_made_of_is_refused(schema: Any, method: Any) -> None:
    with pytest.raises(ValueError, match=r"cannot be made a JSON schema.*Make it a Pydantic class"):
        structured_output(schema, method, strict=None)


def test_function_calling_asks_for_that_tool() -> None:
    arguments = structured_output(Person, "function_calling", strict=True).arguments
    assert arguments == {"tools": [Person], "tool_choice": "Person", "strict": True}


def test_json_mode_asks_for_any_object() -> None:
    arguments = structured_output(None, "json_mode", strict=None).arguments
    assert arguments == {"response_format": {"type": "json_object"}}


@pytest.mark.parametrize(
    ("schema", "method", "strict", "said"),
    [
        (Person, "yaml", None, "json_schema, function_calling, json_mode"),
        (Person, "json_mode", True, "`strict` needs a schema"),
        (None, "json_schema", None, "needs a schema"),
        (None, "function_calling", None, "needs a schema"),
    ],
)
def test_what_does_not_go_together_is_refused(
    schema: Any, method: Any, strict: bool | None, said: str
) -> None:
    model = ChatScaleway(model="m", base_url="http://127.0.0.1:1/v1")
    with pytest.raises(ValueError, match=said):
        model.with_structured_output(schema, method=method, strict=strict)
