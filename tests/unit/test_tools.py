"""Tools and `tool_choice` of every form that LangChain knows."""

import functools
from copy import deepcopy
from typing import Any, TypedDict

import jsonschema
import pytest
from langchain_core.tools import StructuredTool, Tool, tool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import BaseModel, Field

from langchain_scaleway import ChatScaleway
from langchain_scaleway.convert.tools import convert_tool_choice, convert_tools


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


class Add(BaseModel):
    """Add two numbers."""

    a: int
    b: int


class AddDict(TypedDict):
    """Add two numbers."""

    a: int
    b: int


@tool
def add_tool(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


PROPERTIES = {"a": {"type": "integer"}, "b": {"type": "integer"}}
PARAMETERS = {"type": "object", "properties": PROPERTIES, "required": ["a", "b"]}
FUNCTION = {"name": "add", "description": "Add two numbers.", "parameters": PARAMETERS}

FORMS: dict[str, tuple[Any, str]] = {
    "function": (add, "add"),
    "Pydantic class": (Add, "Add"),
    "TypedDict": (AddDict, "AddDict"),
    "BaseTool": (add_tool, "add_tool"),
    "JSON schema": ({"title": "add", "description": "Add two numbers.", **PARAMETERS}, "add"),
    "OpenAI tool": ({"type": "function", "function": FUNCTION}, "add"),
    "OpenAI function": (FUNCTION, "add"),
    "Anthropic tool": (
        {"name": "add", "description": "Add two numbers.", "input_schema": PARAMETERS},
        "add",
    ),
    "OpenAI Responses tool": ({"type": "function", **FUNCTION}, "add"),
    "explicit Anthropic tool": (
        {
            "type": "custom",
            "name": "add",
            "description": "Add two numbers.",
            "input_schema": PARAMETERS,
        },
        "add",
    ),
    "MCP tool": (
        {"name": "add", "description": "Add two numbers.", "inputSchema": PARAMETERS},
        "add",
    ),
}


@pytest.mark.parametrize(("form", "name"), FORMS.values(), ids=FORMS)
def test_every_form_becomes_a_function_tool(form: Any, name: str) -> None:
    [converted] = convert_tools([form])
    assert converted["type"] == "function"
    function = converted["function"]
    assert (function["name"], function["description"]) == (name, "Add two numbers.")
    assert set(function["parameters"]["properties"]) == {"a", "b"}
    assert "strict" not in function


def test_strict_is_sent_when_it_is_given() -> None:
    [converted] = convert_tools([Add], strict=True)
    assert converted["function"]["strict"] is True
    assert converted["function"]["parameters"]["additionalProperties"] is False


@pytest.mark.parametrize(
    "form",
    [
        {"type": "web_search"},
        {"type": "web_search_20250305", "name": "web_search"},
        {"type": "custom", "name": "run_code"},
    ],
    ids=["OpenAI", "Anthropic", "OpenAI custom"],
)
def test_other_kinds_of_tools_are_refused(form: dict[str, Any]) -> None:
    """Nobody would answer the calls of a function by that name."""
    with pytest.raises(ValueError, match=rf"function tools only, not '{form['type']}'"):
        convert_tools([form])


def test_a_custom_tool_of_langchain_is_refused() -> None:
    free_text = Tool("run", str, "Run code.", metadata={"type": "custom_tool"})
    with pytest.raises(ValueError, match="function tools only, not 'custom'"):
        convert_tools([free_text])


@pytest.mark.parametrize("function", [{}, {"function": None}, {"parameters": PARAMETERS}])
def test_a_function_without_a_name_is_refused(function: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="has a name"):
        convert_tools([{"type": "function", **function}])


@pytest.mark.parametrize("tools", [(add,), {add}, iter([add]), {"add": add}.values()])
def test_tools_may_come_in_anything_that_holds_them(tools: Any) -> None:
    assert [converted["function"]["name"] for converted in convert_tools(tools)] == ["add"]


@pytest.mark.parametrize("tools", [add, Add, add_tool, FUNCTION, "add", None])
def test_a_tool_without_a_list_is_refused(tools: Any) -> None:
    with pytest.raises(ValueError, match=r"`tools` is a list of tools.*`bind_tools\(\[tool\]\)`"):
        convert_tools(tools)


class Tree(BaseModel):
    """A tree."""

    name: str
    branches: list["Tree"] = Field(default=[], description="What grows on it")
    trunk: "Tree | None" = Field(default=None, description="What it grows on")


@tool
def plant(tree: Tree) -> str:
    """Plant a tree."""
    return tree.name


class Planting(BaseModel):
    tree: Tree = Field(description="The tree")


def plant_function(tree: Tree) -> str:
    """Plant a tree."""
    return tree.name


class Garden:
    def plant(self, tree: Tree) -> str:
        """Plant a tree."""
        return tree.name


@pytest.mark.parametrize(
    "form",
    [
        Tree,
        Planting,
        plant,
        plant_function,
        Garden().plant,
        StructuredTool(
            name="plant",
            description="Plant a tree.",
            args_schema=Planting.model_json_schema(),  # As MCP's tools have it
        ),
    ],
    ids=["class", "field", "BaseTool", "function", "method", "BaseTool of a JSON schema"],
)
@pytest.mark.parametrize("strict", [None, True])
def test_a_model_may_contain_itself(form: Any, strict: bool | None) -> None:
    """LangChain's converter allows anything in the place of an endless reference."""
    parameters = convert_tools([form], strict=strict)[0]["function"]["parameters"]
    assert parameters["properties"], "chat templates look for them at the root"
    tree = parameters["$defs"]["Tree"]
    assert tree["properties"]["branches"]["items"] == {"$ref": "#/$defs/Tree"}
    assert {"$ref": "#/$defs/Tree"} in tree["properties"]["trunk"]["anyOf"]
    assert tree.get("additionalProperties", True) is not strict
    root = parameters if form is Tree else parameters["properties"]["tree"]
    whole = root if form is Tree else {**root, "$defs": parameters["$defs"]}
    value: Any = {"name": "oak", "branches": [], "trunk": None}
    jsonschema.validate({**value, "branches": [value]}, whole)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**value, "branches": [{}]}, whole)


