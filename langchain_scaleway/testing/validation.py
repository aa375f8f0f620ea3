"""The checks with which Scaleway's gateway and engine refuse a request.

Sentences are those of live captures (gateway), of vLLM 0.32's recordings (`err_*`) and of
vLLM's source, in that order of preference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from langchain_scaleway.testing.chat_request import ChatRequest, content_part_kinds
from langchain_scaleway.testing.error_bodies import ErrorShape, error_body
from langchain_scaleway.testing.models import ServedModel

_MAX_TEMPERATURE: Final = 2
_MAX_TOP_LOGPROBS: Final = 20
_MAX_IMAGES: Final = 12  # "query vision models", 2025-11-19

_ALTERNATION: Final = (
    "After the optional system message, conversation roles must alternate "
    "user/assistant/user/assistant/..."
)
# Lists vLLM's supported parts as answered by a live server in 2026.
_SUPPORTED_PARTS: Final = (
    "audio_embeds",
    "audio_url",
    "image_embeds",
    "image_pil",
    "image_url",
    "input_audio",
    "input_image",
    "input_text",
    "output_text",
    "prompt_embeds",
    "refusal",
    "text",
    "thinking",
    "tool_reference",
    "video_url",
)
_MEDIA_PARTS: Final = frozenset({"image_url", "video_url", "audio_url", "input_audio"})
_ENGINE_EFFORTS: Final = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


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


def gateway_refusal(status: int, message: str, error: str | None = None) -> Refusal:
    """Return a refusal in the gateway's flat shape."""
    return Refusal(status, error_body("gateway", status, message, error=error))


def engine_refusal(
    message: str,
    *,
    param: str | None = None,
    kind: str | None = None,
    shape: ErrorShape = "recent",
) -> Refusal:
    """Return a refusal by the engine, with status 400."""
    return Refusal(400, error_body(shape, 400, message, error=kind, param=param))


def invalid(
    kind: str, place: str, sentence: str, given: str, context: dict[str, str] | None = None
) -> Refusal:
    """Return a refusal as vLLM's Pydantic models word it.

    Args:
        kind: Pydantic's name of the error.
        place: The path below the body, such as `messages.0`; empty for the body itself.
        sentence: What is wrong.
        given: The value, shortened.
        context: Further values that Pydantic gives.
    """
    path = f"body.{place}" if place else "body"
    details: dict[str, object] = {"type": kind, "loc": path, "msg": sentence, "input": given}
    if context:
        details["ctx"] = context
    return engine_refusal(f"1 validation error:\n  {details}", param=path, kind="Bad Request")


def check_gateway(body: dict[str, Any], model: ServedModel) -> None:
    """Check what the gateway checks: the output cap.

    The sentence names `max_completion_tokens` whichever field was sent (live, 2026-08).

    Raises:
        Refusal: The cap is exceeded.
    """
    bound = _output_bound(body)
    if isinstance(bound, int) and bound > model.max_output_tokens:
        message = (
            "payload validation: max_completion_tokens is limited to "
            f"{model.max_output_tokens} for {model.id}"
        )
        raise gateway_refusal(400, message)


def check_engine(body: dict[str, Any], model: ServedModel) -> None:
    """Check what the engine checks.

    Raises:
        Refusal: With the sentence of the first check that fails.
    """
    for check in _ENGINE_CHECKS:
        for refusal in check(body, model):
            if _engine_shape(model) == "legacy" and "error" in refusal.body:
                refusal.body = {"object": "error", **refusal.body["error"]}
            raise refusal


def check_context(request: ChatRequest, model: ServedModel) -> None:
    """Check that prompt and output fit into the context window together.

    The sentences are vLLM's: the first recorded, the second quoted by many of its users.

    Raises:
        Refusal: They do not.
    """
    window, prompt = model.context_window, request.prompt_tokens
    bound = request.max_tokens or 0
    if prompt + bound <= window:
        return
    if prompt > window:
        prompt = window + 1
        reason = (
            f"your prompt contains at least {prompt} input tokens, which exceeds this limit even "
            "without any output tokens. Please reduce the length of the input prompt."
        )
    else:
        reason = (
            f"you requested {bound} output tokens and your prompt contains at least {prompt} "
            f"input tokens, for a total of at least {prompt + bound} tokens. Please reduce the "
            "length of the input prompt or the number of requested output tokens."
        )
    raise engine_refusal(
        f"This model's maximum context length is {window} tokens. However, {reason} "
        f"(parameter=input_tokens, value={prompt})",
        param="input_tokens",
        shape=_engine_shape(model),
    )


