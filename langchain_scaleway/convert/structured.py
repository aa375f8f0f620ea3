"""Schema -> (request arguments, parser), for the three methods of structured output."""

from collections.abc import Mapping
from dataclasses import is_dataclass
from typing import Any, Literal, get_args, get_origin

from langchain_core.runnables import Runnable
from langchain_core.utils.pydantic import is_basemodel_subclass
from typing_extensions import is_typeddict

from langchain_scaleway.convert import objects
from langchain_scaleway.convert.names import legal_name
from langchain_scaleway.convert.schemas import closed, function_of
from langchain_scaleway.convert.tools import convert_tools

Method = Literal["json_schema", "function_calling", "json_mode"]
Schema = dict[str, Any] | type

_TYPES = frozenset({"array", "boolean", "integer", "null", "number", "object", "string"})


def structured_output(
    schema: Schema | None,
    method: Method,
    *,
    strict: bool | None,
    arguments: Mapping[str, Any] = {},
    **reading: Any,
) -> tuple[dict[str, Any], Runnable[Any, Any]]:
    """Work out how to ask for an object and how to read it; see `ChatScaleway` for the schemas.

    Of the request's further `arguments`, `tools` are bound beside the schema, and a `tool_choice`
    takes the place of the one that demands it: some models think only where they may choose.
    `reading` are `include_raw` and `on_text_around` of the parser.

    Returns:
        The request's arguments, for `bind_tools` if `tools` is among them, and the parser that
        reads the object from the reply.

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
    function = {} if schema is None else _function(schema)
    parameters = function.get("parameters", {})
    is_object = "properties" in parameters or parameters.get("type") == "object"
    is_dict = schema is None or isinstance(schema, dict) or is_typeddict(_plain(schema))
    kind = reading["kind"] = None if is_dict else schema
    # Closing the schema has the model give all keys. Of an answer no more is demanded than before.
    reading["required"] = tuple(parameters.get("required", ())) if is_object else None
    function = closed(function, strict)
    traced = {"kwargs": {"method": method, "strict": strict}, "schema": function or None}
    asked = {**arguments, "ls_structured_output_format": traced}
    if method != "function_calling":
        by_schema = method == "json_schema"
        asked["response_format"] = _form(function) if by_schema else {"type": "json_object"}
        if kind is None:
            return asked, objects.JsonOutputParser(**reading)
        return asked, objects.PydanticOutputParser(pydantic_object=kind, **reading)
    if parameters.get("type", "object") != "object":
        raise ValueError(
            f"The arguments of a tool are an object, which {function['name']!r} is not. Wrap it in "
            'one, or use `method="json_schema"`.'
        )
    tool = reading["tool"] = function["name"]
    tools = convert_tools(arguments.get("tools") or ())
    others = [other for other in tools if other["function"]["name"] != tool]
    asked["tools"] = [{"type": "function", "function": function}, *others]
    if asked.get("tool_choice") is None:
        asked["tool_choice"] = tool
    if kind is None:
        return asked, objects.JsonOutputKeyToolsParser(key_name=tool, **reading)
    return asked, objects.PydanticToolsParser(tools=[kind], **reading)


def response_format(schema: Schema) -> dict[str, Any]:
    """Make the request's `response_format` from a schema; one that is such a form stays as it is.

    Raises:
        ValueError: The schema is not one.
    """
    if isinstance(schema, dict) and "name" not in schema:
        kind = schema.get("type")
        if "json_schema" in schema or (isinstance(kind, str) and kind not in _TYPES):
            return schema
    return _form(_function(schema))


def _form(function: Mapping[str, Any]) -> dict[str, Any]:
    described = {
        k: function[k] for k in ("description", "strict") if function.get(k) not in (None, "")
    }
    json_schema = {"name": legal_name(function["name"]), "schema": function["parameters"]}
    return {"type": "json_schema", "json_schema": json_schema | described}


def _function(schema: Any) -> dict[str, Any]:
    """The schema as a function with a name; refuses what LangChain would take for a function."""
    plain = _plain(schema)
    is_class = isinstance(plain, type) and (is_dataclass(plain) or is_basemodel_subclass(plain))
    if not (is_class or is_typeddict(plain) or isinstance(schema, dict)):
        raise ValueError(
            f"`schema` must be a Pydantic class, a TypedDict or a JSON schema, not {schema!r}. "
            "Make a list, a union or an enum a field of a Pydantic class."
        )
    function = function_of(schema)
    return {**function, "name": function["name"] or "response"}


def _plain(schema: Any) -> Any:
    """A class without the types that fill its variables in."""
    return get_origin(schema) or schema
