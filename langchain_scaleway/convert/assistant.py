"""AI messages -> assistant messages of a chat request.

An assistant message has text, tool calls and, when asked for, reasoning. Blocks of a content
list become one of these three, or are left out. Calls come from the message's `tool_calls` and
`invalid_tool_calls` first; its content only adds those that are in neither.
"""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple, NoReturn

from langchain_core.messages import AIMessage, InvalidToolCall

from langchain_scaleway.convert.content import HINTS, unwrap
from langchain_scaleway.convert.media import Block
from langchain_scaleway.convert.unicode import whole_characters
from langchain_scaleway.convert.unsendable import (
    UnsendableBlockError,
    UnsendableError,
    json_text,
    optional_string_of,
    string_of,
)

WireCall = dict[str, Any]
WireMessage = dict[str, Any]

UNREADABLE_ARGUMENTS = "unreadable_arguments"
"""The argument that carries the text of a tool call whose arguments are no JSON object."""

UNNAMED_TOOL = "unnamed_tool"
"""The tool's name in a call that the model made without one."""


def assistant_message(
    message: AIMessage, *, position: int = 0, replay_reasoning: bool = False
) -> WireMessage:
    """The assistant message for an AI message, its `name` aside.

    Args:
        message: The AI message, whole or a chunk, by any provider's model.
        position: Where it stands in the request; gives an old `function_call` its id.
        replay_reasoning: Send the model's earlier reasoning back, in the field `reasoning`.
            vLLM hands it to the chat template (recordings `reasoning_history_*`).

    Raises:
        UnsendableError: An assistant message cannot hold one of the content blocks, or a tool
            call's arguments hold what JSON cannot, such as a date.
    """
    content = message.content
    kwargs = message.additional_kwargs
    if isinstance(content, str) and not (
        kwargs or message.tool_calls or message.invalid_tool_calls
    ):  # Nothing but text, as most messages of a long history
        return {"role": "assistant", "content": content}
    said = _NOTHING if isinstance(content, str) else _read(content or [])
    text = content if isinstance(content, str) else "".join(said.texts)
    text = text or _spoken(kwargs)
    if refusal := _flattened(kwargs.get("refusal"), "") or "".join(said.refusals):
        text = f"{text}\n\n{refusal}" if text else refusal
    # A message that is all tool calls gets "", which vLLM takes (recording
    # `tool_result_turn_empty_content`) and every chat template can print.
    wire: WireMessage = {"role": "assistant", "content": text}
    if calls := _tool_calls(message, said.calls) or _calls_of_old_histories(kwargs, position):
        wire["tool_calls"] = calls
    if replay_reasoning and (kwargs or said.reasoning) and (reasoning := _reasoning(said, kwargs)):
        wire["reasoning"] = reasoning
    return wire


def _spoken(additional_kwargs: Mapping[str, Any]) -> str:
    """The transcript of an OpenAI model's speech; such a message has no other text."""
    audio = additional_kwargs.get("audio")
    transcript = audio.get("transcript") if isinstance(audio, dict) else None
    return transcript if isinstance(transcript, str) else ""


class _Said(NamedTuple):
    """What a content list says."""

    texts: list[str]
    refusals: list[str]
    reasoning: list[str]
    calls: list[WireCall]


_NOTHING = _Said([], [], [], [])


def _read(content: list[str | Block]) -> _Said:
    said = _Said([], [], [], [])
    for block in content:
        if isinstance(block, str):
            said.texts.append(block)
        elif isinstance(block, dict):
            _read_block(unwrap(block), said)
        else:
            _refuse(block)
    return said


def _read_block(block: Block, said: _Said) -> None:
    kind = block["type"]
    if kind in _TEXTS:
        said.texts.append(string_of(block, "text"))
    elif kind == "refusal":
        said.refusals.append(string_of(block, "refusal"))
    elif kind == "compaction":
        # Anthropic's summary of the earlier conversation. OpenAI's is encrypted, and left out.
        if summary := _flattened(block.get("content"), ""):
            said.texts.append(f"{summary}\n\n")
    elif kind in _REASONING:
        said.reasoning.append(_reasoning_text(block))
    elif kind in _CALLS:
        said.calls.append(_call_of_block(block))
    elif kind not in _LEFT_OUT and not kind.endswith("_tool_result"):
        _refuse(block)


def _refuse(block: Any) -> NoReturn:
    raise UnsendableBlockError(
        block,
        "an assistant message on Scaleway holds text and tool calls",
        "Take it out of the history, or give it to the model in a human message.",
    )


# Reasoning


def _reasoning(said: _Said, additional_kwargs: Mapping[str, Any]) -> str:
    """The message's reasoning; `additional_kwargs` and content hold copies of each other."""
    return _reasoning_text(additional_kwargs) or "\n\n".join(filter(None, said.reasoning))


def _reasoning_text(block: Mapping[str, Any]) -> str:
    """The text under one of the names for reasoning; empty where a provider encrypted it."""
    for key in _REASONING_KEYS:
        if text := _flattened(block.get(key), "\n\n" if key == "summary" else ""):
            return text
    return ""


