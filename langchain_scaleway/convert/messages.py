"""LangChain messages -> the `messages` of a chat request.

The history is passed through once, and one small dict is made for each message. Nothing is
fetched, and none of the caller's objects is copied or changed. What Scaleway cannot take is
refused here, before a request goes out.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    ChatMessage,
    ChatMessageChunk,
    FunctionMessage,
    FunctionMessageChunk,
    HumanMessage,
    HumanMessageChunk,
    RemoveMessage,
    SystemMessage,
    SystemMessageChunk,
    ToolMessage,
    ToolMessageChunk,
)

from langchain_scaleway.convert.assistant import WireMessage, assistant_message
from langchain_scaleway.convert.content import (
    content_parts,
    content_text,
    tool_output_text,
    unwrap,
)
from langchain_scaleway.convert.media import Block, Part
from langchain_scaleway.convert.mistral import for_mistral
from langchain_scaleway.convert.names import ToolNames
from langchain_scaleway.convert.unsendable import UnsendableError, optional_string_of

_Converter = Callable[[Any, list[WireMessage]], None]


def messages_to_wire(
    messages: Sequence[BaseMessage],
    *,
    alternating_roles: bool = False,
    replay_reasoning: bool = False,
    names: ToolNames | None = None,
) -> list[WireMessage]:
    """Convert a history for a chat request.

    - In user messages, lists of content blocks stay lists, since they may hold images. In the
      messages of other roles, which are text only, they become one string.
    - A `name` is sent with any message. Ids, metadata, artifacts and a tool's status are not
      sent; the text of a failed tool call says that it failed.
    - OpenAI's `developer` message, which Scaleway does not document, becomes a system message.
    - A `FunctionMessage` becomes a tool message that answers the `function_call` before it:
      chat templates know no role "function", and many silently leave such a message out.
    - Anthropic's `tool_result` blocks in a human message become tool messages before it.

    Args:
        messages: The history, by this or any other provider's models.
        alternating_roles: The model is of the Mistral family, which demands that users and
            assistants take turns, and more: see `for_mistral`.
        replay_reasoning: Send earlier reasoning back to the model.
        names: The names of the request's tools; those in the history are made legal, too.

    Raises:
        ValueError: A message holds something that Scaleway cannot take. The text names both, and
            says what to do.

    Example:
        >>> messages_to_wire([HumanMessage("Hi!"), AIMessage("Hello.")])
        [{'role': 'user', 'content': 'Hi!'}, {'role': 'assistant', 'content': 'Hello.'}]
    """
    converters = _CONVERTERS_WITH_REASONING if replay_reasoning else _CONVERTERS
    wire: list[WireMessage] = []
    position = 0
    try:
        for position, message in enumerate(messages):  # noqa: B007 -- for the error below
            convert = converters.get(type(message)) or _converter_of_base(message, converters)
            convert(message, wire)
    except UnsendableError as error:
        kind = type(messages[position]).__name__
        raise ValueError(f"messages[{position}] ({kind}): {error}") from error
    _rename_calls(wire, names or ToolNames())
    return for_mistral(wire) if alternating_roles else wire


def _rename_calls(wire: list[WireMessage], names: ToolNames) -> None:
    for message in wire:
        for call in message.get("tool_calls", ()):
            call["function"]["name"] = names.to_wire(call["function"]["name"])
        if message["role"] == "tool" and "name" in message:
            message["name"] = names.to_wire(message["name"])


# One function for each type of message. It appends to the list of wire messages, because a
# message may become several of them.


def _human(message: HumanMessage, wire: list[WireMessage]) -> None:
    content = message.content
    if isinstance(content, str):
        wire.append(_named({"role": "user", "content": content}, message))
        return
    results, rest = _split_tool_results(content or [])
    wire.extend(results)
    if rest or not results:
        wire.append(_named({"role": "user", "content": _parts(rest)}, message))


def _system(message: SystemMessage, wire: list[WireMessage]) -> None:
    wire.append(_named({"role": "system", "content": _text(message, "system")}, message))


def _ai(message: AIMessage, wire: list[WireMessage]) -> None:
    wire.append(_named(assistant_message(message, position=len(wire)), message))


def _ai_with_reasoning(message: AIMessage, wire: list[WireMessage]) -> None:
    assistant = assistant_message(message, position=len(wire), replay_reasoning=True)
    wire.append(_named(assistant, message))


def _tool(message: ToolMessage, wire: list[WireMessage]) -> None:
    tool = _tool_message(message.tool_call_id, _text(message, "tool"))
    wire.append(_named(tool, message))


def _function(message: FunctionMessage, wire: list[WireMessage]) -> None:
    call_id = _id_of_last_call(wire, message.name)
    wire.append(_named(_tool_message(call_id, _text(message, "tool")), message))


def _chat(message: ChatMessage, wire: list[WireMessage]) -> None:
    role = "system" if message.role == "developer" else message.role
    content: Any = message.content
    if not isinstance(content, str):
        speaks_text = role in ("assistant", "system", "tool")
        content = _text(message, role) if speaks_text else _parts(content)
    wire.append(_named({"role": role, "content": content}, message))


def _remove(_message: RemoveMessage, _wire: list[WireMessage]) -> None:
    raise UnsendableError(
        "It deletes a message from a graph's state and is no message to a model. "
        "Apply it to the history, as LangGraph's `add_messages` does, and send the rest."
    )


def _converter_of_base(message: Any, converters: Mapping[type, _Converter]) -> _Converter:
    """The converter for a subclass of a known type of message."""
    for base in type(message).__mro__:
        if base in converters:
            return converters[base]
    raise UnsendableError(
        "No role on Scaleway fits this type. "
        "Use a system, human, AI, tool or chat message, or a subclass of one."
    )


def _named(wire_message: WireMessage, message: BaseMessage) -> WireMessage:
    if message.name:
        wire_message["name"] = message.name
    return wire_message


def _text(message: BaseMessage, role: str) -> str:
    content = message.content
    return content if isinstance(content, str) else content_text(content or [], role)


def _parts(content: list[str | Block] | None) -> list[Part] | str:
    """The parts of a content list; "" if there are none, because no server takes an empty list."""
    return content_parts(content or []) or ""


def _tool_message(call_id: str, content: str) -> WireMessage:
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def _id_of_last_call(wire: list[WireMessage], name: str) -> str:
    """The id of the call of this function in the message before, "" if there is none."""
    calls = wire[-1].get("tool_calls", ()) if wire else ()
    return next((call["id"] for call in calls if call["function"]["name"] == name), "")


# Anthropic's and OpenAI's tool results in human messages


def _split_tool_results(content: list[str | Block]) -> tuple[list[WireMessage], list[str | Block]]:
    """Tool messages for the results among the blocks, and the other blocks."""
    results: list[WireMessage] = []
    rest: list[str | Block] = []
    for block in content:
        result = unwrap(block) if isinstance(block, dict) else {}
        if result.get("type") in _TOOL_RESULTS:
            call_id = optional_string_of(result, "tool_use_id", "call_id")
            output = result.get("content", result.get("output"))
            results.append(_tool_message(call_id, tool_output_text(output)))
        else:
            rest.append(block)
    return results, rest


_TOOL_RESULTS = frozenset({"tool_result", "function_call_output"})


_CONVERTERS: Mapping[type, _Converter] = {
    AIMessage: _ai,
    AIMessageChunk: _ai,
    ChatMessage: _chat,
    ChatMessageChunk: _chat,
    FunctionMessage: _function,
    FunctionMessageChunk: _function,
    HumanMessage: _human,
    HumanMessageChunk: _human,
    RemoveMessage: _remove,
    SystemMessage: _system,
    SystemMessageChunk: _system,
    ToolMessage: _tool,
    ToolMessageChunk: _tool,
}

_CONVERTERS_WITH_REASONING: Mapping[type, _Converter] = {
    **_CONVERTERS,
    AIMessage: _ai_with_reasoning,
    AIMessageChunk: _ai_with_reasoning,
}
