"""JSON as models write it: whole, growing, cut off, or with other text around it."""

import json
import re
from typing import Any

from pydantic_core import from_json

_STRING = re.compile(r'"(?:[^"\\]|\\[^\x00-\x1f])*"?')
_WHOLE_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_ESCAPED = re.compile(r"\\.", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x1f]")
_WORD = len("-Infinity")
"""The longest of JSON's words, as Python knows it, and longer than an escaped character."""
_ESCAPES = {code: f"\\u{code:04x}" for code in range(0x20)}


def escaped(text: str) -> str:
    """JSON, or its beginning, with line breaks escaped in strings: models write code so."""
    if _CONTROL.search(text) is None:
        return text
    return _STRING.sub(lambda string: string[0].translate(_ESCAPES), text)


def open_string(text: str) -> str:
    """What JSON that goes on needs to know of a beginning without control characters in it.

    Returns:
        The beginning of a string that the text ends in, cut short: a quotation mark, and
        a backslash where the next character is escaped. "" outside of strings.
    """
    _, quote, within = _WHOLE_STRING.sub("", text).partition('"')
    return quote + ("\\" if _ESCAPED.sub("", within).endswith("\\") else "")


def fault_of(text: str) -> str:
    """Why a text is not JSON; it begins with `EOF` if the text is the beginning of JSON."""
    try:
        from_json(escaped(text))
    except ValueError as error:
        return str(error)
    return ""


def objects_in(text: str) -> list[str]:
    """The JSON objects in a text, whatever is around them; none if the last is cut off."""
    found: list[str] = []
    start = text.find("{")
    while start >= 0:
        try:
            _, end = json.JSONDecoder(strict=False).raw_decode(text, start)
            found.append(text[start:end])
        except json.JSONDecodeError as error:
            # Not from every brace on to the end: of many braces that takes quadratic time.
            may_be_cut = error.pos > len(text) - _WORD or error.msg.startswith("Unterminated")
            if may_be_cut and fault_of(text[start:]).startswith("EOF"):
                return []  # What is whole in it is a part of something that is not.
            end = start + 1
        except RecursionError:
            end = start + 1
        start = text.find("{", end)
    return found


class GrowingJson:
    """What there is of JSON whose text is coming in. It only grows.

    Example:
        >>> growing = GrowingJson()
        >>> growing.add('{"city": "Par'), growing.add('is", "nights": 1'), growing.add("2}")
        ({'city': 'Par'}, {'city': 'Paris', 'nights': 1}, {'city': 'Paris', 'nights': 12})
    """

    _SHARE = 64
    """It is read again when a 64th of the text is new. With every piece, the time that a stream
    takes would grow with the square of its length."""

    def __init__(self) -> None:
        """Start without a text."""
        self._text = ""
        self._read = 0
        self._value: Any = None

    def add(self, piece: str) -> Any:
        """Take the next piece; give the value so far, or `None` if it has not grown."""
        self._text += piece
        if not piece or len(self._text) - self._read < len(self._text) // self._SHARE:
            return None
        self._read = len(self._text)
        begin = re.search(r"[{\[]", self._text)  # A code fence or a word may stand before it.
        text = escaped(self._text[begin.start() if begin else 0 :])
        try:
            value = from_json(text, allow_partial="trailing-strings")
        except ValueError:
            return None
        if value == self._value or _has_lost(self._value, value):
            return None
        self._value = value
        return value


def _has_lost(before: Any, after: Any) -> bool:
    """Whether something is missing: of a number such as `1.`, or of a key that comes again."""
    if isinstance(before, dict) and isinstance(after, dict):
        return any(key not in after or _has_lost(before[key], after[key]) for key in before)
    if isinstance(before, list) and isinstance(after, list):
        return len(after) < len(before) or any(map(_has_lost, before, after))
    return isinstance(before, str) and isinstance(after, str) and len(after) < len(before)