def _flattened(value: Any, separator: str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return _flattened(value.get("text"), separator)
    if isinstance(value, list):
        return separator.join(_flattened(item, separator) for item in value)
    return ""


# Tool calls


def _tool_calls(message: AIMessage, from_content: list[WireCall]) -> list[WireCall]:
    """The message's tool calls, each once, wherever it keeps them."""
    calls = [
        _wire_call(call["id"], call["name"], _arguments(call["args"]))
        for call in message.tool_calls
    ]
    if message.invalid_tool_calls:
        calls += map(_invalid_call, message.invalid_tool_calls)
    if from_content:
        calls += _not_among(calls, from_content)
    return calls


def _not_among(calls: list[WireCall], from_content: list[WireCall]) -> list[WireCall]:
    """The calls that are in the content only.

    A call without an id cannot be compared with those in `tool_calls`; if there are any, it counts
    as one of them.
    """
    ids = {call["id"] for call in calls}
    return [call for call in from_content if call["id"] not in ids and (call["id"] or not calls)]


def _call_of_block(block: Block) -> WireCall:
    """A call in a content list. With OpenAI `call_id` is the call's id, and `id` the block's."""
    arguments = next((block[key] for key in _ARGUMENTS_KEYS if key in block), None)
    call_id = optional_string_of(block, "call_id", "id")
    return _wire_call(call_id, optional_string_of(block, "name"), _arguments(arguments))


def _wire_call(call_id: str | None, name: str | None, arguments: str) -> WireCall:
    return {
        "id": call_id or "",
        "type": "function",
        "function": {"name": name or UNNAMED_TOOL, "arguments": arguments},
    }


def _invalid_call(call: InvalidToolCall) -> WireCall:
    return _wire_call(call["id"], call["name"], _arguments(call["args"]))


def _arguments(arguments: Any) -> str:
    """A tool call's arguments as the JSON text of an object.

    If a model wrote something else than an object, that goes out inside one, so that the model
    sees its mistake. Sent as it is, llama.cpp would answer 500 (recording
    `err_tool_calls_bad_arguments`), and vLLM, depending on the release, would answer 400 or show
    the model `{}` in its place.

    Raises:
        UnsendableError: The arguments hold something that no model can have written.
    """
    if isinstance(arguments, dict):
        if not arguments:
            return "{}"
        try:
            return _json(arguments)
        except UnsendableError:
            arguments = _written_by_a_model(arguments)
    if arguments is None or (isinstance(arguments, str) and not arguments.strip()):
        return "{}"
    if isinstance(arguments, str) and _is_object(arguments):
        return arguments
    return _json({UNREADABLE_ARGUMENTS: arguments})


def _json(arguments: dict[str, Any]) -> str:
    # A model may escape half a character, which can be read but not be sent.
    return whole_characters(json_text(arguments, "The arguments of a tool call"))


def _written_by_a_model(arguments: dict[str, Any]) -> Any:
    """The arguments as text if JSON with `NaN` and `Infinity` can hold them, else as they are.

    Python's parser reads both in what a model wrote, and one such call must not make a whole
    conversation unsendable.
    """
    try:
        return json.dumps(arguments, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        return arguments


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text, parse_constant=_refuse_constant), dict)
    except (ValueError, RecursionError):
        return False


def _refuse_constant(constant: str) -> NoReturn:
    """Refuse `NaN` and `Infinity`, which Python reads although they are not JSON."""
    raise ValueError(constant)


def _calls_of_old_histories(kwargs: Mapping[str, Any], position: int) -> list[WireCall]:
    """Calls in the API's own form, as LangChain kept them before it had `tool_calls`."""
    if raw_calls := kwargs.get("tool_calls"):
        calls = raw_calls if isinstance(raw_calls, list) else [raw_calls]
        return [_raw_call(call) for call in calls]
    if function := kwargs.get("function_call"):  # from before there were tools, without an id
        return [_raw_call({"id": f"functioncall{position}", "function": function})]
    return []


def _raw_call(call: Any) -> WireCall:
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict):
        raise UnsendableBlockError(
            call, "it calls no function", "Take it out of `additional_kwargs`."
        )
    name = optional_string_of(function, "name")
    return _wire_call(optional_string_of(call, "id"), name, _arguments(function.get("arguments")))


_TEXTS = frozenset({"text", "output_text", "input_text"})

_REASONING = frozenset({"reasoning", "reasoning_content", "redacted_thinking", "thinking"})

_REASONING_KEYS = ("reasoning", "thinking", "reasoning_content", "summary", "content")
"""Whose they are: LangChain's; Anthropic's and Mistral's; Amazon's; OpenAI's, for its summaries;
those of open models on the Responses API."""

_CALLS = frozenset(
    {"custom_tool_call", "function_call", "invalid_tool_call", "tool_call", "tool_use"}
)

_ARGUMENTS_KEYS = ("args", "arguments", "input")
"""Whose they are: LangChain's and Google's; those of OpenAI's Responses API; Anthropic's, Amazon's
and those of OpenAI's custom tools."""

_LEFT_OUT = frozenset(
    {
        # Pieces of calls that `tool_calls` holds whole
        "input_json_delta",
        "tool_call_chunk",
        # What a provider's server did by itself: LangChain, Anthropic, OpenAI, Google
        "server_tool_call",
        "server_tool_call_chunk",
        "server_tool_result",
        "mcp_tool_use",
        "server_tool_use",
        "code_interpreter_call",
        "file_search_call",
        "image_generation_call",
        "mcp_approval_request",
        "mcp_call",
        "mcp_list_tools",
        "tool_search_call",
        "tool_search_output",
        "web_search_call",
        "code_execution_result",
        "executable_code",
        # Google's seal on a call
        "function_call_signature",
        # The source of a statement: LangChain, Mistral
        "citation",
        "reference",
    }
    | HINTS
)
"""Blocks that mean nothing to another provider's model."""
