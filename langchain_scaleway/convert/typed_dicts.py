"""TypedDicts -> Pydantic classes, of which LangChain's converter loses nothing.

The converter itself reads TypedDicts with Pydantic 1: values that may be `None` may not be so in
its schemas, which makes a model invent them; keys that may be missing and Pydantic classes are
refused; and a TypedDict without a docstring is described by that of `dict`.
"""

import inspect
import re
import textwrap
from enum import Enum
from functools import reduce
from operator import or_
from types import EllipsisType, NoneType, UnionType
from typing import Annotated, Any, NotRequired, Required, get_args, get_origin

from pydantic import BaseModel, Field, GetJsonSchemaHandler, RootModel, create_model
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, to_jsonable_python
from typing_extensions import TypedDict, get_type_hints, is_typeddict

_DEFAULTS = (EllipsisType, NoneType, str, int, float, list, tuple, dict, Enum)
"""What is a default in `Annotated`; anything else there is Pydantic's."""


def as_pydantic_class(typed_dict: Any) -> type[BaseModel]:
    """Make a Pydantic class with the JSON schema of a TypedDict.

    Args:
        typed_dict: The TypedDict. As LangChain has it, descriptions of its keys are taken from
            its docstring or from `Annotated[int, ..., "description"]`, where another value in
            place of `...` is the default.

    Returns:
        A class of the same name, for its schema only: its instances are dicts within a root.

    Raises:
        ValueError: What is said third in `Annotated` is not a description.
        NameError: An annotation names what is not there.
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
        typed_dict.__name__, __base__=_Inlined, __doc__=rebuilt.__doc__, root=(rebuilt, ...)
    )


class _Inlined(RootModel[Any]):
    """A class whose JSON schema is that of its root, in place of a reference to it."""

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler, /
    ) -> JsonSchemaValue:
        return handler.resolve_ref_schema(handler(core_schema))


def _rebuilt(typed_dict: Any) -> Any:
    """The TypedDict as Pydantic 2 reads it, on each Python and without LangChain's notation."""
    hints = get_type_hints(typed_dict, include_extras=True)
    description, descriptions = _parse_docstring(typed_dict.__doc__ or "")
    entries = {
        key: _entry(key, hint, descriptions.get(key), required=key in typed_dict.__required_keys__)
        for key, hint in hints.items()
    }
    make_typed_dict: Any = TypedDict
    rebuilt = make_typed_dict(typed_dict.__name__, entries)
    rebuilt.__doc__ = description
    return rebuilt


def _entry(key: str, hint: Any, description: str | None, *, required: bool) -> Any:
    """The type of a key's values, with all that is said about them."""
    metadata: tuple[Any, ...] = ()
    while (qualifier := get_origin(hint)) in (Annotated, NotRequired, Required):
        hint, *more = get_args(hint)
        metadata = (*more, *metadata)
        if qualifier is not Annotated:
            required = qualifier is Required
    said: dict[str, Any] = {}
    if metadata and isinstance(metadata[0], _DEFAULTS):  # LangChain's notation
        default, *annotated = metadata[:2]
        metadata = metadata[2:]
        if default is not ...:
            required = False
            said["json_schema_extra"] = {"default": to_jsonable_python(default)}
        description = description or _description(key, annotated)
    if description:
        said["description"] = description
    annotated_type: Any = Annotated[(_without_typed_dicts(hint), *metadata, Field(**said))]
    return Required[annotated_type] if required else NotRequired[annotated_type]


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
    origin, arguments = get_origin(hint), get_args(hint)
    rebuilt = tuple(_without_typed_dicts(argument) for argument in arguments)
    if rebuilt == arguments:
        return hint
    return reduce(or_, rebuilt) if origin is UnionType else origin[rebuilt]


def _parse_docstring(docstring: str) -> tuple[str, dict[str, str]]:
    """What a docstring in Google's style says of the whole, and of each key."""
    text = inspect.cleandoc(docstring)
    description = re.split(r"(?m)^(?:Args|Returns|Examples?):", text)[0]
    section = re.search(r"(?m)^Args:\n((?:[ \t]+.*\n?)+)", text)
    keys = re.findall(_DESCRIBED_KEY, textwrap.dedent(section[1])) if section else ()
    return description.strip(), {key: _on_one_line(said) for key, said in keys}


_DESCRIBED_KEY = r"(?m)^([^\s:(]+)(?: \([^)]*\))?:(.*(?:\n[ \t]+.*)*)"


def _on_one_line(text: str) -> str:
    return " ".join(text.split())
