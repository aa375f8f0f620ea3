"""What an error advises, and which errors are overflows of the context window."""

import json
from typing import Any

import pytest

from langchain_scaleway import errors
from langchain_scaleway.client.error_mapping import error_from
from tests.support.error_shapes import MODEL, error_of, every_shape, gateway, in_shape, recent
from tests.support.recordings import all_recordings


@pytest.mark.parametrize(
    ("status", "message", "advice"),
    [
        (401, "missing 'Authorization' header", "SCW_SECRET_KEY"),
        (404, "The model `x` does not exist.", "`list_models()`"),
        (404, "route '/v2/chat/completions' not found", "Check `base_url`"),
        (404, "404 Not Found", "Check `base_url`"),
        (408, "Request timeout", "Try again."),
        (413, "Payload too large", "Send fewer or smaller messages"),
        (429, "You exceeded your quota.", "per model and organization"),
        (500, "Something", "status page"),
        (501, "Not implemented", "cannot do this, however often it is asked"),
        (504, "Something", "Stream the answer"),
        (500, "input is too large to process. increase the batch size", "Divide the text"),
        (
            400,
            (
                "This model's maximum context length is 8192 tokens. However, you requested 9000 "
                "tokens in the input for embedding generation."
            ),
            "Divide the text",
        ),
        (
            400,
            "payload validation: max_completion_tokens is limited to 16384 for glm-5.2",
            "Set `max_tokens` to 16384 or less.",
        ),
        (
            416,
            "max_completion_tokens is limited to 8192 for gemma-3-27b-it",
            "Set `max_tokens` to 8192 or less.",
        ),
        *(
            (400, sentence, "name the family with `model_family`")
            for sentence in (
                "conversation roles must alternate user/assistant/user/assistant/...",
                "Only user and assistant roles are supported, with the exception of an initial …",
                "Expected last role User or Tool (or Assistant with prefix) for serving but got …",
                "Unexpected role 'user' after role 'tool'",
                "Cannot set `add_generation_prompt` to True when the last message is from the …",
                "Tool call id was call_1 but must be a-z, A-Z, 0-9, with a length of 9.",
                "Unexpected tool call id abcdefgh1 in tool results",
                "Not the same number of function calls and responses",
                "System message must be at the beginning.",
                "No user query found in messages.",
                "This model only supports single tool-calls at once!",
                "Cannot put tools in the first user message when there's no first user message!",
                "Message has tool role, but there was no previous assistant message with a tool …",
            )
        ),
        (400, "gpt-oss-120b is not a multimodal model", "a model that takes images"),
        (
            400,
            "max_tokens=1000000 cannot be greater than max_model_len=2048. Please request fewer.",
            "Set `max_tokens` so low that prompt and answer fit into 2048 tokens.",
        ),
        (
            400,
            "Unsupported chat content part type: 'file'. Supported types: text, image_url",
            "extract the text",
        ),
    ],
)
def test_advice(status: int, message: str, advice: str) -> None:
    told = str(error_of(status, recent(status, message)))
    assert message in told
    assert advice in told
    assert told.endswith("/errors")


@pytest.mark.parametrize("status", [404, 422])
def test_did_you_mean(status: int) -> None:
    body = json.dumps(recent(status, "The model `glm-52` does not exist."))
    told = str(error_from(status, {}, body, model="glm-52"))
    assert "Did you mean 'glm-5.2'?" in told


@pytest.mark.parametrize(("status", "message"), [(400, "n must be at least 1"), (405, "No.")])
def test_without_advice_the_services_words_are_the_end(status: int, message: str) -> None:
    told = str(error_of(status, recent(status, message)))
    assert told.endswith(f": {message.rstrip('.')}.")
    told = str(error_from(500, {}, "", model=None))  # as for the list of models
    assert told.startswith("Scaleway answered 500: (the body is empty)")


# --- Context overflow -------------------------------------------------------------------

OVERFLOWS = {
    "Scaleway, 2026-09-01": (
        "This model's maximum context length is 262144 tokens, 32768 output tokens were requested"
    ),
    "vLLM 0.6": "The decoder prompt (length 5000) is longer than the maximum model length of 4096.",
    "vLLM 0.8": "The prompt (total length 40000) is too long to fit into the model.",
    "vLLM 0.10": (
        "This model's maximum context length is 2048 tokens. However, you requested 2100 tokens."
    ),
    "vLLM of spring 2026": (
        "You passed 40000 input tokens and requested 100 output tokens. However, the model's "
        "context length is only 32768 tokens, resulting in a maximum input length of 32668 tokens."
    ),
    "vLLM 0.32, Responses API": (
        "The engine prompt length 2048 exceeds the max_model_len 2048. Please reduce prompt."
    ),
    "SGLang 0.4": "Input is longer than the model's context length.",
    "SGLang 0.5": (
        "Input length (40000 tokens) exceeds the maximum allowed length (32768 tokens). Use a "
        "shorter input or enable --allow-auto-truncate."
    ),
    "llama.cpp": "request (27013 tokens) exceeds the available context size (2048 tokens), try",
    "LiteLLM": (
        "litellm.ContextWindowExceededError: litellm.BadRequestError: Hosted_vllmException - no"
    ),
    "OpenAI": "context_length_exceeded",
    "OpenAI, 2026": "Input tokens exceed the configured limit of 272000 tokens.",
    "Copilot": "prompt token count of 300000 exceeds the limit of 200000",
    "a gateway": "The input exceeds the model's maximum context length of 8192.",
    "another gateway": "Context window exceeded",
    "Anthropic": "prompt is too long: 210000 tokens > 200000 maximum",
    "Bedrock": "Input is too long for requested model.",
}
NO_OVERFLOWS = [
    "max_tokens=1000000 cannot be greater than max_model_len=2048. Please request fewer.",
    "payload validation: max_completion_tokens is limited to 16384 for glm-5.2",
    "max_tokens must be at least 1, got 0.",
    "Requested sample logprobs of 100, which is greater than max allowed: 20",
    "At most 12 images may be provided in one prompt.",
    "The name is too long.",
    "The number of stop tokens exceeds 4.",
    "Additional context is required.",
    "Grammar error: the schema is too long",
]


