"""TypedDicts -> Pydantic classes, which LangChain's converter reads without losses.

TypedDicts themselves it reads with Pydantic 1. In its schemas values that may be `None` are not
allowed to be `None`, so that a model has to invent one. It refuses keys that may be missing,
generic TypedDicts, and Pydantic classes as values. And a TypedDict without a docstring gets the
one of `dict`.
"""

import inspect
import re
import textwrap
from collections.abc import Mapping
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import reduce
from operator import or_
from pathlib import PurePath
from types import EllipsisType, NoneType, UnionType
from typing import Annotated, Any, NewType, NotRequired, Required, TypeVar, get_args, get_origin
from uuid import UUID
from weakref import WeakKeyDictionary

from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import (
    BaseModel,
    Field,
    GetJsonSchemaHandler,
    PydanticUserError,
    RootModel,
    create_model,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, to_jsonable_python
from typing_extensions import ReadOnly, TypedDict, get_type_hints, is_typeddict

_QUALIFIERS = (Annotated, NotRequired, ReadOnly, Required)

_DEFAULTS = (
    *(EllipsisType, NoneType, str, int, float, list, tuple, dict, set, frozenset, bytes),
    *(Enum, BaseModel, Decimal, UUID, PurePath, date, time, timedelta),
)
"""Types of the first value in `Annotated` if it is LangChain's default, and not Pydantic's."""

_TypeArguments = Mapping[Any, Any]

_remembered = WeakKeyDictionary[Any, tuple[str | None, type[BaseModel] | None]]()
"""The docstring and the class of each TypedDict; no class where LangChain's converter has to read
the TypedDict itself."""


def for_converter(typed_dict: Any) -> type:
    """Find the form of a TypedDict in which LangChain's converter loses least of it.

    It is remembered as long as the TypedDict lives: to make a class takes milliseconds, and an
    agent binds the same tools for every call.

    Args:
        typed_dict: The TypedDict.

    Returns:
        A Pydantic class, see `as_pydantic_class`; or the TypedDict itself, if one of its types is
        known to Pydantic 1 alone, as its own models are.

    Raises:
        ValueError, NameError, PydanticUserError, RecursionError: See `as_pydantic_class`.
    """
    docstring = typed_dict.__doc__  # All that ever changes of a TypedDict.
    found = _remembered.get(typed_dict)
    if found is None or found[0] != docstring:
        found = _remembered[typed_dict] = (docstring, _as_readable_class(typed_dict))
    return found[1] or typed_dict


def _as_readable_class(typed_dict: Any) -> type[BaseModel] | None:
    """The Pydantic class, or `None` where only the converter itself makes something of it."""
    try:
        made = as_pydantic_class(typed_dict)
        made.model_json_schema()
    except PydanticUserError as error:
        try:
            convert_to_openai_tool(typed_dict)
        except Exception:  # noqa: BLE001 -- what Pydantic 2 says of it is plainer
            raise error from None
        return None
    return made


def as_pydantic_class(typed_dict: Any) -> type[BaseModel]:
    """Make a Pydantic class with the JSON schema of a TypedDict.

    Args:
        typed_dict: The TypedDict. As in LangChain, descriptions of its keys are taken from its
            docstring or from `Annotated[int, ..., "description"]`, where any other value in the
            place of `...` is the key's default.

    Returns:
        A class of the same name, to make the schema of; it is of no use for anything else.

    Raises:
        ValueError: The third argument of an `Annotated` is not a description.
        NameError: An annotation uses a name that is not defined.
        PydanticUserError: A type has no JSON schema.
        RecursionError: The TypedDict contains itself.

    Example:
        >>> class Weather(TypedDict):
        ...     degrees: Annotated[float | None, ..., "In Celsius"]
        >>> as_pydantic_class(Weather).model_json_schema()["properties"]["degrees"]["anyOf"]
        [{'type': 'number'}, {'type': 'null'}]
    """
    rebuilt = _rebuilt(typed_dict)
    return create_model(
        typed_dict.__name__,
        __base__=_Inlined,
        __doc__=rebuilt.__doc__,
        __module__=typed_dict.__module__,
        root=(rebuilt, ...),
    )


class _Inlined(RootModel[Any]):
    """A class whose JSON schema is that of its root, where Pydantic would write a reference."""

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler, /
    ) -> JsonSchemaValue:
        return handler.resolve_ref_schema(handler(core_schema))


