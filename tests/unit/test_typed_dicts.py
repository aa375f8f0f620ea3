"""TypedDicts -> Pydantic classes: as LangChain reads them, and without what it loses."""

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
from hypothesis import given
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


class Rich(TypedDict):
    """All that LangChain's converter loses or refuses."""

    nullable: int | None
    described: Annotated[int | None, None, "Unknown at night"]
    missing: NotRequired[Annotated[str, ..., "May be missing"]]
    missing_too: "Annotated[NotRequired[int], ...]"
    pair: tuple[int, str]
    exact: Annotated[int, Field(ge=3, description="Pydantic's words")]
    reading: Reading
    nested: list[Undocumented] | None
    schema: str
    _hidden: int


class Partial(TypedDict, total=False):
    may_be_missing: int
    never: Required[int]


def _parameters(typed_dict: Any) -> Any:
    return convert_tools([typed_dict])[0]["function"]["parameters"]


def test_what_the_converter_keeps_stays_the_same() -> None:
    assert convert_tools([Described]) == [convert_to_openai_tool(Described)]


def test_one_without_a_docstring_is_not_described_by_that_of_dict() -> None:
    assert convert_tools([Undocumented])[0]["function"]["description"] == ""
    assert "description" not in _parameters(Rich)["properties"]["nested"]["anyOf"][0]["items"]


def test_paragraphs_stay_apart() -> None:
    told = TypedDict("told", {"a": int})  # noqa: UP013 -- to be given a docstring
    told.__doc__ = "One.\n\n  Two.\n\n  Args:\n    a: It.\n\n  Returns:\n    Nothing: none.\n"
    function = convert_tools([told])[0]["function"]
    assert function["description"] == "One.\n\nTwo."
    assert function["parameters"]["properties"] == {"a": {"type": "integer", "description": "It."}}


def test_values_may_be_none() -> None:
    properties = _parameters(Rich)["properties"]
    int_or_null = [{"type": "integer"}, {"type": "null"}]
    assert properties["nullable"] == {"anyOf": int_or_null}
    assert properties["described"] == {
        "anyOf": int_or_null,
        "default": None,
        "description": "Unknown at night",
    }


def test_keys_may_be_missing() -> None:
    rich = _parameters(Rich)
    assert rich["properties"].keys() - set(rich["required"]) == {
        "described",
        "missing",
        "missing_too",
    }
    assert rich["properties"]["missing"] == {"type": "string", "description": "May be missing"}
    assert _parameters(Partial)["required"] == ["never"]


def test_pydantic_s_own_words_stay() -> None:
    properties = _parameters(Rich)["properties"]
    assert properties["exact"] == {
        "type": "integer",
        "minimum": 3,
        "description": "Pydantic's words",
    }
    assert properties["pair"]["prefixItems"] == [{"type": "integer"}, {"type": "string"}]
    assert properties["reading"]["description"] == "A reading."


def test_a_default_is_written_as_json() -> None:
    class WithDefault(TypedDict):
        unit: Annotated[Unit, Unit.CELSIUS]

    parameters = _parameters(WithDefault)
    assert parameters["properties"]["unit"]["default"] == "C"
    assert "required" not in parameters


def test_those_of_typing_extensions_are_read_as_well() -> None:
    class Newer(typing_extensions.TypedDict):
        price: Decimal | None

    assert {"type": "null"} in _parameters(Newer)["properties"]["price"]["anyOf"]


DEFAULTS = {
    "a date": (date, date(2026, 11, 23), "2026-11-23"),
    "a set": (set[str], {"a"}, ["a"]),
    "bytes": (bytes, b"a", "a"),
    "a decimal": (Decimal, Decimal("1.5"), "1.5"),
    "an object": (Reading, Reading(value=1), {"value": 1.0}),
}


@pytest.mark.parametrize(("kind", "default", "written"), DEFAULTS.values(), ids=DEFAULTS)
def test_defaults_may_be_of_any_kind(kind: Any, default: Any, written: Any) -> None:
    annotated = Annotated[kind, default, "Its description"]
    with_default: Any = TypedDict("with_default", {"a": annotated})
    parameters = _parameters(with_default)
    assert parameters["properties"]["a"]["default"] == written
    assert parameters["properties"]["a"]["description"] == "Its description"
    assert "required" not in parameters


