"""LangChain messages -> the `messages` of a chat request.

The history is passed through once, and none of the caller's objects is changed. What a person
has just put into a human message and Scaleway cannot take is refused here, before a request goes
out. What programs put into a history (models, tools, middleware, other providers) is never
refused: it would be refused again in every later turn, and the conversation would be lost.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    RemoveMessage,
    SystemMessage,
    ToolMessage,
)
from pydantic_core import from_json

from langchain_scaleway.convert.content import (
    Block,
    Part,
    UnsendableError,
    as_json,
    kind_of,
    not_shown,
    part_of,
    reasoning_text,
    standard_blocks,
    text_of,
)
from langchain_scaleway.convert.names import ToolNames
from langchain_scaleway.convert.templates import Template, fit, template_of

WireMessage = dict[str, Any]

UNREADABLE_ARGUMENTS = "unreadable_arguments"
"""The argument that carries the text of a tool call whose arguments are no JSON object."""

UNNAMED_TOOL = "unnamed_tool"
"""The tool's name in a call that the model made without one."""

INPUTS = frozenset({"image", "video", "audio"})
"""What a model may read besides text."""

_INPUT_OF_PART = {
    "image_url": "image",
    "video_url": "video",
    "input_audio": "audio",
    "audio_url": "audio",
}


