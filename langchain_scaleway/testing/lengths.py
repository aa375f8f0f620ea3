"""How vLLM says that a prompt is too long."""

from __future__ import annotations

from typing import Final

from langchain_scaleway.testing.refusals import bad_parameter

# No token is longer, so that vLLM need not count the tokens of a longer text (recorded).
_CHARACTERS_PER_TOKEN: Final = 27


def check_length(characters: int, tokens: int, window: int) -> None:
    """Check that a prompt fits into the context window, in vLLM's two wordings (recorded).

    Raises:
        Refusal: It does not.
    """
    most = window * _CHARACTERS_PER_TOKEN
    if characters > most:
        field, value = "input_text", characters
        bound = f"which is the upper bound for {window} input tokens"
        found = f"{characters} characters (more than {most} characters, {bound})"
    elif tokens > window:
        field, value = "input_tokens", window + 1
        limit = "which exceeds this limit even without any output tokens"
        found = f"at least {value} input tokens, {limit}"
    else:
        return
    raise bad_parameter(
        f"This model's maximum context length is {window} tokens. However, your prompt contains "
        f"{found}. Please reduce the length of the input prompt.",
        field,
        value,
    )
