"""JSON schemas: what they refer to, and how they are closed."""

from collections.abc import Iterator, Mapping
from typing import Any


def contains_itself(schema: Mapping[str, Any]) -> bool:
    """Whether a definition of the schema leads back to itself.

    Example:
        >>> leaf = {"type": "string"}
        >>> tree = {"type": "array", "items": {"$ref": "#/$defs/Tree"}}
        >>> contains_itself({"$defs": {"Leaf": leaf}}), contains_itself({"$defs": {"Tree": tree}})
        (False, True)
    """
    definitions = schema.get("$defs", {})
    leads_to = {f"#/$defs/{name}": [*_references(part)] for name, part in definitions.items()}
    return any(start in _reached(start, leads_to) for start in leads_to)


def close_objects(schema: Any) -> None:
    """Forbid properties that are not named, in every object that does not say, as `strict` wants.

    Args:
        schema: A JSON schema that belongs to the caller alone; this function changes it.
    """
    if isinstance(schema, dict):
        if schema.get("type") == "object":
            schema.setdefault("additionalProperties", False)
        for part in schema.values():
            close_objects(part)
    elif isinstance(schema, list):
        for part in schema:
            close_objects(part)


def _reached(start: str, leads_to: Mapping[str, list[str]]) -> set[str]:
    """The references that one leads to, over any number of others."""
    reached: set[str] = set()
    ahead = [*leads_to[start]]
    while ahead:
        reference = ahead.pop()
        if reference not in reached:
            reached.add(reference)
            ahead += leads_to.get(reference, ())
    return reached


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(reference := schema.get("$ref"), str):
            yield reference
        for part in schema.values():
            yield from _references(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from _references(part)
