"""A chat completion request as the emulated model reads it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, Literal

from langchain_scaleway.tokens import prompt_size

ToolChoice = Literal["none", "auto", "required", "named"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """The fields of a valid request that shape its answer.

    Attributes:
        model: The requested model.
        messages: The messages as sent.
        stream: Whether events are wanted.
        include_usage: Whether the stream is to end with a usage chunk.
        max_tokens: The bound of the answer; `None` for the model's own.
        stop: Texts that end the answer.
        n: How many choices are wanted.
        seed: The seed, if any.
        top_logprobs: `None` without log probabilities, else how many alternatives.
        tools: The functions offered.
        tool_choice: How the tools may be used.
        tool_name: The function to call, for the choice `named`.
        parallel_tool_calls: As sent; Scaleway ignores it.
        schema: The JSON schema of the response format, if one is given.
        json_object: Whether any JSON object is wanted.
        reasoning_effort: As sent.
        prompt_tokens: The emulator's count of the prompt.
    """

    model: str
    messages: list[dict[str, Any]]
    stream: bool
    include_usage: bool
    max_tokens: int | None
    stop: tuple[str, ...]
    n: int
    seed: int | None
    top_logprobs: int | None
    tools: list[dict[str, Any]]
    tool_choice: ToolChoice
    tool_name: str | None
    parallel_tool_calls: bool
    schema: Any
    json_object: bool
    reasoning_effort: str | None
    prompt_tokens: int

    @classmethod
    def from_body(cls, body: dict[str, Any]) -> ChatRequest:
        """Read a body that has passed validation."""
        tools = body.get("tools") or []
        choice, name = _tool_choice(body.get("tool_choice"), has_tools=bool(tools))
        response_format = body.get("response_format") or {}
        json_schema = response_format.get("json_schema") or {}
        stop = body.get("stop") or ()
        # `max_completion_tokens` wins (Scaleway's API reference, 2026-09-19).
        bound = body.get("max_completion_tokens")
        return cls(
            model=body["model"],
            messages=body["messages"],
            stream=bool(body.get("stream")),
            include_usage=bool((body.get("stream_options") or {}).get("include_usage")),
            max_tokens=body.get("max_tokens") if bound is None else bound,
            stop=(stop,) if isinstance(stop, str) else tuple(stop),
            n=1 if body.get("n") is None else body["n"],
            seed=body.get("seed"),
            top_logprobs=(body.get("top_logprobs") or 0) if body.get("logprobs") else None,
            tools=tools,
            tool_choice=choice,
            tool_name=name,
            parallel_tool_calls=body.get("parallel_tool_calls") is not False,
            schema=json_schema.get("schema"),
            json_object=response_format.get("type") == "json_object",
            reasoning_effort=body.get("reasoning_effort"),
            prompt_tokens=prompt_size(body).tokens,
        )

    @property
    def last_message(self) -> dict[str, Any]:
        """The message that is to be answered."""
        return self.messages[-1]

    @property
    def last_user_text(self) -> str:
        """The text of the last user message, or nothing."""
        for message in reversed(self.messages):
            if message.get("role") == "user":
                return content_text(message.get("content"))
        return ""


def content_text(content: Any) -> str:
    """Return the text of a message's content, given as a string or as parts."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    return " ".join(part["text"] for part in content if isinstance(part.get("text"), str))


def content_part_kinds(messages: list[dict[str, Any]]) -> Counter[str]:
    """Count the content parts of each type in all messages."""
    return Counter(
        str(part.get("type"))
        for message in messages
        if isinstance(content := message.get("content"), list)
        for part in content
    )


def _tool_choice(choice: Any, *, has_tools: bool) -> tuple[ToolChoice, str | None]:
    if isinstance(choice, dict):
        return "named", choice["function"]["name"]
    if not has_tools:
        return "none", None
    return choice or "auto", None
