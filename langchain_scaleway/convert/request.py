"""Fields of the model and arguments of a call -> the body of a chat completion request."""

from collections.abc import Mapping, Sequence
from typing import Any

from langchain_scaleway.convert.names import ToolNames
from langchain_scaleway.convert.tools import convert_tool_choice, convert_tools

PARAMETERS = (
    "temperature",
    "top_p",
    "max_tokens",
    "presence_penalty",
    "frequency_penalty",
    "logit_bias",
    "stop",
    "seed",
    "logprobs",
    "top_logprobs",
    "reasoning_effort",
    "parallel_tool_calls",
)
"""Fields of `ChatScaleway` that go into requests under the same name. `max_tokens` is the older
name of `max_completion_tokens`, and the one that every Scaleway endpoint takes."""

_NOT_SENT = frozenset(
    {
        "extra_body",
        "ls_structured_output_format",
        "stream",
        "stream_usage",
        "structured_output_format",
        # Hints to the prompt caches of Anthropic and OpenAI, from middleware and from fallbacks.
        # Scaleway's cache takes none.
        "cache_control",
        "prompt_cache_key",
        "prompt_cache_retention",
    }
)
"""Arguments of a call that do not go into the request: LangChain uses them, or we do elsewhere."""

_FORMER = ("functions", "function_call")


def request_fields(
    *,
    model: str,
    parameters: Mapping[str, Any],
    extra_body: Mapping[str, Any] | None,
    arguments: Mapping[str, Any],
) -> dict[str, Any]:
    """Work out a request's fields, its messages aside.

    What is said closest to the call wins: first the call's arguments, then the call's
    `extra_body`, then the model's `extra_body`, last the model's fields. An argument that is
    `None` leaves its field out, except `model`, which every request needs.

    Args:
        model: The model to ask.
        parameters: The model's own parameters, by request field.
        extra_body: The model's further request fields, sent as they are.
        arguments: The call's arguments, `extra_body` among them.

    Returns:
        The fields, with the caller's names of tools: see `name_tools`.

    Raises:
        ValueError: `tools`, `tool_choice` or a schema as `response_format` cannot be sent, or the
            call has one of OpenAI's former arguments.
    """
    if former := next((name for name in _FORMER if arguments.get(name) is not None), None):
        raise ValueError(
            f"`{former}` is what OpenAI had before tools, and no server of Scaleway's reads it. "
            "Bind tools in its place, with `model.bind_tools(functions, tool_choice=…)`; an agent "
            "of langchain-classic is made with `create_tool_calling_agent`."
        )
    of_the_call = {**(arguments.get("extra_body") or {}), **arguments}
    body: dict[str, Any] = {"model": model, **parameters}
    body.update(extra_body or {})
    body.update(arguments.get("extra_body") or {})
    for name, value in arguments.items():
        if name in _NOT_SENT:
            continue
        if value is not None:
            body[name] = value
        elif name != "model":
            body.pop(name, None)
    _convert(body)
    # Where both names of the limit are sent, the service obeys `max_completion_tokens` (API
    # reference, 2026-09). The model's own must not outdo the call's.
    if "max_tokens" in of_the_call and "max_completion_tokens" not in of_the_call:
        body.pop("max_completion_tokens", None)
    # Two of the model's fields are for certain requests only. The others go without, unless the
    # call itself gives them.
    if "tools" not in body and "parallel_tool_calls" not in of_the_call:
        body.pop("parallel_tool_calls", None)
    # The API refuses `top_logprobs` without `logprobs`.
    if not of_the_call.get("logprobs", True) and "top_logprobs" not in of_the_call:
        body.pop("top_logprobs", None)
    return body


def as_sent(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Bring a call's arguments into the form of the request, for the keys of caches.

    Functions and classes do not say by themselves what is sent: of two classes with the same
    name each has another schema, and of a function only an address in memory is written.

    Raises:
        ValueError: See `request_fields`.
    """
    sent = dict(arguments)
    _convert(sent)
    return sent


def name_tools(fields: dict[str, Any]) -> ToolNames:
    """Give the tools of a request names that every engine accepts.

    Args:
        fields: The request's fields; `tools` and `tool_choice` are replaced where a name is not
            legal, and the caller's own are not changed.

    Returns:
        The names, for the history and for the reply.
    """
    tools: Sequence[dict[str, Any]] = fields.get("tools", ())
    names = ToolNames(tool["function"]["name"] for tool in tools)
    if tools:
        fields["tools"] = [_renamed(tool, names) for tool in tools]
    if isinstance(choice := fields.get("tool_choice"), dict):
        fields["tool_choice"] = _renamed(choice, names)
    return names


def _renamed(named: dict[str, Any], names: ToolNames) -> dict[str, Any]:
    """A tool, or a choice of one, with the name that is sent."""
    function = named.get("function")
    if not isinstance(function, Mapping) or not isinstance(name := function.get("name"), str):
        return named
    wire = names.to_wire(name)
    return named if wire == name else {**named, "function": {**function, "name": wire}}


def make_whole(body: dict[str, Any]) -> dict[str, Any]:
    """Ask for a whole answer, whatever `extra_body` says about streams.

    vLLM refuses `stream_options` there (recording `err_stream_options_without_stream`).
    """
    body.pop("stream", None)
    body.pop("stream_options", None)
    return body


def make_streaming(body: dict[str, Any], *, with_usage: bool) -> dict[str, Any]:
    """Ask for a stream of events, and for the usage in its last one."""
    body["stream"] = True
    if with_usage:
        body.setdefault("stream_options", {"include_usage": True})
    return body


def _convert(fields: dict[str, Any]) -> None:
    """Convert tools and schemas that were given to the call itself, as `bind_tools` does."""
    if "tools" in fields or "tool_choice" in fields:
        if converted := convert_tools(fields.pop("tools", None) or ()):
            fields["tools"] = converted
        choice = convert_tool_choice(fields.pop("tool_choice", None), converted)
        if choice is not None:
            fields["tool_choice"] = choice
    if isinstance(schema := fields.get("response_format"), (type, dict)):
        from langchain_scaleway.convert.structured import response_format  # noqa: PLC0415 -- slow

        fields["response_format"] = response_format(schema)
