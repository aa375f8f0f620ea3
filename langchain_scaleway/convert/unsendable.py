"""Errors for what Scaleway cannot take, and checks that raise them."""

import json
from typing import Any

_encode_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


class UnsendableError(ValueError):
    """Something in a message that Scaleway cannot take. Its text says what, why and what to do."""


class UnsendableBlockError(UnsendableError):
    """A content block that Scaleway cannot take.

    The text names the block by its type and keys. It never quotes values, which may be megabytes
    of base64 or a signed address.
    """

    def __init__(self, block: Any, reason: str, way_out: str) -> None:
        """Describe the block.

        Args:
            block: The block as it stands in the message.
            reason: Why it cannot be sent.
            way_out: What to do instead.
        """
        super().__init__(f"{_describe(block)} cannot be sent: {reason}. {way_out}")


def string_of(block: dict[str, Any], key: str) -> str:
    """The string that a block must hold.

    Args:
        block: The block.
        key: Where in it the string is.

    Raises:
        UnsendableBlockError: It is missing, or something else.
    """
    value = block.get(key)
    if not isinstance(value, str):
        raise UnsendableBlockError(block, f"its `{key}` is no string", "Give it one.")
    return value


def optional_string_of(block: dict[str, Any], *keys: str) -> str:
    """The string that a block holds under the first of these keys, "" where there is none.

    Args:
        block: The block.
        *keys: The keys to look under, in this order.

    Raises:
        UnsendableBlockError: It is something else than a string.
    """
    return next((string_of(block, key) for key in keys if block.get(key)), "")


def json_text(value: Any, of_what: str) -> str:
    """Compact JSON that keeps unicode.

    Args:
        value: What to write.
        of_what: Its name, for the error.

    Raises:
        UnsendableError: JSON cannot hold the value: NaN, a date, a set, a list within itself, ….

    Example:
        >>> json_text({"city": "Orléans"}, "the arguments")
        '{"city":"Orléans"}'
    """
    try:
        return _encode_json(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise UnsendableError(
            f"{of_what} cannot be written as JSON: {error}. "
            "Keep to strings, finite numbers, booleans, None, lists and dicts."
        ) from error


def _describe(block: Any) -> str:
    if not isinstance(block, dict):
        return f"A content block of Python type {type(block).__name__}"
    kind = block.get("type")
    kind = kind if isinstance(kind, str) else None
    keys = ", ".join(sorted(f"`{key}`" for key in block if key != "type"))
    article = "An" if kind and kind.startswith(tuple("aeiou")) else "A"
    name = "A block without a type" if kind is None else f"{article} `{kind}` block"
    return f"{name} (with {keys})" if keys else name
