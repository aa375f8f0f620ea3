"""Roles in turn, for models whose chat template insists on it.

Mistral's templates refuse a request with "After the optional system message, conversation
roles must alternate user/assistant/user/assistant/..." (seen live on Scaleway). They do not
count tool messages and assistant messages with tool calls, and they refuse a system message
anywhere but at the start. The family's other renderer, mistral-common, merges adjacent
messages of a role itself, but refuses a second assistant message while calls of the first
wait for results; up to release 1.11.0 it also refuses a user message right after a tool
message.
"""

from collections.abc import Iterable
from typing import Any

WireMessage = dict[str, Any]

CLOSING_TURN = "OK."
"""What the assistant says between a tool's result and the next user message.

Such histories are common: an agent that answers through a tool, as `ToolStrategy` does,
ends each run with a tool message.
"""


def alternate_roles(messages: Iterable[WireMessage]) -> list[WireMessage]:
    r"""Bring messages into the order that the templates accept, with every text kept.

    - System messages at the start become one; later ones become user messages.
    - Adjacent user messages become one. So do adjacent assistant messages, with all their tool
      calls: agents that run side by side leave such histories.
    - Between a tool call or its result and a user message the assistant says `CLOSING_TURN`.

    Texts are joined with an empty line between them, lists of parts are concatenated. A history
    that begins with the assistant stays as it is: what the user said before is not ours to invent.

    Args:
        messages: Wire messages that belong to the caller alone; this function changes them.

    Example:
        >>> alternate_roles(
        ...     [{"role": "user", "content": "Hi!"}, {"role": "user", "content": "Anyone?"}]
        ... )
        [{'role': 'user', 'content': 'Hi!\n\nAnyone?'}]
    """
    result: list[WireMessage] = []
    for message in messages:
        last = result[-1] if result else None
        if message["role"] == "system" and last is not None and last["role"] != "system":
            message["role"] = "user"
        if last is not None and _belong_together(last, message):
            _merge(last, message)
            continue
        if message["role"] == "user" and last is not None and _is_tool_exchange(last):
            result.append({"role": "assistant", "content": CLOSING_TURN})
        result.append(message)
    return result


def _belong_together(last: WireMessage, message: WireMessage) -> bool:
    return last["role"] == message["role"] and last["role"] in ("system", "user", "assistant")


def _is_tool_exchange(message: WireMessage) -> bool:
    return message["role"] == "tool" or "tool_calls" in message


def _merge(last: WireMessage, message: WireMessage) -> None:
    """Add a message to the one before; a name that only one of them has is dropped."""
    last["content"] = _joined(last["content"], message["content"])
    if "reasoning" in message:
        last["reasoning"] = _joined(last.get("reasoning", ""), message["reasoning"])
    if "tool_calls" in message:
        last["tool_calls"] = [*last.get("tool_calls", ()), *message["tool_calls"]]
    if last.get("name") != message.get("name"):
        last.pop("name", None)


def _joined(first: Any, second: Any) -> Any:
    if isinstance(first, str) and isinstance(second, str):
        return f"{first}\n\n{second}" if first and second else first or second
    return [*_parts(first), *_parts(second)]


def _parts(content: Any) -> list[Any]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    return list(content)
