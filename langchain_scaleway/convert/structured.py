"""Schema -> (request arguments, reader), for the three methods of structured output."""

import re
from dataclasses import is_dataclass
from types import FunctionType
from typing import Any, Literal, NamedTuple, get_args

from langchain_core.messages import BaseMessage
from langchain_core.output_parsers import (
    BaseOutputParser,
    JsonOutputParser,
    PydanticOutputParser,
)
from langchain_core.output_parsers.openai_tools import (
    JsonOutputKeyToolsParser,
    PydanticToolsParser,
)
from langchain_core.runnables import Runnable
from langchain_core.utils.function_calling import convert_to_openai_tool
from langchain_core.utils.pydantic import is_basemodel_subclass
from pydantic import BaseModel, PydanticUserError
from typing_extensions import is_typeddict

from langchain_scaleway.convert.objects import ObjectReader, RawAndObject
from langchain_scaleway.convert.schemas import close_objects

Method = Literal["json_schema", "function_calling", "json_mode"]
Schema = dict[str, Any] | type

_LONGEST_NAME = 64


class StructuredOutput(NamedTuple):
    """How to ask for an object, and how to read it.

    Attributes:
        arguments: Arguments of the request: `response_format`, or the schema as a tool.
        reader: Reads the object from the reply.
    """

    arguments: dict[str, Any]
    reader: ObjectReader

    def parser(self, *, include_raw: bool) -> Runnable[BaseMessage, Any]:
        """What turns replies into objects, or into dicts of `raw`, `parsed`, `parsing_error`."""
        return RawAndObject(self.reader) if include_raw else self.reader


def structured_output(
    schema: Schema | None, method: Method, *, strict: bool | None
) -> StructuredOutput:
    """Work out how to ask for an object and how to read it, by one of the three methods.

    Args:
        schema: A Pydantic class, a TypedDict, or a JSON schema in any of LangChain's forms;
            may be left out with `json_mode`.
        method: `json_schema` sends the schema as `response_format`, `function_calling` as a
            tool that must be called, `json_mode` asks for any JSON object.
        strict: Sent as `strict` when it is given.

    Returns:
        The request's arguments and the reader. For `function_calling` the arguments are
        those of `bind_tools`.

    Raises:
        ValueError: The method is unknown, `schema` is no schema, or the two do not go together.
    """
    if method not in get_args(Method):
        raise ValueError(f"`method` must be one of {', '.join(get_args(Method))}, not {method!r}.")
    if schema is not None:
        _check_kind(schema)
    if method == "json_mode":
        if strict is not None:
            raise ValueError("`strict` needs a schema, which `json_mode` does not send.")
        return _as_text({"type": "json_object"}, schema)
    if schema is None:
        raise ValueError(f"`method={method!r}` needs a schema; only `json_mode` goes without.")
    if method == "json_schema":
        return _as_text(response_format(schema, strict=strict), schema)
    schema = _as_function(schema) if isinstance(schema, dict) else schema
    return _as_tool_call(schema, strict=strict)


def _as_text(asked: dict[str, Any], schema: Schema | None) -> StructuredOutput:
    """Have the object written as the text of the answer."""
    is_class = isinstance(schema, type) and is_basemodel_subclass(schema)
    parser = PydanticOutputParser(pydantic_object=schema) if is_class else JsonOutputParser()
    return StructuredOutput({"response_format": asked}, ObjectReader(parser, may_be_null=True))


def _as_tool_call(schema: Schema, *, strict: bool | None) -> StructuredOutput:
    """Have the object written as the arguments of a tool call."""
    function = _converted(_without_typed_dict(schema), strict=None)
    name = function["name"]
    if function["parameters"].get("type", "object") != "object":
        raise ValueError(
            f"The arguments of a tool are an object, which {name!r} is not. Wrap it in one, or "
            'use `method="json_schema"`.'
        )
    parser: BaseOutputParser[Any] = JsonOutputKeyToolsParser(key_name=name, first_tool_only=True)
    if isinstance(schema, type) and is_basemodel_subclass(schema):
        parser = PydanticToolsParser(tools=[schema], first_tool_only=True)
    return StructuredOutput(
        {"tools": [schema], "tool_choice": name, "strict": strict},
        ObjectReader(parser, may_be_null=False),
    )


def response_format(schema: Schema, *, strict: bool | None) -> dict[str, Any]:
    """Make the request's `response_format` from a schema.

    A dict that is a `response_format` already is taken as it is.

    Raises:
        ValueError: The schema is not one.
    """
    _check_kind(schema)
    if isinstance(schema, dict):
        if _is_response_format(schema):
            return schema
        schema = _as_function(schema)
    schema = _without_typed_dict(schema)
    function = _converted(schema, strict=strict)
    parameters = function["parameters"]
    if isinstance(schema, type) and issubclass(schema, BaseModel):
        # LangChain's converter puts definitions in the place of references to them, which cannot
        # be done with a model that contains itself.
        parameters = schema.model_json_schema()
        if strict:
            close_objects(parameters)
    json_schema: dict[str, Any] = {
        "name": _as_name(function["name"]),
        "schema": parameters,
    }
    if function.get("description"):
        json_schema["description"] = function["description"]
    if function.get("strict") is not None:
        json_schema["strict"] = function["strict"]
    return {"type": "json_schema", "json_schema": json_schema}


