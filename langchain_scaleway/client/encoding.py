"""JSON to and from bytes: orjson for its speed, the standard library for what it refuses."""

import json
import math
import re
from typing import Any

import orjson

_LARGE = 1_000_000
"""Bytes. A body of this size is mostly one image. Walking through its few values is quicker than
searching all of its text for `null`."""

_LONG_TEXT = 1_000_000
_SLICE = 64 * 1024
"""Characters. While orjson writes a text it takes eight times its length in memory, and for texts
of some megabytes that takes most of the time. So long texts are written in slices."""

_DIGITS_TO_ZEROS = bytes(ord("0") if byte in b"0123456789" else byte for byte in range(256))
_LONG_DIGITS = b"0" * 19
"""The shortest integer that may need more than 64 bits, all of its digits made zeros."""

_LONG_INTEGER = re.compile(rb"(?:^|[\s:,\[])-?[0-9]{19}")
"""Such an integer as a value: a text of digits, such as a time stamp, is none."""

_BEFORE_DIGITS = 2
"""Bytes of it that may stand before its digits."""


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
        encoded = orjson.dumps(_with_media_written(body))
    except (TypeError, RecursionError):
        return _encode_slowly(body)
    if len(encoded) > _LARGE or b"null" in encoded:
        _refuse_non_finite(body, "")
    return encoded


def decode(text: bytes) -> Any:
    """Read JSON.

    Args:
        text: The JSON, in UTF-8.

    Raises:
        ValueError: The text is not JSON.
    """
    # orjson turns integers beyond 64 bits into floats, which changes their value. The quickest
    # way to find a run of so many digits is to make all digits the same first.
    first = text.translate(_DIGITS_TO_ZEROS).find(_LONG_DIGITS)
    if first >= 0 and _LONG_INTEGER.search(text, max(0, first - _BEFORE_DIGITS)):
        return _decode_slowly(text)
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return _decode_slowly(text)


def _with_media_written(body: Any) -> Any:
    """The body with the long texts among its messages' parts as JSON: images, sounds, videos."""
    messages = body.get("messages") if isinstance(body, dict) else None
    if not isinstance(messages, list):
        return body
    with_parts = [type(m) is dict and type(m.get("content")) is list for m in messages]
    if not any(with_parts):
        return body
    pairs = zip(messages, with_parts, strict=True)
    return {**body, "messages": [_written(m) if has_parts else m for m, has_parts in pairs]}


def _written(value: Any) -> Any:
    """A value with its long texts as finished JSON, which orjson copies as it is."""
    if type(value) is dict:
        return {key: _written(item) for key, item in value.items()}
    if type(value) is list:
        return [_written(item) for item in value]
    if type(value) is str and len(value) > _LONG_TEXT:
        return orjson.Fragment(_write_long_text(value))
    return value


def _write_long_text(text: str) -> bytes:
    """Write a text slice by slice; see `_SLICE`."""
    slices = (text[start : start + _SLICE] for start in range(0, len(text), _SLICE))
    return b"".join([b'"', *(orjson.dumps(piece)[1:-1] for piece in slices), b'"'])


def _decode_slowly(text: bytes) -> Any:
    """Read JSON with the standard library.

    It reads NaN, halves of surrogate pairs and long integers, and an answer with one of them
    is better than none. A half without its other one becomes U+FFFD: as it is, it could neither
    be written to a file nor sent again.
    """
    try:
        value = json.loads(text)
        written = json.dumps(value, ensure_ascii=False)
    except RecursionError as error:
        message = "The JSON is nested too deeply to be read."
        raise ValueError(message) from error
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
        message = (
            "The request holds half of a surrogate pair, which is not valid Unicode and cannot be "
            f"sent; it follows {found!r}. Repair the text with "
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
            message = f"The request holds {value} at `{path}`, which JSON cannot express."
            raise ValueError(message)
    elif isinstance(value, dict):
        for key, item in value.items():
            _refuse_non_finite(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, (list, tuple)):
        for position, item in enumerate(value):
            _refuse_non_finite(item, f"{path}[{position}]")
