"""(status, headers, body) -> the exception that says what happened and what to do.

One function serves HTTP answers and the error events inside a stream alike. Three shapes of
bodies are known (Scaleway's page "Understanding errors" and public captures of 2026): the
gateway's flat one, whose `error` is a word; the one with an `error` object; and the older
`"object": "error"`. vLLM's own framework adds a fourth, with `detail`.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

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

_LONGEST_QUOTE = 2_000
"""How many characters of the service's own message a message of ours repeats."""

_CONTEXT_OVERFLOW = re.compile(
    "|".join(
        (
            r"maximum context length",  # vLLM, with and without a sum of prompt and output
            r"(?:longer|exceeds?|larger|greater) than the (?:model's )?(?:maximum|max) "
            r"(?:model|context|sequence) length",  # vLLM's engine
            r"longer than the maximum model length",
            r"exceeds? the (?:available |model's )?context (?:size|length|window)",  # llama.cpp
            r"exceeds? (?:the )?(?:model's )?(?:maximum )?context",
            r"context[ _](?:length|window)[ _](?:is )?exceed",
            r"longer than the model's context length",
            r"(?:prompt|input) is too long",
        )
    ),
    re.IGNORECASE,
)
_CONTEXT_OVERFLOW_TYPES = frozenset({"exceed_context_size_error", "context_length_exceeded"})

_UNKNOWN_MODEL = re.compile(r"\b(?:model|endpoint|route)\b", re.IGNORECASE)

_BY_STATUS: dict[int, type[ScalewayError]] = {
    401: ScalewayAuthenticationError,
    403: ScalewayPermissionDeniedError,
    404: ScalewayModelNotFoundError,
    408: ScalewayTimeoutError,
    409: ScalewayAPIError,
    425: ScalewayAPIError,
    429: ScalewayRateLimitError,
}

_ADVICE: dict[int, str] = {
    401: (
        "Set SCW_SECRET_KEY or pass `api_key`: the secret key of a Scaleway IAM API key, not "
        "the access key."
    ),
    404: "`list_models()` and the page “Models” name the models that are served.",
    408: "Try again.",
    413: "Send fewer or smaller messages, images or tools.",
    422: "`list_models()` and the page “Models” name the models that are served.",
    429: (
        "Quotas are per model and organization: requests per minute, tokens per minute and "
        "requests at once. Send less at a time, raise `max_retries`, or ask Scaleway for a "
        "higher quota; this has nothing to do with billing."
    ),
    504: (
        "The generation took longer than the service allows (about five minutes). Stream the "
        "answer, lower `max_tokens` or `reasoning_effort`, or ask for less; a prompt that makes "
        "the model repeat itself ends like this every time."
    ),
}

_ADVICE_BY_WORDS: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(r"max_completion_tokens is limited to (\d+)"),
        "Set `max_tokens` to {0} or less.",
    ),
    (
        re.compile(r"must alternate"),
        "This model's chat template wants user and assistant by turns: merge neighbours of the "
        "same role, for example with `langchain_core.messages.merge_message_runs`.",
    ),
    (
        re.compile(r"is not a multimodal model"),
        "Send text only, or use a model that takes images; the page “Models” names them.",
    ),
    (
        re.compile(r"Unsupported chat content part type"),
        "Scaleway's chat models take no files: extract the text, or send pages as images.",
    ),
)


class _Report(NamedTuple):
    """What the service said, in one shape."""

    message: str
    code: str | int | None = None
    type: str | None = None
    param: str | None = None


def error_from(
    status: int,
    headers: Mapping[str, str],
    text: str,
    *,
    model: str | None,
    project_id: str | None = None,
) -> ScalewayError:
    """Make the exception for an HTTP answer that is no success.

    Args:
        status: The HTTP status.
        headers: The answer's headers, names in lower case.
        text: The body, without anything secret.
        model: The model that was asked.
        project_id: The project in the URL, where there is one.

    Returns:
        The exception, to be raised.
    """
    body = _parse(text)
    response = ErrorResponse(status, headers, text)
    return _error(status, _report(body, text), body, response, model, project_id)


def error_from_event(
    event: Mapping[str, Any], *, model: str | None, project_id: str | None = None
) -> ScalewayError:
    """Make the exception for an error that came with a success status.

    Args:
        event: The event of a stream, or the body of a whole answer.
        model: The model that was asked.
        project_id: The project in the URL, where there is one.

    Returns:
        The exception, to be raised. Its status is the one that the error itself names.
    """
    report = _report(dict(event), json.dumps(event, ensure_ascii=False))
    status = event.get("status", report.code)
    status = int(status) if str(status).isdigit() else None
    return _error(status, report, dict(event), None, model, project_id)


