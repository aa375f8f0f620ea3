"""Tools and `tool_choice` -> Scaleway's request fields."""

import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from functools import cache
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any, TypeAlias

from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import BaseModel, PydanticUserError
from typing_extensions import is_typeddict

from langchain_scaleway.convert.schemas import close_objects, contains_itself

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool
else:
    # Slow to import, yet needed at run time: `with_fallbacks` evaluates `bind_tools`'s annotations.
    BaseTool = Any

Tool: TypeAlias = Mapping[str, Any] | type | Callable[..., Any] | BaseTool
ToolChoice = str | bool | Mapping[str, Any] | None

_REQUIRED = frozenset({"any", "required"})
_PLAIN_CHOICES = frozenset({"auto", "none"})

_Fingerprint = tuple[Any, ...]
_remembered: dict[
    tuple[int, bool | None], tuple["weakref.ref[Any]", _Fingerprint, dict[str, Any]]
] = {}
"""Schemas by the identity of their tool: an agent binds the same tools for every call, and
making a schema costs more than the rest of the call."""


def convert_tools(tools: Sequence[Tool], *, strict: bool | None = None) -> list[dict[str, Any]]:
    """Convert tools of any kind that LangChain knows.

    Args:
        tools: Functions, Pydantic classes, TypedDicts, `BaseTool`s, JSON schemas with a title,
            or function tools in the form of OpenAI, Anthropic or MCP.
        strict: Whether arguments must follow the schema. Sent only when it is given:
            Scaleway accepts and ignores it (API reference, September 2026), vLLM obeys.

    Returns:
        Tools in the form of the request's `tools`.

    Raises:
        ValueError: A tool is of a kind that Scaleway does not have, or cannot be converted, or a
            single tool was given instead of a list.
    """
    if not isinstance(tools, (list, tuple)) and not _are_several(tools):
        raise ValueError(
            f"`tools` is a list of tools, not {tools!r}. Put a single tool into a list, too: "
            "`bind_tools([tool])`."
        )
    return [_convert_tool(tool, strict=strict) for tool in tools]


def _are_several(tools: Any) -> bool:
    """Whether this is a collection of tools, and not a single one that happens to be iterable."""
    return isinstance(tools, Iterable) and not isinstance(tools, (str, Mapping, BaseModel))


def convert_tool_choice(
    tool_choice: ToolChoice, tools: Sequence[Mapping[str, Any]]
) -> str | dict[str, Any] | None:
    """Convert a tool choice.

    Args:
        tool_choice: `"auto"`, `"none"`, `"any"` or `"required"` (some tool), `True` (the same),
            `False` or `None` (unset), a tool's name, or a dict that names one.
        tools: The converted tools.

    Returns:
        The request's `tool_choice`, `None` to leave it out.

    Raises:
        ValueError: No such tool is bound, or this is not a choice.
    """
    if tool_choice is None or tool_choice is False:
        return None
    if isinstance(tool_choice, Mapping):
        name = _named_tool(tool_choice)
        if name is not None:
            return _choice_of(name, tools)
        kind = tool_choice.get("type")  # Anthropic's form: `{"type": "any"}`
        if kind not in _REQUIRED and kind not in _PLAIN_CHOICES:
            return dict(tool_choice)
        tool_choice = str(kind)
    if not isinstance(tool_choice, (str, bool)):
        raise ValueError(  # noqa: TRY004 -- refused like any other wrong choice
            f"`tool_choice` is a string, a bool or a dict, not {tool_choice!r}."
        )
    if tool_choice is True or tool_choice in _REQUIRED:
        if not tools:
            raise ValueError(
                f"`tool_choice={tool_choice!r}` asks for a tool call, but no tools are bound."
            )
        return "required"
    if tool_choice in _PLAIN_CHOICES:
        return tool_choice if tools else None
    return _choice_of(tool_choice, tools)


def _named_tool(tool_choice: Mapping[str, Any]) -> str | None:
    """The tool that a dict names, in OpenAI's forms or Anthropic's."""
    function = tool_choice.get("function")
    named = function if isinstance(function, Mapping) else tool_choice
    name = named.get("name")
    return name if isinstance(name, str) else None


