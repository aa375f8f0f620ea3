"""Schema -> (request arguments, parser), for the three methods of structured output."""

from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from typing import Any, Literal, NamedTuple, get_args

from langchain_core.runnables import Runnable
from langchain_core.utils.pydantic import is_basemodel_subclass
from typing_extensions import is_typeddict

from langchain_scaleway.convert.names import legal_name
from langchain_scaleway.convert.objects import object_parser
from langchain_scaleway.convert.schemas import function_of
from langchain_scaleway.convert.tools import convert_tools

Method = Literal["json_schema", "function_calling", "json_mode"]
Schema = dict[str, Any] | type

_UNTITLED = "response"
_TYPES = frozenset({"array", "boolean", "integer", "null", "number", "object", "string"})


class StructuredOutput(NamedTuple):
    """How to ask for an object, and how to read it.

    Attributes:
        arguments: Arguments of the request, for `bind_tools` if `tools` is among them.
        parser: Reads the object from the reply.
    """

    arguments: dict[str, Any]
    parser: Runnable[Any, Any]


def structured_output(
    schema: Schema | None,
    method: Method,
    *,
    strict: bool | None,
    include_raw: bool = False,
    on_text_around: Callable[[str], None] | None = None,
    **arguments: Any,
) -> StructuredOutput:
    """Work out how to ask for an object and how to read it, by one of the three methods.

    Args:
        schema: A Pydantic class, a dataclass, a TypedDict, or a JSON schema in any of
            LangChain's forms; may be left out with `json_mode`.
        method: `json_schema` sends the schema as `response_format`, `function_calling` as a
            tool that must be called, `json_mode` asks for any JSON object.
        strict: Whether the schema is closed, and sent as `strict`.
        include_raw: Whether to read dicts of `raw`, `parsed` and `parsing_error`.
        on_text_around: Told the model that wrote text around an object, which is passed over.
        **arguments: More arguments of the request. `tools` are bound beside the schema, and a
            `tool_choice` takes the place of the one that demands it: some models think only
            where they may choose.

    Returns:
        The request's arguments, and the parser.

    Raises:
        ValueError: The method is unknown, `schema` is no schema, the two do not go together, or
            a `response_format` is given beside them.
    """
    if method not in get_args(Method):
        raise ValueError(f"`method` must be one of {', '.join(get_args(Method))}, not {method!r}.")
    if schema is None and method != "json_mode":
        raise ValueError(f"`method={method!r}` needs a schema; only `json_mode` goes without.")
    if strict is not None and method == "json_mode":
        raise ValueError("`strict` needs a schema, which `json_mode` does not send.")
    if arguments.get("response_format") is not None:
        raise ValueError(
            "`with_structured_output` makes the `response_format` of its schema. Give the schema "
            "alone, or bind a `response_format` of your own: `model.bind(response_format=…)`."
        )
    function = None if schema is None else _function(schema, strict=strict)
    kind = schema if isinstance(schema, type) and not is_typeddict(schema) else None
    traced = {"kwargs": {"method": method, "strict": strict}, "schema": function}
    arguments = {"ls_structured_output_format": traced, **arguments}
    if method == "function_calling" and function is not None:
        others = convert_tools(arguments.get("tools") or ())
        tools = [{"type": "function", "function": _tool(function)}, *others]
        if arguments.get("tool_choice") is None:
            arguments["tool_choice"] = function["name"]
        parser = object_parser(kind, tool=function["name"], include_raw=include_raw)
        return StructuredOutput({**arguments, "tools": tools}, parser)
    form = {"type": "json_object"}
    if method == "json_schema" and function is not None:
        form = _response_format(function)
    required = tuple(function["parameters"].get("required", ())) if function else ()
    parser = object_parser(
        kind,
        tool=None,
        required=required,
        include_raw=include_raw,
        on_text_around=on_text_around,
    )
    return StructuredOutput({**arguments, "response_format": form}, parser)


def response_format(schema: Schema) -> dict[str, Any]:
    """Make the request's `response_format` from a schema.

    Args:
        schema: What `structured_output` takes; a dict that is a `response_format` already is
            taken as it is.

    Raises:
        ValueError: The schema is not one.
    """
    if isinstance(schema, dict) and "name" not in schema:
        kind = schema.get("type")
        if "json_schema" in schema or (isinstance(kind, str) and kind not in _TYPES):
            return schema
    return _response_format(_function(schema, strict=None))


def _response_format(function: Mapping[str, Any]) -> dict[str, Any]:
    json_schema = {"name": legal_name(function["name"]), "schema": function["parameters"]}
    described = {
        k: function[k] for k in ("description", "strict") if function.get(k) not in (None, "")
    }
    return {"type": "json_schema", "json_schema": {**json_schema, **described}}


def _tool(function: dict[str, Any]) -> dict[str, Any]:
    if function["parameters"].get("type", "object") != "object":
        raise ValueError(
            f"The arguments of a tool are an object, which {function['name']!r} is not. Wrap it in "
            'one, or use `method="json_schema"`.'
        )
    return function


def _function(schema: Any, *, strict: bool | None) -> dict[str, Any]:
    """The schema as a function with a name.

    Raises:
        ValueError: It is no schema, such as `list[Person]`, which LangChain would take for a
            function.
    """
    is_class = isinstance(schema, type) and (is_dataclass(schema) or is_basemodel_subclass(schema))
    if not (is_class or is_typeddict(schema) or isinstance(schema, dict)):
        raise ValueError(
            f"`schema` must be a Pydantic class, a TypedDict or a JSON schema, not {schema!r}. "
            "Make a list, a union or an enum a field of a Pydantic class."
        )
    function = function_of(schema, strict=strict)
    return {**function, "name": function["name"] or _UNTITLED}
