"""What one whole reply costs, and what a large prompt adds."""

import base64
import random
from collections.abc import Iterator

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from benchmarks.sampling import (
    QUESTION,
    Setting,
    cpu_seconds_per_await,
    cpu_seconds_per_call,
)

_HISTORY = 1_000
_IMAGE_BYTES = 10_000_000
"""Bytes of base64 text."""


def invoke(setting: Setting) -> Iterator[float]:
    """Ask a short question, get a short reply."""
    model = setting.model("short")
    return cpu_seconds_per_call(lambda: model.invoke(QUESTION), setting)


def ainvoke(setting: Setting) -> Iterator[float]:
    """The same in a coroutine, one call at a time."""
    model = setting.model("short")
    return cpu_seconds_per_await(lambda: model.ainvoke(QUESTION), setting)


def invoke_history(setting: Setting) -> Iterator[float]:
    """Send a conversation of 1,000 messages."""
    prompt = conversation()
    model = setting.model("short", prompt)
    return cpu_seconds_per_call(lambda: model.invoke(prompt), setting)


def invoke_image(setting: Setting) -> Iterator[float]:
    """Send an image of 10 MB inside the message."""
    prompt = image_prompt()
    model = setting.model("short", prompt)
    return cpu_seconds_per_call(lambda: model.invoke(prompt), setting)


def conversation() -> list[BaseMessage]:
    """Return a conversation of 1,000 messages."""
    turns: list[BaseMessage] = []
    for number in range(_HISTORY // 2):
        turns.append(AIMessage(f"The answer to question {number} is a sentence of some words."))
        turns.append(HumanMessage(f"And what would you say about question {number + 1}?"))
    return turns


def image_prompt() -> list[BaseMessage]:
    """Return a message with an image of 10 MB of base64."""
    noise = random.Random(0).randbytes(_IMAGE_BYTES * 3 // 4)  # noqa: S311 -- no secret, an image
    url = "data:image/png;base64," + base64.b64encode(noise).decode()
    text = {"type": "text", "text": "What is in this image?"}
    return [HumanMessage([text, {"type": "image_url", "image_url": {"url": url}}])]
