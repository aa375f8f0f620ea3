"""Fields of the model and arguments of a call -> the body of a chat completion request."""

from collections.abc import Mapping, Sequence
from typing import Any

from langchain_scaleway.convert.tools import convert_tool_choice, convert_tools

PARAMETERS = (
    "temperature",
    "top_p",
    "max_tokens",
    "presence_penalty",
    "stop",
    "seed",
    "logprobs",
    "top_logprobs",
    "reasoning_effort",
    "parallel_tool_calls",
)
"""Fields of `ChatScaleway` that are request fields of the same name. `max_tokens` is the
older name of `max_completion_tokens`, and the one that every Scaleway endpoint takes."""

_NOT_SENT = frozenset(
    {"stream", "stream_usage", "ls_structured_output_format", "structured_output_format"}
)


def build_request(
    *,
    model: str,
    messages: list[dict[str, Any]],
    parameters: Mapping[str, Any],
    extra_body: Mapping[str, Any] | None,
    arguments: Mapping[str, Any],
) -> dict[str, Any]:
    """Build a request body.

    What is said closest to the call wins: an argument of the call over `extra_body`, and
    that over the model's fields. An argument that is `None` leaves its field out.

    Args:
        model: The model to ask.
        messages: Messages in wire form.
        parameters: The model's own parameters, by request field.
        extra_body: The model's further request fields, sent as they are.
        arguments: The call's arguments, `extra_body` among them.

    Returns:
        The body of a plain request; see `make_streaming`.

    Raises:
        ValueError: `tools` or `tool_choice` cannot be sent.
    """
    body: dict[str, Any] = {"model": model, "messages": messages, **parameters}
    if extra_body:
        body.update(extra_body)
    for name, value in arguments.items():
        if name == "extra_body":
            body.update(value or {})
        elif value is None:
            body.pop(name, None)
        elif name not in _NOT_SENT:
            body[name] = value
    if "tools" in body or "tool_choice" in body:
        _convert_tools_of(body)
    elif "parallel_tool_calls" not in arguments:
        body.pop("parallel_tool_calls", None)  # The model's own, for requests with tools.
    return body


def make_streaming(body: dict[str, Any], *, with_usage: bool) -> dict[str, Any]:
    """Ask for events in place of a whole answer, and for the usage in the last of them."""
    body["stream"] = True
    if with_usage:
        body.setdefault("stream_options", {"include_usage": True})
    return body


def _convert_tools_of(body: dict[str, Any]) -> None:
    """Bring tools that were given to the call itself into the form of bound ones."""
    tools: Sequence[Any] = body.pop("tools", None) or ()
    converted = convert_tools(tools)
    if converted:
        body["tools"] = converted
    choice = convert_tool_choice(body.pop("tool_choice", None), converted)
    if choice is not None:
        body["tool_choice"] = choice
