"""Make a JSON value that satisfies a JSON schema, the same one every time.

Covers what models are asked for in practice, Pydantic's and LangChain's schemas above all. Ignored
are `not`, `if`, `dependent*`, `contains`, `minProperties` and `patternProperties`.
"""

import math
import random
import re
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from itertools import chain, count, islice
from typing import Any, Final, TypeVar

_MAX_DEPTH: Final = 40
_DEEP: Final = 10  # from here on nothing is made that may be left out
_ATTEMPTS: Final = 100
_FORMATS: Final = {
    "date": "2026-11-22",
    "date-time": "2026-11-22T12:00:00Z",
    "time": "12:00:00Z",
    "duration": "PT1H",
    "email": "ada@example.com",
    "uri": "https://example.com/",
    "uuid": "0b6c4b6e-3f4a-4c58-9d5e-3f0f5a1c2b7d",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
}
_READ_CHARACTERS: Final = 4000
_NUMBER: Final = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?![\w.]*\w)")
_QUOTED: Final = re.compile(r"(?<!\w)(?:'([^'\n]+)'|\"([^\"\n]+)\"|“([^”\n]+)”)(?!\w)")
# Capitalised words, except the first word of a sentence.
_NAME: Final = re.compile(r"(?<=[\w,;] )[A-Z][\w-]*(?: [A-Z][\w-]*)*")

_Plain = TypeVar("_Plain")


class SchemaError(ValueError):
    """A schema that no value can be made for."""


class Hints:
    """Numbers, quoted phrases and names of a prompt, each handed out once.

    With them, arguments look as if the prompt had been understood.
    """

    def __init__(self, prompt: str) -> None:
        self.prompt = prompt[:_READ_CHARACTERS]
        self.numbers = [Decimal(number) for number in _NUMBER.findall(self.prompt)]
        quoted = ["".join(groups) for groups in _QUOTED.findall(self.prompt)]
        self.phrases: list[str] = quoted or _NAME.findall(self.prompt)


def instance_of(schema: Any, hints: Hints | None = None) -> Any:
    """Return a value that satisfies a JSON schema, made of a prompt's hints where they fit.

    Raises:
        SchemaError: The schema is malformed, contradicts itself, or never ends.
    """
    try:
        return _Maker(schema, hints or Hints("")).make(schema, "value", 0)
    except SchemaError:
        raise
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, re.error) as error:
        raise SchemaError(f"The schema is malformed: {error}") from error


