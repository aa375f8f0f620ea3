"""Tools and `tool_choice` of every form that LangChain knows."""

import functools
from copy import deepcopy
from typing import Annotated, Any, Literal, TypedDict

import jsonschema
import pytest
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import InjectedToolCallId, StructuredTool, Tool, tool
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


def tool_of(schema: Any) -> StructuredTool:
    """A tool with a JSON schema, as MCP's have it, or with a class."""
    return StructuredTool(name="plant", description="Plant a tree.", args_schema=schema)


PROPERTIES = {"a": {"type": "integer"}, "b": {"type": "integer"}}
PARAMETERS = {"type": "object", "properties": PROPERTIES, "required": ["a", "b"]}
NAMED = {"name": "add", "description": "Add two numbers."}
FUNCTION = {**NAMED, "parameters": PARAMETERS}

FORMS: dict[str, Any] = {
    "function": add,
    "Pydantic class": Add,
    "TypedDict": AddDict,
    "BaseTool": tool(add),
    "JSON schema": {"title": "add", "description": "Add two numbers.", **PARAMETERS},
    "OpenAI tool": {"type": "function", "function": FUNCTION},
    "OpenAI function": FUNCTION,
    "OpenAI Responses tool": {"type": "function", **FUNCTION},
    "Anthropic tool": {**NAMED, "input_schema": PARAMETERS},
    "explicit Anthropic tool": {"type": "custom", **NAMED, "input_schema": PARAMETERS},
    "MCP tool": {**NAMED, "inputSchema": PARAMETERS},
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_every_form_becomes_a_function_tool(form: Any) -> None:
    [converted] = convert_tools([form])
    assert converted["type"] == "function"
    function = converted["function"]
    assert function["name"] == getattr(form, "__name__", "add")
    assert function["description"] == "Add two numbers."
    assert function["parameters"] == PARAMETERS
    assert "strict" not in function
    [closed] = convert_tools([form], strict=True)
    assert closed["function"]["strict"] is True
    assert closed["function"]["parameters"]["additionalProperties"] is False


def test_what_langchain_fills_in_is_not_shown_to_the_model() -> None:
    def look(at: str, config: RunnableConfig, call: Annotated[str, InjectedToolCallId]) -> str:
        """Look there."""
        return f"{at} {config} {call}"

    for form in (look, tool(look)):
        [sent] = convert_tools([form])
        assert [*sent["function"]["parameters"]["properties"]] == ["at"]


def test_tools_may_come_in_anything_that_holds_them() -> None:
    holders: list[Any] = [(add,), {add}, iter([add]), {"add": add}.values()]
    for tools in holders:
        assert [converted["function"]["name"] for converted in convert_tools(tools)] == ["add"]


@pytest.mark.parametrize("tools", [add, Add, tool(add), FUNCTION, "add", None])
def test_a_tool_without_a_list_is_refused(tools: Any) -> None:
    with pytest.raises(ValueError, match=r"`tools` is a list of tools.*`bind_tools\(\[tool\]\)`"):
        convert_tools(tools)


def unknown_name(a: "Nowhere") -> None:  # type: ignore[name-defined]  # noqa: F821 -- the case
    """Take what is not there."""


def no_json(a: object) -> None:
    """Take what JSON cannot hold."""


no_json.__annotations__["a"] = type("Opaque", (), {})


class CallableObject:
    def __call__(self, a: int) -> int:
        """Do nothing."""
        return a


ONLY_FUNCTIONS = "function tools only, not "

REFUSED: list[tuple[Any, str]] = [
    # Nobody would answer the calls of a function by such a name.
    ({"type": "web_search"}, f"{ONLY_FUNCTIONS}'web_search'"),
    ({"type": "web_search_20250305", "name": "web_search"}, ONLY_FUNCTIONS),
    ({"type": "custom", "name": "run_code"}, f"{ONLY_FUNCTIONS}'custom'"),
    (Tool("run", str, "Run code.", metadata={"type": "custom_tool"}), ONLY_FUNCTIONS),
    ({"type": "function"}, "has a name"),
    ({"type": "function", "function": None}, "has a name"),
    ({"type": "function", "parameters": PARAMETERS}, "has a name"),
    (CallableObject(), "cannot be made a JSON schema"),
    (functools.partial(add, b=1), "cannot be made a JSON schema"),
    ({"toolSpec": {"name": "add"}}, "cannot be made a JSON schema"),
    (unknown_name, "cannot be made a JSON schema"),
    (no_json, "cannot be made a JSON schema"),
    (5, "Unsupported function"),
    ({}, "is not a JSON schema"),
]


@pytest.mark.parametrize(("form", "said"), REFUSED)
def test_what_is_no_function_is_refused(form: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        convert_tools([form])


# --- References -------------------------------------------------------------------------


class Tree(BaseModel):
    """A tree."""

    name: str
    branches: list["Tree"] = Field(default=[], description="What grows on it")
    trunk: "Tree | None" = Field(default=None, description="What it grows on")


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
        *(Tree, Planting, tool(plant_function), plant_function, Garden().plant),
        tool_of(Planting.model_json_schema()),
    ],
    ids=["class", "field", "BaseTool", "function", "method", "BaseTool of a JSON schema"],
)
def test_a_model_may_contain_itself(form: Any) -> None:
    """LangChain's converter allows anything in the place of an endless reference."""
    for strict in (None, True):
        parameters = convert_tools([form], strict=strict)[0]["function"]["parameters"]
        assert parameters["properties"], "chat templates look for them at the root"
        tree = parameters["$defs"]["Tree"]
        assert tree["properties"]["branches"]["items"] == {"$ref": "#/$defs/Tree"}
        assert {"$ref": "#/$defs/Tree"} in tree["properties"]["trunk"]["anyOf"]
        assert tree.get("additionalProperties", True) is not strict
        root = parameters if form is Tree else parameters["properties"]["tree"]
        whole = {**root, "$defs": parameters["$defs"]}
        value: Any = {"name": "oak", "branches": [], "trunk": None}
        jsonschema.validate({**value, "branches": [value]}, whole)
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**value, "branches": [{}]}, whole)


