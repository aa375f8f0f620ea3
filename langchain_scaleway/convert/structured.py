"""Schema -> (request arguments, parser), for the three methods of structured output."""

import json
import re
from operator import itemgetter
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
from langchain_core.runnables import Runnable, RunnableMap, RunnablePassthrough
from langchain_core.utils.function_calling import convert_to_openai_tool
from langchain_core.utils.pydantic import is_basemodel_subclass
from pydantic import BaseModel

from langchain_scaleway.errors import ScalewayTruncatedOutputError

Method = Literal["json_schema", "function_calling", "json_mode"]
Schema = dict[str, Any] | type

_LONGEST_NAME = 64


class StructuredOutput(NamedTuple):
    """How to ask for an object, and how to read it.

    Attributes:
        arguments: Arguments of the request: `response_format`, or the schema as a tool.
        parser: Reads the object from the reply, or raises that it was cut off.
    """

    arguments: dict[str, Any]
    parser: Runnable[BaseMessage, Any]


def structured_output(
    schema: Schema | None, method: Method, *, strict: bool | None
) -> StructuredOutput:
    """Work out a method of structured output.

    Args:
        schema: A Pydantic class, a TypedDict, or a JSON schema in any of LangChain's forms;
            may be left out with `json_mode`.
        method: `json_schema` sends the schema as `response_format`, `function_calling` as a
            tool that must be called, `json_mode` asks for any JSON object.
        strict: Sent as `strict` when it is given.

    Returns:
        The request's arguments and the parser. For `function_calling` the arguments are
        those of `bind_tools`.

    Raises:
        ValueError: The method is unknown, or schema and `strict` do not go with it.
    """
    if method not in get_args(Method):
        message = f"`method` must be one of {', '.join(get_args(Method))}, not {method!r}."
        raise ValueError(message)
    if method == "json_mode":
        if strict is not None:
            message = "`strict` needs a schema, which `json_mode` does not send."
            raise ValueError(message)
        return _output({"response_format": {"type": "json_object"}}, _text_parser(schema))
    if schema is None:
        message = f"`method={method!r}` needs a schema; only `json_mode` goes without."
        raise ValueError(message)
    if method == "json_schema":
        arguments = {"response_format": response_format(schema, strict=strict)}
        return _output(arguments, _text_parser(schema))
    name = convert_to_openai_tool(schema)["function"]["name"]
    return _output(
        {"tools": [schema], "tool_choice": name, "strict": strict}, _tool_parser(schema, name)
    )


def _output(arguments: dict[str, Any], parser: BaseOutputParser[Any]) -> StructuredOutput:
    return StructuredOutput(arguments, RunnablePassthrough(refuse_truncated) | parser)


def with_raw(parser: Runnable[BaseMessage, Any]) -> Runnable[BaseMessage, dict[str, Any]]:
    """Give a parser's result beside the reply, and its error in place of raising it.

    Returns:
        A runnable that gives a dict of `raw`, `parsed` and `parsing_error`.
    """
    parsed = RunnablePassthrough.assign(
        parsed=itemgetter("raw") | parser, parsing_error=lambda _: None
    )
    unparsed = RunnablePassthrough.assign(parsed=lambda _: None)
    with_error = parsed.with_fallbacks([unparsed], exception_key="parsing_error")
    return RunnableMap(raw=RunnablePassthrough[BaseMessage]()) | with_error


def response_format(schema: Schema, *, strict: bool | None) -> dict[str, Any]:
    """Make the request's `response_format` from a schema.

    A dict that is a `response_format` already is taken as it is.
    """
    if isinstance(schema, dict):
        if schema.get("type") == "json_schema" and "json_schema" in schema:
            return schema
        schema = _with_title(schema)
    function = convert_to_openai_tool(schema, strict=strict)["function"]
    if isinstance(schema, type) and issubclass(schema, BaseModel):
        # LangChain's converter resolves references, and so loses models that contain themselves.
        parameters = schema.model_json_schema()
        if strict:
            _forbid_other_properties(parameters)
    else:
        parameters = function.get("parameters", {"type": "object", "properties": {}})
    json_schema: dict[str, Any] = {
        "name": re.sub(r"[^A-Za-z0-9_-]", "_", function["name"])[:_LONGEST_NAME],
        "schema": parameters,
    }
    if function.get("description"):
        json_schema["description"] = function["description"]
    if strict is not None:
        json_schema["strict"] = strict
    return {"type": "json_schema", "json_schema": json_schema}


def _forbid_other_properties(schema: Any) -> None:
    """Close every object of a JSON schema, as `strict` wants it."""
    if isinstance(schema, dict):
        if schema.get("type") == "object":
            schema.setdefault("additionalProperties", False)
        for part in schema.values():
            _forbid_other_properties(part)
    elif isinstance(schema, list):
        for part in schema:
            _forbid_other_properties(part)


def _with_title(schema: dict[str, Any]) -> dict[str, Any]:
    """A JSON schema in a form that LangChain's converter takes."""
    if "schema" in schema and "name" in schema:  # The inside of a `response_format`.
        return {**schema["schema"], "title": schema["name"]}
    is_json_schema = any(key in schema for key in ("properties", "$ref", "anyOf", "type"))
    if is_json_schema and not any(key in schema for key in ("title", "name", "function")):
        return {**schema, "title": "response"}
    return schema


def refuse_truncated(message: BaseMessage) -> None:
    """Refuse an object that the limit on output tokens cut off: core would complete it.

    Args:
        message: The whole reply.

    Raises:
        ScalewayTruncatedOutputError: It was cut off.
    """
    if message.response_metadata.get("finish_reason") != "length":
        return
    try:
        json.loads(message.text)  # The limit may have fallen on the very end.
    except ValueError as error:
        raise _truncated(message) from error


def _text_parser(schema: Schema | None) -> BaseOutputParser[Any]:
    if isinstance(schema, type) and is_basemodel_subclass(schema):
        return PydanticOutputParser(pydantic_object=schema)
    return JsonOutputParser()


def _tool_parser(schema: Schema, name: str) -> BaseOutputParser[Any]:
    if isinstance(schema, type) and is_basemodel_subclass(schema):
        return PydanticToolsParser(tools=[schema], first_tool_only=True)
    return JsonOutputKeyToolsParser(key_name=name, first_tool_only=True)


def _truncated(message: BaseMessage) -> ScalewayTruncatedOutputError:
    metadata = message.response_metadata
    usage = getattr(message, "usage_metadata", None) or {}
    spent = f" of {usage['output_tokens']} tokens" if usage.get("output_tokens") else ""
    reasoning = (usage.get("output_token_details") or {}).get("reasoning")
    if reasoning:
        spent += f", {reasoning} of them spent on reasoning"
    elif message.additional_kwargs.get("reasoning_content"):
        spent += ", a share of them spent on reasoning"
    text = (
        f"The structured output of model {metadata.get('model_name')!r} was cut off at the limit"
        f"{spent}. Raise `max_tokens`; a reasoning model's thoughts count towards it, so "
        '`reasoning_effort="none"` or a lower effort leaves more for the answer.'
    )
    return ScalewayTruncatedOutputError(text, model=metadata.get("model_name"))
