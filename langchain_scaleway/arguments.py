"""Checks of arguments, with errors that suggest the right one."""

import difflib
import re
from collections.abc import Mapping
from typing import Any, get_args

from pydantic import SecretStr
from pydantic.fields import FieldInfo

_OTHER_NAMES = {
    "api_key": ("scaleway_api_key", "secret_key", "scw_secret_key", "openai_api_key"),
    "base_url": ("openai_api_base", "api_base", "endpoint"),
    "default_headers": ("headers", "extra_headers"),
    "extra_body": ("model_kwargs",),
    "max_tokens": ("max_completion_tokens",),
    "model": ("model_name", "model_id"),
    "reasoning_effort": ("reasoning", "effort", "thinking", "thinking_level"),
    "stop": ("stop_sequences",),
    "stream_usage": ("stream_options",),
    "timeout": ("request_timeout",),
}
"""What other integrations call the same thing."""

_OF_VLLM = (
    *("chat_template_kwargs", "ignore_eos", "min_p", "min_tokens", "repetition_penalty", "top_k"),
)
_NO_FIELDS = {
    "n": "LangChain hands on one answer to a prompt: `model.batch([prompt] * n)` gives several.",
    "user": "Scaleway has no such request field (OpenAPI, September 2026).",
    **dict.fromkeys(_OF_VLLM, "It is one of vLLM's request fields."),
}
"""Request fields that are no arguments here, and no misspelt ones either."""

_LIKENESS = 0.7
"""How similar to an argument (0 to 1) a name must be to count as a misspelling of it."""

_HEADER_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
"""RFC 9110's "token". Any other name would fail with the first request only."""


def check_arguments(given: Mapping[str, Any], fields: Mapping[str, FieldInfo], owner: str) -> None:
    """Refuse a constructor's unknown arguments, and say what was probably meant.

    Raises:
        ValueError: `owner` has no such field, or a number was given as a boolean, which pydantic
            would take for 0 or 1.
    """
    for name, value in given.items():
        if name not in fields:
            raise ValueError(f"`{name}` is not an argument of {owner}. {_hint(name, fields)}")
        annotation = fields[name].annotation
        if isinstance(value, bool) and {int, float} & {annotation, *get_args(annotation)}:
            raise ValueError(f"`{name}` is a number, not {value}.")


def _hint(name: str, fields: Mapping[str, FieldInfo]) -> str:
    """What to do about an unknown argument."""
    has_extra_body = "extra_body" in fields  # Chat models have it.
    if has_extra_body and name in _NO_FIELDS:
        return f"{_NO_FIELDS[name]} `extra_body={{{name!r}: …}}` sends it."
    meant = [own for own, others in _OTHER_NAMES.items() if name in others and own in fields]
    meant += difflib.get_close_matches(name, fields, n=1, cutoff=_LIKENESS)
    hints = [f"Did you mean `{meant[0]}`?"] if meant else []
    if has_extra_body:
        hints.append("Request fields without an argument of their own go into `extra_body`.")
    return " ".join(hints or [f"It takes {', '.join(sorted(fields))}."])


def checked_headers(headers: Mapping[str, SecretStr | str]) -> dict[str, SecretStr]:
    """Check headers, and wrap their values, so that LangChain shows them nowhere.

    Raises:
        ValueError: A name or a value cannot be sent. Values are not repeated.
    """
    if not isinstance(headers, Mapping):
        raise ValueError("Headers are a mapping of names to values.")  # noqa: TRY004 -- as above
    wrapped = {}
    for name, value in headers.items():
        if not re.fullmatch(_HEADER_NAME, name):
            raise ValueError(f"{name!r} is not a valid header name: use letters, digits, `-`.")
        text = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        # Line breaks would let a value add headers of its own.
        if not (text.isascii() and text.isprintable()) or text != text.strip():
            raise ValueError(
                f"The header {name!r} holds a line break, another control character or one outside "
                "ASCII, or spaces around its value."
            )
        wrapped[name] = SecretStr(text)
    return wrapped
