"""Structured output: what is asked for, and what is refused before anything is sent."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Generic, Literal, TypedDict, TypeVar

import pytest
from pydantic import BaseModel, RootModel

from langchain_scaleway import ChatScaleway
from tests.support.replay import ReplayServer
from tests.support.wire import MODEL, http_reply, whole
from tests.unit.conftest import ModelFactory

METHODS = ["json_schema", "function_calling", "json_mode"]
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

SCHEMAS: dict[str, Any] = {
    "Pydantic class": Person,
    "TypedDict": PersonDict,
    "dataclass": PersonData,
    "JSON schema": JSON_SCHEMA,
    "OpenAI tool": {
        "type": "function",
        "function": {
            "name": "Person",
            "parameters": {k: JSON_SCHEMA[k] for k in ("type", "properties")},
        },
    },
    "inside of a response format": {"name": "Person", "schema": JSON_SCHEMA},
    "response format": {
        "type": "json_schema",
        "json_schema": {"name": "Person", "schema": JSON_SCHEMA},
    },
    "Anthropic tool": {"name": "Person", "input_schema": JSON_SCHEMA},
}

Asked = Callable[..., Any]


@pytest.fixture
def asked(replay_server: ReplayServer, model_at: ModelFactory) -> Asked:
    """Gives the body of a request for structured output."""
    answer = http_reply(whole({"content": "{}"}))

    def ask(schema: Any, method: Any = "json_schema", **arguments: Any) -> Any:
        model = model_at(replay_server.base_url_of(answer), MODEL)
        runnable = model.with_structured_output(
            schema, method=method, include_raw=True, **arguments
        )
        runnable.invoke("Hi")
        return replay_server.received[-1].json()

    return ask


def sent_schema(body: Any) -> Any:
    """The schema and its name, by whichever method."""
    if "tools" in body:
        function = dict(body["tools"][0]["function"])
        return {"schema": function.pop("parameters"), **function}
    return body["response_format"]["json_schema"]


@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS)
def test_every_form_of_schema_is_sent(schema: Any, method: str, asked: Asked) -> None:
    body = asked(schema, method)
    sent = sent_schema(body)
    assert sent["name"] in {"Person", "PersonDict", "PersonData"}
    assert "name" in sent["schema"]["properties"]
    assert "strict" not in sent
    if method == "function_calling":
        assert body["tool_choice"]["function"]["name"] == sent["name"]


@pytest.mark.parametrize("schema", [Person, PersonDict, PersonData, Node, Page[Person]])
@pytest.mark.parametrize("strict", [None, False, True])
def test_every_method_sends_the_same_schema(schema: Any, strict: bool | None, asked: Asked) -> None:
    by_text = sent_schema(asked(schema, "json_schema", strict=strict))
    by_tool = sent_schema(asked(schema, "function_calling", strict=strict))
    assert by_text["schema"] == by_tool["schema"]
    assert by_text["name"] == by_tool["name"]
    assert by_text.get("strict") is strict


def test_strict_closes_every_object(asked: Asked) -> None:
    schema = sent_schema(asked(Node, strict=True))["schema"]
    for closed in (schema, *schema["$defs"].values()):
        assert closed["additionalProperties"] is False
        assert closed["required"] == [*closed["properties"]]


A_LIST = {"title": "numbers", "type": "array", "items": {"type": "integer"}}


@pytest.mark.parametrize("strict", [None, True])
@pytest.mark.parametrize(
    "schema",
    [A_LIST, {"title": "a", "anyOf": [{"type": "integer"}, {"type": "string"}]}, {"$ref": "#/x"}],
)
def test_a_schema_that_is_no_object_is_sent_as_it_is(
    schema: Any, strict: bool | None, asked: Asked
) -> None:
    """LangChain's converter would leave it out."""
    sent = sent_schema(asked(schema, strict=strict))
    assert sent["schema"] == {key: schema[key] for key in schema if key != "title"}


def test_a_schema_s_own_strict_is_sent(asked: Asked) -> None:
    given = {"name": "Person", "schema": JSON_SCHEMA, "strict": True}
    assert sent_schema(asked(given))["strict"] is True


@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
def test_a_schema_without_a_title_gets_a_name(method: str, asked: Asked) -> None:
    untitled = {"type": "object", "properties": {"a": {"type": "integer"}}}
    assert sent_schema(asked(untitled, method))["name"] == "response"


