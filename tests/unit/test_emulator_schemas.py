"""Values for schemas: what is made satisfies its schema, says a validator that is not ours."""

from decimal import Decimal
from typing import Annotated, Any, Literal

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from langchain_scaleway.testing.schema_instance import Hints, SchemaError, instance_of

TEXTS = st.text(alphabet="abcxyz ", min_size=1, max_size=8)


def bounded(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    """Schemas of numbers, with one, both or no bounds, exclusive or not."""
    return st.builds(
        lambda low, width, keys: {
            "type": kind,
            **({keys[0]: low} if keys[0] else {}),
            **({keys[1]: low + width} if keys[1] else {}),
        },
        st.integers(-50, 50),
        st.integers(2, 40),
        st.tuples(
            st.sampled_from(["minimum", "exclusiveMinimum", None]),
            st.sampled_from(["maximum", "exclusiveMaximum", None]),
        ),
    )


def texts() -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(
        lambda least, width: {"type": "string", "minLength": least, "maxLength": least + width},
        st.integers(0, 12),
        st.integers(0, 12),
    )


LEAVES = st.one_of(
    st.just({"type": "boolean"}),
    st.just({"type": "null"}),
    st.just({}),
    bounded("integer"),
    bounded("number"),
    st.integers(1, 9).map(lambda step: {"type": "integer", "multipleOf": step}),
    texts(),
    st.sampled_from(["^[a-z]{3}-[0-9]{2}$", "x+y?", r"\d{4}"]).map(
        lambda pattern: {"type": "string", "pattern": pattern}
    ),
    st.lists(st.one_of(TEXTS, st.integers(), st.booleans()), min_size=1, max_size=4).map(
        lambda members: {"enum": members}
    ),
    TEXTS.map(lambda text: {"const": text}),
)


def nested(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects, arrays and alternatives of other schemas."""
    properties = st.dictionaries(TEXTS, inner, max_size=3)
    return st.one_of(
        properties.flatmap(
            lambda some: st.builds(
                lambda required, extra: {
                    "type": "object",
                    "properties": some,
                    "required": required,
                    "additionalProperties": extra,
                },
                st.lists(st.sampled_from(sorted(some)), unique=True) if some else st.just([]),
                st.booleans(),
            )
        ),
        st.builds(
            lambda items, least, width: {
                "type": "array",
                "items": items,
                "minItems": least,
                "maxItems": least + width,
            },
            inner,
            st.integers(0, 3),
            st.integers(0, 3),
        ),
        st.lists(inner, min_size=1, max_size=3).map(lambda some: {"anyOf": some}),
        st.lists(inner, min_size=1, max_size=2).map(
            lambda some: {"anyOf": [*some, {"type": "null"}], "description": "optional"}
        ),
    )


@given(st.recursive(LEAVES, nested, max_leaves=12), st.text(max_size=60))
def test_value_satisfies_its_schema(schema: dict[str, Any], prompt: str) -> None:
    jsonschema.Draft202012Validator.check_schema(schema)
    made = instance_of(schema, Hints(prompt))
    jsonschema.validate(made, schema)
    assert made == instance_of(schema, Hints(prompt)), "the same every time"


class Person(BaseModel):
    name: str = Field(min_length=3, max_length=40)
    age: Annotated[int, Field(gt=0, lt=150)]
    postcode: Annotated[str, Field(pattern=r"^\d{5}$")]
    kind: Literal["employee", "guest"] = "guest"
    languages: set[Literal["de", "en", "fr"]] = Field(min_length=2)
    partner: "Person | None" = None
    children: list["Person"] = Field(default_factory=list)
    position: tuple[int, float] = (0, 0.0)


def test_pydantic_model_with_everything() -> None:
    person = Person.model_validate(instance_of(Person.model_json_schema()))
    assert person.partner is not None, "what may be absent is there where that can end"


ENDLESS = {"type": "object", "properties": {"again": {"$ref": "#"}}, "required": ["again"]}


def test_schemas_without_values_are_refused() -> None:
    for schema, complaint in (
        (ENDLESS, "without end"),
        ({"type": "objekt"}, "Invalid type: objekt"),
        ({"$ref": "#/$defs/x"}, "Unresolvable reference: #/\\$defs/x"),
        ({"$ref": "#"}, "circle"),
        ({"allOf": [{"$ref": "#"}]}, "without end|circle"),
        ({"type": "number", "minimum": 3, "exclusiveMaximum": 3}, "No value was found"),
        ({"type": "array", "items": False, "minItems": 1}, "1 items"),
        ({"type": "array", "items": {"const": 1}, "minItems": 2, "uniqueItems": True}, "2 items"),
        ({"type": "string", "pattern": "^a$", "minLength": 2}, "No value was found"),
        ({"enum": []}, "enum"),
        ("text", "Not a JSON schema"),
        ({"type": "number", "multipleOf": 0}, "malformed"),
        ({"type": "integer", "minimum": "many"}, "malformed"),
        ({"type": "string", "pattern": "("}, "malformed"),
        ({"type": "string", "minLength": "x"}, "malformed"),
        ({"type": "array", "minItems": None}, "malformed"),
        ({"type": "object", "properties": ["x"]}, "malformed"),
        ({"type": {}}, "Invalid type|malformed"),
        ({"enum": 5}, "malformed"),
        ({"anyOf": "x"}, "at least one schema"),
        ({"$ref": 5}, "malformed"),
    ):
        with pytest.raises(SchemaError, match=complaint):
            instance_of(schema)


def test_all_parts_of_all_of_hold() -> None:
    schema = {
        "$defs": {"named": {"properties": {"name": {"type": "string"}}, "required": ["name"]}},
        "allOf": [
            {"$ref": "#/$defs/named"},
            {"properties": {"age": {"type": "integer", "minimum": 18}}, "required": ["age"]},
        ],
    }
    value = instance_of(schema)
    jsonschema.validate(value, schema)
    assert set(value) == {"name", "age"}


@given(
    st.sampled_from(["0.01", "0.1", "0.05", "0.25", "2.5", "3"]),
    st.integers(-10_000, 10_000),
    st.lists(st.floats(-100, 100).map(lambda number: round(number, 2)), max_size=3),
)
def test_multiples_of_fractions_are_exact(step: str, least: int, prompt: list[float]) -> None:
    low = Decimal(least) * Decimal(step)
    schema = {"type": "number", "multipleOf": float(step), "minimum": float(low)}
    value = Decimal(str(instance_of(schema, Hints(f"Some {prompt}"))))
    assert value % Decimal(step) == 0
    assert value >= low


def test_texts_have_the_names_of_their_fields() -> None:
    items = {"type": "array", "items": {"type": "string"}, "minItems": 2, "uniqueItems": True}
    schema = {"properties": {"title": {"type": "string"}, "tags": items}}
    assert instance_of(schema) == {"title": "title", "tags": ["tags", "tags 2"]}


def test_formats() -> None:
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    for name in ("date", "date-time", "email", "uuid", "ipv4", "ipv6", "uri"):
        schema = {"type": "string", "format": name}
        jsonschema.validate(instance_of(schema), schema, format_checker=checker)


def test_values_of_the_prompt_are_used_where_they_fit() -> None:
    schema = {
        "type": "object",
        "properties": {
            "city": {"type": "string"},
            "days": {"type": "integer", "maximum": 14},
            "price": {"type": "number", "minimum": 100},
            "unit": {"enum": ["celsius", "fahrenheit"]},
        },
    }
    prompt = "A room in Paris for 3 nights, below 120.5 EUR, weather in Fahrenheit"
    assert instance_of(schema, Hints(prompt)) == {
        "city": "Paris",
        "days": 3,
        "price": 120.5,
        "unit": "fahrenheit",
    }


def test_hints() -> None:
    for prompt, numbers, phrases in (
        ("magic_function(3)", [3], []),
        ("-2 and 4.5, v1.2.3, x86", [-2, 4.5], []),
        ("Name it '你好' or “こん”", [], ["你好", "こん"]),
        ("What's Ada's city? It is New York.", [], ["Ada", "New York"]),
        ("don't and won't", [], []),
    ):
        hints = Hints(prompt)
        assert ([*map(float, hints.numbers)], hints.phrases) == (numbers, phrases)
