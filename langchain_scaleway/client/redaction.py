"""Strikes secrets out of what a server has said, because it may have repeated the key."""

import dataclasses
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from langchain_scaleway.errors import ErrorResponse, ScalewayError

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

_REPEATED_HEADER = (
    r"""(?i)(authorization["']?\s*[:=]\s*["']?(?:basic|bearer|digest)\s+)[^\s"',;]{8,}"""
)
"""How a server repeats a header with credentials. Those for a proxy are known to httpx alone."""


class Redaction:
    """Knows the secrets of one endpoint.

    Args:
        secrets: What must not be shown, such as the API key.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        spellings = (spelling for secret in secrets for spelling in _spellings(secret))
        long_enough = (spelling for spelling in spellings if len(spelling) >= _SHORTEST_SECRET)
        # The longest first: another may be its beginning.
        self._secrets = sorted(set(long_enough), key=len, reverse=True)

    def text(self, text: str) -> str:
        """The text without secrets, and without their beginnings: the text may have been cut."""
        for secret in self._secrets:
            text = text.replace(secret, _SHOWN_INSTEAD)
        for secret in self._secrets:
            beginning, rest = secret[:_SHORTEST_SECRET], secret[_SHORTEST_SECRET:]
            if beginning in text:
                kept, *others = text.split(beginning)
                behind = (other[_common_length(other, rest) :] for other in others)
                text = _SHOWN_INSTEAD.join([kept, *behind])
        return text

    def quoted(self, text: str) -> str:
        """The same, for what a server said of the request: it may have repeated headers."""
        return re.sub(_REPEATED_HEADER, rf"\1{_SHOWN_INSTEAD}", self.text(text))

    def value(self, value: Any) -> Any:
        """A JSON value without secrets in its texts; `None` where it is nested too deeply."""
        try:
            return self._value(value)
        except RecursionError:
            return None

    def clean(self, error: BaseException | None) -> None:
        """Take secrets out of an exception and of those that led to it."""
        cleaned_ids = set[int]()  # `raise error from error` makes an exception its own cause.
        while error is not None and id(error) not in cleaned_ids:
            cleaned_ids.add(id(error))
            if isinstance(error, ScalewayError):
                self._clean_fields(error)
            cleaned = tuple(self.quoted(arg) if isinstance(arg, str) else arg for arg in error.args)
            if cleaned != error.args:
                error.args = cleaned
            error = error.__cause__ or error.__context__

    def _value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.quoted(value)
        if isinstance(value, dict):
            return {self._value(key): self._value(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._value(item) for item in value]
        return value

    def _clean_fields(self, error: ScalewayError) -> None:
        for name in ("message", "code", "type", "param", "body"):
            setattr(error, name, self.value(getattr(error, name)))
        if error.response is not None:
            error.response = self._clean_response(error.response)

    def _clean_response(self, response: ErrorResponse) -> ErrorResponse:
        headers = self.value(dict(response.headers))
        return dataclasses.replace(response, headers=headers, text=self.quoted(response.text))


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


def _spellings(secret: str) -> Iterable[str]:
    """A secret as it is, and as JSON, Python and URLs write it."""
    return secret, json.dumps(secret)[1:-1], repr(secret)[1:-1], quote(secret, safe="")


def _common_length(one: str, other: str) -> int:
    """How many characters two texts have in common at their beginning."""
    pairs = zip(one, other, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))
