"""Status, headers and body of a refusal -> the exception that says what happened and what to do.

One function serves HTTP answers and the error events inside a stream alike. `error_reports` reads
the bodies.
"""

import re
from collections.abc import Mapping
from typing import Any

from langchain_scaleway.client.error_reports import Report, as_text, report_of, report_within
from langchain_scaleway.data import model_facts, similar_model
from langchain_scaleway.errors import (
    DOCUMENTATION_URL,
    ErrorResponse,
    ScalewayAPIError,
    ScalewayAuthenticationError,
    ScalewayContextOverflowError,
    ScalewayError,
    ScalewayInvalidRequestError,
    ScalewayModelNotFoundError,
    ScalewayPermissionDeniedError,
    ScalewayRateLimitError,
    ScalewayResponseError,
    ScalewayTimeoutError,
)

LONGEST_BODY = 64 * 1024
"""How many bytes of an error's body are kept."""

_LONGEST_QUOTE = 2_000
"""How many characters of the service's own message a message of ours repeats."""

# Patterns are compiled when the first error needs them: a program's start should not wait.
_CONTEXT_OVERFLOW = (
    r"(?i)maximum context length"  # vLLM to 0.32 and Scaleway, for the prompt and for both
    r"|model's context length is only"  # vLLM of spring 2026
    r"|engine prompt length \d+ exceeds the max_model_len"  # vLLM 0.32, Responses API
    r"|longer than the (?:model's )?(?:maximum )?(?:model|context) length"  # vLLM 0.6, SGLang 0.4
    r"|input length .*exceeds the maximum allowed length"  # SGLang 0.5
    r"|exceeds? (?:the )?(?:available |model's )?(?:maximum )?context"  # llama.cpp, gateways
    r"|context[ _]?(?:length|window)[ _]?(?:is )?exceeded"  # OpenAI's code, LiteLLM's class
    r"|(?:prompt|input) (?:\([^)]*\) )?is too long"  # vLLM 0.8; Anthropic's, through gateways
    r"|tokens? (?:count )?(?:of \d+ )?exceeds? the .*limit"  # OpenAI's and Copilot's of 2026
)
"""How servers say that prompt and answer do not fit; tests hold each to what was recorded."""

_OVERFLOW_BY_STATUS = {
    413: r"(?i)\b(?:tokens?|prompt|context)\b",  # A gateway's
    500: r"too large to process",  # llama.cpp's, of a text to embed
}
_OVERFLOW_STATUSES = frozenset({None, 400, 413, 416, 422})
_OVERFLOW_TYPES = frozenset({"exceed_context_size_error", "context_length_exceeded"})
_OVERFLOW_PARAMS = frozenset({"input_tokens", "input_text"})  # vLLM 0.32

_FIRST_CLIENT_ERROR = 400
_FIRST_SERVER_ERROR = 500
_UNPROCESSABLE = 422

_UNKNOWN_MODEL = (
    r"(?i)\b(?:model|endpoint|route)\b.*\b(?:not found|not exist|not supported|required|unknown)"
)
_ROUTE_NOT_SUPPORTED = "ROUTE NOT SUPPORTED"
"""The type of an error that a known model gives on an API that it is not served on."""

_BY_STATUS: dict[int, type[ScalewayError]] = {
    401: ScalewayAuthenticationError,
    403: ScalewayPermissionDeniedError,
    404: ScalewayModelNotFoundError,
    408: ScalewayTimeoutError,
    409: ScalewayAPIError,
    425: ScalewayAPIError,
    429: ScalewayRateLimitError,
}

_SHORTER_TEXTS = "Divide the text into shorter ones, for example with a text splitter."

