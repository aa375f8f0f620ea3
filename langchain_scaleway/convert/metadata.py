"""What a reply says about itself: token usage, the model that answered, why it ended."""

from collections.abc import Iterable, Mapping
from typing import Any, cast

from langchain_core.messages.ai import InputTokenDetails, OutputTokenDetails, UsageMetadata

from langchain_scaleway.convert.chunks import MODEL_PROVIDER

CUT_OFF = "length"
"""The finish reason of a reply that the limit on output tokens ended."""

_REPLY_FIELDS = ("id", "system_fingerprint", "service_tier")
"""Fields of a reply that go into `response_metadata` as they are."""

_PROMPT_FIELDS = ("prompt_token_ids", "prompt_logprobs", "prompt_text")
"""Likewise: vLLM's echo of the prompt, on request (`extra_body`). Streams have it in their first
event."""

_OUTPUT_FIELDS = ("token_usage", "model_name", "id")
"""Fields of `response_metadata` that are in `LLMResult.llm_output` as well."""

CHOICE_FIELDS = ("finish_reason", "logprobs", "stop_reason", "token_ids", "output_items")
"""Fields of a choice that go into `response_metadata` as they are; the last two are vLLM's."""


def answered_model(reply: Mapping[str, Any], requested_model: str) -> str:
    """The model that a reply names; LangChain counts usage by it, so it must be a text."""
    answered = reply.get("model")
    return answered if answered and isinstance(answered, str) else requested_model


def reply_metadata(
    reply: Mapping[str, Any], requested_model: str, headers: Mapping[str, str] | None
) -> dict[str, Any]:
    """The `response_metadata` that all choices of a reply share.

    Args:
        reply: The reply, or what is known of it at the end of a stream.
        requested_model: The model that was asked.
        headers: The answer's HTTP headers, where they are wanted.
    """
    answered = answered_model(reply, requested_model)
    metadata: dict[str, Any] = {"model_provider": MODEL_PROVIDER, "model_name": answered}
    if answered != requested_model:
        # A retired model's requests are answered by another one (Scaleway, "Model lifecycle").
        metadata["requested_model"] = requested_model
    fields = _REPLY_FIELDS + _PROMPT_FIELDS
    metadata.update((f, reply[f]) for f in fields if reply.get(f) is not None)
    if headers is not None:
        metadata["headers"] = dict(headers)
    return metadata


def normalized_finish_reason(
    metadata: Mapping[str, Any], *, has_calls: bool, is_refusal: bool
) -> dict[str, str]:
    """Why the reply ended, in LangChain's words.

    Core hands it on from `response_metadata`. It reads `stop`, `tool_call` and `refusal`
    (langchain-core 1.8.4); other reasons stay in `finish_reason` alone.

    Args:
        metadata: The reply's `response_metadata` so far.
        has_calls: Whether the reply calls tools.
        is_refusal: Whether the model refused.
    """
    reason = metadata.get("finish_reason")
    if is_refusal:
        return {"normalized_finish_reason": "refusal"}
    if reason == "tool_calls" or (reason == "stop" and has_calls):
        return {"normalized_finish_reason": "tool_call"}
    return {"normalized_finish_reason": "stop"} if reason == "stop" else {}


def generation_info(metadata: Mapping[str, Any]) -> dict[str, Any] | None:
    """The `generation_info` of a reply, which tracers read."""
    reason = metadata.get("finish_reason")
    return {"finish_reason": reason} if reason else None


def token_usage(usage: Any) -> dict[str, Any]:
    """The usage as the server reports it, for cost trackers that know no `usage_metadata`."""
    return {"token_usage": usage} if usage and isinstance(usage, dict) else {}


def llm_output(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """The `llm_output` of a whole reply, which callbacks count usage by.

    Args:
        metadata: The `response_metadata` of its first choice.
    """
    return {name: metadata[name] for name in _OUTPUT_FIELDS if name in metadata}


def combined_llm_output(outputs: Iterable[Mapping[str, Any] | None]) -> dict[str, Any]:
    """The `llm_output` of several replies: their usage is added up.

    Args:
        outputs: That of each reply; none for a reply that was streamed.
    """
    combined: dict[str, Any] = {}
    for output in outputs:
        if output:
            usage = _sum(combined.get("token_usage"), output.get("token_usage"))
            combined = {"model_name": output.get("model_name"), "token_usage": usage or {}}
    return combined


def _sum(left: Any, right: Any) -> Any:
    """Counts added up, at every depth of a `usage`; what is no count stays."""
    if isinstance(left, dict) and isinstance(right, dict):
        return {name: _sum(left.get(name), right.get(name)) for name in left | right}
    if isinstance(left, int) and isinstance(right, int):
        return left + right
    return left if right is None else right


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
    read, written = count(usage, "prompt_tokens"), count(usage, "completion_tokens")
    total = count(usage, "total_tokens")
    if read is written is total is None:
        return None
    both = (read or 0) + (written or 0)
    metadata = UsageMetadata(
        input_tokens=read or 0, output_tokens=written or 0, total_tokens=total or both
    )
    details = usage.get("prompt_tokens_details")
    of_input = {
        "cache_read": count(details, "cached_tokens"),
        # vLLM's own name (seen with 0.32 and `--enable-prompt-tokens-details`).
        "cache_creation": count(details, "created_cache_tokens"),
        "audio": count(details, "audio_tokens"),
    }
    details = usage.get("completion_tokens_details")
    of_output = {
        "reasoning": count(details, "reasoning_tokens"),
        "audio": count(details, "audio_tokens"),
    }
    if known := {name: tokens for name, tokens in of_input.items() if tokens is not None}:
        metadata["input_token_details"] = cast("InputTokenDetails", known)
    if known := {name: tokens for name, tokens in of_output.items() if tokens is not None}:
        metadata["output_token_details"] = cast("OutputTokenDetails", known)
    return metadata


def count(counts: Any, name: str) -> int | None:
    """One of the counts of a `usage`, `None` where it is missing or no number of tokens."""
    tokens = counts.get(name) if isinstance(counts, dict) else None
    return tokens if isinstance(tokens, int) and tokens >= 0 else None