class Leaf(BaseModel):
    colour: str


class Twig(BaseModel):
    """Plant a tree."""

    leaf: Leaf = Field(description="The first of them")
    leaves: list[Leaf]
    note: Any


@pytest.mark.parametrize("strict", [None, True])
def test_references_are_replaced_where_that_can_be_done(strict: bool | None) -> None:
    """The prompt of gpt-oss has `any` for a reference; LangChain's converter writes the same."""
    for form in (Twig, tool_of(Twig)):
        converted = convert_tools([form], strict=strict)
        assert converted == [convert_to_openai_tool(form, strict=strict)]
        assert "$" not in str(converted)


def test_nothing_points_to_what_was_replaced() -> None:
    """Pydantic says of a union where each of its classes is, too."""

    class Oak(BaseModel):
        kind: Literal["oak"]

    class Elm(BaseModel):
        kind: Literal["elm"]

    class Wood(BaseModel):
        tree: Oak | Elm = Field(discriminator="kind")

    parameters = convert_tools([Wood])[0]["function"]["parameters"]
    assert len(parameters["properties"]["tree"]["oneOf"]) == 2
    assert "$" not in str(parameters)


def test_properties_may_be_called_like_keywords() -> None:
    class Named(BaseModel):
        properties: int

    class Options(BaseModel):
        title: Named
        default: Named
        enum: list[Named] = [Named(properties=1)]

    parameters = convert_tools([Options])[0]["function"]["parameters"]
    named = {
        "type": "object",
        "properties": {"properties": {"type": "integer"}},
        "required": ["properties"],
    }
    enum = {"type": "array", "items": named, "default": [{"properties": 1}]}
    assert parameters["properties"] == {"title": named, "default": named, "enum": enum}


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
    sent = convert_tools([tool_of(schema)])[0]["function"]["parameters"]
    assert reference in str(sent)
    jsonschema.Draft202012Validator.check_schema(sent)
    assert "$ref" not in sent


@pytest.mark.parametrize("reference", ["https://a.example/tree.json", "#tree", "#/$defs/Tree"])
def test_a_reference_that_leads_nowhere_is_the_servers_to_judge(reference: str) -> None:
    """One tool of an MCP server must not keep an agent from all others."""
    schema = {"type": "object", "properties": {"tree": {"$ref": reference}}}
    assert convert_tools([tool_of(schema)])[0]["function"]["parameters"] == schema


# --- Whose they are ---------------------------------------------------------------------


def spoil(part: Any) -> None:
    """Change everything in a schema, down to its last list."""
    for inner in list(part.values() if isinstance(part, dict) else part):
        if isinstance(inner, dict | list):
            spoil(inner)
    part.clear()


def test_what_is_changed_in_a_bound_model_stays_there() -> None:
    model = ChatScaleway(model="m", base_url="http://127.0.0.1:1/v1")
    schema: dict[str, Any] = {"title": "a", **deepcopy(PARAMETERS)}
    schema["properties"]["c"] = {"type": "array", "default": [[]]}
    trees = Planting.model_json_schema()
    before = deepcopy([schema, trees])
    for form in (Add, tool(add), schema, tool_of(schema), trees, tool_of(trees)):
        bound: Any = model.bind_tools([form])
        unspoilt = deepcopy(bound.kwargs["tools"])
        spoil(bound.kwargs["tools"])
        again: Any = model.bind_tools([form])
        assert again.kwargs["tools"] == unspoilt
    convert_tools([tool_of(trees), {"name": "a", "parameters": schema}], strict=True)
    assert [schema, trees] == before, "nor is a schema changed by closing it"


# --- The choice -------------------------------------------------------------------------

CHOICE = {"type": "function", "function": {"name": "add"}}

CHOICES: list[tuple[Any, Any]] = [
    (None, None),
    (False, None),
    (True, "required"),
    ("any", "required"),
    ("required", "required"),
    ("auto", "auto"),
    ("none", "none"),
    ("add", CHOICE),
    (CHOICE, CHOICE),
    ({"type": "tool", "name": "add"}, CHOICE),
    ({"type": "any"}, "required"),
    ({"type": "auto"}, "auto"),
    ({"type": "allowed_tools"}, {"type": "allowed_tools"}),
]


@pytest.mark.parametrize(("choice", "expected"), CHOICES)
def test_tool_choice(choice: Any, expected: Any) -> None:
    assert convert_tool_choice(choice, convert_tools([add])) == expected


@pytest.mark.parametrize(
    ("choice", "tools", "said"),
    [
        ("subtract", [add, Add], "'subtract'.*: add, Add"),
        ({"type": "function", "function": {"name": "subtract"}}, [add, Add], "'subtract'.*: add"),
        *(
            (choice, [add], "`tool_choice` is a string, a bool or a dict")
            for choice in (["add"], 5)
        ),
        *((choice, [], "no tools are bound") for choice in ("any", True, {"type": "any"})),
        ("add", [], "none are bound"),
    ],
)
def test_a_choice_that_cannot_be_made_is_refused(choice: Any, tools: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        convert_tool_choice(choice, convert_tools(tools))


def test_an_empty_list_binds_nothing() -> None:
    model = ChatScaleway(model="m", base_url="http://127.0.0.1:1/v1")
    bound: Any = model.bind_tools([], tool_choice="auto", parallel_tool_calls=True)
    assert bound.kwargs == {}
