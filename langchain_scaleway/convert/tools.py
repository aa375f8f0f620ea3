"""Tools and `tool_choice` -> Scaleway's request fields."""

import weakref
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from types import FunctionType
from typing import TYPE_CHECKING, Any, TypeAlias

from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import BaseModel

from langchain_scaleway.convert.schemas import close_objects, contains_itself

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool

Tool: TypeAlias = "Mapping[str, Any] | type | Callable[..., Any] | BaseTool"
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
            or tools in OpenAI's form.
        strict: Whether arguments must follow the schema. Sent only when it is given:
            Scaleway accepts and ignores it (API reference, September 2026), vLLM obeys.

    Returns:
        Tools in the form of the request's `tools`.

    Raises:
        ValueError: A tool is of a kind that Scaleway has not, or cannot be converted.
    """
    return [_convert_tool(tool, strict=strict) for tool in tools]


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
        ValueError: No such tool is bound.
    """
    if tool_choice is None or tool_choice is False:
        return None
    if isinstance(tool_choice, Mapping):
        name = _named_choice(tool_choice)
        if name is None:
            plain = tool_choice.get("type")  # Anthropic's form: `{"type": "any"}`
            is_plain = plain in _REQUIRED or plain in _PLAIN_CHOICES
            return convert_tool_choice(plain, tools) if is_plain else dict(tool_choice)
    elif not isinstance(tool_choice, (str, bool)):
        message = f"`tool_choice` is a text, a bool or a dict, not {tool_choice!r}."
        raise ValueError(message)  # noqa: TRY004 -- refused like any other wrong choice
    elif tool_choice is True or tool_choice in _REQUIRED:
        if not tools:
            message = f"`tool_choice={tool_choice!r}` asks for a tool call, but no tools are bound."
            raise ValueError(message)
        return "required"
    elif tool_choice in _PLAIN_CHOICES:
        return str(tool_choice) if tools else None
    else:
        name = str(tool_choice)
    known = [str(tool.get("function", {}).get("name")) for tool in tools]
    if name not in known:
        message = (
            f"`tool_choice` names {name!r}, which is not among the bound tools: "
            f"{', '.join(known) or 'none are bound'}."
        )
        raise ValueError(message)
    return {"type": "function", "function": {"name": name}}


def _named_choice(tool_choice: Mapping[str, Any]) -> str | None:
    """The tool that a dict names, in OpenAI's forms or Anthropic's."""
    function = tool_choice.get("function")
    named = function if isinstance(function, Mapping) else tool_choice
    name = named.get("name")
    return name if isinstance(name, str) else None


def _convert_tool(tool: Tool, *, strict: bool | None) -> dict[str, Any]:
    fingerprint = _fingerprint(tool)
    key = (id(tool), strict)
    if fingerprint is not None:
        found = _remembered.get(key)
        if found is not None and found[0]() is tool and found[1] == fingerprint:
            return _copy(found[2])
    converted = _converted(tool, strict=strict)
    if converted.get("type") != "function" or "function" not in converted:
        message = (
            f"Scaleway's chat completions take function tools only, not {converted.get('type')!r}. "
            "Wrap what the tool does in a Python function."
        )
        raise ValueError(message)
    if fingerprint is not None:
        reference = weakref.ref(tool, lambda _: _remembered.pop(key, None))
        _remembered[key] = (reference, fingerprint, converted)
    return _copy(converted)


def _converted(tool: Tool, *, strict: bool | None) -> dict[str, Any]:
    """The tool in OpenAI's form, by LangChain's converter, its losses made good."""
    if isinstance(tool, Mapping) and "title" in tool and not {"name", "properties"} & set(tool):
        # A JSON schema, of which the converter would leave all but the title out.
        parameters = {k: v for k, v in tool.items() if k not in _OF_THE_FUNCTION}
        described = {k: v for k, v in tool.items() if k == "description"}
        tool = {"name": tool["title"], **described, "parameters": parameters}
    try:
        converted = convert_to_openai_tool(tool, strict=strict)
    except (AttributeError, KeyError, TypeError) as error:
        message = f"{tool!r} cannot be made a tool: {error!r}. Wrap it in a function."
        raise ValueError(message) from error
    # In place of a reference without end the converter writes `{}`, which tells the model nothing.
    if "{}" in str(converted) and (schema := _schema_that_contains_itself(tool)) is not None:
        if strict:
            close_objects(schema)
        converted["function"]["parameters"] = schema
    return converted


def _schema_that_contains_itself(tool: Tool) -> dict[str, Any] | None:
    """The JSON schema of a tool's Pydantic class, references and all, if it needs them."""
    model: Any = tool.tool_call_schema if isinstance(tool, _base_tool()) else tool
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return None
    schema = model.model_json_schema()
    kept = {k: v for k, v in schema.items() if k not in _OF_THE_FUNCTION}
    return kept if contains_itself(schema) else None


_OF_THE_FUNCTION = frozenset({"title", "description"})
"""What the root of a JSON schema says about the function."""


def _fingerprint(tool: Tool) -> _Fingerprint | None:
    """What a tool's schema is made from, to notice a change; `None` where that is not known."""
    if isinstance(tool, _base_tool()):
        schema = tool.args_schema
        if isinstance(schema, dict):
            return None
        return (tool.name, tool.description, schema, _core(schema))
    if isinstance(tool, type):
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
