"""Error answers, in the three shapes that Scaleway uses and the words of gateway and engine.

The gateway answers flat, recent models answer as OpenAI does, older models as older vLLM
releases did. Samples of all three are in Scaleway's page "Understanding errors" (2025-10-07),
in live captures of 2026-07 (gateway) and in vLLM 0.32's recordings (`err_*`).
"""

from __future__ import annotations

from typing import Any, Final, Literal

import orjson

ErrorShape = Literal["gateway", "recent", "legacy"]

ERROR_SHAPES: Final[tuple[ErrorShape, ...]] = ("gateway", "recent", "legacy")

# The `error` strings of the gateway that have been captured, and by analogy the HTTP reason
# phrase in capitals for those that have not (403, 404, 5xx).
_GATEWAY_ERRORS: Final = {
    400: "BAD REQUEST",
    401: "UNAUTHORIZED",
    403: "FORBIDDEN",
    404: "NOT FOUND",
    405: "METHOD NOT ALLOWED",
    422: "UNPROCESSABLE ENTITY",
    429: "INSUFFICIENT QUOTA",
    500: "INTERNAL SERVER ERROR",
    502: "BAD GATEWAY",
    503: "SERVICE UNAVAILABLE",
    504: "GATEWAY TIMEOUT",
}
# vLLM's names for the status codes it answers with.
_ENGINE_TYPES: Final = {
    400: "BadRequestError",
    401: "AuthenticationError",
    404: "NotFoundError",
    429: "RateLimitError",
    500: "InternalServerError",
    503: "ServiceUnavailableError",
}


class Refusal(Exception):  # noqa: N818 -- an answer of the service, not a fault of this program
    """An error answer.

    Attributes:
        status: The HTTP status.
        body: The JSON object.
    """

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body


def error_body(
    shape: ErrorShape,
    status: int,
    message: str,
    *,
    error: str | None = None,
    param: str | None = None,
) -> dict[str, Any]:
    """Return the JSON object of an error in one of Scaleway's shapes.

    Args:
        shape: `gateway` is `{"status", "error", "message"}`, `recent` is
            `{"error": {"message", "type", "param", "code"}}` and `legacy` is
            `{"object": "error", "message", "type", "param", "code"}`.
        status: The HTTP status the body repeats.
        message: Scaleway's sentence.
        error: The gateway's upper-case word, or the engine's type; derived from the status
            when absent.
        param: The field an engine complains about; the gateway names none.
    """
    if shape == "gateway":
        word = error or _GATEWAY_ERRORS.get(status, "ERROR")
        return {"status": status, "error": word, "message": message}
    details = {
        "message": message,
        "type": error or _ENGINE_TYPES.get(status, "InternalServerError"),
        "param": param,
        "code": status,
    }
    if shape == "recent":
        return {"error": details}
    return {"object": "error", **details}


def encode_error(shape: ErrorShape, status: int, message: str, **details: str | None) -> bytes:
    """Return `error_body` as JSON bytes."""
    return orjson.dumps(error_body(shape, status, message, **details))


def gateway_refusal(status: int, message: str, error: str | None = None) -> Refusal:
    """Return a refusal in the gateway's flat shape."""
    return Refusal(status, error_body("gateway", status, message, error=error))


def engine_refusal(
    message: str,
    *,
    param: str | None = None,
    kind: str | None = None,
    shape: ErrorShape = "recent",
    status: int = 400,
) -> Refusal:
    """Return a refusal by the engine."""
    return Refusal(status, error_body(shape, status, message, error=kind, param=param))


def bad_parameter(sentence: str, field: str, value: object = None) -> Refusal:
    """Refuse a value as vLLM does: the sentence, then the parameter and what it was."""
    given = "" if value is None else f", value={value}"
    return engine_refusal(f"{sentence} (parameter={field}{given})", param=field)


def not_served(path: str) -> Refusal:
    """Return the gateway's refusal of a path that a model does not serve (live, 2026-08)."""
    return gateway_refusal(422, f"endpoint '{path}' is not supported", "ROUTE NOT SUPPORTED")