def _rebuilt(typed_dict: Any, type_arguments: tuple[Any, ...] = ()) -> Any:
    """The TypedDict as one that Pydantic 2 reads on any Python, without LangChain's notation."""
    hints = get_type_hints(typed_dict, include_extras=True)
    description, descriptions = _parse_docstring(typed_dict.__doc__ or "")
    known = dict(zip(getattr(typed_dict, "__parameters__", ()), type_arguments, strict=False))
    entries = {
        key: _entry(
            key,
            _filled_in(hint, known),
            descriptions.get(key),
            required=key in typed_dict.__required_keys__,
        )
        for key, hint in hints.items()
    }
    make_typed_dict: Any = TypedDict
    rebuilt = make_typed_dict(typed_dict.__name__, entries)
    rebuilt.__module__, rebuilt.__doc__ = typed_dict.__module__, description
    return rebuilt


def _filled_in(hint: Any, known: _TypeArguments) -> Any:
    """A type with what is known of its variables in their place."""
    if isinstance(hint, TypeVar):
        return known.get(hint, hint)
    variables = () if isinstance(hint, type) else getattr(hint, "__parameters__", ())
    return hint[tuple(known.get(name, name) for name in variables)] if variables else hint


def _entry(key: str, hint: Any, description: str | None, *, required: bool) -> Any:
    """The type of a key's values, with default and description in Pydantic's notation."""
    metadata: tuple[Any, ...] = ()
    while (qualifier := get_origin(hint)) in _QUALIFIERS:
        hint, *more = get_args(hint)
        metadata = (*more, *metadata)
        if qualifier in (NotRequired, Required):
            required = qualifier is Required
    said: dict[str, Any] = {}
    metadata, notation = _split_notation(metadata)
    if notation:
        default, *annotated = notation
        if default is not ...:
            required = False
            said["json_schema_extra"] = {"default": to_jsonable_python(default)}
        description = description or _description(key, annotated)
    if description:
        said["description"] = description
    annotated_type: Any = Annotated[(_without_typed_dicts(hint), *metadata, Field(**said))]
    return Required[annotated_type] if required else NotRequired[annotated_type]


def _split_notation(metadata: tuple[Any, ...]) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """What `Annotated` says to Pydantic, and what it says in LangChain's notation.

    That comes first, or with its description behind what the type itself brings along, as
    `Annotated[PositiveInt, ..., "In km/h"]` does.
    """
    for place, value in enumerate(metadata):
        notation = metadata[place : place + 2]
        is_described = len(notation) > 1 and isinstance(notation[1], str)
        if isinstance(value, _DEFAULTS) and (place == 0 or is_described):
            return metadata[:place] + metadata[place + 2 :], notation
    return metadata, ()


def _description(key: str, annotated: list[Any]) -> str | None:
    if not annotated:
        return None
    (description,) = annotated
    if not isinstance(description, str):
        raise ValueError(  # noqa: TRY004 -- a schema is refused with a ValueError
            f"The third argument of Annotated for {key!r} is its description, not {description!r}."
        )
    return description


def _without_typed_dicts(hint: Any) -> Any:
    """A type whose TypedDicts, however deep, are rebuilt."""
    if is_typeddict(hint):
        return _rebuilt(hint)
    if isinstance(hint, NewType):
        return _without_typed_dicts(hint.__supertype__)
    origin, arguments = get_origin(hint), get_args(hint)
    if is_typeddict(origin):
        return _rebuilt(origin, arguments)
    rebuilt = tuple(_without_typed_dicts(argument) for argument in arguments)
    if rebuilt == arguments:
        return hint
    return reduce(or_, rebuilt) if origin is UnionType else origin[rebuilt]


def _parse_docstring(docstring: str) -> tuple[str, dict[str, str]]:
    """What a docstring in Google's style says of the whole, and of each key."""
    if docstring.startswith("Args:"):  # Its first line has no indentation to tell its section by.
        docstring = f"\n{docstring}"
    text = inspect.cleandoc(docstring)
    description = re.split(r"(?m)^(?:Args|Returns|Examples?):", text)[0]
    section = re.search(r"(?m)^Args:\n((?:[ \t]+.*\n?)+)", text)
    keys = re.findall(_DESCRIBED_KEY, textwrap.dedent(section[1])) if section else ()
    return description.strip(), {key: _on_one_line(said) for key, said in keys}


_DESCRIBED_KEY = r"(?m)^([^\s:(]+)(?: \([^)]*\))?:(.*(?:\n[ \t]+.*)*)"


def _on_one_line(text: str) -> str:
    return " ".join(text.split())
