"""TypedDicts as tools and schemas: as LangChain reads them, and without what it loses."""

from datetime import date
from decimal import Decimal
from enum import Enum
from typing import (
    Annotated,
    Any,
    Generic,
    Literal,
    NewType,
    NotRequired,
    Required,
    TypedDict,
    TypeVar,
)

import jsonschema
import pytest
import typing_extensions
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import BaseModel, Field

from langchain_scaleway.convert.tools import convert_tools


class Place(TypedDict):
    """Where it is."""

    name: str
    kind: Literal["town", "village"]


class Described(TypedDict):
    """A report.

    Args:
        degrees: The temperature, in Celsius: measured
            in the shade.
        sky (str): What is above.
    """

    degrees: float
    sky: Annotated[str, ..., "Less than the docstring says"]
    wind: Annotated[int, ..., "In km/h"]
    gusts: Annotated[int, 0, "In km/h"]
    place: Place
    places: list[Place]
    by_name: dict[str, list[Place]]
    either: int | str


class Undocumented(TypedDict):
    a: int


class Unit(Enum):
    CELSIUS = "C"


class Reading(BaseModel):
    """A reading."""

    value: float


Percentage = Annotated[int, Field(ge=0, le=100)]
T = TypeVar("T")


class Page(TypedDict, Generic[T]):
    """A page.

    Args:
        items: What is on it.
    """

    items: list[T]
    first: NotRequired[Annotated[T | None, ..., "The first of them"]]


Home = NewType("Home", Place)  # type: ignore[valid-newtype]  # It works, so there will be some.


class Newer(typing_extensions.TypedDict):
    price: Decimal | None


class Rich(TypedDict):
    """All that LangChain's converter loses or refuses."""

    nullable: int | None
    described: Annotated[int | None, None, "Unknown at night"]
    missing: NotRequired[Annotated[str, ..., "May be missing"]]
    missing_too: "Annotated[NotRequired[int], ...]"
    pair: tuple[int, str]
    exact: Annotated[int, Field(ge=3, description="Pydantic's words")]
    now: Annotated[Percentage, ..., "At this moment"]
    later: Annotated[Percentage, 50, "In an hour"]
    never: Annotated[int, Field(ge=0), "not LangChain's notation"]
    reading: Reading
    nested: list[Undocumented] | None
    fixed: NotRequired[typing_extensions.ReadOnly[Annotated[int, ..., "Another"]]]
    numbers: Page[int]
    places: Page[Place]
    home: Home
    newer: Newer
    schema: str
    _hidden: int


class Partial(TypedDict, total=False):
    may_be_missing: int
    never: Required[int]


NUMBER, NULL = {"type": "integer"}, {"type": "null"}
PERCENTAGE = {**NUMBER, "minimum": 0, "maximum": 100}


def _parameters(typed_dict: Any) -> Any:
    return convert_tools([typed_dict])[0]["function"]["parameters"]


PLACE = _parameters(Described)["properties"]["place"]

RICH: dict[str, Any] = {
    "nullable": {"anyOf": [NUMBER, NULL]},
    "described": {"anyOf": [NUMBER, NULL], "default": None, "description": "Unknown at night"},
    "missing": {"type": "string", "description": "May be missing"},
    "missing_too": NUMBER,
    "pair": {
        "type": "array",
        "minItems": 2,
        "maxItems": 2,
        "prefixItems": [NUMBER, {"type": "string"}],
    },
    "exact": {**NUMBER, "minimum": 3, "description": "Pydantic's words"},
    "now": {**PERCENTAGE, "description": "At this moment"},
    "later": {**PERCENTAGE, "description": "In an hour", "default": 50},
    "never": {**NUMBER, "minimum": 0},
    "fixed": {**NUMBER, "description": "Another"},
    "home": PLACE,
    "schema": {"type": "string"},
    "_hidden": NUMBER,
}


def test_what_the_converter_keeps_stays_the_same() -> None:
    assert convert_tools([Described]) == [convert_to_openai_tool(Described)]