@pytest.mark.parametrize("message", OVERFLOWS.values(), ids=OVERFLOWS)
def test_overflows(message: str) -> None:
    error = error_of(400, recent(400, message))
    assert type(error) is errors.ScalewayContextOverflowError
    assert "shorten the history" in str(error)
    assert "list_models" not in str(error)
    assert not error.is_retryable


@every_shape
def test_overflows_in_every_shape_and_status(shape: str) -> None:
    for status in (400, 413, 416, 422):
        error = error_of(status, in_shape(shape, status, OVERFLOWS["vLLM 0.10"]))
        assert type(error) is errors.ScalewayContextOverflowError


@pytest.mark.parametrize("message", NO_OVERFLOWS, ids=lambda text: text[:30])
def test_what_is_no_overflow(message: str) -> None:
    error = error_of(400, recent(400, message))
    assert type(error) is errors.ScalewayInvalidRequestError


def test_the_words_of_an_overflow_under_another_status_are_none() -> None:
    for status in (401, 403, 404, 429, 500, 503):
        error = error_of(status, recent(status, OVERFLOWS["vLLM 0.10"]))
        assert not isinstance(error, errors.ScalewayContextOverflowError)
    error = error_of(500, recent(500, "input is too large to process. increase the batch size"))
    assert type(error) is errors.ScalewayContextOverflowError, "llama.cpp's embeddings say 500"
    assert not error.is_retryable


def test_overflows_by_type_code_or_parameter() -> None:
    for field, value in (
        *(("type", "exceed_context_size_error"), ("code", "context_length_exceeded")),
        *(("param", "input_tokens"), ("param", "input_text")),
    ):
        error = error_of(400, {"error": {"message": "Too much.", field: value}})
        assert type(error) is errors.ScalewayContextOverflowError


@pytest.mark.parametrize(
    ("message", "is_overflow"),
    [
        ("Request too large: the prompt exceeds what this route takes", True),
        ("Too many tokens", True),
        ("<html><head><title>413 Request Entity Too Large</title></head></html>", False),
        ("Payload too large", False),
    ],
)
def test_a_gateways_413_for_a_prompt_is_one(message: str, *, is_overflow: bool) -> None:
    error = error_of(413, message)
    assert isinstance(error, errors.ScalewayContextOverflowError) == is_overflow


def test_recorded_overflows_and_no_others() -> None:
    for recording in all_recordings():
        if recording.is_chat and recording.status == 400:
            error = error_from(400, {}, recording.content.decode(), model=None)
            is_overflow = isinstance(error, errors.ScalewayContextOverflowError)
            assert is_overflow == ("context" in recording.case), recording


# --- Rights and redirects ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "advice", "is_about_the_default"),
    [
        ({}, "Pass `project_id` or set SCW_DEFAULT_PROJECT_ID", True),
        ({"project_id": "a-project"}, "In the project a-project of the URL", False),
        ({"is_serverless": False}, "GenerativeApisModelAccess in the deployment's project", False),
    ],
    ids=["default project", "project", "deployment"],
)
def test_403(place: dict[str, Any], advice: str, *, is_about_the_default: bool) -> None:
    body = json.dumps(gateway(403, "FORBIDDEN", "insufficient permissions"))
    told = str(error_from(403, {}, body, model=MODEL, **place))
    assert "FORBIDDEN: insufficient permissions." in told
    assert "The key is unknown (mistyped, deleted, expired)" in told
    assert "GenerativeApisModelAccess" in told
    assert advice in told
    assert ("SCW_DEFAULT_PROJECT_ID" in told) is is_about_the_default
    assert ("api.scaleway.ai" in told) is is_about_the_default


def test_redirects() -> None:
    for status in (301, 302, 303, 307, 308):
        error = error_of(status, "<title>Moved</title>", {"location": "https://elsewhere.example"})
        assert type(error) is errors.ScalewayResponseError
        assert not error.is_retryable
        assert "a redirect to https://elsewhere.example." in str(error)
        assert "are not followed" in str(error)
    error = error_of(400, recent(400, "No."), {"location": "https://elsewhere.example/v1"})
    assert "elsewhere" not in str(error), "it is none with an error"
