"""Token usage on the wire -> LangChain's `UsageMetadata`."""

from typing import Any

from langchain_core.messages.ai import InputTokenDetails, OutputTokenDetails, UsageMetadata


def usage_metadata(usage: Any) -> UsageMetadata | None:
    """Translate a reply's `usage`.

    Details are mapped when the service gives them: Scaleway reports cached tokens for some
    models and never reasoning tokens (they are inside `completion_tokens`); vLLM and
    llama.cpp report both.

    Args:
        usage: The `usage` object as it came, or nothing.

    Returns:
        Counts in tokens, or `None` where the service gave no usage.
    """
    if not isinstance(usage, dict) or not usage:
        return None
    input_tokens = _count(usage, "prompt_tokens")
    output_tokens = _count(usage, "completion_tokens")
    metadata = UsageMetadata(
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        total_tokens=_count(usage, "total_tokens") or input_tokens + output_tokens,
    )
    prompt = usage.get("prompt_tokens_details")
    if isinstance(prompt, dict):
        input_details = InputTokenDetails()
        if isinstance(prompt.get("cached_tokens"), int):
            input_details["cache_read"] = prompt["cached_tokens"]
        if isinstance(prompt.get("audio_tokens"), int):
            input_details["audio"] = prompt["audio_tokens"]
        if input_details:
            metadata["input_token_details"] = input_details
    completion = usage.get("completion_tokens_details")
    if isinstance(completion, dict):
        output_details = OutputTokenDetails()
        if isinstance(completion.get("reasoning_tokens"), int):
            output_details["reasoning"] = completion["reasoning_tokens"]
        if isinstance(completion.get("audio_tokens"), int):
            output_details["audio"] = completion["audio_tokens"]
        if output_details:
            metadata["output_token_details"] = output_details
    return metadata


def _count(usage: dict[str, Any], name: str) -> int:
    count = usage.get(name)
    return int(count) if isinstance(count, (int, float)) else 0
