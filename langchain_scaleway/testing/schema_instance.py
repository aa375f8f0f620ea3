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
import random
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, Final

_TYPES: Final = ("object", "array", "string", "integer", "number", "boolean", "null")
_MAX_DEPTH: Final = 40
_DEEP: Final = 10  # from here on nothing is made that may be left out
_ATTEMPTS: Final = 100
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
_IMPLIED_TYPES: Final = {
    "object": {"properties", "required", "additionalProperties", "minProperties"},
    "array": {"items", "prefixItems", "minItems", "uniqueItems"},
    "integer": {*_BOUNDS, "multipleOf"},
}
# How two schemas are one where both have the keyword; of others the second's holds.
_COMBINED: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "properties": lambda first, second: {**first, **second},
    "required": lambda first, second: [*dict.fromkeys([*first, *second])],
    "minimum": max,
    "maximum": min,
    "minLength": max,
    "maxLength": min,
    "minItems": max,
    "maxItems": min,
}
_READ_CHARACTERS: Final = 4000
_NUMBER: Final = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?![\w.]*\w)")
_QUOTED: Final = re.compile(r"(?<!\w)(?:'([^'\n]+)'|\"([^\"\n]+)\"|“([^”\n]+)”)(?!\w)")
# Capitalised words, except the first word of a sentence.
_NAME: Final = re.compile(r"(?<=[\w,;] )[A-Z][\w-]*(?: [A-Z][\w-]*)*")


class SchemaError(ValueError):
    """A schema that no value can be made for."""