@pytest.mark.parametrize("strict", [None, True])
@pytest.mark.parametrize("by_tool", [False, True])
def test_references_are_replaced_where_that_can_be_done(strict: bool | None, by_tool: bool) -> None:
    """The prompt of gpt-oss has `any` for a reference; LangChain's converter writes the same."""

    class Leaf(BaseModel):
        colour: str

    class Twig(BaseModel):
        """Grow a twig."""

        leaf: Leaf = Field(description="The first of them")
        leaves: list[Leaf]
        note: Any

    form: Any = Twig
    if by_tool:
        form = StructuredTool(name="Twig", description="Grow a twig.", args_schema=Twig)
    assert convert_tools([form], strict=strict) == [convert_to_openai_tool(Twig, strict=strict)]
    assert "$" not in str(convert_tools([form], strict=strict))


def test_properties_may_be_called_like_keywords() -> None:
    class Leaf(BaseModel):
        properties: int

    class Options(BaseModel):
        title: Leaf
        default: Leaf
        enum: list[Leaf] = [Leaf(properties=1)]

    parameters = convert_tools([Options])[0]["function"]["parameters"]
    leaf = {
        "type": "object",
        "properties": {"properties": {"type": "integer"}},
        "required": ["properties"],
    }
    assert parameters["properties"] == {
        "title": leaf,
        "default": leaf,
        "enum": {"type": "array", "items": leaf, "default": [{"properties": 1}]},
    }


def test_a_json_schema_without_properties_is_kept() -> None:
    """LangChain's converter keeps the title alone."""
    schema = {"title": "plant", "$ref": "#/$defs/Tree", "$defs": {"Tree": {"type": "object"}}}
    [converted] = convert_tools([schema])
    assert converted["function"]["name"] == "plant"
    assert set(converted["function"]["parameters"]) == {"$ref", "$defs"}


ESCAPED = "#/$defs/a~0b~1c"


@pytest.mark.parametrize(
    ("schema", "reference"),
    [
        ({"$ref": "#/definitions/A", "definitions": {"A": {"items": {}}}}, "#/definitions/A"),
        ({"properties": {"a": {"type": "object", "items": {}}}}, "#/properties/a"),
        ({"properties": {"a": {"items": {}}}}, "#"),
        ({"$defs": {"a~b/c": {"items": {}}}, "not": {"$ref": ESCAPED}}, ESCAPED),
    ],
    ids=["definitions", "a property", "the root", "escaped"],
)
def test_a_json_schema_may_contain_itself_anywhere(schema: Any, reference: str) -> None:
    """As the schemas of MCP servers do."""
    schema = {"type": "object", **deepcopy(schema)}
    [parts] = [schema[k] for k in ("definitions", "$defs", "properties") if k in schema]
    [part] = parts.values()
    part["items"] = {"$ref": reference}
    form = StructuredTool(name="a", description="b", args_schema=schema)
    sent = convert_tools([form])[0]["function"]["parameters"]
    assert reference in str(sent)
    jsonschema.Draft202012Validator.check_schema(sent)
    assert "$ref" not in sent


class Unchanged(BaseModel):
    """Stay."""

    place: str = "here"