def messages_to_wire(
    messages: Sequence[BaseMessage],
    *,
    family: str | None = None,
    inputs: frozenset[str] = INPUTS,
    replay_reasoning: bool | None = None,
    names: ToolNames | None = None,
    on_left_out: Callable[[str], None] | None = None,
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
    - Pictures that tools returned go into a user message behind all results of the turn.
    - A line of text takes the place of what the model cannot be shown, except in human messages
      after the last reply.

    Args:
        messages: The history, by this or any other provider's models.
        family: The family of the model's chat template, a key of `TEMPLATES`; see `fit`.
        inputs: What the model reads besides text, of `INPUTS`.
        replay_reasoning: Whether to send earlier reasoning back to the model. `None` is for that
            since the last human message, if the template reads it.
        names: The names of the request's tools; those in the history are made legal, too.
        on_left_out: Called with the kind of each block of an earlier human message, or of a
            system message, in whose place a line goes out.

    Raises:
        ValueError: A human message after the last reply holds something that Scaleway cannot
            take, or a message is of no known type. The text names it and says what to do.

    Example:
        >>> messages_to_wire([HumanMessage("Hi!"), AIMessage("Hello.")])
        [{'role': 'user', 'content': 'Hi!'}, {'role': 'assistant', 'content': 'Hello.'}]
    """
    roles = [_role_of(message, position) for position, message in enumerate(messages)]
    last_reply = max((n for n, role in enumerate(roles) if role == "assistant"), default=-1)
    last_question = max((n for n, role in enumerate(roles) if role == "user"), default=-1)
    template = template_of(family)
    wire: list[WireMessage] = []
    for position, (role, message) in enumerate(zip(roles, messages, strict=True)):
        content = message.content
        if role == "assistant":
            in_run = template.reads_reasoning and position > last_question
            replayed = in_run if replay_reasoning is None else replay_reasoning
            wire.append(_assistant(message, len(wire), template if replayed else None))
        elif role == "tool":
            wire.append(_tool_message(_call_id_of(message, wire), content, inputs))
        elif isinstance(content, str):
            wire.append({"role": role, "content": content})
        elif role == "system":
            parts = [_shown(b, frozenset(), on_left_out) for b in standard_blocks(content)]
            wire.append({"role": role, "content": _text_of_parts(parts)})
        elif position < last_reply or "lc_source" in message.additional_kwargs:  # a program's
            wire += _user(role, content, inputs, lambda b: _shown(b, inputs, on_left_out))
        else:
            try:
                wire += _user(role, content, inputs, part_of)
            except UnsendableError as error:
                kind = type(message).__name__
                raise ValueError(f"messages[{position}] ({kind}): {error}") from error
        if message.name and wire[-1]["role"] == role:
            wire[-1]["name"] = message.name
    wire = list(_pictures_behind_results(wire))
    _rename_calls(wire, names or ToolNames())
    return fit(wire, family)


def _rename_calls(wire: list[WireMessage], names: ToolNames) -> None:
    for message in wire:
        for call in message.get("tool_calls", ()):
            call["function"]["name"] = names.to_wire(call["function"]["name"])
        if message["role"] == "tool" and "name" in message:
            message["name"] = names.to_wire(message["name"])


def readable_inputs(profile: Mapping[str, Any] | None) -> frozenset[str]:
    """What a model reads besides text, by its profile; what is not known is taken for granted."""
    known = profile or {}
    return frozenset(kind for kind in INPUTS if known.get(f"{kind}_inputs") is not False)


def _role_of(message: BaseMessage, position: int) -> str:
    match message:
        case HumanMessage():
            return "user"
        case AIMessage():
            return "assistant"
        case ToolMessage() | FunctionMessage():
            return "tool"
        case SystemMessage():
            return "system"
        case ChatMessage():
            return "system" if message.role == "developer" else message.role
        case RemoveMessage():
            problem = (
                "It deletes a message from a graph's state and is no message to a model. "
                "Apply it to the history, as LangGraph's `add_messages` does, and send the rest."
            )
        case _:
            problem = (
                "No role on Scaleway fits this type. "
                "Use a system, human, AI, tool or chat message, or a subclass of one."
            )
    raise ValueError(f"messages[{position}] ({type(message).__name__}): {problem}")


def _user(
    role: str,
    content: list[str | Block],
    inputs: frozenset[str],
    to_part: Callable[[Block], Part | None],
) -> list[WireMessage]:
    """A message of content parts, behind the tool results that it holds in Anthropic's form."""
    results: list[WireMessage] = []
    parts: list[Part] = []
    for block in standard_blocks(content):
        match block.get("value", block):
            case {"type": "tool_result", "tool_use_id": call_id, **more}:
                results.append(_tool_message(call_id, more.get("content"), inputs))
            case {"type": "function_call_output", "call_id": call_id, **more}:
                results.append(_tool_message(call_id, more.get("output"), inputs))
            case {"toolResult": {"toolUseId": call_id, **more}}:
                results.append(_tool_message(call_id, more.get("content"), inputs))
            case {"type": "tool_call"}:  # Users call no tools; other integrations drop them, too.
                pass
            case _:
                if part := to_part(block):
                    parts.append(part)
    # No server takes an empty list.
    return [*results, {"role": role, "content": parts or ""}] if parts or not results else results


def _shown(
    block: Block, inputs: frozenset[str], on_left_out: Callable[[str], None] | None = None
) -> Part | None:
    """The part for a block, or a line of text in its place if the model does not read it."""
    try:
        part = part_of(block)
    except UnsendableError:
        pass
    else:
        if part is None or _INPUT_OF_PART.get(part["type"]) in {None, *inputs}:
            return part
    if on_left_out is not None:
        on_left_out(kind_of(block))
    return {"type": "text", "text": not_shown(block)}


def _text_of_parts(parts: Iterable[Part | None]) -> str:
    """Texts joined with a line break, as vLLM joins them for chat templates that take text.

    Lists are not sent: some templates, vLLM's `tool_chat_template_mistral3` for one, show the
    model nothing but the first block of a system message.
    """
    return "\n".join(part["text"] for part in parts if part and part["type"] == "text")


# Tools' results


def _tool_message(call_id: Any, content: Any, inputs: frozenset[str]) -> WireMessage:
    """A tool message; its content is a list for now if pictures are among it."""
    wire: WireMessage = {
        "role": "tool",
        "tool_call_id": call_id if isinstance(call_id, str) else "",
    }
    if not isinstance(content, list) or not all(isinstance(b, str | dict) for b in content):
        return {**wire, "content": text_of(content)}
    parts = [part for b in standard_blocks(_results_in(content)) if (part := _shown(b, inputs))]
    has_pictures = any(part["type"] != "text" for part in parts)
    return {**wire, "content": parts if has_pictures else _text_of_parts(parts)}


def _results_in(content: Iterable[str | Block]) -> Iterator[str | Block]:
    """A tool message's content, of Anthropic's `tool_result` blocks what they hold."""
    for block in content:
        match block:
            case {"type": "tool_result", "content": str(text)}:
                yield text
            case {"type": "tool_result", "content": list(blocks)}:
                yield from (b for b in blocks if isinstance(b, str | dict))
            case _:
                yield block


def _pictures_behind_results(wire: Iterable[WireMessage]) -> Iterator[WireMessage]:
    """The messages with pictures among tools' results in a user message behind those results.

    vLLM 0.33 takes pictures in a tool message, for some models; the Mistral family does not.
    """
    pictures: list[Part] = []
    for message in wire:
        if pictures and message["role"] != "tool":
            yield {"role": "user", "content": pictures}
            pictures = []
        if message["role"] == "tool" and isinstance(parts := message["content"], list):
            pictures.append({"type": "text", "text": f"{message.get('name', 'A tool')} returned:"})
            pictures += [part for part in parts if part["type"] != "text"]
            yield {**message, "content": _text_of_parts(parts)}
        else:
            yield message
    if pictures:
        yield {"role": "user", "content": pictures}


def _call_id_of(message: BaseMessage, wire: Sequence[WireMessage]) -> str:
    """The id of the call that a tool's message answers.

    Not every message says it: a `FunctionMessage`, a chat message with the role "tool", results of
    providers whose calls have no ids. Then it is the first call that has no result yet, of the
    function's name if there is one; "" without any.
    """
    call_id = getattr(message, "tool_call_id", message.additional_kwargs.get("tool_call_id"))
    if call_id and isinstance(call_id, str):
        return call_id
    answered = set()
    for earlier in reversed(wire):
        if earlier["role"] != "tool":
            calls = [c for c in earlier.get("tool_calls", ()) if c["id"] not in answered]
            calls.sort(key=lambda call: call["function"]["name"] != message.name)
            return calls[0]["id"] if calls else ""
        answered.add(earlier["tool_call_id"])
    return ""


# What assistants said


def _assistant(message: BaseMessage, position: int, replayed_for: Template | None) -> WireMessage:
    """The assistant message for a reply, by any provider's model: text, calls and reasoning.

    What is none of these (pictures, files, searches by a provider's server, citations, …) is
    left out.

    Args:
        message: The reply.
        position: Where it stands in the request; gives calls an id that have none of their own.
        replayed_for: What reads the reasoning; `None` to leave it out.
    """
    content, kwargs = message.content, message.additional_kwargs
    kept = [*getattr(message, "tool_calls", ()), *getattr(message, "invalid_tool_calls", ())]
    if isinstance(content, str) and not (kwargs or kept):  # as most messages of a long history
        return {"role": "assistant", "content": content}
    blocks = [] if isinstance(content, str) else list(standard_blocks(content))
    text = content if isinstance(content, str) else "".join(map(_spoken, blocks))
    if not text and isinstance(audio := kwargs.get("audio"), dict):  # an OpenAI model's speech
        text = reasoning_text(audio.get("transcript"))
    refusals = [kwargs.get("refusal"), "".join(_string(block, "refusal") for block in blocks)]
    if refusal := next((r for r in refusals if r and isinstance(r, str)), ""):
        text = f"{text}\n\n{refusal}" if text else refusal
    # A message that is all tool calls gets "", which vLLM takes (recording
    # `tool_result_turn_empty_content`) and every chat template can print.
    wire: WireMessage = {"role": "assistant", "content": text}
    if calls := _calls(kept, blocks) or list(_calls_of_old_histories(kwargs)):
        wire["tool_calls"] = calls
    ids = {""}
    for number, call in enumerate(calls):
        call["id"] = f"call{position}n{number}" if call["id"] in ids else call["id"]
        ids.add(call["id"])
    if replayed_for is not None:
        reasoning = _reasoning(blocks, kwargs)
        if reasoning or (calls and replayed_for.demands_reasoning):
            wire["reasoning"] = reasoning
    return wire


def _spoken(block: Block) -> str:
    match block:
        case {"type": "text", "text": str(text)}:
            return text
        case {"value": {"type": "compaction", "content": str(summary)}}:
            # Anthropic's summary of what came before. OpenAI's is encrypted, and left out.
            return f"{summary}\n\n"
    return ""


def _string(block: Block, key: str) -> str:
    value = block.get(key)
    return value if isinstance(value, str) else ""


def _reasoning(blocks: Sequence[Block], kwargs: dict[str, Any]) -> str:
    """The message's reasoning; `additional_kwargs` and content hold copies of each other."""
    kept = reasoning_text(kwargs.get("reasoning_content") or kwargs.get("reasoning"))
    return kept or "\n\n".join(filter(None, (_string(block, "reasoning") for block in blocks)))


def _calls(kept: Iterable[Mapping[str, Any]], blocks: Iterable[Block]) -> list[Block]:
    """A message's tool calls, each once: those that it keeps apart, and others in its content.

    A call without an id among the blocks cannot be compared with those in `tool_calls`; if there
    are any, it counts as one of them.
    """
    calls = [_wire_call(call["id"], call["name"], call["args"]) for call in kept]
    ids = {call["id"] for call in calls}
    for block in blocks:
        if block.get("type") in ("tool_call", "invalid_tool_call"):
            call = _wire_call(block.get("id"), block.get("name"), block.get("args"))
            if call["id"] not in ids and (call["id"] or not ids):
                calls.append(call)
    return calls


def _calls_of_old_histories(kwargs: dict[str, Any]) -> Iterator[Block]:
    """Calls in the API's own form, as LangChain kept them before it had `tool_calls`."""
    calls = kwargs.get("tool_calls")
    if not isinstance(calls, list):  # from before there were tools, without an id
        calls = [{"function": kwargs.get("function_call")}]
    for call in calls:
        match call:
            case {"function": {"name": name, **more}}:
                yield _wire_call(call.get("id"), name, more.get("arguments"))


def _wire_call(call_id: Any, name: Any, arguments: Any) -> Block:
    return {
        "id": call_id if isinstance(call_id, str) else "",
        "type": "function",
        "function": {
            "name": name if name and isinstance(name, str) else UNNAMED_TOOL,
            "arguments": _arguments(arguments),
        },
    }


def _arguments(arguments: Any) -> str:
    """A tool call's arguments as the JSON text of an object.

    If a model wrote something else than an object, that goes out inside one, so that the model
    sees its mistake. Sent as it is, llama.cpp would answer 500 (recording
    `err_tool_calls_bad_arguments`), and vLLM, depending on the release, would answer 400 or show
    the model `{}` in its place.
    """
    if isinstance(arguments, dict):
        try:
            # A model may escape half a character, which can be read but not be sent.
            return _whole_characters(_encode(arguments))
        except (TypeError, ValueError, RecursionError):  # `NaN`, odd keys, a value within itself
            arguments = as_json(arguments)
    if not arguments or (isinstance(arguments, str) and not arguments.strip()):
        return "{}"
    if isinstance(arguments, str) and _is_object(arguments):
        return arguments
    return as_json({UNREADABLE_ARGUMENTS: arguments})


_encode = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=str
).encode


def _whole_characters(text: str) -> str:
    """The text with U+FFFD in place of a half of a character without its other half.

    Models write characters beyond U+FFFF as two escapes in JSON, and may stop after the first.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _is_object(text: str) -> bool:
    try:
        return isinstance(from_json(text, allow_inf_nan=False), dict)
    except ValueError:
        return False