class Hints:
    """Numbers, quoted phrases and names of a prompt, each handed out once.

    With them, arguments look as if the prompt had been understood.

    Example:
        >>> hints = Hints("Add 3 to the order of 'Ada', please.")
        >>> hints.numbers, hints.phrases
        ([3.0], ['Ada'])
    """

    def __init__(self, prompt: str) -> None:
        self.prompt = prompt[:_READ_CHARACTERS]
        self.numbers = [float(number) for number in _NUMBER.findall(self.prompt)]
        quoted = ["".join(groups) for groups in _QUOTED.findall(self.prompt)]
        self.phrases = quoted or _NAME.findall(self.prompt)


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
        """Return a value for a property; texts are made of its name.

        `depth` counts the objects, arrays and references that lead here, `unlike` the values of
        one array that must differ.
        """
        if schema is True or schema == {}:
            return name
        schema = self._resolved(schema, depth)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._member(schema["enum"], unlike)
        match _kind(schema):
            case "object":
                value: Any = self._object(schema, depth)
            case "array":
                value = self._array(schema, name, depth)
            case "string":
                value = self._string(schema, name, unlike)
            case "integer" | "number" as kind:
                value = self._number(schema, unlike, whole=kind == "integer")
            case kind:
                value = unlike % 2 == 0 if kind == "boolean" else None
        return value

    def _resolved(self, schema: Any, depth: int) -> dict[str, Any]:
        """Follow references, merge `allOf` and choose a branch of `anyOf`."""
        if not isinstance(schema, dict):
            raise SchemaError(f"Not a JSON schema: {schema!r}")
        if depth > _MAX_DEPTH:
            raise SchemaError("The schema requires a value that contains itself without end.")
        found = dict(schema)
        for _ in range(_MAX_DEPTH):
            if "$ref" in found:
                reference = found.pop("$ref")
                found = _merged(self._lookup(reference), found)
            elif "allOf" in found:
                for part in found.pop("allOf"):
                    found = _merged(found, self._resolved(part, depth + 1))
            elif branches := found.pop("anyOf", None) or found.pop("oneOf", None):
                found = _merged(found, _branch(branches, depth))
            else:
                return found
        raise SchemaError("The schema's references go in a circle.")

    def _lookup(self, reference: str) -> dict[str, Any]:
        """Return the part of the schema that a reference names."""
        found: Any = self._root
        for step in filter(None, reference.removeprefix("#").split("/")):
            key = step.replace("~1", "/").replace("~0", "~")
            found = found.get(key) if isinstance(found, dict) else None
        if not isinstance(found, dict):
            raise SchemaError(f"Unresolvable reference: {reference}")
        return found

    def _member(self, members: list[Any], unlike: int) -> Any:
        """Choose the member that the prompt mentions, else the first."""
        if not members:
            raise SchemaError("An empty enum allows no value.")
        prompt = self._hints.prompt.lower()
        for member in () if unlike else members:
            if isinstance(member, str) and member and member.lower() in prompt:
                return member
        return members[unlike % len(members)]

    def _object(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        properties = schema.get("properties") or {}
        required = schema.get("required") or []
        extra = schema.get("additionalProperties", True)
        wanted = [name for name in properties if name in required or depth <= _DEEP]
        wanted += [name for name in required if name not in properties]
        more = (f"property_{number}" for number in itertools.count(1))
        while len(set(wanted)) < schema.get("minProperties", 0):
            if extra is False:
                raise SchemaError("minProperties asks for more properties than there are.")
            wanted.append(next(more))
        return {
            name: self.make(properties.get(name, extra), name=name, depth=depth + 1)
            for name in wanted
        }

    def _array(self, schema: dict[str, Any], name: str, depth: int) -> list[Any]:
        first = schema.get("prefixItems") or []
        least, most = schema.get("minItems", 0), schema.get("maxItems", math.inf)
        count = max(least, min(max(int(depth <= _DEEP), len(first)), most))
        made: list[Any] = []
        for unlike in range(_ATTEMPTS + count):
            position = len(made)
            item = first[position] if position < len(first) else schema.get("items", True)
            if position >= count or item is False:
                break
            value = self.make(item, name=name, depth=depth + 1, unlike=unlike)
            if not (schema.get("uniqueItems") and value in made):
                made.append(value)
        if len(made) < least:
            raise SchemaError(f"Could not make {least} items for an array.")
        return made

    def _string(self, schema: dict[str, Any], name: str, unlike: int) -> str:
        least, most = schema.get("minLength", 0), schema.get("maxLength", math.inf)
        pattern, phrases = schema.get("pattern"), self._hints.phrases

        def fits(text: str) -> bool:
            return least <= len(text) <= most and (not pattern or bool(re.search(pattern, text)))

        usual = _FORMATS.get(schema.get("format", ""))
        if usual is not None and fits(usual):
            return usual
        for number, phrase in enumerate(phrases):
            if fits(phrase):
                return phrases.pop(number)
        if pattern:
            import rstr  # noqa: PLC0415 -- needed for this keyword only

            writer = rstr.Rstr(random.Random(0))  # noqa: S311 -- repeatable, not secret
            written = (writer.xeger(pattern) for _ in range(_ATTEMPTS))
            if (text := next(filter(fits, written), None)) is None:
                raise SchemaError(f"Could not write a text that matches {pattern!r} and fits.")
            return text
        text = f"{name} {unlike + 1}" if unlike else name
        padded = text.ljust(least, ".")
        return padded if len(padded) <= most else padded[-int(most) :] if most else ""

    def _number(self, schema: dict[str, Any], unlike: int, *, whole: bool) -> float:
        # As they are written: of floats, 0.07 is no multiple of 0.01.
        bounds = {name: Decimal(str(schema[name])) for name in _BOUNDS if name in schema}
        excluded = [bounds[name] for name in bounds if name.startswith("exclusive")]
        infinite = Decimal("Infinity")
        low = max((bounds[name] for name in bounds if name.endswith("inimum")), default=-infinite)
        high = min((bounds[name] for name in bounds if name.endswith("aximum")), default=infinite)
        step = Decimal(str(schema.get("multipleOf", int(whole))))

        def fits(value: Decimal) -> bool:
            return (
                low <= value <= high
                and value not in excluded
                and (not whole or value % 1 == 0)
                and (not (whole or "multipleOf" in schema) or value % step == 0)
            )

        numbers = self._hints.numbers
        for place, number in enumerate(numbers):
            if fits(Decimal(str(number))):
                return _as_json(Decimal(str(numbers.pop(place))))
        candidates = _multiples(low, high, step or Decimal(1))
        if not whole and "multipleOf" not in schema and high - low < infinite:
            parts = (low + (high - low) / 2**power for power in range(1, _ATTEMPTS))
            candidates = itertools.chain(candidates, parts)
        # There may be fewer values than items, and equal ones are allowed.
        found = [*itertools.islice(filter(fits, candidates), unlike + 1)]
        if not found:
            raise SchemaError(f"No number lies between {low} and {high} in steps of {step}.")
        return _as_json(found[unlike % len(found)])


def _as_json(number: Decimal) -> float:
    return int(number) if number % 1 == 0 else float(number)


def _multiples(low: Decimal, high: Decimal, step: Decimal) -> Iterator[Decimal]:
    """Yield numbers to try: around zero if the bounds allow it, else from a bound inwards."""
    if low > 0:
        first = math.ceil(low / step)
        factors = [*range(first, first + _ATTEMPTS)]
    elif high < 0:
        first = math.floor(high / step)
        factors = [*range(first, first - _ATTEMPTS, -1)]
    else:
        factors = [*range(1, _ATTEMPTS + 1), *range(0, -_ATTEMPTS - 1, -1)]
    return (factor * step for factor in factors)


def _kind(schema: dict[str, Any]) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), "null")
    if kind is None:
        implied = (one for one, words in _IMPLIED_TYPES.items() if words & schema.keys())
        kind = next(implied, "string")
    if kind not in _TYPES:
        raise SchemaError(f"Invalid type: {kind}")
    return str(kind)


def _branch(branches: list[Any], depth: int) -> dict[str, Any]:
    """Choose the first branch that is not null, or deep down the one that ends soonest."""
    schemas = [branch for branch in branches if isinstance(branch, dict)]
    if not schemas:
        raise SchemaError("anyOf and oneOf need at least one schema.")
    if depth > _DEEP:
        return min(schemas, key=_size)
    return next((branch for branch in schemas if branch.get("type") != "null"), schemas[0])


def _size(schema: dict[str, Any]) -> int:
    """Rank a branch by how surely it ends: null, then plain values, then structures."""
    if schema.get("type") == "null":
        return 0
    return 2 if "$ref" in schema or schema.get("type") in {"object", "array"} else 1


def _merged(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """Combine two schemas that must both hold."""
    merged = {**first, **second}
    for keyword, combine in _COMBINED.items():
        if keyword in first and keyword in second:
            merged[keyword] = combine(first[keyword], second[keyword])
    return merged
