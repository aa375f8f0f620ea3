"""Make a JSON value that satisfies a JSON schema, the same one every time.

Covers what models are asked for in practice, Pydantic's and LangChain's schemas above all:
`type`, `enum`, `const`, `anyOf`, `oneOf`, `allOf`, `$ref` with `$defs` (also recursive),
`properties`, `required`, `additionalProperties`, `items`, `prefixItems`, `uniqueItems`, `pattern`,
`format`, bounds of numbers, lengths and counts, and `multipleOf`. Ignored are `not`, `if`,
`dependent*`, `contains` and `patternProperties`.
"""

from __future__ import annotations

import itertools
import math
import re
from decimal import Decimal
from typing import Any, Final

from langchain_scaleway.testing.hints import Hints

_TYPES: Final = ("object", "array", "string", "integer", "number", "boolean", "null")
_MAX_DEPTH: Final = 40
_ATTEMPTS: Final = 100
_INFINITE: Final = Decimal("Infinity")
_BOUNDS: Final = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
_FORMATS: Final = {
    "date": "2026-11-22",
    "date-time": "2026-11-22T12:00:00Z",
    "time": "12:00:00Z",
    "duration": "PT1H",
    "email": "ada@example.com",
    "uri": "https://example.com/",
    "url": "https://example.com/",
    "uuid": "0b6c4b6e-3f4a-4c58-9d5e-3f0f5a1c2b7d",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
}
# Keywords that show the type of a schema that does not name it.
_IMPLIED_TYPES: Final = (
    ("object", ("properties", "required", "additionalProperties", "minProperties")),
    ("array", ("items", "prefixItems", "minItems", "uniqueItems")),
    ("integer", (*_BOUNDS, "multipleOf")),
)


class SchemaError(ValueError):
    """A schema that no value can be made for."""


def instance_of(schema: Any, hints: Hints | None = None) -> Any:
    """Return a value that satisfies a JSON schema.

    Args:
        schema: The schema: an object, or `True` for any value.
        hints: Values of a prompt that are used where they fit.

    Raises:
        SchemaError: The schema is malformed, contradicts itself, or never ends.

    Example:
        >>> schema = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 5}}}
        >>> instance_of(schema)
        {'n': 5}
    """
    try:
        return _Maker(schema, hints or Hints("")).make(schema, name="value", depth=0)
    except SchemaError:
        raise
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, re.error) as error:
        raise SchemaError(f"The schema is malformed: {error}") from error


