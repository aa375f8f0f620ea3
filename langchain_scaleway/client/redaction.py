"""Strikes secrets out of what a server has said, because it may have repeated the key."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from langchain_scaleway.errors import ScalewayError

_SHORTEST_SECRET = 8
"""Characters. Anything shorter is a dummy such as `EMPTY`, and perhaps a part of a word."""

_SECRET_WORDS = (
    "auth",
    "token",
    "key",
    "secret",
    "password",
    "cookie",
    "credential",
    "session",
    "signature",
)
"""Words in the names of headers that hold credentials: ours, and the user's own."""

_SHOWN_INSTEAD = "[the key]"

_REST = r"""[^\s"'<>]*"""
"""What follows the beginning of a secret in a text, up to the end of the word."""

_NOTHING = "(?!)"

_REPEATED_HEADER = (
    r"""(?i)(authorization["']?\s*[:=]\s*["']?(?:basic|bearer|digest)\s+)[^\s"',;]{8,}"""
)
"""How a server repeats a header with credentials. Those for a proxy are known to httpx alone."""


class Redaction:
    """Knows the secrets of one endpoint, such as the API key."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._pattern = re.compile(_pattern(secrets))

    def text(self, text: str) -> str:
        """The text without secrets, and without their beginnings: the text may have been cut."""
        return self._pattern.sub(_SHOWN_INSTEAD, text)

    def quoted(self, text: str) -> str:
        """The same, for what a server said of the request: it may have repeated headers."""
        return re.sub(_REPEATED_HEADER, rf"\1{_SHOWN_INSTEAD}", self.text(text))

    def value(self, value: Any) -> Any:
        """A JSON value without secrets in its texts; `None` where it is nested too deeply."""
        try:
            return self._value(value)
        except RecursionError:
            return None

    def clean(self, error: ScalewayError) -> None:
        """Take secrets out of an exception."""
        said = error.body
        for name in ("message", "code", "type", "param", "body", "args"):
            setattr(error, name, self.value(getattr(error, name)))
        if (response := error.response) is not None:
            text = self.quoted(response.text)
            if isinstance(said, (dict, list)) and error.body != said:
                text = json.dumps(error.body)  # JSON has more spellings than can be looked for.
            headers = self.value(dict(response.headers))
            error.response = response._replace(headers=headers, text=text)

    def _value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.quoted(value)
        if isinstance(value, dict):
            return {self._value(key): self._value(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return type(value)(map(self._value, value))
        return value


def credentials_in(headers: Mapping[str, str]) -> list[str]:
    """The secrets among a request's headers, whose names are in lower case.

    Values are split into words, and parts behind a `=`, as in cookies, count by themselves. Words
    such as `Bearer` come along; `Redaction` leaves out what is so short.
    """
    return [
        credential
        for name, value in headers.items()
        if any(word in name for word in _SECRET_WORDS)
        for part in re.split(r"[\s;,]+", value)
        for credential in (part, part.partition("=")[2])
    ]


def _pattern(secrets: Iterable[str]) -> str:
    """A regular expression of all secrets in every spelling, then of their beginnings."""
    spellings = {
        spelling
        for secret in secrets
        for spelling in (
            secret,
            json.dumps(secret)[1:-1],
            repr(secret)[1:-1],
            quote(secret, safe=""),
        )
        if len(spelling) >= _SHORTEST_SECRET
    }
    longest_first = sorted(spellings, key=len, reverse=True)  # One may begin another.
    whole = [re.escape(spelling) for spelling in longest_first]
    begun = [re.escape(spelling[:_SHORTEST_SECRET]) + _REST for spelling in longest_first]
    return "|".join([*whole, *begun]) or _NOTHING
