"""One conversation to learn, and the messages it is made of."""

import json
from dataclasses import dataclass
from typing import Any

from engine.training.tools import Tool

Message = dict[str, Any]


@dataclass
class Conversation:
    """What the model is shown, and what it should say then.

    Attributes:
        messages: The conversation so far.
        tools: The tools that the model may call.
        thought: What it thinks, when it thinks.
        answer: What it answers, in the words of its chat template.
        has_one_answer: Whether the messages alone decide the answer. They do not where the
            API would force a tool call or a schema.
    """

    messages: list[Message]
    tools: list[Tool] | None
    thought: str
    answer: str
    has_one_answer: bool = True


def user(text: str) -> Message:
    """A message of the user."""
    return {"role": "user", "content": text}


def assistant(text: str) -> Message:
    """An earlier answer of the model."""
    return {"role": "assistant", "content": text}


def assistant_calls(*calls: tuple[str, dict[str, Any]]) -> Message:
    """An earlier answer of the model that called tools, by name and arguments."""
    return {
        "role": "assistant",
        "content": "",
        "tool_calls": [
            {"id": "x", "type": "function", "function": {"name": name, "arguments": arguments}}
            for name, arguments in calls
        ],
    }


def tool_result(text: str) -> Message:
    """What a tool answered."""
    return {"role": "tool", "tool_call_id": "x", "content": text}


def to_json(value: object) -> str:
    """Compact JSON in the characters it is about."""
    return json.dumps(value, ensure_ascii=False)


def call(name: str, arguments: dict[str, Any]) -> str:
    """A tool call in the model's own words (Hermes format)."""
    body = f'{{"name": "{name}", "arguments": {to_json(arguments)}}}'
    return f"<tool_call>\n{body}\n</tool_call>"
