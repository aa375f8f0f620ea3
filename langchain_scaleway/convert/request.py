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
    {
        "extra_body",
        "ls_structured_output_format",
        "stream",
        "stream_usage",
        "structured_output_format",
    }
)
"""Arguments of a call that are no request fields: LangChain's, and those read elsewhere."""


def build_request(
    *,
    model: str,
    messages: list[dict[str, Any]],
    parameters: Mapping[str, Any],
    extra_body: Mapping[str, Any] | None,
    arguments: Mapping[str, Any],
) -> dict[str, Any]:
    """Build a request body.

    What is said closest to the call wins: an argument of the call over its `extra_body`, that
    over the model's, and that over the model's fields. An argument that is `None` leaves its
    field out; there is no request without a model.

    Args:
        model: The model to ask.
        messages: Messages in wire form.
        parameters: The model's own parameters, by request field.
        extra_body: The model's further request fields, sent as they are.
        arguments: The call's arguments, `extra_body` among them.

    Returns:
        The body, to be completed by `make_whole` or `make_streaming`.

    Raises:
        ValueError: `tools`, `tool_choice` or a class as `response_format` cannot be sent.
    """
    of_the_call = {**(arguments.get("extra_body") or {}), **arguments}
    body: dict[str, Any] = {"model": model, "messages": messages, **parameters}
    body.update(extra_body or {})
    body.update(arguments.get("extra_body") or {})
    for name, value in arguments.items():
        if name in _NOT_SENT:
            continue
        if value is not None:
            body[name] = value
        elif name != "model":
            body.pop(name, None)
    if "tools" in body or "tool_choice" in body:
        _convert_tools_of(body)
    if isinstance(body.get("response_format"), type):
        body["response_format"] = _response_format_of(body["response_format"])
    # The model's fields for one kind of request stay out of the others, unless the call gives them.
    if "tools" not in body and "parallel_tool_calls" not in of_the_call:
        body.pop("parallel_tool_calls", None)
    # The API refuses `top_logprobs` without `logprobs`.
    if not of_the_call.get("logprobs", True) and "top_logprobs" not in of_the_call:
        body.pop("top_logprobs", None)
    return body


def make_whole(body: dict[str, Any]) -> dict[str, Any]:
    """Ask for a whole answer, whatever `extra_body` says of streams.

    vLLM refuses `stream_options` there (recording `err_stream_options_without_stream`).
    """
    body.pop("stream", None)
    body.pop("stream_options", None)
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


def _response_format_of(schema: type) -> dict[str, Any]:
    """The field for a class, which `ChatOpenAI` takes there too."""
    from langchain_scaleway.convert.structured import response_format  # noqa: PLC0415 -- slow

    return response_format(schema, strict=None)