_ADVICE: tuple[tuple[str | int | type[ScalewayError], str], ...] = (
    (r"max_completion_tokens is limited to (\d+)", "Set `max_tokens` to {0} or less."),
    (
        r"cannot be greater than max_model_len=(\d+)",
        "Set `max_tokens` so low that prompt and answer fit into {0} tokens.",
    ),
    (r"for embedding generation|too large to process", _SHORTER_TEXTS),
    (  # mistral-common and the chat templates of Mistral, Qwen, Llama and gpt-oss
        (
            r"must alternate|Only user and assistant roles|Expected last role|Unexpected role|"
            r"[Tt]ool call id|Not the same number of function calls|System message must be at the|"
            r"No user query found|single tool-calls at once|no first user message|has tool role|"
            r"add_generation_prompt"
        ),
        (
            "The model's chat template does not take this order of messages. `ChatScaleway` brings "
            "a history into the order that a model's family wants: name the family with "
            "`model_family`, see the page “Chat templates”."
        ),
    ),
    (
        r"is not a multimodal model",
        "Send text only, or use a model that takes images; the page “Models” names them.",
    ),
    (
        r"(?i)^(?:route '.*' not found|(?:404:? )?not found)",
        "Check `base_url`: it is the API's address up to and including /v1.",
    ),
    (
        r"endpoint '\S*/responses' is not supported",
        (
            "This model does not answer on the Responses API: leave `use_responses_api` unset, or "
            "set it to False."
        ),
    ),
    (r"(?i)\bbatch\b.* not found", "`resume` takes the id of a `Batch` that was not deleted."),
    (r"endpoint '\S+' is not supported", "The page “Models” names the models of each API."),
    (
        r"Unsupported chat content part type",
        "Scaleway's chat models take no files: extract the text, or send pages as images.",
    ),
    (
        ScalewayContextOverflowError,
        (
            "Prompt and requested output share one window: shorten the history (`trim_messages`, "
            "summarization) or lower `max_tokens`."
        ),
    ),
    (
        401,
        (
            "Set SCW_SECRET_KEY or pass `api_key`: the secret key of a Scaleway IAM API key, not "
            "the access key."
        ),
    ),
    (
        ScalewayPermissionDeniedError,
        "The key is unknown (mistyped, deleted, expired), or it lacks a right. {where}",
    ),
    (
        ScalewayModelNotFoundError,
        "{similar}`list_models()` and the page “Models” name the models that are served.",
    ),
    (408, "Try again."),
    (413, "Send fewer or smaller messages, images or tools."),
    (
        429,
        (
            "Quotas are per model and organization: requests per minute, tokens per minute and "
            "requests at once. Send less at a time, raise `max_retries`, or ask Scaleway for a "
            "higher quota; this has nothing to do with billing."
        ),
    ),
    (501, "The server cannot do this, however often it is asked: check the model and `base_url`."),
    (
        504,
        (
            "The generation took longer than the service allows (about five minutes). Stream the "
            "answer, lower `max_tokens` or `reasoning_effort`, or ask for less; a prompt that "
            "makes the model repeat itself ends like this every time."
        ),
    ),
    (ScalewayAPIError, "Try again; Scaleway's status page tells whether it is a known fault."),
    (ScalewayResponseError, "Redirects are not followed: the key must go nowhere else."),
)
"""What to do next: the first whose pattern is in the service's words, or whose status or class
is the error's."""

_RIGHTS = "the key needs the permission set GenerativeApisModelAccess"


def error_from(
    status: int,
    headers: Mapping[str, str],
    text: str,
    *,
    model: str | None,
    **place: Any,
) -> ScalewayError:
    """Make the exception for an unsuccessful HTTP answer.

    Args:
        status: The HTTP status.
        headers: The answer's headers, names in lower case.
        text: The body, or its first `LONGEST_BODY` bytes.
        model: The model that was asked.
        **place: `project_id`, the project in the URL, if there is one; `is_serverless`, whether
            the serverless API was asked, rather than another server.
    """
    body, report = report_of(text)
    if "location" in headers and status < _FIRST_CLIENT_ERROR:
        report = Report(f"a redirect to {headers['location']}.")
    is_cut = len(text.encode("utf-8", "replace")) >= LONGEST_BODY
    error = _error(status, report, model, _where(**place), is_cut=is_cut)
    error.body, error.response = body, ErrorResponse(status, headers, text)
    return error