def _choice_of(name: str, tools: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The choice of one of the bound tools.

    Raises:
        ValueError: It is not among them.
    """
    known = [str(tool.get("function", {}).get("name")) for tool in tools]
    if name not in known:
        raise ValueError(
            f"`tool_choice` names {name!r}, which is not among the bound tools: "
            f"{', '.join(known) or 'none are bound'}."
        )
    return {"type": "function", "function": {"name": name}}


def _convert_tool(tool: Tool, *, strict: bool | None) -> dict[str, Any]:
    fingerprint = _fingerprint(tool)
    key = (id(tool), strict)
    if fingerprint is not None:
        found = _remembered.get(key)
        if found is not None and found[0]() is tool and found[1] == fingerprint:
            return _copy(found[2])
    converted = _converted(tool, strict=strict)
    if converted.get("type") != "function":
        raise _unsupported_kind(converted.get("type"))
    if fingerprint is not None:
        reference = weakref.ref(tool, lambda _: _remembered.pop(key, None))
        _remembered[key] = (reference, fingerprint, converted)
    return _copy(converted)


def _converted(tool: Tool, *, strict: bool | None) -> dict[str, Any]:
    """The tool in OpenAI's form, by LangChain's converter, with what that would lose."""
    if isinstance(tool, Mapping):
        tool = _in_known_form(tool)
    try:
        if is_typeddict(tool):
            from langchain_scaleway.convert.typed_dicts import for_converter  # noqa: PLC0415 -- rare

            tool = for_converter(tool)
        converted = convert_to_openai_tool(tool, strict=strict)
        # The converter writes `{}` for a schema that contains itself; the model learns nothing.
        schema = _schema_that_contains_itself(tool) if "{}" in str(converted) else None
    except _CONVERTER_ERRORS as error:
        raise ValueError(
            f"{tool!r} cannot be made a tool: {error!r}. Wrap it in a function, whose arguments "
            "JSON can hold: strings, numbers, lists, Pydantic classes."
        ) from error
    if schema is not None:
        if strict:
            close_objects(schema)
        converted["function"]["parameters"] = schema
    return converted


_CONVERTER_ERRORS = (
    AttributeError,
    KeyError,
    NameError,  # an annotation that names nothing
    PydanticUserError,  # a type without a JSON schema
    RuntimeError,  # a TypedDict that contains itself
    TypeError,
)


def _in_known_form(tool: Mapping[str, Any]) -> Mapping[str, Any]:
    """A tool's dict, in a form that LangChain's converter takes whole.

    Raises:
        ValueError: It is a tool of another kind than a function.
    """
    kind = tool.get("type")
    schema = next((tool[key] for key in _SCHEMA_KEYS if key in tool), None)
    if "name" in tool and (kind in (None, "function") or schema is not None):
        # The content of `function` alone, or a tool of OpenAI's Responses API, Anthropic or MCP
        function = {key: tool[key] for key in ("name", "description", "strict") if key in tool}
        return function if schema is None else {**function, "parameters": schema}
    if isinstance(tool.get("function"), Mapping):
        return tool
    if kind == "function":
        raise ValueError(
            f"A tool of type 'function' has a name, here or in `function`; {tool!r} has none."
        )
    if isinstance(kind, str) and not _SCHEMA_KEYWORDS & tool.keys():
        raise _unsupported_kind(kind)
    if "title" in tool and "properties" not in tool:
        # A JSON schema of which the converter would keep nothing but the title.
        parameters = {k: v for k, v in tool.items() if k not in _OF_THE_FUNCTION}
        described = {k: v for k, v in tool.items() if k == "description"}
        return {"name": tool["title"], **described, "parameters": parameters}
    return tool


_SCHEMA_KEYS = ("parameters", "input_schema", "inputSchema")
"""Where OpenAI, Anthropic and MCP have the schema of a function's arguments."""

_SCHEMA_KEYWORDS = frozenset({"title", "properties"})
"""Keywords that only a JSON schema has, and no tool."""


def _unsupported_kind(kind: Any) -> ValueError:
    return ValueError(
        f"Scaleway's chat completions take function tools only, not {kind!r}. "
        "Wrap what the tool does in a Python function."
    )


def _schema_that_contains_itself(tool: Tool) -> dict[str, Any] | None:
    """The JSON schema of a tool's arguments with its references, if it contains itself."""
    schema = _schema_of(tool)
    if schema is None or not contains_itself(schema):
        return None
    return {k: v for k, v in schema.items() if k not in _OF_THE_FUNCTION}


def _schema_of(tool: Tool) -> dict[str, Any] | None:
    """The JSON schema of a tool's arguments; `None` where only the converter knows it."""
    model: Any = tool
    if isinstance(tool, _base_tool()):
        model = tool.tool_call_schema
        if isinstance(model, dict):  # A tool of an MCP server has one.
            return deepcopy(model)
    elif isinstance(tool, (FunctionType, MethodType)):
        from langchain_core.tools import create_schema_from_function  # noqa: PLC0415 -- slow

        model = create_schema_from_function(
            tool.__name__, tool, filter_args=(), parse_docstring=True, include_injected=False
        )
    if isinstance(model, type) and issubclass(model, BaseModel):
        return model.model_json_schema()
    return None


_OF_THE_FUNCTION = frozenset({"title", "description"})
"""Keywords at the root of a JSON schema that describe the function, not its arguments."""


def _fingerprint(tool: Tool) -> _Fingerprint | None:
    """What a tool's schema is made from, to notice changes; `None` if that cannot be told."""
    if isinstance(tool, _base_tool()):
        schema = tool.args_schema
        if isinstance(schema, dict):
            return None
        return (tool.name, tool.description, schema, _core(schema))
    if isinstance(tool, type):
        if is_typeddict(tool):
            return (tool.__name__, tool.__doc__)
        is_model = issubclass(tool, BaseModel)
        return (tool.__name__, tool.__doc__, _core(tool)) if is_model else None
    if isinstance(tool, FunctionType):
        annotations = dict(tool.__annotations__)
        return (tool.__name__, tool.__doc__, tool.__code__, tool.__defaults__, annotations)
    return None


@cache
def _base_tool() -> "type[BaseTool]":
    """LangChain's class, imported when the first tools are bound: a program's start is faster."""
    from langchain_core.tools import BaseTool  # noqa: PLC0415 -- see above

    return BaseTool


def _core(schema: Any) -> Any:
    """The validator that pydantic builds anew whenever a class changes."""
    return getattr(schema, "__pydantic_validator__", None)


def _copy(converted: dict[str, Any]) -> dict[str, Any]:
    """A copy down to the function's fields, so that a caller may change them."""
    return {**converted, "function": {**converted["function"]}}
