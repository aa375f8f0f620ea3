"""JSON schemas: what they refer to, and how they are closed."""

from collections.abc import Iterator, Mapping
from typing import Any


def contains_itself(schema: Mapping[str, Any]) -> bool:
    """Whether a part of the schema refers back to itself.

    Args:
        schema: A JSON schema; its references may lead anywhere in it, into `$defs` or not.

    Example:
        >>> leaf = {"type": "string"}
        >>> tree = {"type": "array", "items": {"$ref": "#/$defs/Tree"}}
        >>> contains_itself({"$defs": {"Leaf": leaf}}), contains_itself({"$defs": {"Tree": tree}})
        (False, True)
    """
    leads_to = {ref: [*_references(_referred(schema, ref))] for ref in _references(schema)}
    return any(start in _reached(start, leads_to) for start in leads_to)


def _referred(schema: Any, reference: str) -> Any:
    """What a reference such as `#/$defs/Tree` leads to, `None` if that is not in the schema."""
    root, *path = reference.split("/")
    found = schema if root == "#" else None
    for key in path:
        name = key.replace("~1", "/").replace("~0", "~")  # RFC 6901
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def close_objects(schema: Any) -> None:
    """Forbid further properties in every object that does not say whether there may be any.

    OpenAI's `strict` demands it.

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