def check_fields(body: dict[str, Any]) -> None:
    """Check the types of the fields that everything else relies on.

    Raises:
        Refusal: A field is missing or has the wrong type.
    """
    for refusal in _wrong_fields(body):
        raise refusal


def _wrong_fields(body: dict[str, Any]) -> Iterator[Refusal]:
    yield from _wrong_messages(body)
    for field in ("temperature", "top_p"):
        if not isinstance(body.get(field, 0.0), int | float | None):
            sentence = "Input should be a valid number, unable to parse string as a number"
            yield invalid("float_parsing", field, sentence, str(body[field]))
    for field in ("max_tokens", "max_completion_tokens", "n", "seed", "top_logprobs"):
        if not isinstance(body.get(field, 0), int | None):
            sentence = "Input should be a valid integer, unable to parse string as an integer"
            yield invalid("int_parsing", field, sentence, str(body[field]))
    for number, tool in enumerate(body.get("tools") or []):
        if "function" not in tool:
            place = f"tools.{number}.function"
            yield invalid("missing", place, "Field required", _shown(tool))
    kind = (body.get("response_format") or {"type": "text"}).get("type")
    if kind not in {"text", "json_object", "json_schema"}:
        sentence = "Input should be 'text', 'json_object' or 'json_schema'"
        yield invalid("literal_error", "response_format.type", sentence, str(kind))


def _wrong_messages(body: dict[str, Any]) -> Iterator[Refusal]:
    if "messages" not in body:
        yield invalid("missing", "messages", "Field required", _shown(body))
    messages = body["messages"]
    if not isinstance(messages, list):
        yield invalid("list_type", "messages", "Input should be a valid list", _shown(messages))
    for number, message in enumerate(messages):
        if not isinstance(message, dict):
            place = f"messages.{number}"
            yield invalid("dict_type", place, "Input should be a valid dictionary", str(message))


def _messages(body: dict[str, Any], model: ServedModel) -> Iterator[Refusal]:
    messages = body["messages"]
    if not messages:
        yield engine_refusal(
            "Cannot apply chat template to an empty conversation. Provide at least one message."
        )
    if model.alternating_roles and not _alternates(messages):
        yield engine_refusal(_ALTERNATION, shape="legacy")


def _alternates(messages: list[dict[str, Any]]) -> bool:
    """Apply Mistral's chat template: users and answering assistants take turns.

    Assistant messages that only call tools, and the tools' results, do not count.
    """
    turns = [
        message.get("role")
        for message in messages
        if message.get("role") == "user"
        or (message.get("role") == "assistant" and not message.get("tool_calls"))
    ]
    return all(role == ("user", "assistant")[turn % 2] for turn, role in enumerate(turns))


def _parts(body: dict[str, Any], model: ServedModel) -> Iterator[Refusal]:
    messages = body["messages"]
    kinds = content_part_kinds(messages)
    for kind in kinds.keys() - set(_SUPPORTED_PARTS):
        yield engine_refusal(
            f"Unsupported chat content part type: {kind!r}. "
            f"Supported types: {', '.join(_SUPPORTED_PARTS)}"
        )
    images = kinds["image_url"]
    if not model.images and kinds.keys() & _MEDIA_PARTS:
        yield engine_refusal(f"{model.id} is not a multimodal model")
    if images > _MAX_IMAGES:
        yield engine_refusal(f"At most {_MAX_IMAGES} image(s) may be provided in one prompt.")


