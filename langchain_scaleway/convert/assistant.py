"""What an assistant said, by any provider's model: text, tool calls and reasoning.

Messages keep these in several places, some of them twice: in fields, in blocks of the content, and
as LangChain kept calls before it had `tool_calls`. What is none of the three (pictures, files,
searches by a provider's server, citations, …) is left out.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from langchain_core.messages import AIMessage, BaseMessage
from pydantic_core import from_json

from langchain_scaleway.convert.content import standard_blocks
from langchain_scaleway.convert.dialects import (
    Block,
    as_json,
    reasoning_text,
    whole_characters,
)

UNREADABLE_ARGUMENTS = "unreadable_arguments"
"""The argument that carries the text of a tool call whose arguments are no JSON object."""

UNNAMED_TOOL = "unnamed_tool"
"""The tool's name in a call that the model made without one."""


class Call(NamedTuple):
    """A tool call, as the history has it.

    Attributes:
        id: The call's id, "" without one.
        name: The tool's name.
        arguments: The JSON text of an object.
    """

    id: str
    name: str
    arguments: str


def said_by(message: BaseMessage) -> tuple[str, list[Call], str]:
    """Read a message of an assistant.

    Returns:
        What it said, a refusal included; its calls, valid or not, each once; and what it thought,
        as far as the provider did not encrypt it.
    """
    content, kwargs = message.content, {**(message.model_extra or {}), **message.additional_kwargs}
    kept = (
        [*message.tool_calls, *message.invalid_tool_calls] if isinstance(message, AIMessage) else ()
    )
    if isinstance(content, str) and not (kwargs or kept):  # as most messages of a long history
        return whole_characters(content), [], ""
    blocks = [] if isinstance(content, str) else list(standard_blocks(content))
    text = content if isinstance(content, str) else "".join(map(_spoken, blocks))
    if not text and isinstance(audio := kwargs.get("audio"), dict):  # an OpenAI model's speech
        text = reasoning_text(audio.get("transcript"))
    # Fields and content hold copies of each other.
    if refusal := _string(kwargs, "refusal") or "".join(_strings(blocks, "refusal")):
        text = f"{text}\n\n{refusal}" if text else refusal
    kept_apart = kwargs.get("reasoning_content") or kwargs.get("reasoning")
    reasoning = reasoning_text(kept_apart) or "\n\n".join(_strings(blocks, "reasoning"))
    return whole_characters(text), _calls(kept, blocks, kwargs), whole_characters(reasoning)


def _spoken(block: Block) -> str:
    match block:
        case {"type": "text", "text": str(text)}:
            return text
        case {"type": "compaction", "content": str(summary)}:
            # Anthropic's summary of what came before. OpenAI's is encrypted, and left out.
            return f"{summary}\n\n"
    return ""


def _string(fields: Mapping[str, Any], key: str) -> str:
    value = fields.get(key)
    return value if isinstance(value, str) else ""


def _strings(blocks: Iterable[Block], key: str) -> Iterator[str]:
    return filter(None, (_string(block, key) for block in blocks))


def _calls(
    kept: Iterable[Mapping[str, Any]], blocks: Iterable[Block], kwargs: Mapping[str, Any]
) -> list[Call]:
    """A message's tool calls, each once: those that it keeps apart, and others in its content.

    A call without an id among the blocks cannot be compared with those in `tool_calls`; if there
    are any, it counts as one of them.
    """
    calls = [_call(call["id"], call["name"], call["args"]) for call in kept]
    ids = {call.id for call in calls}
    for block in blocks:
        if block.get("type") in ("tool_call", "invalid_tool_call"):
            call = _call(block.get("id"), block.get("name"), block.get("args"))
            if call.id not in ids and (call.id or not ids):
                calls.append(call)
    if calls:
        return calls
    lists = [kwargs.get("tool_calls"), kwargs.get("invalid_tool_calls")]
    raw = [one for some in lists if isinstance(some, list) for one in some]
    for one in raw or [{"function": kwargs.get("function_call")}]:  # from before there were tools
        match one:
            case {"function": {"name": name, **more}}:
                calls.append(_call(one.get("id"), name, more.get("arguments")))
            case {"name": name, "args": args}:  # of a message that has lost its class
                calls.append(_call(one.get("id"), name, args))
    return calls


def _call(call_id: Any, name: Any, arguments: Any) -> Call:
    return Call(
        id=whole_characters(call_id) if isinstance(call_id, str) else "",
        name=name if name and isinstance(name, str) else UNNAMED_TOOL,
        arguments=_as_object(arguments),
    )


def _as_object(arguments: Any) -> str:
    """A tool call's arguments as the JSON text of an object.

    If a model wrote something else than an object, that goes out inside one, so that the model
    sees its mistake. Sent as it is, llama.cpp would answer 500 (recording
    `err_tool_calls_bad_arguments`), and vLLM, depending on the release, would answer 400 or show
    the model `{}` in its place.
    """
    if isinstance(arguments, dict):
        try:
            return whole_characters(_encode(arguments))
        except (TypeError, ValueError, RecursionError):  # `NaN`, odd keys, a value within itself
            arguments = as_json(arguments)
    text = whole_characters(arguments) if isinstance(arguments, str) else ""
    if text and _is_object(text):
        return text
    is_empty = not arguments or text.isspace()
    return "{}" if is_empty else whole_characters(as_json({UNREADABLE_ARGUMENTS: arguments}))


_encode = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=str
).encode


def _is_object(text: str) -> bool:
    try:
        return isinstance(from_json(text, allow_inf_nan=False), dict)
    except ValueError:
        return False