@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
@pytest.mark.parametrize(
    ("schema", "name"),
    [
        ({**A_LIST, "title": "Liste[Größe] " + "x" * 80, "type": "object"}, "Liste_Gr__e__"),
        (Page[Person], "Page_Person_"),
    ],
)
def test_a_name_holds_only_what_servers_take(
    schema: Any, name: str, method: str, asked: Asked
) -> None:
    sent = sent_schema(asked(schema, method))["name"]
    assert sent.startswith(name)
    assert len(sent) <= 64


@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
def test_a_model_may_contain_itself(method: str, asked: Asked) -> None:
    schema = sent_schema(asked(Node, method))["schema"]
    assert schema["properties"]["children"]["items"] == {"$ref": "#/$defs/Node"}
    assert schema["$defs"]["Node"]["properties"]["children"]["items"] == {"$ref": "#/$defs/Node"}
    assert schema["$defs"]["Person"]["properties"]["name"]["type"] == "string"


def test_json_mode_asks_for_any_object(asked: Asked) -> None:
    assert asked(None, "json_mode")["response_format"] == {"type": "json_object"}
    assert asked(Person, "json_mode")["response_format"] == {"type": "json_object"}


# --- Further arguments ------------------------------------------------------------------


def look() -> str:
    """Look."""
    return ""


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("choice", ["auto", "any", "look"])
def test_tools_and_a_choice_may_be_given_as_well(choice: str, method: str, asked: Asked) -> None:
    body = asked(
        Person,
        method,
        tools=[look],
        tool_choice=choice,
        parallel_tool_calls=False,
        temperature=0,
        stop=["x"],
    )
    names = [tool["function"]["name"] for tool in body["tools"]]
    assert names == (["Person", "look"] if method == "function_calling" else ["look"])
    named = {"type": "function", "function": {"name": "look"}}
    assert body["tool_choice"] == {"any": "required", "look": named}.get(choice, choice)
    assert ("response_format" in body) == (method != "function_calling")
    sent = (body["parallel_tool_calls"], body["temperature"], body["stop"])
    assert sent == (False, 0, ["x"])


@pytest.mark.parametrize("method", METHODS)
def test_a_tool_without_a_list_is_refused(method: str, asked: Asked) -> None:
    with pytest.raises(ValueError, match="`tools` is a list of tools"):
        asked(Person, method, tools=look)


@pytest.mark.parametrize("method", METHODS)
def test_none_may_be_given_for_each_further_argument(method: str, asked: Asked) -> None:
    given = dict.fromkeys(("tools", "tool_choice", "response_format", "parallel_tool_calls"))
    assert asked(Person, method, **given) == asked(Person, method)


def test_a_thinking_model_may_be_left_the_choice(asked: Asked) -> None:
    body = asked(Person, "function_calling", tool_choice="auto")
    assert body["tool_choice"] == "auto"


@pytest.mark.parametrize("method", METHODS)
def test_a_response_format_beside_the_schema_is_refused(method: Any, asked: Asked) -> None:
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


def refused(schema: Any, method: Any, strict: bool | None = None) -> str:
    model = ChatScaleway(model="m", base_url="http://127.0.0.1:1/v1")
    with pytest.raises(ValueError) as caught:  # noqa: PT011 -- its text is returned
        model.with_structured_output(schema, method=method, strict=strict)
    return str(caught.value)


@pytest.mark.parametrize("schema", [Sized, SizedDict])
@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
def test_what_no_schema_can_be_made_of_is_refused(schema: Any, method: Any) -> None:
    said = refused(schema, method)
    assert "cannot be made a JSON schema" in said
    assert "Make it a Pydantic class" in said


@pytest.mark.parametrize("schema", [A_LIST, RootModel[list[int]]])
def test_a_list_is_no_tool(schema: Any) -> None:
    said = refused(schema, "function_calling")
    assert "arguments of a tool are an object" in said
    assert "json_schema" in said


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "schema", [list[Person], Person | None, Literal["a"], Color, int, "Person", Person(name="A")]
)
def test_what_is_no_schema_is_refused(schema: Any, method: Any) -> None:
    assert "must be a Pydantic class, a TypedDict or a JSON schema" in refused(schema, method)


@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
def test_a_dict_that_is_no_schema_is_refused(method: Any) -> None:
    assert "is not a JSON schema" in refused({"answer": "yes"}, method)


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
    assert said in refused(schema, method, strict)