def unchanged(place: str = "here") -> str:
    """Stay."""
    return place


@pytest.mark.parametrize(
    "kind", ["class", "function", "BaseTool", "schema", "BaseTool of a schema"]
)
def test_what_is_changed_in_a_bound_model_stays_there(kind: str) -> None:
    """And a default that has been changed since is in the next one."""
    schema = {"title": "a", "type": "object", "properties": {"a": {"type": "string"}}}
    form: Any = {
        "class": Unchanged,
        "function": unchanged,
        "BaseTool": tool(unchanged),
        "schema": schema,
        "BaseTool of a schema": StructuredTool(name="a", description="b", args_schema=schema),
    }[kind]
    model = ChatScaleway(model="m", base_url="http://127.0.0.1:1/v1")
    bound: Any = model.bind_tools([form])
    before = deepcopy(bound.kwargs["tools"])
    bound.kwargs["tools"][0]["function"]["parameters"]["properties"]["place"] = {}
    bound.kwargs["tools"][0]["function"]["parameters"]["properties"].pop("a", None)
    again: Any = model.bind_tools([form])
    assert again.kwargs["tools"] == before


def test_a_changed_default_is_sent() -> None:
    def stay(*, place: str = "here") -> str:
        """Stay."""
        return place

    def default() -> Any:
        [converted] = convert_tools([stay])
        return converted["function"]["parameters"]["properties"]["place"]["default"]

    assert default() == "here"
    stay.__kwdefaults__ = {"place": "there"}
    assert default() == "there"


def test_a_schema_is_not_changed_by_closing_it() -> None:
    schema = Planting.model_json_schema()
    before = deepcopy(schema)
    convert_tools([StructuredTool(name="a", description="b", args_schema=schema)], strict=True)
    convert_tools([{"name": "a", "parameters": schema}], strict=True)
    assert schema == before


def unknown_name(a: "Nowhere") -> None:  # type: ignore[name-defined]  # noqa: F821 -- the case
    """Take what is not there."""


def no_json(a: object) -> None:
    """Take what JSON cannot hold."""


no_json.__annotations__["a"] = type("Opaque", (), {})


class CallableObject:
    def __call__(self, a: int) -> int:
        """Do nothing."""
        return a


@pytest.mark.parametrize(
    "form",
    [
        CallableObject(),
        functools.partial(add, b=1),
        {"toolSpec": {"name": "add"}},
        5,
        {},
        unknown_name,
        no_json,
    ],
)
def test_what_is_no_tool_is_refused(form: Any) -> None:
    with pytest.raises(
        ValueError, match=r"cannot be made a|is not a JSON schema|Unsupported function"
    ):
        convert_tools([form])


NAMED = {"type": "function", "function": {"name": "add"}}

CHOICES: list[tuple[Any, Any]] = [
    (None, None),
    (False, None),
    (True, "required"),
    ("any", "required"),
    ("required", "required"),
    ("auto", "auto"),
    ("none", "none"),
    ("add", NAMED),
    (NAMED, NAMED),
    ({"type": "tool", "name": "add"}, NAMED),
    ({"type": "any"}, "required"),
    ({"type": "auto"}, "auto"),
    ({"type": "none"}, "none"),
    ({"type": "allowed_tools"}, {"type": "allowed_tools"}),
]


@pytest.mark.parametrize(("choice", "expected"), CHOICES)
def test_tool_choice(choice: Any, expected: Any) -> None:
    assert convert_tool_choice(choice, convert_tools([add])) == expected


@pytest.mark.parametrize(
    "choice", ["subtract", {"type": "function", "function": {"name": "subtract"}}]
)
def test_an_unknown_name_is_refused_with_the_known_ones(choice: Any) -> None:
    with pytest.raises(ValueError, match=r"'subtract'.*: add, Add"):
        convert_tool_choice(choice, convert_tools([add, Add]))


@pytest.mark.parametrize("choice", [["add"], add, 5])
def test_a_choice_of_another_type_is_refused(choice: Any) -> None:
    with pytest.raises(ValueError, match="`tool_choice` is a string, a bool or a dict"):
        convert_tool_choice(choice, convert_tools([add]))


@pytest.mark.parametrize("choice", ["any", True, "add", {"type": "any"}])
def test_a_call_cannot_be_asked_for_without_tools(choice: Any) -> None:
    with pytest.raises(ValueError, match=r"none are bound|no tools are bound"):
        convert_tool_choice(choice, [])


def test_an_empty_list_binds_nothing() -> None:
    model = ChatScaleway(model="m", base_url="http://127.0.0.1:1/v1")
    bound: Any = model.bind_tools([], tool_choice="auto", parallel_tool_calls=True)
    assert bound.kwargs == {}
