"""Whatever has a schema -> a function in OpenAI's form, for tools and structured output alike."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import is_dataclass
from types import FunctionType, MethodType
from typing import Any, get_origin, get_type_hints

from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, create_schema_from_function
from langchain_core.utils.function_calling import convert_to_openai_function
from pydantic import BaseModel, PydanticUserError, TypeAdapter
from typing_extensions import is_typeddict

from langchain_scaleway.convert.typed_dicts import readable_typed_dict

_SCHEMA_KEYS = ("parameters", "schema", "input_schema", "inputSchema")
"""Where OpenAI's tools and `response_format`, Anthropic and MCP have the schema."""

_KEYWORDS = frozenset(
    {"$ref", "allOf", "anyOf", "const", "enum", "items", "oneOf", "properties", "title", "type"}
)
"""Keywords of which a JSON schema has at least one."""

_NAMED = frozenset({"patternProperties", "properties"})
"""Keywords that hold schemas by names, which are no keywords."""

_NOT_KEPT = frozenset({"discriminator", "title"})
"""Keywords that say nothing to a model."""

_VALUES = frozenset({"const", "default", "enum", "examples"})
"""Keywords whose values are no schemas."""


def function_of(source: Any, *, strict: bool | None = None) -> dict[str, Any]:
    """The function, in OpenAI's form, of whatever has a schema.

    References in the schemas of classes and functions are replaced with what they lead to: the
    prompt format of gpt-oss knows none, and writes `any` in their place (openai/harmony,
    November 2026). A schema that contains itself, or refers to something outside, keeps its `$defs`
    and references. What is a JSON schema already is sent as it is.

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
        is_dict = isinstance(source, Mapping)
        function = _from_dict(deepcopy(dict(source))) if is_dict else _from_python(source)
        return closed(function, strict)
    except (
        *(AttributeError, KeyError, RecursionError, TypeError),
        NameError,  # an annotation that names nothing
        PydanticUserError,  # a type without a JSON schema
    ) as error:
        raise ValueError(
            f"{source!r} cannot be made a JSON schema: {error!r}. Make it a Pydantic class or a "
            "function, of types that JSON can hold: strings, numbers, lists, Pydantic classes."
        ) from error


def closed(function: dict[str, Any], strict: bool | None) -> dict[str, Any]:  # noqa: FBT001 -- the request's field
    """Close every object of a function's schema, as OpenAI's `strict` demands; `None` leaves it."""
    return function if strict is None else convert_to_openai_function(function, strict=strict)


def _from_dict(source: dict[str, Any]) -> dict[str, Any]:
    """The function of a dict, in any of the forms that LangChain's users have."""
    for wrapper in ("function", "json_schema"):
        if isinstance(source.get(wrapper), dict):
            return _from_dict(source[wrapper])
    if isinstance(source.get("name"), str):
        function = {k: source[k] for k in ("name", "description", "strict") if k in source}
        schema = next((source[key] for key in _SCHEMA_KEYS if key in source), None)
        return function | {"parameters": schema or {"type": "object", "properties": {}}}
    if "toolSpec" in source:  # Amazon Bedrock
        return convert_to_openai_function(source)
    if not source.keys() & _KEYWORDS:
        raise ValueError(
            f"{source!r} is not a JSON schema: it has none of {', '.join(sorted(_KEYWORDS))}."
        )
    described = {k: source.pop(k) for k in ("description",) if k in source}
    return {"name": str(source.pop("title", None) or ""), **described, "parameters": source}


def _from_python(source: Any) -> dict[str, Any]:
    """The function of a class, a function or a tool."""
    schema: Any = source
    plain = get_origin(source) or source
    named: dict[str, str] = {}
    if isinstance(source, BaseTool):
        schema = source.tool_call_schema if source.args_schema else None
        named = {"name": source.name, "description": source.description}
    elif isinstance(source, FunctionType | MethodType):
        schema = create_schema_from_function(
            source.__name__,
            source,
            # A tool that is made of the function is given the config, and does not show it.
            filter_args=[k for k, v in get_type_hints(source).items() if v is RunnableConfig],
            parse_docstring=True,
            error_on_invalid_docstring=False,
            include_injected=False,
        )
        named = {"name": source.__name__, "description": schema.__doc__ or ""}
    elif is_typeddict(plain):
        schema = TypeAdapter(readable_typed_dict(source)).json_schema()
    elif isinstance(plain, type) and is_dataclass(plain):
        schema = TypeAdapter(source).json_schema()
        named = {"description": plain.__doc__ or ""}
    if isinstance(schema, type) and issubclass(schema, BaseModel):
        schema = schema.model_json_schema()
    if not isinstance(schema, dict):
        # Classes of Pydantic 1, tools without a schema, objects that can be called
        return convert_to_openai_function(source)
    schema = dict(schema)
    if "$ref" in schema:  # Chat templates look for the properties at the root.
        schema = _referred(schema, schema.pop("$ref")) | schema
    own = {"name": schema.pop("title", ""), "description": schema.pop("description", "")}
    try:
        without = {k: v for k, v in schema.items() if k not in ("$defs", "definitions")}
        parameters = _in_place(without, schema)
    except (_ContainsItselfError, LookupError):
        parameters = deepcopy(schema)
    return own | named | {"parameters": parameters}


class _ContainsItselfError(Exception):
    """A part of a schema refers to what it is a part of."""


def _in_place(part: Any, schema: dict[str, Any], within: tuple[str, ...] = ()) -> Any:
    """A part of a schema, with what its references lead to in their place.

    Titles are left out: Pydantic's repeat the names of fields, and would be paid for as tokens. So
    are discriminators, which say in OpenAPI's words where the schemas were that stand there now.
    """
    if isinstance(part, list):
        return [_in_place(item, schema, within) for item in part]
    if not isinstance(part, dict):
        return part
    if isinstance(reference := part.get("$ref"), str):
        if reference in within:
            raise _ContainsItselfError
        beside = {k: v for k, v in part.items() if k != "$ref"}
        return _in_place(_referred(schema, reference) | beside, schema, (*within, reference))
    copied: dict[str, Any] = {}
    for key, value in part.items():
        if key in _NAMED and isinstance(value, dict):
            copied[key] = {name: _in_place(inner, schema, within) for name, inner in value.items()}
        elif key in _VALUES:
            copied[key] = deepcopy(value)
        elif key not in _NOT_KEPT:
            copied[key] = _in_place(value, schema, within)
    return copied


def _referred(schema: dict[str, Any], reference: str) -> dict[str, Any]:
    """What a reference such as `#/$defs/Tree` leads to; a `KeyError` if it leads elsewhere."""
    root, *path = reference.split("/")
    found: Any = {"#": schema}[root]
    for key in path:
        name = key.replace("~1", "/").replace("~0", "~")  # RFC 6901
        found = found[int(name) if isinstance(found, list) else name]
    return found if isinstance(found, dict) else {}
