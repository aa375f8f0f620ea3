"""JSON to and from bytes: orjson for its speed, the standard library for what it refuses."""

import json
import math
from typing import Any

import orjson

_LARGE = 1_000_000
"""Bytes. A body of this size is mostly one image, and quicker to walk through than to search."""

_DIGITS_TO_ZEROS = bytes(ord("0") if byte in b"0123456789" else byte for byte in range(256))
_LONG_INTEGER = b"0" * 19
"""The shortest integer that may need more than 64 bits, with zeros for its digits."""


def encode(body: Any) -> bytes:
    """Write a request body.

    orjson refuses integers beyond 64 bits and keys that are no strings, which the standard
    library writes; it writes NaN and infinities as `null`, which would change the request,
    so they are refused.

    Args:
        body: The request, made of dicts, lists and plain values.

    Returns:
        UTF-8 JSON without needless white space.

    Raises:
        ValueError: The body holds something that JSON cannot say; the message names it.
    """
    try:
        encoded = orjson.dumps(body)
    except TypeError:
        return _encode_slowly(body)
    if len(encoded) > _LARGE or b"null" in encoded:
        _refuse_non_finite(body, "")
    return encoded


def decode(text: bytes) -> Any:
    """Read JSON.

    Raises:
        ValueError: The text is not JSON.
    """
    # orjson makes floats of integers beyond 64 bits, and so other numbers. A search for an
    # integer of that length costs least when all digits are the same.
    if _LONG_INTEGER in text.translate(_DIGITS_TO_ZEROS):
        return _decode_slowly(text)
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return _decode_slowly(text)


def _decode_slowly(text: bytes) -> Any:
    """Read JSON with the standard library.

    It reads NaN, halves of surrogate pairs and long integers, and an answer with one of them
    is better than none.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        message = "The JSON is nested too deeply to be read."
        raise ValueError(message) from error


def _encode_slowly(body: Any) -> bytes:
    try:
        _refuse_non_finite(body, "")
        text = json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return text.encode()
    except UnicodeEncodeError as error:
        found = error.object[max(0, error.start - 20) : error.start]
        message = (
            "The request holds half of a surrogate pair, which is no Unicode text and cannot be "
            f"sent; it stands behind {found!r}. Repair the text with "
            '`text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")`.'
        )
        raise ValueError(message) from None
    except RecursionError as error:
        message = "The request is nested too deeply to be written as JSON, or contains itself."
        raise ValueError(message) from error
    except TypeError as error:
        message = f"The request cannot be written as JSON: {error}."
        raise ValueError(message) from error


def _refuse_non_finite(value: Any, path: str) -> None:
    """Raise for a NaN or an infinity anywhere in a request."""
    if isinstance(value, float):
        if not math.isfinite(value):
            message = f"The request holds {value} at `{path}`, which JSON cannot say."
            raise ValueError(message)
    elif isinstance(value, dict):
        for key, item in value.items():
            _refuse_non_finite(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, (list, tuple)):
        for position, item in enumerate(value):
            _refuse_non_finite(item, f"{path}[{position}]")
