"""Token usage on the wire -> LangChain's `UsageMetadata`."""

import math
from typing import Any

from langchain_core.messages.ai import InputTokenDetails, OutputTokenDetails, UsageMetadata


def usage_metadata(usage: Any) -> UsageMetadata | None:
    """Translate a reply's `usage`.

    Details are included when the service gives them. Scaleway reports cached tokens for some
    models, and reasoning tokens for none (they are part of `completion_tokens`); vLLM and
    llama.cpp report both.

    Args:
        usage: The `usage` object as it came, or nothing.

    Returns:
        Counts in tokens, or `None` where the service gave none.
    """
    if not isinstance(usage, dict):
        return None
    input_tokens = _count(usage, "prompt_tokens")
    output_tokens = _count(usage, "completion_tokens")
    total_tokens = _count(usage, "total_tokens")
    if input_tokens is output_tokens is total_tokens is None:
        return None
    metadata = UsageMetadata(
        input_tokens=input_tokens or 0,
        output_tokens=output_tokens or 0,
        total_tokens=total_tokens or (input_tokens or 0) + (output_tokens or 0),
    )
    prompt = usage.get("prompt_tokens_details")
    input_details = InputTokenDetails()
    if (cached := _count(prompt, "cached_tokens")) is not None:
        input_details["cache_read"] = cached
    # vLLM's own name (seen with 0.32 and `--enable-prompt-tokens-details`).
    if (created := _count(prompt, "created_cache_tokens")) is not None:
        input_details["cache_creation"] = created
    if (audio := _count(prompt, "audio_tokens")) is not None:
        input_details["audio"] = audio
    if input_details:
        metadata["input_token_details"] = input_details
    completion = usage.get("completion_tokens_details")
    output_details = OutputTokenDetails()
    if (reasoning := _count(completion, "reasoning_tokens")) is not None:
        output_details["reasoning"] = reasoning
    if (audio := _count(completion, "audio_tokens")) is not None:
        output_details["audio"] = audio
    if output_details:
        metadata["output_token_details"] = output_details
    return metadata


def _count(counts: Any, name: str) -> int | None:
    """One of the counts, `None` where it is missing or no number of tokens."""
    count = counts.get(name) if isinstance(counts, dict) else None
    if isinstance(count, float) and math.isfinite(count):
        count = int(count)
    if not isinstance(count, int) or isinstance(count, bool) or count < 0:
        return None
    return count