def traced_format(schema: Schema | None, method: Method, *, strict: bool | None) -> dict[str, Any]:
    """Make what LangChain's tracers are told of the structured output that is asked for.

    The schema is converted once and here. Core would convert a class anew for every call, in
    milliseconds, and would fail at a TypedDict whose keys may be missing.

    Returns:
        LangChain's `ls_structured_output_format`, with the schema in OpenAI's form of a function.

    Raises:
        ValueError: The schema is not one.
    """
    function = None
    if schema is not None:
        known = _as_function(schema) if isinstance(schema, dict) else _without_typed_dict(schema)
        function = _converted(known, strict=None)
    return {"kwargs": {"method": method, "strict": strict}, "schema": function}


def _converted(schema: Schema, *, strict: bool | None) -> dict[str, Any]:
    """The function that LangChain makes of a schema.

    Raises:
        ValueError: It can make none, because a type has no JSON schema.
    """
    try:
        function: dict[str, Any] = convert_to_openai_tool(schema, strict=strict)["function"]
    except _CONVERTER_ERRORS as error:
        raise _no_json_schema(schema, error) from error
    return function


def _without_typed_dict(schema: Schema) -> Schema:
    """The schema, a Pydantic class in place of a TypedDict.

    Raises:
        ValueError: A type has no JSON schema, or the TypedDict contains itself.
    """
    if not is_typeddict(schema):
        return schema
    from langchain_scaleway.convert.typed_dicts import for_converter  # noqa: PLC0415 -- rare

    try:
        return for_converter(schema)
    except _CONVERTER_ERRORS as error:
        raise _no_json_schema(schema, error) from error


_CONVERTER_ERRORS = (NameError, PydanticUserError, RuntimeError, TypeError)


def _no_json_schema(schema: Schema, error: Exception) -> ValueError:
    return ValueError(
        f"`schema` {schema!r} cannot be made a JSON schema: {error!r}. Make it a Pydantic "
        "class, of types that JSON can hold."
    )


def _as_name(title: str) -> str:
    """A title as a name, with only those characters that Scaleway takes in one."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", title)[:_LONGEST_NAME]


# What may be given as a schema


def _check_kind(schema: Any) -> None:
    """Refuse what is no schema, such as `list[Person]`, which LangChain would take for a function.

    Raises:
        ValueError: It is not a schema.
    """
    if isinstance(schema, dict | FunctionType):
        return
    is_data_class = isinstance(schema, type) and is_dataclass(schema)
    if is_typeddict(schema) or is_data_class or is_basemodel_subclass(schema):
        return
    raise ValueError(
        f"`schema` must be a Pydantic class, a TypedDict or a JSON schema, not {schema!r}. "
        "Make a list, a union or an enum a field of a Pydantic class."
    )


def _is_response_format(schema: dict[str, Any]) -> bool:
    return schema.get("type") == "json_schema" and "json_schema" in schema


def _as_function(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema in any of LangChain's forms, converted to the form that OpenAI has for functions.

    LangChain's own converter loses a JSON schema without `properties`, such as that of a list.

    Raises:
        ValueError: The dict is not a schema.
    """
    for wrapper in ("function", "json_schema"):  # OpenAI's tools, and its `response_format`
        if isinstance(schema.get(wrapper), dict):
            return _as_function(schema[wrapper])
    if isinstance(schema.get("name"), str):  # The insides of both, and Anthropic's tools
        function = {k: v for k, v in schema.items() if k in ("name", "description", "strict")}
        found = (schema[k] for k in ("parameters", "schema", "input_schema") if k in schema)
        return {**function, "parameters": next(found, {"type": "object", "properties": {}})}
    if not schema.keys() & _KEYWORDS:
        raise ValueError(
            f"`schema` is not a JSON schema: it has none of {', '.join(sorted(_KEYWORDS))}."
        )
    title = schema.get("title")
    function = {"name": _as_name(title) if title and isinstance(title, str) else "response"}
    if "description" in schema:
        function["description"] = schema["description"]
    parameters = {k: v for k, v in schema.items() if k not in ("title", "description")}
    return {**function, "parameters": parameters}


_KEYWORDS = frozenset(
    {"$ref", "allOf", "anyOf", "const", "enum", "items", "oneOf", "properties", "title", "type"}
)
"""Keywords of which a JSON schema has at least one."""
