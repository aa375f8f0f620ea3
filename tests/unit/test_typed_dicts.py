"""TypedDicts -> Pydantic classes: as LangChain reads them, and without what it loses."""

from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal, NotRequired, Required, TypedDict

import jsonschema
import pytest
import typing_extensions
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import BaseModel, Field

from langchain_scaleway.convert.tools import convert_tools
from langchain_scaleway.convert.typed_dicts import as_pydantic_class


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
    with_default = TypedDict("with_default", {"unit": Annotated[Unit, Unit.CELSIUS]})  # noqa: UP013
    parameters = _parameters(with_default)
    assert parameters["properties"]["unit"]["default"] == "C"
    assert "required" not in parameters


def test_those_of_typing_extensions_are_read_as_well() -> None:
    class Newer(typing_extensions.TypedDict):
        price: Decimal | None

    assert {"type": "null"} in _parameters(Newer)["properties"]["price"]["anyOf"]


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
    schema = as_pydantic_class(typed_dict).model_json_schema()
    jsonschema.validate(value, schema, cls=jsonschema.Draft202012Validator)