@pytest.mark.filterwarnings("error")
def test_what_the_converter_loses_is_kept() -> None:
    parameters = _parameters(Rich)
    properties = parameters["properties"]
    assert {name: properties[name] for name in RICH} == RICH
    optional = {"described", "missing", "missing_too", "later", "fixed"}
    assert properties.keys() - set(parameters["required"]) == optional
    assert properties["reading"]["description"] == "A reading."
    assert "description" not in properties["nested"]["anyOf"][0]["items"], "dict has one"
    numbers = properties["numbers"]["properties"]
    assert numbers["items"] == {
        "type": "array",
        "items": NUMBER,
        "description": "What is on it.",
    }
    assert numbers["first"] == {"anyOf": [NUMBER, NULL], "description": "The first of them"}
    assert properties["places"]["properties"]["items"]["items"] == PLACE
    assert NULL in properties["newer"]["properties"]["price"]["anyOf"]
    assert _parameters(Partial)["required"] == ["never"]


def test_docstrings() -> None:
    assert convert_tools([Undocumented])[0]["function"]["description"] == "", "dict has one"
    told = TypedDict("told", {"a": int})  # noqa: UP013 -- to be given a docstring
    told.__doc__ = "One.\n\n  Two.\n\n  Args:\n    a: It.\n\n  Returns:\n    Nothing: none.\n"
    function = convert_tools([told])[0]["function"]
    assert function["description"] == "One.\n\nTwo.", "paragraphs stay apart"
    assert function["parameters"]["properties"] == {"a": {**NUMBER, "description": "It."}}
    told.__doc__ = "Args:\n        a: The first.\n    "
    assert _parameters(told)["properties"]["a"]["description"] == "The first."


@pytest.mark.parametrize(
    ("kind", "default", "written"),
    [
        (Unit, Unit.CELSIUS, "C"),
        (date, date(2026, 11, 23), "2026-11-23"),
        (set[str], {"a"}, ["a"]),
        (bytes, b"a", "a"),
        (Decimal, Decimal("1.5"), "1.5"),
        (Reading, Reading(value=1), {"value": 1.0}),
    ],
)
def test_defaults_may_be_of_any_kind(kind: Any, default: Any, written: Any) -> None:
    annotated = Annotated[kind, default, "Its description"]
    with_default: Any = TypedDict("with_default", {"a": annotated, "b": Annotated[kind, default]})
    parameters = _parameters(with_default)
    assert parameters["properties"]["a"]["default"] == written
    assert parameters["properties"]["b"]["default"] == written
    assert parameters["properties"]["a"]["description"] == "Its description"
    assert "required" not in parameters


class Tree(TypedDict):
    """A tree."""

    name: str
    branches: "list[Tree]"


class Forest(TypedDict):
    """Trees."""

    oldest: Annotated[Tree | None, ..., "The oldest tree"]


def test_one_may_contain_itself() -> None:
    tree = _parameters(Tree)
    assert [*tree["properties"]] == ["name", "branches"], "the root is an object, not a reference"
    value: Any = {"name": "oak", "branches": [{"name": "twig", "branches": []}]}
    jsonschema.validate(value, tree)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"name": "oak", "branches": [{"name": "twig"}]}, tree)
    forest = _parameters(Forest)
    jsonschema.validate({"oldest": value}, forest)
    assert forest["properties"]["oldest"]["description"] == "The oldest tree"


def test_two_of_the_same_name_stay_apart() -> None:
    make: Any = TypedDict
    one, other = make("Place", {"a": int}), make("Place", {"b": str})
    properties = _parameters(make("both", {"one": one, "other": other}))["properties"]
    assert [[*part["properties"]] for part in properties.values()] == [["a"], ["b"]]


class Unknown:
    pass


@pytest.mark.parametrize(
    ("hint", "said"),
    [
        (type, rf"^<class '{__name__}.wrong'> cannot be made a JSON schema"),
        (Unknown, "Unable to generate pydantic-core schema"),
        (Annotated[int, ..., 5], "third argument of Annotated for 'a'"),
    ],
)
def test_what_has_no_schema_is_refused(hint: Any, said: str) -> None:
    make: Any = TypedDict
    with pytest.raises(ValueError, match=said):
        convert_tools([make("wrong", {"a": hint})])


@settings(max_examples=20)
@given(st.from_type(Described), st.from_type(Partial))
def test_each_value_fits_the_schema(described: Any, partial: Any) -> None:
    for value, typed_dict in ((described, Described), (partial, Partial)):
        jsonschema.validate(value, _parameters(typed_dict), cls=jsonschema.Draft202012Validator)
