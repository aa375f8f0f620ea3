"""TypedDicts as LangChain's users write them -> TypedDicts that Pydantic reads.

LangChain's converter reads TypedDicts with Pydantic 1. In its schemas values that may be `None` are
not allowed to be `None`, so that a model has to invent one. It refuses keys that may be missing,
generic TypedDicts, and Pydantic classes as values. Pydantic 2 knows neither LangChain's notation
for descriptions nor, below Python 3.12, the TypedDict of `typing`.
"""

import inspect
import re
import textwrap
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import reduce
from operator import or_
from types import EllipsisType, NoneType, UnionType
from typing import Annotated, Any, NewType, NotRequired, Required, TypeVar, get_args, get_origin
from uuid import UUID

from pydantic import BaseModel, Field, GetPydanticSchema
from typing_extensions import ReadOnly, TypedDict, get_type_hints, is_typeddict

_QUALIFIERS = (Annotated, NotRequired, ReadOnly, Required)

_DEFAULTS = (
    *(EllipsisType, NoneType, str, int, float, list, tuple, dict, set, frozenset, bytes),
    *(Enum, BaseModel, Decimal, UUID, date, time, timedelta),
)
"""Types of the value in `Annotated` that is LangChain's default, and not for Pydantic."""

_DESCRIBED_KEY = r"(?m)^([^\s:(]+)(?: \([^)]*\))?:(.*(?:\n[ \t]+.*)*)"


def readable_typed_dict(typed_dict: Any) -> Any:
    """Copy a TypedDict, and those in it, so that Pydantic has a JSON schema for it.

    As in LangChain, descriptions of its keys are taken from its docstring or from
    `Annotated[int, ..., "description"]`, where any other value in the place of `...` is the key's
    default.

    Raises:
        ValueError: The third argument of an `Annotated` is not a description.
        NameError: An annotation uses a name that is not defined.
    """
    return _Copies().of(typed_dict)


class _Copies:
    """The copies of one TypedDict and of those in it, which may be itself."""

    def __init__(self) -> None:
        self._made: dict[Any, Any] = {}

    def of(self, typed_dict: Any) -> Any:
        if typed_dict not in self._made:
            plain, arguments = get_origin(typed_dict) or typed_dict, get_args(typed_dict)
            known = dict(zip(getattr(plain, "__parameters__", ()), arguments, strict=False))
            description, descriptions = _parse_docstring(plain.__doc__ or "")
            make: Any = TypedDict  # mypy knows literal ones only.
            copy = make(
                plain.__name__,
                {
                    key: self._field(key, hint, descriptions.get(key), plain, known)
                    for key, hint in get_type_hints(plain, include_extras=True).items()
                },
            )
            copy.__doc__ = description
            self._made[typed_dict] = self._made[copy] = copy
        return self._made[typed_dict]

    def _field(
        self, key: str, hint: Any, description: str | None, plain: Any, known: dict[Any, Any]
    ) -> Any:
        """Type, default and description of a key's values, in Pydantic's notation."""
        required = key in plain.__required_keys__
        metadata: tuple[Any, ...] = ()
        while (qualifier := get_origin(hint)) in _QUALIFIERS:
            hint, *more = get_args(hint)
            metadata = (*more, *metadata)
            if qualifier in (NotRequired, Required):
                required = qualifier is Required
        metadata, notation = _split_notation(metadata)
        said: dict[str, Any] = {}
        if notation and notation[0] is not ...:
            required, said = False, {"default": notation[0]}
        if len(notation) > 1 and not isinstance(notation[1], str):
            raise ValueError(
                f"The third argument of Annotated for {key!r} is its description, not "
                f"{notation[1]!r}."
            )
        if description := description or next(iter(notation[1:]), None):
            said["description"] = description
        # Only when it makes the schema does Pydantic ask for the type: it may be this TypedDict.
        later = GetPydanticSchema(lambda _, handler: handler.generate_schema(self._in(hint, known)))
        field = Annotated[(Any, later, *metadata, Field(**said))]
        return field if required else NotRequired[field]

    def _in(self, hint: Any, known: dict[Any, Any]) -> Any:
        """A type with a copy of each TypedDict in it, and with its variables filled in."""
        if isinstance(hint, TypeVar):
            return self._in(known[hint], {}) if hint in known else hint
        if isinstance(hint, NewType):
            return self._in(hint.__supertype__, known)
        origin, arguments = get_origin(hint), get_args(hint)
        inner = tuple(self._in(argument, known) for argument in arguments)
        if inner != arguments:
            hint = reduce(or_, inner) if origin is UnionType else origin[inner]
        return self.of(hint) if is_typeddict(origin or hint) else hint


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
