"""Whatever has a schema -> a function in OpenAI's form, for tools and structured output alike."""

import graphlib
import inspect
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import is_dataclass
from types import FunctionType, MethodType
from typing import Any

from langchain_core.utils.function_calling import convert_to_openai_function
from langchain_core.utils.json_schema import dereference_refs
from pydantic import BaseModel, PydanticUserError, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema
from typing_extensions import is_typeddict

from langchain_scaleway.convert.typed_dicts import typed_dict_model

_SCHEMA_KEYS = ("parameters", "schema", "input_schema", "inputSchema")
"""Where OpenAI's tools and `response_format`, Anthropic and MCP have the schema."""

_OF_FUNCTIONS = ("name", "description", "strict")

_KEYWORDS = frozenset(
    {"$ref", "allOf", "anyOf", "const", "enum", "items", "oneOf", "properties", "title", "type"}
)
"""Keywords of which a JSON schema has at least one."""

_OF_THE_FUNCTION = ("title", "description")
"""Keywords at the root of a JSON schema that describe the function, not its arguments."""

_CONVERTER_ERRORS = (
    AttributeError,
    KeyError,
    NameError,  # an annotation that names nothing
    PydanticUserError,  # a type without a JSON schema
    RecursionError,
    TypeError,
)


def function_of(source: Any, *, strict: bool | None = None) -> dict[str, Any]:
    """The function, in OpenAI's form, of whatever has a schema.

    References in the schemas of classes and functions are replaced with what they lead to: the
    prompt format of gpt-oss knows none, and writes `any` in their place (openai/harmony,
    November 2026). A schema that contains itself keeps its `$defs`. What is a JSON schema already
    is sent as it is.

    Args:
        source: A Pydantic class, dataclass, TypedDict, function or `BaseTool`; or a dict: a JSON
            schema, or a function of OpenAI, Anthropic or MCP.
        strict: Whether to close every object, as OpenAI's `strict` demands, and to say so.

    Returns:
        A dict with `name`, `parameters`, mostly a `description`, and `strict` where it is given.
        It belongs to the caller, down to its last part.

    Raises:
        ValueError: There is no schema for it.
    """
    try:
        is_schema = isinstance(source, Mapping)
        function = _from_dict(deepcopy(dict(source))) if is_schema else _from_python(source)
        return convert_to_openai_function(function, strict=strict)
    except _CONVERTER_ERRORS as error:
        raise ValueError(
            f"{source!r} cannot be made a JSON schema: {error!r}. Make it a Pydantic class or a "
            "function, of types that JSON can hold: strings, numbers, lists, Pydantic classes."
        ) from error


def _from_dict(source: dict[str, Any]) -> dict[str, Any]:
    """The function of a dict, in any of the forms that LangChain's users have."""
    for wrapper in ("function", "json_schema"):
        if isinstance(source.get(wrapper), dict):
            return _from_dict(source[wrapper])
    if isinstance(source.get("name"), str):
        function: dict[str, Any] = {k: source[k] for k in _OF_FUNCTIONS if k in source}
        found = (source[key] for key in _SCHEMA_KEYS if key in source)
        return {**function, "parameters": next(found, {"type": "object", "properties": {}})}
    if "toolSpec" in source:  # Amazon Bedrock
        return convert_to_openai_function(source)
    if not source.keys() & _KEYWORDS:
        raise ValueError(
            f"{source!r} is not a JSON schema: it has none of {', '.join(sorted(_KEYWORDS))}."
        )
    return _described(source)


def _from_python(source: Any) -> dict[str, Any]:
    from langchain_core.tools import BaseTool, create_schema_from_function  # noqa: PLC0415 -- slow

    schema: Any = source
    named: dict[str, Any] = {}
    if isinstance(source, BaseTool):
        named = {"name": source.name, "description": source.description}
        schema = source.tool_call_schema if source.args_schema is not None else source
    elif isinstance(source, FunctionType | MethodType):
        schema = create_schema_from_function(
            source.__name__,
            source,
            filter_args=(),
            parse_docstring=True,
            error_on_invalid_docstring=False,
            include_injected=False,
        )
        named = {"name": source.__name__, "description": schema.__doc__ or ""}
    elif is_typeddict(source):
        schema = typed_dict_model(source)
    if isinstance(schema, type) and (issubclass(schema, BaseModel) or is_dataclass(schema)):
        schema = _rooted(TypeAdapter(schema).json_schema(schema_generator=_WithoutFieldTitles))
        for definition in schema.get("$defs", {}).values():
            definition.pop("title", None)  # Like those of fields
        if is_dataclass(source):
            named["description"] = inspect.getdoc(source) or ""
    if not isinstance(schema, dict):
        # Classes of Pydantic 1, tools without a schema, objects that can be called
        return convert_to_openai_function(source)
    return {"description": "", **_described(_readable(schema)), **named}


class _WithoutFieldTitles(GenerateJsonSchema):
    """Leaves out titles that only repeat a field's name: as tokens they would be paid for."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 -- Pydantic's hook
        return False


def _described(schema: dict[str, Any]) -> dict[str, Any]:
    """A JSON schema as a function, which has its title for a name."""
    function = {"name": str(schema.get("title") or "")}
    if "description" in schema:
        function["description"] = schema["description"]
    parameters = {k: v for k, v in schema.items() if k not in _OF_THE_FUNCTION}
    return {**function, "parameters": parameters}


def _rooted(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with properties at its root, where chat templates look for them."""
    if not isinstance(reference := schema.get("$ref"), str):
        return schema
    siblings = {k: v for k, v in schema.items() if k != "$ref"}
    return {**_referred(schema, reference), **siblings}


def _readable(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with as few references as possible."""
    schema = _rooted(schema)
    if _contains_itself(schema):
        return schema
    schema = dereference_refs(schema)
    return {k: v for k, v in schema.items() if k not in ("$defs", "definitions")}


def _contains_itself(schema: dict[str, Any]) -> bool:
    leads_to = {ref: {*_references(_referred(schema, ref))} for ref in _references(schema)}
    try:
        graphlib.TopologicalSorter(leads_to).prepare()
    except graphlib.CycleError:
        return True
    return False


def _references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(reference := part.get("$ref"), str):
            yield reference
        part = list(part.values())
    for inner in part if isinstance(part, list) else ():
        yield from _references(inner)


def _referred(schema: dict[str, Any], reference: str) -> Any:
    """What a reference such as `#/$defs/Tree` leads to, nothing if that is not in the schema."""
    root, *path = reference.split("/")
    found: Any = schema if root == "#" else None
    for key in path:
        name = key.replace("~1", "/").replace("~0", "~")  # RFC 6901
        found = found.get(name) if isinstance(found, dict) else None
    return found
