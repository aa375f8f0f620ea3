"""Any model's history in the form that the Mistral family takes.

vLLM renders these models' prompts with mistral-common. It checks each request first
(`MistralRequestValidator`, release 1.13.1), and answers 400 for histories that other models
take:

- a tool call's id is not nine letters and digits (tokenizers before version 13; vLLM 0.32
  keeps an id's last nine characters, so `call_1` is refused and two ids may become one);
- a tool's name is one that no function can have;
- a call has no result before the assistant's next message;
- an assistant message says nothing.

Such histories come about where a model made a mistake, where `max_tokens` ended a reply
within its reasoning, or where another provider's model began the conversation.
"""

import hashlib
import re
from collections.abc import Iterator

from langchain_scaleway.convert.alternation import WireMessage, alternate_roles

NO_RESULT = "No result came of this call."
"""The result that stands in for the missing one of a call.

LangChain's agents answer no invalid calls, and runs that are interrupted leave others unanswered.
"""

_ID_LENGTH = 9
_ID = rf"[a-zA-Z0-9]{{{_ID_LENGTH}}}"

_SPEECH = ("content", "reasoning", "tool_calls")

_NOT_IN_NAMES = r"[^a-zA-Z0-9_-]"
_LONGEST_NAME = 64


def for_mistral(messages: list[WireMessage]) -> list[WireMessage]:
    """Bring a history into the form that models of the Mistral family accept.

    - Ids of tool calls become nine letters and digits, the same ones for the same id.
    - Characters that no function's name can have become `_`.
    - An assistant's message that says nothing is left out.
    - Roles take turns, see `alternate_roles`.
    - A call without a result gets `NO_RESULT`.

    Args:
        messages: Wire messages that belong to the caller alone; this function changes them.

    Example:
        >>> history = [{"role": "tool", "tool_call_id": "call_1", "content": "Sunny."}]
        >>> for_mistral(history)
        [{'role': 'tool', 'tool_call_id': '74196fe72', 'content': 'Sunny.'}]
    """
    for message in messages:
        for call in message.get("tool_calls", ()):
            call["id"] = _short_id(call["id"])
            call["function"]["name"] = _tool_name(call["function"]["name"])
        if "tool_call_id" in message:
            message["tool_call_id"] = _short_id(message["tool_call_id"])
        if message["role"] == "tool" and "name" in message:
            message["name"] = _tool_name(message["name"])
    return list(_with_all_results(alternate_roles(filter(_says_something, messages))))


def _says_something(message: WireMessage) -> bool:
    return message["role"] != "assistant" or any(map(message.get, _SPEECH))


def _tool_name(name: str) -> str:
    return re.sub(_NOT_IN_NAMES, "_", name)[:_LONGEST_NAME]


def _short_id(call_id: str) -> str:
    if re.fullmatch(_ID, call_id):
        return call_id
    return hashlib.sha256(call_id.encode("utf-8", "replace")).hexdigest()[:_ID_LENGTH]


def _with_all_results(messages: list[WireMessage]) -> Iterator[WireMessage]:
    """The messages, with a result for each call that has none in the tool messages behind it.

    Calls in the very last message get none: nothing has come after them yet.
    """
    lacking: list[str] = []
    for message in messages:
        if message["role"] == "tool":
            lacking = [call_id for call_id in lacking if call_id != message.get("tool_call_id")]
        else:
            yield from map(_no_result, lacking)
            lacking = [call["id"] for call in message.get("tool_calls", ())]
        yield message
    if messages and messages[-1]["role"] == "tool":
        yield from map(_no_result, lacking)


def _no_result(call_id: str) -> WireMessage:
    return {"role": "tool", "tool_call_id": call_id, "content": NO_RESULT}
