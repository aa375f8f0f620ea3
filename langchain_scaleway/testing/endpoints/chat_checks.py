"""The checks with which Scaleway's gateway and engine refuse a chat request.

Sentences are those of live captures (gateway), of vLLM 0.32's recordings (`err_*`) and of
vLLM's source, in that order of preference.
"""

from collections import Counter
from typing import Final

from langchain_scaleway.testing.chat_request import ChatRequest
from langchain_scaleway.testing.endpoints.templates import check_template
from langchain_scaleway.testing.models import ServedModel
from langchain_scaleway.testing.refusals import (
    Refusal,
    bad_parameter,
    check_length,
    check_range,
    engine_refusal,
    gateway_refusal,
    invalid,
)
from langchain_scaleway.tokens import MEDIA

_MAX_TOP_LOGPROBS: Final = 20
_MOST_CHOICES: Final = 128  # Scaleway's OpenAPI, 2026-09
_MAX_IMAGES: Final = 12  # "query vision models", 2025-11-19

# In vLLM's order (recording `err_file` of the Responses API).
_SUPPORTED_PARTS: Final = (
    "audio_embeds, audio_url, image_embeds, image_pil, image_url, input_audio, input_image, "
    "input_text, output_text, prompt_embeds, refusal, text, thinking, tool_reference, "
    "video_embeds, video_url"
)
_ENGINE_EFFORTS: Final = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


def check_output_cap(bound: int | None, model: ServedModel) -> None:
    """Check the cap of a model's output, which the gateway does.

    The sentence names `max_completion_tokens` whichever field was sent (live, 2026-08).
    """
    if bound is not None and bound > model.max_output_tokens:
        raise gateway_refusal(
            400,
            f"payload validation: max_completion_tokens is limited to {model.max_output_tokens} "
            f"for {model.id}",
        )


def check_engine(request: ChatRequest, model: ServedModel) -> None:
    """Check what the engine checks, and refuse with the sentence of the first check that fails."""
    try:
        check_template(request, model)
        _check_parts(request, model)
        _check_sampling(request)
        _check_tools(request)
        wanted = request.response_format
        if wanted and wanted["type"] == "json_schema" and not wanted.get("json_schema"):
            raise bad_parameter(
                "When response_format type is 'json_schema', the 'json_schema' field must be "
                "provided.",
                "response_format",
            )
        _check_effort(request.reasoning_effort, model)
        _check_context(request, model)
    except Refusal as refusal:
        if model.legacy_errors and "error" in refusal.body:
            refusal.body = {"object": "error", **refusal.body["error"]}
        raise


def _check_context(request: ChatRequest, model: ServedModel) -> None:
    """Check that prompt and output fit into the context window together."""
    window, prompt, bound = model.context_window, request.prompt_tokens, request.bound or 0
    check_length(prompt, window)
    if prompt + bound > window:  # many of vLLM's users quote this sentence
        raise bad_parameter(
            f"This model's maximum context length is {window} tokens. However, you requested "
            f"{bound} output tokens and your prompt contains at least {prompt} input tokens, for "
            f"a total of at least {prompt + bound} tokens. Please reduce the length of the input "
            "prompt or the number of requested output tokens.",
            "input_tokens",
            prompt,
        )


def _check_parts(request: ChatRequest, model: ServedModel) -> None:
    contents = (message.get("content") for message in request.messages)
    parts = (part for content in contents if isinstance(content, list) for part in content)
    kinds = Counter(part.get("type", "") for part in parts)
    for kind in sorted(kinds.keys() - set(_SUPPORTED_PARTS.split(", "))):
        raise bad_parameter(
            f"Unsupported chat content part type: {kind!r}. Supported types: {_SUPPORTED_PARTS}.",
            "type",
            kind,
        )
    if not model.images and kinds.keys() & MEDIA.keys():
        raise engine_refusal(f"{model.id} is not a multimodal model")
    if kinds["image_url"] > _MAX_IMAGES:
        raise engine_refusal(f"At most {_MAX_IMAGES} image(s) may be provided in one prompt.")


def _check_sampling(request: ChatRequest) -> None:
    for field in ("temperature", "top_p", "max_completion_tokens", "max_tokens"):
        check_range(field, getattr(request, field))
    n, top = request.n, request.top_logprobs or 0
    if n is not None and n < 1:
        raise engine_refusal(f"n must be at least 1, got {n}.")
    if n is not None and n > _MOST_CHOICES:
        raise engine_refusal(f"n must be at most {_MOST_CHOICES}, got {n}.")
    if top > _MAX_TOP_LOGPROBS:
        sentence = f"Requested sample logprobs of {top}, which is greater than max allowed: 20"
        raise bad_parameter(sentence, "logprobs", top)
    if top and not request.logprobs:
        sentence = "when using `top_logprobs`, `logprobs` must be set to true."
        raise bad_parameter(sentence, "top_logprobs")
    if request.stream_options and not request.stream:
        sentence = "Stream options can only be defined when `stream=True`."
        raise bad_parameter(sentence, "stream_options")


def _check_tools(request: ChatRequest) -> None:
    choice, sentence = request.tool_choice, ""
    if choice in (None, "none"):
        return
    if not request.tools:
        sentence = "When using `tool_choice`, `tools` must be set."
    elif isinstance(choice, dict):
        if request.named_function not in [function["name"] for function in request.functions]:
            sentence = (
                "The tool specified in `tool_choice` does not match any of the specified `tools`"
            )
    elif choice not in {"auto", "required"}:
        sentence = (
            f"Invalid value for `tool_choice`: {choice}! Only named tools, "
            '"none", "auto" or "required" are supported.'
        )
    if sentence:
        raise bad_parameter(sentence, "tool_choice")


def _check_effort(effort: str | None, model: ServedModel) -> None:
    if effort is None:
        return
    if not model.reasons:
        # Only that it is a validation error is known (a third party's code, 2026-08-15).
        sentence = f"reasoning_effort is not supported by {model.id}."
        raise bad_parameter(sentence, "reasoning_effort")
    allowed = _ENGINE_EFFORTS if model.lenient_efforts else model.efforts
    if effort not in allowed:
        # Mistral names its own values (live, 2026-07-31); vLLM names its union (recorded).
        *first, last = map(repr, allowed)
        listed = f"{', '.join(first)} or {last}" if first else last
        raise invalid(
            {
                "type": "literal_error",
                "loc": ("reasoning_effort",),
                "msg": f"Input should be {listed}",
                "input": effort,
                "ctx": {"expected": listed},
            }
        )
