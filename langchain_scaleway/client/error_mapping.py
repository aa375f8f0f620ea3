"""Status, headers and body of a refusal -> the exception that says what happened and what to do.

One function serves HTTP answers and the error events inside a stream alike. Three shapes of
bodies are known (Scaleway's page "Understanding errors" and public captures of 2026): the
gateway's flat one, whose `error` is a word; the one with an `error` object; and the older
`"object": "error"`. vLLM's own framework adds a fourth, with `detail`.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from langchain_scaleway.data import similar_model
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
    r"|(?:prompt|input) is too long"  # Anthropic's and others', through gateways
)
"""How servers say that prompt and answer do not fit; tests hold each to what was recorded."""

_OVERFLOW_TYPES = frozenset({"exceed_context_size_error", "context_length_exceeded"})
_OVERFLOW_PARAMS = frozenset({"input_tokens", "input_text"})  # vLLM 0.32
_TOO_LARGE_A_PROMPT = r"(?i)\b(?:tokens?|prompt|context)\b"

_NESTED_TOO_DEEPLY = "(nested too deeply to be shown)"

_HTML_TITLE = r"(?is)<title[^>]*>(.*?)</title>"

_FIRST_CLIENT_ERROR = 400
_FIRST_SERVER_ERROR = 500
_TOO_LARGE = 413
_UNPROCESSABLE = 422
_OVERFLOW_STATUSES = frozenset({None, 400, _TOO_LARGE, 416, _UNPROCESSABLE})

_UNKNOWN_MODEL = r"(?i)\b(?:model|endpoint|route)\b"

_BY_STATUS: dict[int, type[ScalewayError]] = {
    401: ScalewayAuthenticationError,
    403: ScalewayPermissionDeniedError,
    404: ScalewayModelNotFoundError,
    408: ScalewayTimeoutError,
    409: ScalewayAPIError,
    425: ScalewayAPIError,
    429: ScalewayRateLimitError,
}

_ADVICE_BY_STATUS: dict[int | None, str] = {
    401: (
        "Set SCW_SECRET_KEY or pass `api_key`: the secret key of a Scaleway IAM API key, not "
        "the access key."
    ),
    408: "Try again.",
    413: "Send fewer or smaller messages, images or tools.",
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

_ROUTE_NOT_SUPPORTED = "ROUTE NOT SUPPORTED"
"""The type of an error that a known model gives on an API that it is not served on."""

_ADVICE_ON_OVERFLOW = (
    "Prompt and requested output share one window: shorten the history (`trim_messages`, "
    "summarization) or lower `max_tokens`."
)

_ADVICE_BY_CLASS: dict[type[ScalewayError], str] = {
    ScalewayModelNotFoundError: (
        "`list_models()` and the page “Models” name the models that are served."
    ),
    ScalewayAPIError: "Try again; Scaleway's status page tells whether it is a known fault.",
    ScalewayResponseError: "Redirects are not followed: the key must go nowhere else.",
}

_ADVICE_BY_WORDS: tuple[tuple[str, str], ...] = (
    (
        r"max_completion_tokens is limited to (\d+)",
        "Set `max_tokens` to {0} or less.",
    ),
    (
        r"cannot be greater than max_model_len=(\d+)",
        "Set `max_tokens` so low that prompt and answer fit into {0} tokens.",
    ),
    (
        (  # mistral-common and the chat templates of Mistral, Qwen, Llama and gpt-oss
            r"must alternate|Only user and assistant roles|Expected last role|Unexpected role|"
            r"[Tt]ool call id|Not the same number of function calls|System message must be at the|"
            r"No user query found|single tool-calls at once|no first user message|has tool role"
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
    (
        r"endpoint '\S+' is not supported",
        "The page “Models” names the models of each API.",
    ),
    (
        r"Unsupported chat content part type",
        "Scaleway's chat models take no files: extract the text, or send pages as images.",
    ),
)


class _Report(NamedTuple):
    """What the service said, in one shape."""

    message: str
    code: str | int | None = None
    type: str | None = None
    param: str | None = None


class _Failure(NamedTuple):
    """All that is known about a failed request."""

    status: int | None
    report: _Report
    model: str | None
    project_id: str | None
    is_serverless: bool = True
    is_cut: bool = False


def error_from(
    status: int,
    headers: Mapping[str, str],
    text: str,
    *,
    model: str | None,
    project_id: str | None = None,
    is_serverless: bool = True,
) -> ScalewayError:
    """Make the exception for an unsuccessful HTTP answer.

    Args:
        status: The HTTP status.
        headers: The answer's headers, names in lower case.
        text: The body, or its first `LONGEST_BODY` bytes.
        model: The model that was asked.
        project_id: The project in the URL, where there is one.
        is_serverless: Whether the serverless API was asked, rather than another server.

    Returns:
        The exception, to be raised.
    """
    body = _parse(text)
    report = _report(body, text)
    if "location" in headers and status < _FIRST_CLIENT_ERROR:
        report = _Report(f"a redirect to {headers['location']}.")
    is_cut = len(text.encode("utf-8", "replace")) >= LONGEST_BODY
    failure = _Failure(status, report, model, project_id, is_serverless, is_cut)
    return _error(failure, body, ErrorResponse(status, headers, text))


def error_from_event(
    event: Mapping[str, Any],
    *,
    model: str | None,
    project_id: str | None = None,
    is_serverless: bool = True,
) -> ScalewayError:
    """Make the exception for an error that came with a success status.

    Args:
        event: The event of a stream, or the body of a whole answer.
        model: The model that was asked.
        project_id: The project in the URL, where there is one.
        is_serverless: Whether the serverless API was asked, rather than another server.

    Returns:
        The exception, to be raised. Its status is the one that the error itself names.
    """
    text = _as_text(event)
    report = _report(event, text)
    status = _status_within(event, report.code)
    failure = _Failure(status, report, model, project_id, is_serverless)
    return _error(failure, event if len(text) <= LONGEST_BODY else text[:LONGEST_BODY], None)


def is_error(body: Mapping[str, Any]) -> bool:
    """Whether a JSON object that came with a success status is an error."""
    if body.get("error") or body.get("object") == "error":
        return True
    if body.get("choices"):
        return False
    return bool(body.get("detail")) or isinstance(body.get("message"), str)


def _error(failure: _Failure, body: Any, response: ErrorResponse | None) -> ScalewayError:
    error_class = _class_for(failure)
    error = error_class(
        _describe(failure, error_class),
        status_code=failure.status,
        code=failure.report.code,
        type=failure.report.type,
        param=failure.report.param,
        model=failure.model,
        body=body,
        response=response,
    )
    if error_class is ScalewayResponseError:
        error.is_retryable = False  # Another try would be redirected, too.
    return error


def _class_for(failure: _Failure) -> type[ScalewayError]:
    status, report = failure.status, failure.report
    if status in _OVERFLOW_STATUSES and (
        {report.type, report.code} & _OVERFLOW_TYPES
        or report.param in _OVERFLOW_PARAMS
        or re.search(_CONTEXT_OVERFLOW, report.message)
        or (status == _TOO_LARGE and re.search(_TOO_LARGE_A_PROMPT, report.message))
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


def _describe(failure: _Failure, error_class: type[ScalewayError]) -> str:
    report = failure.report
    answered = "sent an error" if failure.status is None else f"answered {failure.status}"
    quote = report.message
    if report.type and report.type.isupper() and report.type not in quote:
        quote = f"{report.type}: {quote}"
    advice = _advice(failure, error_class)
    if advice:
        advice = f" {advice} See {DOCUMENTATION_URL}/errors"
    about = "" if failure.model is None else f" for model {failure.model!r}"
    said = shortened(quote, is_cut=failure.is_cut)
    message = f"Scaleway {answered}{about}: {said}{advice}"
    # JSON can hold halves of characters, which no terminal and no log could write.
    return message.encode("utf-8", "replace").decode()


def _advice(failure: _Failure, error_class: type[ScalewayError]) -> str:
    for pattern, advice in _ADVICE_BY_WORDS:
        if found := re.search(pattern, failure.report.message):
            return advice.format(*found.groups())
    if error_class is ScalewayContextOverflowError:
        return _ADVICE_ON_OVERFLOW
    if error_class is ScalewayPermissionDeniedError:
        return _permission_advice(failure)
    if error_class is ScalewayModelNotFoundError and (
        similar := similar_model(failure.model or "")
    ):
        return f"Did you mean {similar!r}? {_ADVICE_BY_CLASS[error_class]}"
    return _ADVICE_BY_STATUS.get(failure.status) or _ADVICE_BY_CLASS.get(error_class, "")


def _permission_advice(failure: _Failure) -> str:
    rights = "the key needs the permission set GenerativeApisModelAccess"
    if not failure.is_serverless:
        where = (
            f"On a dedicated deployment {rights} in the deployment's project; any other server "
            "has rules of its own."
        )
    elif failure.project_id:
        where = (
            f"In the project {failure.project_id} of the URL {rights}; check that this is the "
            "project that you mean."
        )
    else:
        where = (
            "Without a project in the URL the key's default project counts, and there "
            f"{rights}. Pass `project_id` or set SCW_DEFAULT_PROJECT_ID, so that "
            "https://api.scaleway.ai/{project_id}/v1 is asked."
        )
    return f"The key is unknown (mistyped, deleted, expired), or it lacks a right. {where}"


def _report(body: Any, text: str) -> _Report:
    """Read one of the known shapes, or take the body as it is."""
    if not isinstance(body, dict):
        title = re.search(_HTML_TITLE, text)
        return _Report((title[1] if title else text).strip() or "(the body is empty)")
    error = body.get("error")
    if isinstance(error, dict):
        return _from_fields(error, error.get("type"), text)
    if isinstance(error, str):
        # The gateway's word for the error is its type; with vLLM's 401 it is all there is.
        return _from_fields({"message": error, **body}, error, text)
    if body.get("detail"):
        return _Report(_as_words(body["detail"]))
    return _from_fields(body, body.get("type"), text)


def _from_fields(fields: Mapping[str, Any], error_type: Any, text: str) -> _Report:
    code = fields.get("code")
    return _Report(
        message=_as_words(fields.get("message") or text),
        code=code if isinstance(code, (str, int)) else None,
        type=error_type if isinstance(error_type, str) else None,
        param=_as_words(fields["param"]) if fields.get("param") is not None else None,
    )


def _parse(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _status_within(event: Mapping[str, Any], code: str | int | None) -> int | None:
    """The HTTP status that an error inside a success names, wherever it does."""
    error = event.get("error")
    places: list[Mapping[str, Any]] = [event, error] if isinstance(error, Mapping) else [event]
    named = [place.get(name) for place in places for name in ("status", "status_code")]
    return next((status for status in map(_status, [*named, code]) if status is not None), None)


def _status(named: Any) -> int | None:
    """What is named as an HTTP status, if it is one of an error."""
    status = _as_words(named)
    if len(status) != len("400") or not status.isdecimal() or int(status) < _FIRST_CLIENT_ERROR:
        return None
    return int(status)


def _as_text(body: Mapping[str, Any]) -> str:
    try:
        return json.dumps(body, ensure_ascii=False)
    except RecursionError:
        return _NESTED_TOO_DEEPLY


def _as_words(said: Any) -> str:
    """What a server said in a field that should hold text, and may hold anything."""
    try:
        return str(said)
    except RecursionError:
        return _NESTED_TOO_DEEPLY


def shortened(message: str, *, is_cut: bool = False) -> str:
    """Make of somebody else's message a sentence, of bounded length, for a message of ours.

    Args:
        message: The message.
        is_cut: Whether only its beginning is known.
    """
    message = message.strip()
    if len(message) > _LONGEST_QUOTE:
        length = f"at least {len(message)}" if is_cut else str(len(message))
        message = f"{message[:_LONGEST_QUOTE]}… ({length} characters in all)"
    return message if message.endswith((".", "!", "?", ")", "…")) else f"{message}."
