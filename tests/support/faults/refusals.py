"""Requests that the service refuses, and its own failures."""

from langchain_core.messages import BaseMessage, HumanMessage

from langchain_scaleway import errors
from langchain_scaleway.testing import (
    HtmlError,
    HttpError,
    HugeError,
    RawReply,
    Redirect,
    rate_limited,
)
from tests.support.faults.places import SOON, emulated, foreign_project, raw, wrong_path
from tests.support.faults.table import Raises, Retried, Row
from tests.support.raw_server import sends, trickles


def with_status(
    status: int, message: str, error: type[errors.ScalewayError], retried: Retried
) -> Row:
    """A row for an HTTP status with the gateway's body."""
    return Row(
        f"{status}: {message.rstrip('.')}",
        emulated(HttpError(status, message)),
        Raises(error, message, retried, status),
    )


_ALTERNATION = "conversation roles must alternate user/assistant/user/assistant/..."
_OVERFLOW = (
    "This model's maximum context length is 40960 tokens. However, you requested 50000 tokens."
)
_BREAKS_OFF = sends(
    b"HTTP/1.1 403 Forbidden\r\ncontent-length: 90\r\n\r\n"
    b'{"status": 403, "error": "FORBIDDEN", "message": "insuffi'
)
_STALLS = trickles(
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 90\r\n\r\n",
    [b"The engine is restarting"],
    60,
)
_TWO_QUESTIONS: list[BaseMessage] = [HumanMessage("One?"), HumanMessage("Two?")]

REFUSALS = [
    Row(
        "401: no key",
        emulated(),
        Raises(errors.ScalewayAuthenticationError, "missing 'Authorization' header", "no", 401),
        fields={"api_key": None},
    ),
    Row(
        "403: a wrong key",
        emulated(),
        Raises(errors.ScalewayPermissionDeniedError, "the API key is not valid", "no", 403),
        fields={"api_key": "5ca1e0a1-0000-4000-8000-00000000dead"},
    ),
    Row(
        "403: no rights on the project",
        foreign_project,
        Raises(errors.ScalewayPermissionDeniedError, "insufficient permissions", "no", 403),
    ),
    Row(
        "403 with a body that breaks off",
        raw(_BREAKS_OFF),
        Raises(errors.ScalewayPermissionDeniedError, "FORBIDDEN", "no", 403),
    ),
    Row(
        "404: a wrong path in `base_url`",
        wrong_path,
        Raises(errors.ScalewayModelNotFoundError, "not found", "no", 404),
    ),
    Row(
        "422: an unknown model",
        emulated(),
        Raises(errors.ScalewayModelNotFoundError, "model 'no-such-model' not found", "no", 422),
        fields={"model": "no-such-model"},
    ),
    Row(
        "400: more output tokens than the model gives",
        emulated(),
        Raises(
            errors.ScalewayInvalidRequestError, "max_completion_tokens is limited to", "no", 400
        ),
        fields={"max_tokens": 9_999_999},
    ),
    Row(
        "400: prompt and output do not fit the context window",
        emulated(HttpError(400, _OVERFLOW, "recent")),
        Raises(errors.ScalewayContextOverflowError, _OVERFLOW, "no", 400),
    ),
    Row(
        "400: roles that do not alternate",
        emulated(HttpError(400, _ALTERNATION, "legacy")),
        Raises(errors.ScalewayInvalidRequestError, _ALTERNATION, "no", 400),
        prompt=_TWO_QUESTIONS,
    ),
    with_status(408, "Request timeout", errors.ScalewayTimeoutError, "yes"),
    with_status(409, "Conflict", errors.ScalewayAPIError, "yes"),
    with_status(413, "Payload too large", errors.ScalewayInvalidRequestError, "no"),
    with_status(416, "Too many tokens asked for", errors.ScalewayInvalidRequestError, "no"),
    with_status(425, "Too early", errors.ScalewayAPIError, "yes"),
    Row(
        "429: too many requests at once",
        emulated(rate_limited()),
        Raises(errors.ScalewayRateLimitError, "limit of concurrent requests", "yes", 429),
    ),
    Row(
        "429: the quota of a minute is used up",
        emulated(rate_limited("You exceeded your current quota of tokens per minute.")),
        Raises(errors.ScalewayRateLimitError, "quota of tokens per minute", "yes", 429),
    ),
    Row(
        "429 whose `Retry-After` is more than a minute away",
        emulated(HttpError(429, "Come back later", headers={"retry-after": "61"})),
        Raises(errors.ScalewayRateLimitError, "Come back later", "no", 429),
    ),
]

SERVER_ERRORS = [
    Row(
        "500, as recent models say it",
        emulated(HttpError(500, "The engine died", "recent")),
        Raises(errors.ScalewayAPIError, "The engine died", "yes", 500),
    ),
    Row(
        "500, as older models say it",
        emulated(HttpError(500, "The engine died", "legacy")),
        Raises(errors.ScalewayAPIError, "The engine died", "yes", 500),
    ),
    with_status(500, "Internal server error", errors.ScalewayAPIError, "yes"),
    with_status(501, "Not implemented", errors.ScalewayAPIError, "no"),
    Row(
        "502 with a page of HTML",
        emulated(HtmlError()),
        Raises(errors.ScalewayAPIError, "502 Bad Gateway", "yes", 502),
    ),
    Row(
        "503 without a body",
        emulated(RawReply(503)),
        Raises(errors.ScalewayAPIError, "the body is empty", "yes", 503),
    ),
    Row(
        "503 with a body that stalls",
        raw(_STALLS),
        Raises(errors.ScalewayAPIError, "The engine is restarting", "yes", 503),
        fields={"timeout": SOON},
    ),
    Row(
        "504: the generation took too long",
        emulated(HtmlError(504, "Gateway Time-out")),
        Raises(errors.ScalewayAPIError, "504 Gateway Time-out", "once", 504),
    ),
    Row(
        "an error of 50 MB, of which the first 64 KiB are read",
        emulated(HugeError()),
        Raises(errors.ScalewayAPIError, "xxx", "yes", 500),
    ),
    Row(
        "a redirect, which is not followed",
        emulated(Redirect("http://elsewhere.invalid/v1")),
        Raises(
            errors.ScalewayResponseError,
            "a redirect to http://elsewhere.invalid/v1",
            status=307,
            retryable=False,
        ),
    ),
]
