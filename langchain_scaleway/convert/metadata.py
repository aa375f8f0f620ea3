"""What a reply says about itself: token usage, the model that answered, why it ended."""

from collections.abc import Iterable, Mapping
from typing import Any, cast

from langchain_core.messages.ai import InputTokenDetails, OutputTokenDetails, UsageMetadata

from langchain_scaleway.convert.chunks import MODEL_PROVIDER

CUT_OFF = "length"
"""The finish reason of a reply that the limit on output tokens ended."""

CHOICE_FIELDS = ("finish_reason", "logprobs", "stop_reason", "token_ids", "output_items")
"""Fields of a choice that go into `response_metadata` as they are; the last two are vLLM's."""

_REPLY_FIELDS = (
    *("id", "system_fingerprint", "service_tier"),
    # vLLM's echo of the prompt, on request (`extra_body`). Streams have it in their first event.
    *("prompt_token_ids", "prompt_logprobs", "prompt_text"),
)
"""Fields of a reply that go into `response_metadata` as they are."""

_INPUT_DETAILS = {
    "cache_read": "cached_tokens",
    # vLLM's own name (seen with 0.32 and `--enable-prompt-tokens-details`).
    "cache_creation": "created_cache_tokens",
    "audio": "audio_tokens",
}
_OUTPUT_DETAILS = {"reasoning": "reasoning_tokens", "audio": "audio_tokens"}


def answered_model(reply: Mapping[str, Any], requested_model: str) -> str:
    """The model that a reply names; LangChain counts usage by it, so it must be a text."""
    answered = reply.get("model")
    return answered if answered and isinstance(answered, str) else requested_model


def reply_metadata(reply: Mapping[str, Any], requested_model: str) -> dict[str, Any]:
    """The part of `response_metadata` that all choices of a reply share."""
    answered = answered_model(reply, requested_model)
    metadata: dict[str, Any] = {"model_provider": MODEL_PROVIDER, "model_name": answered}
    if answered != requested_model:
        # A retired model's requests are answered by another one (Scaleway, "Model lifecycle").
        metadata["requested_model"] = requested_model
    metadata.update((f, reply[f]) for f in _REPLY_FIELDS if reply.get(f) is not None)
    return metadata


def normalized_finish_reason(reason: Any, *, has_calls: bool, is_refusal: bool) -> str | None:
    """Why the reply ended, in LangChain's words.

    Core hands it on from `response_metadata`. It reads `stop`, `tool_call` and `refusal`
    (langchain-core 1.8.4); other reasons stay in `finish_reason` alone.
    """
    if is_refusal:
        return "refusal"
    if reason == "tool_calls" or (reason == "stop" and has_calls):
        return "tool_call"
    return "stop" if reason == "stop" else None


def usage_metadata(usage: Any) -> UsageMetadata | None:
    """Translate a reply's `usage`, in tokens; `None` where there is none.

    Scaleway reports cached tokens for some models, and reasoning tokens for none (they are part of
    `completion_tokens`); vLLM and llama.cpp report both.
    """
    read, written = count(usage, "prompt_tokens"), count(usage, "completion_tokens")
    total = count(usage, "total_tokens")
    if read is written is total is None:
        return None
    both = (read or 0) + (written or 0)
    metadata = UsageMetadata(
        input_tokens=read or 0, output_tokens=written or 0, total_tokens=total or both
    )
    if details := _details(usage.get("prompt_tokens_details"), _INPUT_DETAILS):
        metadata["input_token_details"] = cast("InputTokenDetails", details)
    if details := _details(usage.get("completion_tokens_details"), _OUTPUT_DETAILS):
        metadata["output_token_details"] = cast("OutputTokenDetails", details)
    return metadata


def _details(counts: Any, names: Mapping[str, str]) -> dict[str, int]:
    found = {name: count(counts, theirs) for name, theirs in names.items()}
    return {name: tokens for name, tokens in found.items() if tokens is not None}


def count(counts: Any, name: str) -> int | None:
    """One of the counts of a `usage`, `None` where it is missing or no number of tokens."""
    tokens = counts.get(name) if isinstance(counts, dict) else None
    return tokens if isinstance(tokens, int) and tokens >= 0 else None


def combined_llm_output(outputs: Iterable[Mapping[str, Any] | None]) -> dict[str, Any]:
    """The `llm_output` of several replies, none of those that were streamed: usage is added up."""
    combined: dict[str, Any] = {}
    for output in filter(None, outputs):
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
