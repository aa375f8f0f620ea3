"""Tool calls as the Mistral family takes them, out of any model's history.

vLLM renders these models' prompts with mistral-common, which checks a request first, and
answers 400 for a history that other models take: for a tool call's id that is not nine
letters and digits (tokenizers before version 13; vLLM 0.32 keeps an id's last nine
characters, so that `call_1` is refused and two ids may become one), for a tool's name that
no function can have, and for a call without a result before the next turn. (Its
`MistralRequestValidator`, release 1.13.1.) All three come up where a model made a mistake,
or where another provider's model began the conversation.
"""

import hashlib
import re
from collections.abc import Iterator
from typing import Any

from langchain_scaleway.convert.alternation import alternate_roles

WireMessage = dict[str, Any]

NO_RESULT = "No result came of this call."
"""The result that is given to a call that nobody answered.

LangChain's agents leave invalid calls unanswered, and runs that are interrupted leave others.
"""

_ID_LENGTH = 9
_ID = re.compile(rf"[a-zA-Z0-9]{{{_ID_LENGTH}}}")

_NOT_IN_NAMES = re.compile(r"[^a-zA-Z0-9_-]")
_LONGEST_NAME = 64


def for_mistral(messages: list[WireMessage]) -> list[WireMessage]:
    """Bring a history into the form that models of the Mistral family accept.

    - Ids of tool calls become nine letters and digits, the same ones for the same id.
    - Characters that no function's name can have become `_`.
    - A call without a result gets `NO_RESULT`.
    - Roles take turns, see `alternate_roles`.

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
            function = call["function"]
            function["name"] = _NOT_IN_NAMES.sub("_", function["name"])[:_LONGEST_NAME]
        if "tool_call_id" in message:
            message["tool_call_id"] = _short_id(message["tool_call_id"])
    return alternate_roles(_with_all_results(messages))


def _short_id(call_id: str) -> str:
    if _ID.fullmatch(call_id):
        return call_id
    return hashlib.sha256(call_id.encode("utf-8", "replace")).hexdigest()[:_ID_LENGTH]


def _with_all_results(messages: list[WireMessage]) -> Iterator[WireMessage]:
    """The messages, with a result for each call that has none before the next user message."""
    lacking: list[str] = []
    for position, message in enumerate(messages):
        if message["role"] != "tool":
            yield from map(_no_result, lacking)
            lacking = []
        yield message
        if calls := message.get("tool_calls"):
            given = _results_of_this_turn(messages, position)
            lacking = [call["id"] for call in calls if call["id"] not in given]
    if messages and messages[-1]["role"] == "tool":
        yield from map(_no_result, lacking)


def _results_of_this_turn(messages: list[WireMessage], position: int) -> set[Any]:
    """The ids of the calls that are answered between a message and the next user message."""
    given = set()
    for later in range(position + 1, len(messages)):
        message = messages[later]
        if message["role"] in ("user", "system"):  # `alternate_roles` makes users of the latter.
            break
        given.add(message.get("tool_call_id"))
    return given


def _no_result(call_id: str) -> WireMessage:
    return {"role": "tool", "tool_call_id": call_id, "content": NO_RESULT}