def error_from_event(event: Mapping[str, Any], *, model: str | None, **place: Any) -> ScalewayError:
    """Make the exception for an error that came with a success status, in an event or a body.

    Its status is the one that the error itself names; for the arguments see `error_from`.
    """
    text = as_text(event)
    status, report = report_within(event, text)
    error = _error(status, report, model, _where(**place))
    error.body = event if len(text) <= LONGEST_BODY else text[:LONGEST_BODY]
    return error


def shortened(message: str, *, is_cut: bool = False) -> str:
    """Make of somebody else's message, or of its beginning, a sentence of bounded length."""
    message = message.strip()
    if len(message) > _LONGEST_QUOTE:
        length = f"at least {len(message)}" if is_cut else str(len(message))
        message = f"{message[:_LONGEST_QUOTE]}… ({length} characters in all)"
    return message if message.endswith((".", "!", "?", ")", "…")) else f"{message}."


def _error(
    status: int | None, report: Report, model: str | None, where: str, *, is_cut: bool = False
) -> ScalewayError:
    error_class = _class_for(status, report)
    answered = "sent an error" if status is None else f"answered {status}"
    about = "" if model is None else f" for model {model!r}"
    quote = report.message
    if report.type and report.type.isupper() and report.type not in quote:
        quote = f"{report.type}: {quote}"
    message = f"Scaleway {answered}{about}: {shortened(quote, is_cut=is_cut)}"
    if advice := _advice(status, report, error_class, model):
        similar = f"Did you mean {found!r}? " if (found := similar_model(model or "")) else ""
        message += f" {advice.format(where=where, similar=similar)} See {DOCUMENTATION_URL}/errors"
    # JSON can hold halves of characters, which no terminal and no log could write.
    message = message.encode("utf-8", "replace").decode()
    error = error_class(
        message,
        status_code=status,
        code=report.code,
        type=report.type,
        param=report.param,
        model=model,
    )
    if error_class is ScalewayResponseError:
        error.is_retryable = False  # Another try would be redirected, too.
    return error


def _class_for(status: int | None, report: Report) -> type[ScalewayError]:
    by_status = _OVERFLOW_BY_STATUS.get(status or 0)
    if (by_status and re.search(by_status, report.message)) or (
        status in _OVERFLOW_STATUSES
        and (
            {report.type, report.code} & _OVERFLOW_TYPES
            or report.param in _OVERFLOW_PARAMS
            or re.search(_CONTEXT_OVERFLOW, report.message)
        )
    ):
        return ScalewayContextOverflowError
    if status is None or status >= _FIRST_SERVER_ERROR:
        return ScalewayAPIError
    if status < _FIRST_CLIENT_ERROR:
        return ScalewayResponseError
    if (
        status == _UNPROCESSABLE
        and report.type != _ROUTE_NOT_SUPPORTED
        and re.search(_UNKNOWN_MODEL, report.message)
    ):
        return ScalewayModelNotFoundError
    return _BY_STATUS.get(status, ScalewayInvalidRequestError)


def _advice(
    status: int | None, report: Report, error_class: type[ScalewayError], model: str | None
) -> str:
    facts = model_facts(model or "")
    if error_class is ScalewayContextOverflowError and facts and "chat" not in facts.kinds:
        return _SHORTER_TEXTS
    for key, advice in _ADVICE:
        if isinstance(key, str):
            if found := re.search(key, report.message):
                return advice.format(*found.groups())
        elif key in (status, error_class):
            return advice
    return ""


def _where(*, project_id: str | None = None, is_serverless: bool = True) -> str:
    """Where the key needs rights."""
    if not is_serverless:
        return (
            f"On a dedicated deployment {_RIGHTS} in the deployment's project; any other server "
            "has rules of its own."
        )
    if project_id:
        return (
            f"In the project {project_id} of the URL {_RIGHTS}; check that this is the project "
            "that you mean."
        )
    return (
        f"Without a project in the URL the key's default project counts, and there {_RIGHTS}. Pass "
        "`project_id` or set SCW_DEFAULT_PROJECT_ID, so that "
        "https://api.scaleway.ai/{project_id}/v1 is asked."
    )
