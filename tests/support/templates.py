"""What chat templates refuse, in their own words, for wire messages.

Written from the public templates (`TEMPLATES` names them), and not from the code that brings
histories into their form. mistral-common itself checks what the Mistral family takes.
"""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

Wire = list[dict[str, Any]]


def complaints(family: str, wire: Wire) -> list[str]:
    """What the family's template would say to a request with these messages."""
    return list(_COMPLAINTS[family](wire))


def mistral_common_complaints(wire: Wire) -> list[str]:
    """What mistral-common says, by the rules of each of its tokenizers."""
    from mistral_common.exceptions import MistralCommonException  # noqa: PLC0415 -- optional
    from mistral_common.protocol.instruct.converters import convert_openai_messages  # noqa: PLC0415 -- the same
    from mistral_common.protocol.instruct.request import ChatCompletionRequest  # noqa: PLC0415 -- the same
    from mistral_common.protocol.instruct.validator import (  # noqa: PLC0415 -- the same
        ValidationMode,
        get_validator,
    )
    from mistral_common.tokens.tokenizers.base import TokenizerVersion  # noqa: PLC0415 -- the same

    complaints = []
    for version in ("v7", "v11", "v13", "v15"):
        request: Any = ChatCompletionRequest(messages=convert_openai_messages(wire))
        try:
            # vLLM's mode; see vllm/tokenizers/mistral.py
            get_validator(TokenizerVersion(version), ValidationMode.test).validate_request(request)
        except MistralCommonException as error:
            complaints.append(f"{version}: {error}")
    return complaints


def _unknown_roles(wire: Wire) -> Iterator[str]:
    if {message["role"] for message in wire} - {"system", "user", "assistant", "tool"}:
        yield "Unexpected message role."


def _mistral(wire: Wire) -> Iterator[str]:
    yield from _turns(wire)
    for one, other in pairwise(wire):
        if (one["role"], other["role"]) == ("tool", "user"):
            yield "Unexpected role 'user' after role 'tool'"
    ids = [call["id"] for message in wire for call in message.get("tool_calls", ())]
    if not all(re.fullmatch("[a-zA-Z0-9]{9}", call_id) for call_id in ids):
        yield "Tool call IDs should be alphanumeric strings with length >= 9!"
    if wire[-1]["role"] == "assistant":
        yield "Cannot set `add_generation_prompt` to True when the last message is from the …"


def _turns(wire: Wire) -> Iterator[str]:
    rest = wire[1:] if wire[0]["role"] == "system" else wire
    counted = [m["role"] for m in rest if m["role"] != "tool" and "tool_calls" not in m]
    if any((role == "user") != (turn % 2 == 0) for turn, role in enumerate(counted)):
        yield "conversation roles must alternate user/assistant/user/assistant/..."
    if {message["role"] for message in rest} - {"user", "assistant", "tool"}:
        yield "Only user and assistant roles are supported"


def _qwen(wire: Wire) -> Iterator[str]:
    yield from _unknown_roles(wire)
    if any(message["role"] == "system" for message in wire[1:]):
        yield "System message must be at the beginning."
    if not any(message["role"] == "user" for message in wire):
        yield "No user query found in messages."


def _llama(wire: Wire) -> Iterator[str]:
    if next((m for m in wire if m["role"] != "system"), wire[0])["role"] == "assistant":
        yield "its text is taken for the user's, or its call is left out"
    if [message["role"] for message in wire] == ["system"]:
        yield "Cannot put tools in the first user message when there's no first user message!"
    if any(message["content"] and "tool_calls" in message for message in wire):
        yield "the text beside a call is left out"
    if any(len(message.get("tool_calls", ())) > 1 for message in wire):
        yield "This model only supports single tool-calls at once!"


def _gemma_4(wire: Wire) -> Iterator[str]:
    """It refuses nothing; results without a call before them are left out."""
    open_calls: list[str] = []
    for message in wire:
        if message["role"] == "tool" and message["tool_call_id"] not in open_calls:
            yield "a result is left out"
        elif message["role"] != "tool":
            open_calls = [call["id"] for call in message.get("tool_calls", ())]


def _gpt_oss(wire: Wire) -> Iterator[str]:
    if any(message["role"] == "system" for message in wire[1:]):
        yield "a system message is left out"
    for one, other in pairwise([{"role": "user"}, *wire]):
        if other["role"] == "tool" and one["role"] != "tool" and "tool_calls" not in one:
            yield "Message has tool role, but there was no previous assistant message"


_COMPLAINTS = {
    "mistral": _mistral,
    "qwen3.5": _qwen,
    "qwen": _unknown_roles,
    "llama-3": _llama,
    "gemma-4": _gemma_4,
    "gemma-3": _turns,
    "deepseek-v4": _unknown_roles,
    "glm-5": _unknown_roles,
    "gpt-oss": _gpt_oss,
}