def is_error(body: Mapping[str, Any]) -> bool:
    """Whether a JSON object that came with a success status is an error."""
    return bool(body.get("error")) or body.get("object") == "error"


def _error(
    status: int | None,
    report: _Report,
    body: Any,
    response: ErrorResponse | None,
    model: str | None,
    project_id: str | None,
) -> ScalewayError:
    error_class = _class_for(status, report)
    return error_class(
        _describe(status, report, error_class, model, project_id),
        status_code=status,
        code=report.code,
        type=report.type,
        param=report.param,
        model=model,
        body=body,
        response=response,
    )


def _class_for(status: int | None, report: _Report) -> type[ScalewayError]:
    if status is None or status >= 500:  # noqa: PLR2004 -- the HTTP class of server errors
        return ScalewayAPIError
    if status < 400:  # noqa: PLR2004 -- a redirect, which is never followed
        return ScalewayResponseError
    if status in (400, 413, 416, 422) and (
        report.type in _CONTEXT_OVERFLOW_TYPES
        or report.code in _CONTEXT_OVERFLOW_TYPES
        or _CONTEXT_OVERFLOW.search(report.message)
    ):
        return ScalewayContextOverflowError
    if status == 422 and _UNKNOWN_MODEL.search(report.message):  # noqa: PLR2004 -- see the table
        return ScalewayModelNotFoundError
    return _BY_STATUS.get(status, ScalewayInvalidRequestError)


def _describe(
    status: int | None,
    report: _Report,
    error_class: type[ScalewayError],
    model: str | None,
    project_id: str | None,
) -> str:
    answered = "sent an error in the stream" if status is None else f"answered {status}"
    quote = _shortened(report.message)
    if report.type and report.type.isupper() and report.type not in quote:
        quote = f"{report.type}: {quote}"
    advice = _advice(status, report.message, error_class, project_id)
    return f"Scaleway {answered} for model {model!r}: {quote}{advice}"


def _advice(
    status: int | None, message: str, error_class: type[ScalewayError], project_id: str | None
) -> str:
    for pattern, advice in _ADVICE_BY_WORDS:
        if found := pattern.search(message):
            return _with_link(advice.format(*found.groups()))
    if error_class is ScalewayContextOverflowError:
        return _with_link(
            "Prompt and requested output share one window: shorten the history (`trim_messages`, "
            "summarization) or lower `max_tokens`."
        )
    if error_class is ScalewayPermissionDeniedError:
        return _with_link(_permission_advice(project_id))
    if error_class is ScalewayResponseError:
        return _with_link("Redirects are not followed, since the key must go nowhere else.")
    if status in _ADVICE:
        return _with_link(_ADVICE[status])
    if error_class is ScalewayAPIError:
        return _with_link("Try again; Scaleway's status page tells whether it is a known fault.")
    return ""


def _permission_advice(project_id: str | None) -> str:
    rights = "the key needs the permission set GenerativeApisModelAccess"
    if project_id:
        return f"In the project {project_id} of the URL {rights}, and that must be its project."
    return (
        "Without a project in the URL the key's default project counts, and there "
        f"{rights}. Pass `project_id` or set SCW_DEFAULT_PROJECT_ID, so that "
        "https://api.scaleway.ai/{project_id}/v1 is asked."
    )


def _with_link(advice: str) -> str:
    return f" {advice} See {DOCUMENTATION_URL}/errors"


def _report(body: Any, text: str) -> _Report:
    """Read one of the known shapes, or take the body as it is."""
    if not isinstance(body, dict):
        return _Report(text.strip() or "(the body is empty)")
    error = body.get("error")
    if isinstance(error, dict):
        return _from_fields(error, error.get("type"), text)
    if isinstance(error, str):
        # The gateway's word for the error is its type; with vLLM's 401 it is all there is.
        return _from_fields({"message": error, **body}, error, text)
    if body.get("detail"):
        return _Report(str(body["detail"]))
    return _from_fields(body, body.get("type"), text)


def _from_fields(fields: Mapping[str, Any], error_type: Any, text: str) -> _Report:
    code = fields.get("code")
    return _Report(
        message=str(fields.get("message") or text),
        code=code if isinstance(code, (str, int)) else None,
        type=error_type if isinstance(error_type, str) else None,
        param=str(fields["param"]) if fields.get("param") is not None else None,
    )


def _parse(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _shortened(message: str) -> str:
    message = message.strip()
    if len(message) > _LONGEST_QUOTE:
        message = f"{message[:_LONGEST_QUOTE]}… ({len(message)} characters in all)"
    return message if message.endswith((".", "!", "?", ")", "…")) else f"{message}."