Percentage = Annotated[int, Field(ge=0, le=100)]


class Cloudy(TypedDict):
    """How cloudy it is."""

    now: Annotated[Percentage, ..., "At this moment"]
    later: Annotated[Percentage, 50, "In an hour"]
    never: Annotated[int, Field(ge=0), "not LangChain's notation"]


def test_what_an_alias_brings_along_hides_no_description() -> None:
    parameters = _parameters(Cloudy)
    bounds = {"type": "integer", "minimum": 0, "maximum": 100}
    assert parameters["properties"] == {
        "now": {**bounds, "description": "At this moment"},
        "later": {**bounds, "description": "In an hour", "default": 50},
        "never": {"type": "integer", "minimum": 0},
    }
    assert parameters["required"] == ["now", "never"]


def test_a_docstring_may_begin_with_the_keys() -> None:
    keys: Any = TypedDict("keys", {"a": int})
    keys.__doc__ = "Args:\n        a: The first.\n    "
    assert _parameters(keys)["properties"]["a"]["description"] == "The first."


class Fixed(TypedDict):
    """What nobody changes."""

    place: typing_extensions.ReadOnly[Place]
    other: NotRequired[typing_extensions.ReadOnly[Annotated[int, ..., "Another"]]]


@pytest.mark.filterwarnings("error")
def test_keys_may_be_read_only() -> None:
    parameters = _parameters(Fixed)
    assert parameters["properties"]["place"] == _parameters(Described)["properties"]["place"]
    assert parameters["properties"]["other"] == {"type": "integer", "description": "Another"}
    assert parameters["required"] == ["place"]


T = TypeVar("T")


class Page(TypedDict, Generic[T]):
    """A page.

    Args:
        items: What is on it.
    """

    items: list[T]
    first: NotRequired[Annotated[T | None, ..., "The first of them"]]


Home = NewType("Home", Place)  # type: ignore[valid-newtype]  # It works, so there will be some.


class Book(TypedDict):
    """A book."""

    numbers: Page[int]
    places: Page[Place]
    home: Home


def test_typed_dicts_may_be_generic_or_have_another_name() -> None:
    properties = _parameters(Book)["properties"]
    numbers, places = properties["numbers"]["properties"], properties["places"]["properties"]
    assert numbers["items"]["items"] == {"type": "integer"}
    assert numbers["items"]["description"] == "What is on it."
    assert numbers["first"] == {
        "anyOf": [{"type": "integer"}, {"type": "null"}],
        "description": "The first of them",
    }
    assert places["items"]["items"] == properties["home"]
    assert properties["home"] == _parameters(Described)["properties"]["place"]


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


def test_errors_name_the_users_class() -> None:
    unknown: Any = TypedDict("unknown", {"a": type})
    said = rf"^<class '{__name__}.unknown'> cannot be made a JSON schema"
    with pytest.raises(ValueError, match=said):
        convert_tools([unknown])


def test_what_nobody_knows_is_told_in_pydantic_s_newer_words() -> None:
    class Unknown:
        pass

    unknown = TypedDict("unknown", {"a": Unknown})  # noqa: UP013 -- as short as it is rare
    with pytest.raises(ValueError, match="Unable to generate pydantic-core schema"):
        convert_tools([unknown])


def test_a_description_is_a_string() -> None:
    wrong = TypedDict("wrong", {"a": Annotated[int, ..., 5]})  # noqa: UP013 -- the case
    with pytest.raises(ValueError, match="third argument of Annotated for 'a'"):
        convert_tools([wrong])


@given(st.from_type(Partial))
def test_each_partial_value_fits_the_schema(value: Any) -> None:
    _check(value, Partial)


@given(st.from_type(Rich), st.integers(min_value=3))
def test_each_rich_value_fits_the_schema(value: Any, exact: int) -> None:
    reading = value["reading"].model_dump()
    _check({**value, "pair": [*value["pair"]], "exact": exact, "reading": reading}, Rich)


def _check(value: Any, typed_dict: Any) -> None:
    schema = _parameters(typed_dict)
    jsonschema.validate(value, schema, cls=jsonschema.Draft202012Validator)
