"""What is refused, in the three shapes that Scaleway uses and the words of gateway and engine.

The gateway answers flat, recent models answer as OpenAI does, older models as older vLLM
releases did (Scaleway's page "Understanding errors", 2025-10-07; live captures of 2026-07; vLLM
0.32's recordings `err_*`). Whatever checks a request raises `Refusal`.
"""

from collections.abc import Callable
from http.client import responses as reason_phrases
from typing import Any, Final, Literal

from pydantic_core import ErrorDetails

ErrorShape = Literal["gateway", "recent", "legacy"]

# Of the gateway's words the first two have been captured, as have those for 400, 401 and 405,
# which are HTTP's own in capitals. The others are by analogy.
_GATEWAY_WORDS: Final = {422: "UNPROCESSABLE ENTITY", 429: "INSUFFICIENT QUOTA"}
_ENGINE_TYPES: Final = {
    400: "BadRequestError",
    401: "AuthenticationError",
    404: "NotFoundError",
    429: "RateLimitError",
    503: "ServiceUnavailableError",
}
_MOST_ERRORS: Final = 10  # vLLM lists so many validation errors and counts the rest
_PLAIN_TYPES: Final = frozenset({"str", "int", "float", "bool"})


class Refusal(Exception):  # noqa: N818 -- an answer of the service, not a fault of this program
    """An error answer: its status, and its body as a JSON object."""

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

    `error` is the gateway's upper-case word, or the engine's type; derived from the status when
    absent. `param` is the field an engine complains about; the gateway names none.
    """
    if shape == "gateway":
        word = _GATEWAY_WORDS.get(status) or reason_phrases.get(status, "ERROR").upper()
        return {"status": status, "error": error or word, "message": message}
    kind = error or _ENGINE_TYPES.get(status, "InternalServerError")
    details = {"message": message, "type": kind, "param": param, "code": status}
    return {"error": details} if shape == "recent" else {"object": "error", **details}


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


def check_length(tokens: int, window: int) -> None:
    """Check that a prompt fits into the context window, in vLLM's words (recorded)."""
    if tokens > window:
        raise bad_parameter(
            f"This model's maximum context length is {window} tokens. However, your prompt "
            f"contains at least {window + 1} input tokens, which exceeds this limit even without "
            "any output tokens. Please reduce the length of the input prompt.",
            "input_tokens",
            window + 1,
        )


_RANGES: Final[dict[str, tuple[Callable[[float], bool], str]]] = {
    # vLLM bounds it below only, Scaleway's range was measured on 2026-09-15.
    "temperature": (lambda value: 0 <= value <= 2, "be in [0, 2]"),  # noqa: PLR2004 -- as it says
    "top_p": (lambda value: 0 < value <= 1, "be in (0, 1]"),
    "max_completion_tokens": (lambda value: value >= 1, "be at least 1"),
    "max_tokens": (lambda value: value >= 1, "be at least 1"),
    "top_n": (lambda value: value >= 0, "not be negative"),
}


def check_range(field: str, value: float | None) -> None:
    """Check the range of a number."""
    is_good, rule = _RANGES[field]
    if value is not None and not is_good(value):
        raise bad_parameter(f"{field} must {rule}, got {value}.", field, value)


def invalid(*errors: ErrorDetails) -> Refusal:
    """Refuse with Pydantic's errors as vLLM 0.32 lists them (recordings `err_*`)."""
    lines, param = [], ""
    for error in errors[:_MOST_ERRORS]:
        # Classes under their public names, and no plain types of a union, as vLLM shows them.
        steps = (str(step).lstrip("_") for step in error["loc"])
        shown_steps = (one for one in steps if one not in _PLAIN_TYPES and "[" not in one)
        place = ".".join(("body", *shown_steps))
        param = param or place
        given = error["input"]
        if isinstance(given, dict | list):
            given = f"<{type(given).__name__} of {len(given)} items>"
        shown: dict[str, Any] = {"type": error["type"], "loc": place, "msg": error["msg"]}
        shown["input"] = str(given)
        if context := error.get("ctx"):
            shown["ctx"] = {name: str(value) for name, value in context.items()}
        lines.append(f"\n  {shown}")
    if len(errors) > _MOST_ERRORS:
        lines.append(f"\n  ...and {len(errors) - _MOST_ERRORS} more errors")
    counted = f"{len(errors)} validation error{'s' if len(errors) > 1 else ''}:"
    return engine_refusal(counted + "".join(lines), param=param, kind="Bad Request")