class _Maker:
    """Walks through one schema."""

    def __init__(self, root: Any, hints: Hints) -> None:
        self._root = root
        self._hints = hints

    def make(self, schema: Any, name: str, depth: int) -> Any:
        """Return a value for a property; texts are made of its name.

        `depth` counts the objects, arrays and references that lead here.
        """
        for value in self._values(schema, name, depth):
            return value
        raise SchemaError(f"No value was found for {schema}")

    def _values(self, schema: Any, name: str, depth: int) -> Iterator[Any]:
        """Yield different values, the best first."""
        schema = {"const": name} if schema is True or schema == {} else schema
        schema = self._resolved(schema, depth)
        if "const" in schema:
            yield schema["const"]
        elif "enum" in schema:
            yield from sorted(schema["enum"], key=self._is_not_mentioned)
        else:
            match _kind(schema):
                case "object":
                    yield self._object(schema, depth)
                case "array":
                    yield self._array(schema, name, depth)
                case "string":
                    yield from self._strings(schema, name)
                case "integer" | "number" as kind:
                    for number in self._numbers(schema, whole=kind == "integer"):
                        yield float(number) if number % 1 else int(number)
                case "boolean":
                    yield from (True, False)
                case "null":
                    yield None
                case kind:
                    raise SchemaError(f"Invalid type: {kind}")

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

    def _is_not_mentioned(self, member: Any) -> bool:
        prompt = self._hints.prompt.lower()
        return not (isinstance(member, str) and member and member.lower() in prompt)

    def _object(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        properties = schema.get("properties") or {}
        required = schema.get("required") or []
        extra = schema.get("additionalProperties", True)
        wanted = [name for name in properties if name in required or depth <= _DEEP]
        wanted += [name for name in required if name not in properties]
        return {name: self.make(properties.get(name, extra), name, depth + 1) for name in wanted}

    def _array(self, schema: dict[str, Any], name: str, depth: int) -> list[Any]:
        first = schema.get("prefixItems") or []
        least, most = schema.get("minItems", 0), schema.get("maxItems", math.inf)
        size = max(least, min(max(int(depth <= _DEEP), len(first)), most))
        made: list[Any] = []
        for item in [*first, *[schema.get("items", True)] * size][:size]:
            values = self._values(item, name, depth + 1) if item is not False else iter(())
            if schema.get("uniqueItems"):
                values = (value for value in values if value not in made)
            made += islice(values, 1)
        if len(made) < least:
            raise SchemaError(f"Could not make {least} items for an array.")
        return made

    def _strings(self, schema: dict[str, Any], name: str) -> Iterator[str]:
        least, most = schema.get("minLength", 0), schema.get("maxLength", math.inf)
        pattern, usual = schema.get("pattern"), _FORMATS.get(schema.get("format", ""))

        def fits(text: str) -> bool:
            return least <= len(text) <= most and bool(re.search(pattern or "", text))

        if pattern:
            made = _matches(pattern)
        else:
            named = chain([name], (f"{name} {number}" for number in count(2)))
            padded = (text.ljust(least, ".") for text in named)
            made = (text[max(0, len(text) - most) :] for text in padded)  # the ends differ
        if usual:
            return _fitting([], chain([usual], made), fits)
        return _fitting(self._hints.phrases, made, fits)

    def _numbers(self, schema: dict[str, Any], *, whole: bool) -> Iterator[Decimal]:
        def bound(name: str, default: str) -> Decimal:
            # As it is written: of floats, 0.07 is no multiple of 0.01.
            return Decimal(str(schema.get(name, default)))

        low, above = bound("minimum", "-Infinity"), bound("exclusiveMinimum", "-Infinity")
        high, below = bound("maximum", "Infinity"), bound("exclusiveMaximum", "Infinity")
        step, has_step = bound("multipleOf", "1"), whole or "multipleOf" in schema

        def fits(value: Decimal) -> bool:
            is_between = low <= value <= high and above < value < below
            return is_between and not (whole and value % 1) and not (has_step and value % step)

        lowest, highest = max(low, above), min(high, below)
        # From 1, or the bound nearest to it, up and then down; at last what lies between bounds.
        nearest = math.ceil(max(lowest, min(highest, Decimal(1))) / step)
        up, down = range(nearest, nearest + _ATTEMPTS), range(nearest - 1, nearest - _ATTEMPTS, -1)
        multiples = (factor * step for factor in (*up, *down))
        parts: Iterable[Decimal] = ()
        if not has_step and highest - lowest < Decimal("Infinity"):
            parts = (lowest + (highest - lowest) / 2**power for power in range(1, _ATTEMPTS))
        return _fitting(self._hints.numbers, chain(multiples, parts), fits)


def _fitting(
    hints: list[_Plain], candidates: Iterable[_Plain], fits: Callable[[_Plain], bool]
) -> Iterator[_Plain]:
    """Yield the hints that fit, which are then used up, and the candidates that do."""
    for hint in filter(fits, [*hints]):
        hints.remove(hint)
        yield hint
    yield from filter(fits, islice(candidates, 3 * _ATTEMPTS))


def _matches(pattern: str) -> Iterator[str]:
    """Yield texts that match a pattern."""
    import rstr  # noqa: PLC0415 -- needed for this keyword only

    writer = rstr.Rstr(random.Random(0))  # noqa: S311 -- repeatable, not secret
    return (str(writer.xeger(pattern)) for _ in range(_ATTEMPTS))


def _kind(schema: dict[str, Any]) -> Any:
    kind = schema.get("type")
    if kind is None:
        return "object" if "properties" in schema else "array" if "items" in schema else "string"
    return next((one for one in kind if one != "null"), "null") if isinstance(kind, list) else kind


def _branch(branches: list[Any], depth: int) -> dict[str, Any]:
    """Choose the first branch that is not null, or deep down the one that ends soonest."""
    schemas = [branch for branch in branches if isinstance(branch, dict)]
    if not schemas:
        raise SchemaError("anyOf and oneOf need at least one schema.")

    def length(schema: dict[str, Any]) -> int:
        kind = schema.get("type")
        return 0 if kind == "null" else 2 if kind in {None, "object", "array"} else 1

    if depth > _DEEP:
        return min(schemas, key=length)
    return next((branch for branch in schemas if branch.get("type") != "null"), schemas[0])


def _merged(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """Combine two schemas; where both have bounds the second's hold."""
    merged = {**first, **second}
    if "properties" in first and "properties" in second:
        merged["properties"] = {**first["properties"], **second["properties"]}
    if "required" in first and "required" in second:
        merged["required"] = [*dict.fromkeys([*first["required"], *second["required"]])]
    return merged
