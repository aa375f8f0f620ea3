"""TypedDicts -> Pydantic classes, which have a JSON schema without losses.

LangChain's converter reads TypedDicts with Pydantic 1. In its schemas values that may be `None` are
not allowed to be `None`, so that a model has to invent one. It refuses keys that may be missing,
generic TypedDicts, and Pydantic classes as values. Pydantic 2 knows neither LangChain's notation
for descriptions nor, below Python 3.12, the TypedDict of `typing`.
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
from types import EllipsisType, NoneType, UnionType
from typing import (
    Annotated,
    Any,
    ForwardRef,
    NewType,
    NotRequired,
    Required,
    TypeVar,
    get_args,
    get_origin,
)
from uuid import UUID

from pydantic import BaseModel, Field, create_model
from typing_extensions import ReadOnly, get_type_hints, is_typeddict

_QUALIFIERS = (Annotated, NotRequired, ReadOnly, Required)

_DEFAULTS = (
    *(EllipsisType, NoneType, str, int, float, list, tuple, dict, set, frozenset, bytes),
    *(Enum, BaseModel, Decimal, UUID, date, time, timedelta),
)
"""Types of the value in `Annotated` that is LangChain's default, and not for Pydantic."""


def typed_dict_model(typed_dict: Any) -> type[BaseModel]:
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

    Example:
        >>> from typing import TypedDict
        >>> class Weather(TypedDict):
        ...     degrees: Annotated[float | None, ..., "In Celsius"]
        >>> typed_dict_model(Weather).model_json_schema()["properties"]["degrees"]["anyOf"]
        [{'type': 'number'}, {'type': 'null'}]
    """
    models = _Models()
    model: type[BaseModel] = models.model_of(typed_dict)
    models.complete()
    return model


class _Models:
    """The classes made of one TypedDict and of those in it, which may be itself."""

    def __init__(self) -> None:
        self._places: dict[Any, str] = {}
        self._made: dict[str, type[BaseModel]] = {}

    def model_of(self, typed_dict: Any) -> Any:
        """The class; while it is still being made, a reference to it."""
        if (place := self._places.get(typed_dict)) is not None:
            return self._made.get(place) or ForwardRef(place)
        place = self._places[typed_dict] = f"TypedDict{len(self._places)}"
        plain, arguments = get_origin(typed_dict) or typed_dict, get_args(typed_dict)
        known = dict(zip(getattr(plain, "__parameters__", ()), arguments, strict=False))
        description, descriptions = _parse_docstring(plain.__doc__ or "")
        fields: Any = {}
        for number, (key, hint) in enumerate(get_type_hints(plain, include_extras=True).items()):
            is_required = key in plain.__required_keys__
            # Pydantic has rules for the names of its fields, and none for their aliases.
            fields[f"key{number}"] = self._field(
                key, _filled_in(hint, known), descriptions.get(key), required=is_required
            )
        made = create_model(
            plain.__name__, __doc__=description, __module__=plain.__module__, **fields
        )
        self._made[place] = made
        return made

    def complete(self) -> None:
        """Let all of the classes know each other."""
        for model in self._made.values():
            model.model_rebuild(_types_namespace=self._made)

    def _field(self, key: str, hint: Any, description: str | None, *, required: bool) -> Any:
        """Type, default and description of a key's values, in Pydantic's notation."""
        metadata: tuple[Any, ...] = ()
        while (qualifier := get_origin(hint)) in _QUALIFIERS:
            hint, *more = get_args(hint)
            metadata = (*more, *metadata)
            if qualifier in (NotRequired, Required):
                required = qualifier is Required
        said: dict[str, Any] = {} if required else {"default_factory": dict}
        metadata, notation = _split_notation(metadata)
        if notation and notation[0] is not ...:
            said = {"default": notation[0]}
        if len(notation) > 1 and not isinstance(notation[1], str):
            raise ValueError(
                f"The third argument of Annotated for {key!r} is its description, not "
                f"{notation[1]!r}."
            )
        if description := description or next(iter(notation[1:]), None):
            said["description"] = description
        return Annotated[(self._replaced(hint), *metadata, Field(alias=key, **said))]

    def _replaced(self, hint: Any) -> Any:
        """A type with a Pydantic class for each TypedDict in it, however deep."""
        if isinstance(hint, NewType):
            return self._replaced(hint.__supertype__)
        origin, arguments = get_origin(hint), get_args(hint)
        if is_typeddict(origin or hint):
            return self.model_of(hint)
        replaced = tuple(self._replaced(argument) for argument in arguments)
        if replaced == arguments:
            return hint
        return reduce(or_, replaced) if origin is UnionType else origin[replaced]


def _filled_in(hint: Any, known: Mapping[Any, Any]) -> Any:
    """A type with what is known of its variables in their place."""
    if isinstance(hint, TypeVar):
        return known.get(hint, hint)
    variables = () if isinstance(hint, type) else getattr(hint, "__parameters__", ())
    return hint[tuple(known.get(name, name) for name in variables)] if variables else hint


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


def _parse_docstring(docstring: str) -> tuple[str, dict[str, str]]:
    """What a docstring in Google's style says of the whole, and of each key."""
    if docstring.startswith("Args:"):  # Its first line has no indentation to tell its section by.
        docstring = f"\n{docstring}"
    text = inspect.cleandoc(docstring)
    description = re.split(r"(?m)^(?:Args|Returns|Examples?):", text)[0]
    section = re.search(r"(?m)^Args:\n((?:[ \t]+.*\n?)+)", text)
    keys = re.findall(_DESCRIBED_KEY, textwrap.dedent(section[1])) if section else ()
    return description.strip(), {key: " ".join(said.split()) for key, said in keys}


_DESCRIBED_KEY = r"(?m)^([^\s:(]+)(?: \([^)]*\))?:(.*(?:\n[ \t]+.*)*)"
