"""JSON to and from bytes: orjson for its speed, the standard library for what it refuses."""

import json
import math
from typing import Any

import orjson


def encode(body: Any) -> bytes:
    """Write a request body.

    orjson refuses integers beyond 64 bits and keys that are not strings, which the standard
    library writes; it writes NaN and infinities as `null`, which would change the request,
    so they are refused.

    Args:
        body: The request, made of dicts, lists and plain values.

    Returns:
        UTF-8 JSON without needless white space.

    Raises:
        ValueError: The body holds something that JSON cannot express; the message names it.
    """
    try:
        encoded = orjson.dumps(body)
    except (TypeError, RecursionError):
        return _encode_slowly(body)
    if b"null" in encoded:
        _refuse_non_finite(body, "")
    return encoded


def decode(text: bytes) -> Any:
    """Read JSON; integers beyond 64 bits, which no answer needs, become floats.

    Args:
        text: The JSON, in UTF-8.

    Raises:
        ValueError: The text is not JSON.
    """
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return _decode_slowly(text)


def _decode_slowly(text: bytes) -> Any:
    """Read JSON with the standard library.

    It reads NaN, infinities and halves of surrogate pairs, and an answer with one of them is
    better than none. A half without its other one becomes U+FFFD: as it is, it could neither be
    written to a file nor sent again.
    """
    try:
        value = json.loads(text)
        written = json.dumps(value, ensure_ascii=False)
    except RecursionError as error:
        raise ValueError("The JSON is nested too deeply to be read.") from error
    try:
        written.encode()
    except UnicodeEncodeError:
        halves = written.encode("utf-16", "surrogatepass")
        return json.loads(halves.decode("utf-16", "replace"))
    return value


def _encode_slowly(body: Any) -> bytes:
    try:
        _refuse_non_finite(body, "")
        text = json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return text.encode()
    except UnicodeEncodeError as error:
        found = error.object[max(0, error.start - 20) : error.start]
        raise ValueError(
            "The request holds half of a surrogate pair, which is not valid Unicode and cannot be "
            f"sent; it follows {found!r}. Repair the text with "
            '`text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")`.'
        ) from None
    except RecursionError as error:
        raise ValueError(
            "The request is nested too deeply to be written as JSON, or contains itself."
        ) from error
    except TypeError as error:
        raise ValueError(f"The request cannot be written as JSON: {error}.") from error


def _refuse_non_finite(value: Any, path: str) -> None:
    """Raise for a NaN or an infinity anywhere in a request."""
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"The request holds {value} at `{path}`, which JSON cannot express.")
    elif isinstance(value, dict):
        for key, item in value.items():
            _refuse_non_finite(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, (list, tuple)):
        for position, item in enumerate(value):
            _refuse_non_finite(item, f"{path}[{position}]")
