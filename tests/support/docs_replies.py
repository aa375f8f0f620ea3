"""What the models say on the pages of the documentation."""

from dataclasses import replace
from typing import Any

from langchain_scaleway.testing import (
    CutStream,
    Delay,
    ReceivedRequest,
    Reply,
    Step,
    ToolCall,
    rate_limited,
)

_INVOICE = '{"number": "2026-117", "total": 48.50, "paid": false}'

_ANSWERS: dict[str, Step] = {
    "What is the capital of France?": "The capital of France is Paris.",
    "What is the capital of Italy?": "The capital of Italy is Rome.",
    "What is the capital of Spain?": "The capital of Spain is Madrid.",
    "Write a haiku about spring": (
        "Cherry blossoms bloom,\nwarm rain on the garden path,\nthe first swallow comes."
    ),
    "Write a haiku about the sea.": (
        "Grey waves come and go,\na gull waits on the old pier,\nsalt upon the wind."
    ),
    "What is bread made of?": "Of flour.",
    "Is 7 a prime number?": Reply("Yes, 7 is prime.", reasoning="Only 1 and 7 divide it."),
    "What is in this picture?": "A grey cat that sits on a fence.",
    "Which colour is this?": "Red.",
    "When is the meeting?": "On Monday.",
    "What if the quota is used up?": lambda request: (
        rate_limited() if "mistral" in request.json["model"] else "Then I answer."
    ),
    "Tell me a story.": Reply(
        "Once upon a time a small grey cat lived near a quiet river.",
        faults=[CutStream(after_events=6)],
    ),
    "My name is Alice.": "Hello Alice!",
    "What is my name?": lambda request: (
        "Your name is Alice." if b"My name is Alice." in request.body else "I do not know."
    ),
    "Invoice 2026-117: 48.50 EUR, due in May, not paid yet.": _INVOICE,
    "number, total, paid as JSON: invoice 2026-117, 48.50 EUR, not paid": _INVOICE,
    "Invoice 2026-117: 48.50 EUR": '{"number": "2026-117", "total": 48.50}',
    "Invoice 2026-118: 12.50 EUR": '{"number": "2026-118", "total": 12.50}',
    "Alice is 30 years old.": '{"name": "Alice", "age": 30}',
    "How many r are in strawberry?": Reply(
        "There are three r in strawberry.",
        reasoning="s-t-r-a-w-b-e-r-r-y: the letter r is at places 3, 8 and 9.",
    ),
}
"""Answers, by the user's last words."""

_CALLS: dict[str, list[ToolCall]] = {
    "What is the weather in Paris?": [ToolCall("get_weather", {"city": "Paris"})],
    "What is the weather in Paris and in Lyon?": [
        ToolCall("get_weather", {"city": "Paris"}, id="chatcmpl-tool-1"),
        ToolCall("get_weather", {"city": "Lyon"}, id="chatcmpl-tool-2"),
    ],
    "Is it sunny in Paris?": [ToolCall("get_weather", {"city": "Paris"})],
    "Invoice 2026-117: 48.50 EUR, due in May, not paid yet.": [ToolCall("Invoice", _INVOICE)],
    "What is 6 times 7?": [ToolCall("multiply", {"a": 6, "b": 7})],
    "What is 6 times seven?": [ToolCall("multiply", '{"a": 6, "b": seven}')],
}
"""Tool calls, by the same; they come before the answer."""

_AFTER_TOOLS: dict[str, Step] = {
    "What is the weather in Paris?": "It is sunny in Paris.",
    "What is the weather in Paris and in Lyon?": "It is sunny in both.",
    "Is it sunny in Paris?": Reply(
        tool_calls=[ToolCall("Weather", {"city": "Paris", "is_sunny": True})]
    ),
    "What is 6 times 7?": "6 times 7 is 42.",
}
"""What comes after the tools' results."""

_AS_THE_EMULATOR_LIKES: Step = Delay(0)


def reply(request: ReceivedRequest) -> Step:
    """Answer a request of a page."""
    messages = request.json.get("messages") or request.json["input"]
    question = _text(next(m for m in reversed(messages) if m.get("role") == "user"))
    if messages[-1].get("role") == "tool" or messages[-1].get("type") == "function_call_output":
        return _AFTER_TOOLS.get(question, _AS_THE_EMULATOR_LIKES)
    if question in _CALLS and "tools" in request.json:
        return Reply(tool_calls=_CALLS[question])
    answer = _ANSWERS.get(question, _AS_THE_EMULATOR_LIKES)
    if isinstance(answer, Reply) and request.json.get("reasoning_effort") == "none":
        return replace(answer, reasoning=None)
    return answer


def _text(message: dict[str, Any]) -> str:
    """The last text of a message."""
    content = message["content"]
    if isinstance(content, str):
        return content
    return next((part["text"] for part in reversed(content) if part["type"] == "text"), "")
