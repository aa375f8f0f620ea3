"""Checks of `ChatScaleway`'s arguments, with errors that suggest the right one."""

import difflib
from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from typing import Any

_OTHER_NAMES = {
    "model_name": "model",
    "model_id": "model",
    "max_completion_tokens": "max_tokens",
    "request_timeout": "timeout",
    "scaleway_api_key": "api_key",
    "secret_key": "api_key",
    "scw_secret_key": "api_key",
    "openai_api_key": "api_key",
    "openai_api_base": "base_url",
    "api_base": "base_url",
    "endpoint": "base_url",
    "stop_sequences": "stop",
    "model_kwargs": "extra_body",
    "headers": "default_headers",
    "extra_headers": "default_headers",
    "reasoning": "reasoning_effort",
    "effort": "reasoning_effort",
    "thinking": "reasoning_effort",
    "thinking_level": "reasoning_effort",
    "stream_options": "stream_usage",
}
"""What other integrations call the same thing."""

_LIKENESS = 0.7
"""How similar to an argument (0 to 1) a name must be to count as a misspelling of it."""

_LIKENESS_IN_CALLS = 0.9
"""The same for calls. Names that are unknown here go into the request, and some of them are fields
of other servers, such as llama.cpp's `reasoning_format` (0.88 like `reasoning_effort`). So only
plain slips count."""

_UNSUPPORTED = frozenset({"n", "frequency_penalty", "logit_bias", "user"})
"""Request fields that Scaleway documents as unsupported (OpenAI compatibility, 2026-04-24)."""

_OF_MODELS = frozenset(
    {
        "api_key",
        "project_id",
        "base_url",
        "timeout",
        "max_retries",
        "default_headers",
        "http_client",
        "http_async_client",
        "include_response_headers",
        "replay_reasoning",
        "streaming",
        "disable_streaming",
        "output_version",
    }
)
"""Arguments that only models have."""

_OF_CALLS = frozenset(
    {
        "model",
        "temperature",
        "top_p",
        "max_tokens",
        "presence_penalty",
        "stop",
        "seed",
        "logprobs",
        "top_logprobs",
        "reasoning_effort",
        "parallel_tool_calls",
        "stream_usage",
        "extra_body",
        "tools",
        "tool_choice",
        "response_format",
    }
)
"""Arguments that calls have."""

_HEADERS = frozenset({"extra_headers", "headers"})
"""Other clients' names for the headers of a call, which may hold credentials."""

_OF_VLLM = frozenset(
    {"chat_template_kwargs", "ignore_eos", "min_p", "min_tokens", "repetition_penalty", "top_k"}
)
"""vLLM's own request fields, which are not misspelt arguments."""

_NUMBERS = (
    "temperature",
    "top_p",
    "max_tokens",
    "presence_penalty",
    "seed",
    "top_logprobs",
    "max_retries",
)


def check_names(given: Iterable[str], known: Collection[str]) -> None:
    """Refuse unknown arguments of a model, and say what was probably meant.

    Args:
        given: The names of the arguments.
        known: The names that there are.

    Raises:
        ValueError: An argument is unknown.
    """
    for name in given:
        if name in known:
            continue
        if name in _UNSUPPORTED:
            hint = (
                f"Scaleway documents it as unsupported; `extra_body={{{name!r}: …}}` sends it "
                "all the same."
            )
        elif name in _OF_VLLM:
            hint = f"It is one of vLLM's request fields: `extra_body={{{name!r}: …}}` sends it."
        else:
            close = difflib.get_close_matches(name, known, n=1, cutoff=_LIKENESS)
            meant = _OTHER_NAMES.get(name) or (close[0] if close else None)
            hint = f"Did you mean `{meant}`? " if meant else ""
            hint += "Request fields without an argument of their own go into `extra_body`."
        raise ValueError(f"`{name}` is not an argument of ChatScaleway. {hint}")


def check_values(given: Mapping[str, Any]) -> None:
    """Refuse booleans where numbers belong; pydantic would take `True` for 1.

    Args:
        given: The arguments of a model.

    Raises:
        ValueError: A number was given as a boolean.
    """
    for name in _NUMBERS:
        if isinstance(given.get(name), bool):
            raise ValueError(  # noqa: TRY004 -- pydantic makes its own error of it
                f"`{name}` is a number, not {given[name]}."
            )


def check_call(given: Iterable[str]) -> None:
    """Refuse arguments that no call can have, because they would go into the request.

    These are arguments that only models have, and misspelt ones. Any other name may be a request
    field of the server.

    Args:
        given: The names of a call's arguments.

    Raises:
        ValueError: The call has such an argument.
    """
    for name in given:
        if name in _OF_CALLS:
            continue
        if name in _HEADERS:
            raise ValueError(
                f"`{name}` would go into the request's body. Headers belong to the model: "
                "`default_headers`."
            )
        if name in _OF_MODELS:
            raise ValueError(
                f"`{name}` belongs to the model, not to a call. Make a model with another one: "
                f"`model.model_copy(update={{{name!r}: …}})` shares its connections."
            )
        if meant := _meant_in_a_call(name):
            raise ValueError(
                f"`{name}` is not an argument of a call. Did you mean `{meant}`? "
                f"`extra_body={{{name!r}: …}}` sends it as it is."
            )


@lru_cache(maxsize=128)  # The same few names come with every call.
def _meant_in_a_call(name: str) -> str | None:
    close = difflib.get_close_matches(name, _OF_CALLS, n=1, cutoff=_LIKENESS_IN_CALLS)
    return close[0] if close else None
