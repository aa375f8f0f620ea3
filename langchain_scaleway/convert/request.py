"""Fields of the model and arguments of a call -> the body of a chat completion request."""

from collections.abc import Mapping
from typing import Any

from langchain_scaleway.convert.names import ToolNames
from langchain_scaleway.convert.tools import convert_tool_choice, convert_tools

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
    stream: bool = False,
    stream_usage: bool = True,
) -> dict[str, Any]:
    """Work out a request's fields, its messages aside.

    What is said closest to the call wins: first the call's arguments, then the call's
    `extra_body`, then the model's `extra_body`, last the model's fields. An argument that is
    `None` leaves its field out, except `model`, which every request needs.

    Args:
        model: The model to ask.
        parameters: The model's own parameters, by request field.
        extra_body: The model's further request fields, sent as they are.
        arguments: The call's arguments, `extra_body` and `stream_usage` among them.
        stream: Whether to ask for a stream of events.
        stream_usage: Whether to ask for the usage in its last one, if the call does not say.

    Returns:
        The fields, with the caller's names of tools: see `name_tools`.

    Raises:
        ValueError: `tools`, `tool_choice` or a schema as `response_format` cannot be sent, or the
            call has one of OpenAI's former arguments.
    """
    if former := [name for name in _FORMER if arguments.get(name) is not None]:
        raise ValueError(
            f"`{former[0]}` is what OpenAI had before tools, and no server of Scaleway's reads it. "
            "Bind tools in its place, with `model.bind_tools(functions, tool_choice=…)`; an agent "
            "of langchain-classic is made with `create_tool_calling_agent`."
        )
    sent = {name: value for name, value in arguments.items() if name not in _NOT_SENT}
    if sent.get("model") is None:
        sent.pop("model", None)
    of_the_call = {**(arguments.get("extra_body") or {}), **sent}
    body = {"model": model, **parameters, **(extra_body or {}), **of_the_call}
    unset = {name for name, value in sent.items() if value is None}
    body = as_sent({name: value for name, value in body.items() if name not in unset})
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
    if not stream:
        # Whatever `extra_body` says: vLLM refuses `stream_options` for a whole answer (recording
        # `err_stream_options_without_stream`).
        return {k: v for k, v in body.items() if k not in ("stream", "stream_options")}
    options = {"include_usage": True} if arguments.get("stream_usage", stream_usage) else None
    return ({"stream_options": options} if options else {}) | body | {"stream": True}


def as_sent(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Bring tools, the choice and the schema among arguments into the form of the request.

    The keys of caches need it, too: functions and classes do not say by themselves what is sent.
    Of two classes with the same name each has another schema, and of a function only an address
    in memory is written.

    Raises:
        ValueError: See `request_fields`.
    """
    sent = dict(arguments)
    tools = convert_tools(sent.pop("tools", None) or ())
    choice = convert_tool_choice(sent.pop("tool_choice", None), tools)
    sent |= {"tools": tools} if tools else {}
    sent |= {"tool_choice": choice} if choice is not None else {}
    if isinstance(schema := sent.get("response_format"), (type, dict)):
        from langchain_scaleway.convert.structured import response_format  # noqa: PLC0415 -- slow

        sent["response_format"] = response_format(schema)
    return sent


def name_tools(fields: dict[str, Any]) -> ToolNames:
    """Give the tools of a request names that every engine accepts; in `fields`, not in the tools.

    Returns:
        The names, for the history and for the reply.
    """
    tools = fields.get("tools", ())
    names = ToolNames(tool["function"]["name"] for tool in tools)
    if tools:
        fields["tools"] = [_renamed(tool, names) for tool in tools]
    choice = fields.get("tool_choice")
    if isinstance(choice, dict) and choice.get("function"):
        fields["tool_choice"] = _renamed(choice, names)
    return names


def _renamed(named: dict[str, Any], names: ToolNames) -> dict[str, Any]:
    """A tool, or a choice of one, with the name that is sent."""
    function = named["function"]
    wire = names.to_wire(function["name"])
    return named if wire == function["name"] else {**named, "function": {**function, "name": wire}}
