"""Tools and `tool_choice` -> Scaleway's request fields."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from pydantic import BaseModel

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool
else:
    # Slow to import, yet needed at run time: `with_fallbacks` evaluates `bind_tools`'s annotations.
    BaseTool = Any

Tool: TypeAlias = Mapping[str, Any] | type | Callable[..., Any] | BaseTool
ToolChoice = str | bool | Mapping[str, Any] | None

_SOME_TOOL = ("any", "required")
_MODES = ("auto", "none")

_OF_FUNCTIONS = frozenset({"parameters", "input_schema", "inputSchema", "title", "properties"})
"""Keys of functions in OpenAI's, Anthropic's and MCP's forms, and keywords of a JSON schema."""


def convert_tools(tools: Sequence[Tool], *, strict: bool | None = None) -> list[dict[str, Any]]:
    """Convert tools of any kind that LangChain knows; see `ChatScaleway.bind_tools`.

    Returns:
        Tools in the form of the request's `tools`. Those that have it already are not copied.

    Raises:
        ValueError: A tool is of a kind that Scaleway does not have, or cannot be converted, or a
            single tool was given instead of a list.
    """
    if isinstance(tools, (str, Mapping, BaseModel, type)) or not isinstance(tools, Iterable):
        raise ValueError(  # noqa: TRY004 -- refused like any other wrong tool
            f"`tools` is a list of tools, not {tools!r}. Put a single tool into a list, too: "
            "`bind_tools([tool])`."
        )
    return [_convert_tool(tool, strict=strict) for tool in tools]


def convert_tool_choice(
    tool_choice: ToolChoice, tools: Sequence[Mapping[str, Any]]
) -> str | dict[str, Any] | None:
    """Convert a tool choice in LangChain's, OpenAI's or Anthropic's form; see `bind_tools`.

    Returns:
        The request's `tool_choice`, `None` to leave it out.

    Raises:
        ValueError: No such tool is bound, or this is not a choice.
    """
    name: Any = tool_choice
    if isinstance(tool_choice, Mapping):
        function = tool_choice.get("function")
        name = (function if isinstance(function, Mapping) else tool_choice).get("name")
        if not isinstance(name, str):
            kind = tool_choice.get("type")  # Anthropic's form: `{"type": "any"}`
            is_known = kind in (*_SOME_TOOL, *_MODES)
            return convert_tool_choice(kind, tools) if is_known else dict(tool_choice)
    elif tool_choice is None or tool_choice is False:
        return None
    elif not isinstance(tool_choice, (str, bool)):
        raise ValueError(f"`tool_choice` is a string, a bool or a dict, not {tool_choice!r}.")
    elif tool_choice is True or tool_choice in _SOME_TOOL:
        if not tools:
            raise ValueError(
                f"`tool_choice={tool_choice!r}` asks for a tool call, but no tools are bound."
            )
        return "required"
    elif tool_choice in _MODES:
        return tool_choice if tools else None
    known = [tool["function"]["name"] for tool in tools]
    if name not in known:
        raise ValueError(
            f"`tool_choice` names {name!r}, which is not among the bound tools: "
            f"{', '.join(known) or 'none are bound'}."
        )
    return {"type": "function", "function": {"name": name}}


def _convert_tool(tool: Tool, *, strict: bool | None) -> dict[str, Any]:
    if isinstance(tool, dict) and strict is None and tool.get("type") == "function":
        function = tool.get("function")
        if isinstance(function, dict) and isinstance(function.get("name"), str):
            return tool
    from langchain_core.tools import BaseTool  # noqa: PLC0415 -- slow to import

    from langchain_scaleway.convert.schemas import function_of  # noqa: PLC0415 -- slow to import

    kind = None
    if isinstance(tool, Mapping):
        kind = None if _OF_FUNCTIONS & tool.keys() else tool.get("type")
    elif isinstance(tool, BaseTool) and (tool.metadata or {}).get("type") == "custom_tool":
        kind = "custom"  # LangChain's decorator `custom_tool` makes these.
    if kind not in (None, "function"):
        raise ValueError(
            f"Scaleway's chat completions take function tools only, not {kind!r}. "
            "Wrap what the tool does in a Python function."
        )
    function = function_of(tool, strict=strict)
    if not function["name"]:
        raise ValueError(f"A tool has a name, or a `title` in its place; {tool!r} has none.")
    return {"type": "function", "function": function}
