"""Takes secrets out of what a server has said: it may have repeated the key."""

import dataclasses
from collections.abc import Iterable
from typing import Any

from langchain_scaleway.errors import ErrorResponse, ScalewayError

_SHORTEST_SECRET = 8
"""Characters. What is shorter is a dummy such as `EMPTY`, and perhaps a part of a word."""

_SHOWN_INSTEAD = "[the key]"


class Redaction:
    """Knows the secrets of one endpoint.

    Args:
        secrets: What must not be shown, such as the API key.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = [secret for secret in secrets if len(secret) >= _SHORTEST_SECRET]

    def text(self, text: str) -> str:
        """The text without secrets."""
        for secret in self._secrets:
            if secret in text:
                text = text.replace(secret, _SHOWN_INSTEAD)
        return text

    def value(self, value: Any) -> Any:
        """A JSON value without secrets in its texts; `None` where it is nested too deeply."""
        try:
            return self._value(value)
        except RecursionError:
            return None

    def clean(self, error: BaseException | None) -> None:
        """Take secrets out of an exception and of those that led to it."""
        while error is not None:
            if isinstance(error, ScalewayError):
                self._clean_fields(error)
            cleaned = tuple(self.text(arg) if isinstance(arg, str) else arg for arg in error.args)
            if cleaned != error.args:
                error.args = cleaned
            error = error.__cause__ or error.__context__

    def _value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
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
        return dataclasses.replace(response, headers=headers, text=self.text(response.text))