class _Maker:
    """Walks through one schema."""

    def __init__(self, root: Any, hints: Hints) -> None:
        self._root = root
        self._hints = hints

    def make(self, schema: Any, *, name: str, depth: int, unlike: int = 0) -> Any:
        """Return a value.

        Args:
            schema: The schema, possibly a reference.
            name: The property the value is for; texts are made of it.
            depth: How many objects, arrays and references lead here.
            unlike: Counts up for values of one array that must differ.
        """
        if schema is True or schema == {}:
            return name
        schema = self._resolved(schema, depth)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._member(schema["enum"], unlike)
        kind = self._kind(schema)
        if kind == "object":
            return self._object(schema, depth)
        if kind == "array":
            return self._array(schema, name, depth)
        return self._plain(kind, schema, name, unlike)

    def _plain(self, kind: str, schema: dict[str, Any], name: str, unlike: int) -> Any:
        """Return a value without parts."""
        if kind == "string":
            return self._string(schema, name, unlike)
        if kind in {"integer", "number"}:
            return self._number(schema, unlike, whole=kind == "integer")
        return unlike % 2 == 0 if kind == "boolean" else None

    def _resolved(self, schema: Any, depth: int) -> dict[str, Any]:
        """Follow references, merge `allOf` and choose a branch of `anyOf`."""
        if not isinstance(schema, dict):
            raise SchemaError(f"Not a JSON schema: {schema!r}")
        if depth > _MAX_DEPTH:
            raise SchemaError("The schema requires a value that contains itself without end.")
        found: dict[str, Any] = schema
        for _ in range(_MAX_DEPTH):
            if "$ref" in found:
                rest = _without(found, "$ref")
                found = _merged(self._lookup(found["$ref"]), rest)
            elif "allOf" in found:
                parts, found = found["allOf"], _without(found, "allOf")
                for part in parts:
                    found = _merged(found, self._resolved(part, depth + 1))
            elif branches := found.get("anyOf") or found.get("oneOf"):
                rest = _without(found, "anyOf", "oneOf")
                found = _merged(rest, self._branch(branches, depth))
            else:
                return found
        raise SchemaError("The schema's references go in a circle.")

    def _lookup(self, reference: str) -> dict[str, Any]:
        """Return the part of the schema that a reference names."""
        found: Any = self._root
        for step in reference.removeprefix("#").strip("/").split("/") if reference != "#" else ():
            key = step.replace("~1", "/").replace("~0", "~")
            if not isinstance(found, dict) or key not in found:
                raise SchemaError(f"Unresolvable reference: {reference}")
            found = found[key]
        if not isinstance(found, dict):
            raise SchemaError(f"Unresolvable reference: {reference}")
        return found

    def _branch(self, branches: list[Any], depth: int) -> dict[str, Any]:
        """Choose the first branch that is not null, or deep down the one that ends soonest."""
        schemas = [branch for branch in branches if isinstance(branch, dict)]
        if not schemas:
            raise SchemaError("anyOf and oneOf need at least one schema.")
        if depth > _MAX_DEPTH // 4:
            return min(schemas, key=_size)
        return next((branch for branch in schemas if branch.get("type") != "null"), schemas[0])

    @staticmethod
    def _kind(schema: dict[str, Any]) -> str:
        kind = schema.get("type")
        if isinstance(kind, list):
            kind = next((one for one in kind if one != "null"), "null")
        if kind is None:
            implied = (
                one for one, keywords in _IMPLIED_TYPES if any(word in schema for word in keywords)
            )
            kind = next(implied, "string")
        if kind not in _TYPES:
            raise SchemaError(f"Invalid type: {kind}")
        return str(kind)

    def _member(self, members: list[Any], unlike: int) -> Any:
        """Choose the member that the prompt mentions, else the first."""
        if not members:
            raise SchemaError("An empty enum allows no value.")
        if not unlike:
            for member in members:
                if self._hints.mentions(member):
                    return member
        return members[unlike % len(members)]

    def _object(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        properties = schema.get("properties") or {}
        required = schema.get("required") or []
        wanted = [name for name in properties if name in required or depth <= _MAX_DEPTH // 4]
        wanted += [name for name in required if name not in properties]
        extra = schema.get("additionalProperties", True)
        made = {
            name: self.make(properties.get(name, extra), name=name, depth=depth + 1)
            for name in wanted
        }
        for number in itertools.count(1):
            if len(made) >= schema.get("minProperties", 0):
                return made
            if extra is False:
                raise SchemaError("minProperties asks for more properties than there are.")
            name = f"property_{number}"
            made[name] = self.make(extra, name=name, depth=depth + 1)
        raise AssertionError("unreachable: count() does not end")

    def _array(self, schema: dict[str, Any], name: str, depth: int) -> list[Any]:
        first = schema.get("prefixItems") or []
        others = schema.get("items", True)
        least, most = schema.get("minItems", 0), schema.get("maxItems", math.inf)
        usual = 1 if depth <= _MAX_DEPTH // 4 else 0
        count = max(least, min(max(usual, len(first)), most))
        made: list[Any] = []
        for unlike in range(_ATTEMPTS + count):
            if len(made) >= count:
                return made
            position = len(made)
            schema_here = first[position] if position < len(first) else others
            if schema_here is False:
                break
            value = self.make(schema_here, name=name, depth=depth + 1, unlike=unlike)
            if not (schema.get("uniqueItems") and value in made):
                made.append(value)
        if len(made) >= least:
            return made
        raise SchemaError(f"Could not make {least} items for an array.")

    def _string(self, schema: dict[str, Any], name: str, unlike: int) -> str:
        least, most = schema.get("minLength", 0), schema.get("maxLength", math.inf)
        pattern = schema.get("pattern")

        def fits(text: str) -> bool:
            return least <= len(text) <= most and (not pattern or bool(re.search(pattern, text)))

        if schema.get("format") in _FORMATS and fits(text := _FORMATS[schema["format"]]):
            return text
        for phrase in self._hints.phrases:
            if fits(phrase):
                self._hints.phrases.remove(phrase)
                return phrase
        if pattern:
            return _text_for_pattern(pattern, fits)
        text = f"{name} {unlike + 1}" if unlike else name
        padded = text.ljust(least, ".")
        return padded if len(padded) <= most else padded[-int(most) :] if most else ""

    def _number(self, schema: dict[str, Any], unlike: int, *, whole: bool) -> float:
        bounds = {name: _decimal(schema[name]) for name in _BOUNDS if name in schema}
        excluded = [bounds[name] for name in bounds if name.startswith("exclusive")]
        low = max((bounds[name] for name in bounds if name.endswith("inimum")), default=-_INFINITE)
        high = min((bounds[name] for name in bounds if name.endswith("aximum")), default=_INFINITE)
        step = _decimal(schema["multipleOf"]) if "multipleOf" in schema else Decimal(whole) or None

        def fits(value: Decimal) -> bool:
            return (
                low <= value <= high
                and value not in excluded
                and (not whole or value % 1 == 0)
                and (step is None or value % step == 0)
            )

        for number in self._hints.numbers:
            if fits(_decimal(number)):
                self._hints.numbers.remove(number)
                return _as_json(_decimal(number))
        candidates = _numbers_within(low, high, step, start=unlike)
        if unlike:  # There may be fewer values than items, and equal ones are allowed.
            candidates += _numbers_within(low, high, step, start=0)
        for candidate in candidates:
            if fits(candidate):
                return _as_json(candidate)
        raise SchemaError(f"No number lies between {low} and {high} in steps of {step}.")


def _decimal(number: float) -> Decimal:
    """Return a number as it is written: of floats, 0.07 is no multiple of 0.01."""
    return Decimal(str(number))


def _as_json(number: Decimal) -> float:
    return int(number) if number % 1 == 0 else float(number)


def _numbers_within(
    low: Decimal, high: Decimal, step: Decimal | None, *, start: int
) -> list[Decimal]:
    """Return numbers to try: around zero if the bounds allow it, else from a bound inwards."""
    if low >= high:
        return [low]
    stride = step or (Decimal(1) if high - low > 1 else (high - low) / 2 ** (start + 1))
    if low <= 0 <= high:
        first = start + 1 if stride == (step or 1) else 1
        up = [number * stride for number in range(first, first + _ATTEMPTS)]
        return [*up, Decimal(0), *(-number for number in up)]
    if low > 0:
        base = math.ceil(low / stride) * stride
        return [base + number * stride for number in range(start, start + _ATTEMPTS)] + [low]
    base = math.floor(high / stride) * stride
    return [base - number * stride for number in range(start, start + _ATTEMPTS)] + [high]


def _text_for_pattern(pattern: str, fits: Any) -> str:
    """Return a text that a regular expression finds."""
    import random  # noqa: PLC0415 -- needed for this keyword only

    import rstr  # noqa: PLC0415 -- likewise

    writer = rstr.Rstr(random.Random(0))  # noqa: S311 -- repeatable, not secret
    for _ in range(_ATTEMPTS):
        text = writer.xeger(pattern)
        if fits(text):
            return text
    raise SchemaError(f"Could not write a text that matches {pattern!r} and the other bounds.")


def _merged(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """Combine two schemas that must both hold."""
    merged = {**first, **second}
    if "properties" in first and "properties" in second:
        merged["properties"] = {**first["properties"], **second["properties"]}
    if "required" in first and "required" in second:
        merged["required"] = [*dict.fromkeys([*first["required"], *second["required"]])]
    for keyword, tighter in (
        ("minimum", max),
        ("maximum", min),
        ("minLength", max),
        ("maxLength", min),
        ("minItems", max),
        ("maxItems", min),
    ):
        if keyword in first and keyword in second:
            merged[keyword] = tighter(first[keyword], second[keyword])
    return merged


def _without(schema: dict[str, Any], *keywords: str) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if key not in keywords}


def _size(schema: dict[str, Any]) -> int:
    """Rank a branch by how surely it ends: null, then plain values, then structures."""
    if schema.get("type") == "null":
        return 0
    structured = "$ref" in schema or schema.get("type") in {"object", "array"}
    return 2 if structured else 1