def _sampling(body: dict[str, Any], _model: ServedModel) -> Iterator[Refusal]:
    temperature = body.get("temperature")
    if temperature is not None and not 0 <= temperature <= _MAX_TEMPERATURE:
        # vLLM bounds it below only; Scaleway's range [0, 2] was measured on 2026-09-15.
        yield _bad_value("temperature", f"must be in [0, 2], got {float(temperature)}", temperature)
    top_p = body.get("top_p")
    if top_p is not None and not 0 < top_p <= 1:
        yield _bad_value("top_p", f"must be in (0, 1], got {float(top_p)}", float(top_p))
    for field in ("max_completion_tokens", "max_tokens"):
        bound = body.get(field)
        if bound is not None and bound < 1:
            yield _bad_value(field, f"must be at least 1, got {bound}", bound)
    if (n := body.get("n")) is not None and n < 1:
        yield engine_refusal(f"n must be at least 1, got {n}.")
    top = body.get("top_logprobs") or 0
    if top > _MAX_TOP_LOGPROBS:
        message = f"Requested sample logprobs of {top}, which is greater than max allowed: 20"
        yield engine_refusal(f"{message} (parameter=logprobs, value={top})", param="logprobs")
    if top and not body.get("logprobs"):
        message = "when using `top_logprobs`, `logprobs` must be set to true."
        yield engine_refusal(f"{message} (parameter=top_logprobs)", param="top_logprobs")
    if body.get("stream_options") and not body.get("stream"):
        message = "Stream options can only be defined when `stream=True`."
        yield engine_refusal(f"{message} (parameter=stream_options)", param="stream_options")


def _tools(body: dict[str, Any], _model: ServedModel) -> Iterator[Refusal]:
    choice = body.get("tool_choice")
    tools = body.get("tools") or []
    if choice in (None, "none"):
        return
    message = None
    if not tools:
        message = "When using `tool_choice`, `tools` must be set."
    elif isinstance(choice, dict):
        wanted = (choice.get("function") or {}).get("name")
        if wanted not in {tool["function"].get("name") for tool in tools}:
            message = (
                "The tool specified in `tool_choice` does not match any of the specified `tools`"
            )
    elif choice not in {"auto", "required"}:
        message = (
            f"Invalid value for `tool_choice`: {choice}! Only named tools, "
            '"none", "auto" or "required" are supported.'
        )
    if message:
        yield engine_refusal(f"{message} (parameter=tool_choice)", param="tool_choice")


def _response_format(body: dict[str, Any], _model: ServedModel) -> Iterator[Refusal]:
    response_format = body.get("response_format") or {}
    if response_format.get("type") == "json_schema" and not response_format.get("json_schema"):
        message = "When response_format type is 'json_schema', the 'json_schema' field must be"
        yield engine_refusal(
            f"{message} provided. (parameter=response_format)", param="response_format"
        )


def _effort(body: dict[str, Any], model: ServedModel) -> Iterator[Refusal]:
    effort = body.get("reasoning_effort")
    if effort is None:
        return
    if not model.reasons:
        # Only that it is a validation error is known (a third party's code, 2026-08-15).
        message = f"reasoning_effort is not supported by {model.id}."
        yield engine_refusal(f"{message} (parameter=reasoning_effort)", param="reasoning_effort")
    allowed = _ENGINE_EFFORTS if model.lenient_efforts else model.efforts
    if effort not in allowed:
        # Mistral names its own values (live, 2026-07-31); vLLM names its union (recorded).
        first, last = ", ".join(f"'{value}'" for value in allowed[:-1]), f"'{allowed[-1]}'"
        listed = f"{first} or {last}" if first else last
        sentence = f"Input should be {listed}"
        context = {"expected": listed}
        yield invalid("literal_error", "reasoning_effort", sentence, effort, context)


_ENGINE_CHECKS: Final[tuple[Callable[[dict[str, Any], ServedModel], Iterator[Refusal]], ...]] = (
    _messages,
    _parts,
    _sampling,
    _tools,
    _response_format,
    _effort,
)


def _engine_shape(model: ServedModel) -> ErrorShape:
    return "legacy" if model.legacy_errors else "recent"


def _output_bound(body: dict[str, Any]) -> Any:
    bound = body.get("max_completion_tokens")
    return body.get("max_tokens") if bound is None else bound


def _bad_value(field: str, complaint: str, value: float) -> Refusal:
    """Refuse as vLLM refuses a sampling parameter out of its range."""
    return engine_refusal(f"{field} {complaint}. (parameter={field}, value={value})", param=field)


def _shown(value: Any) -> str:
    """Show an input as vLLM does in its validation errors."""
    return f"<dict of {len(value)} items>" if isinstance(value, dict) else str(value)
