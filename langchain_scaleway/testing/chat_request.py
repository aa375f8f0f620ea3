"""A chat completion request as the emulated engine reads it.

The Responses API turns its requests into these, as vLLM does.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Final, Literal, Required

from pydantic import ConfigDict, with_config
from typing_extensions import TypedDict

from langchain_scaleway.testing.bodies import RequestModel
from langchain_scaleway.tokens import prompt_size

ToolChoice = Literal["none", "auto", "required", "named"]

_AS_SENT: Final = ConfigDict(extra="allow")


@with_config(_AS_SENT)
class Part(TypedDict, total=False):
    """A part of a message's content."""

    type: str
    text: str | None


class CalledFunction(TypedDict, total=False):
    """The function of a tool call in the history."""

    name: Required[str]
    arguments: str | None


@with_config(_AS_SENT)
class HistoryCall(TypedDict, total=False):
    """A tool call in the history."""

    id: str | None
    function: Required[CalledFunction]


@with_config(_AS_SENT)
class Message(TypedDict, total=False):
    """A message; the engine takes any role (recording `err_bad_role`)."""

    role: Required[str]
    content: str | list[Part] | None
    tool_calls: list[HistoryCall] | None
    tool_call_id: str | None


@with_config(_AS_SENT)
class Function(TypedDict, total=False):
    """A function that the model may call."""

    name: Required[str]
    description: str | None
    parameters: dict[str, Any] | None


class Tool(TypedDict, total=False):
    """A tool; there are only functions."""

    type: str
    function: Required[Function]


class NamedFunction(TypedDict):
    """The function of a named tool choice."""

    name: str


class NamedChoice(TypedDict, total=False):
    """A tool choice that names a function."""

    type: str
    function: Required[NamedFunction]


@with_config(_AS_SENT)
class JsonSchema(TypedDict, total=False):
    """The schema of a response format, under a name."""

    name: Required[str]
    schema: dict[str, Any] | None


class ResponseFormat(TypedDict, total=False):
    """What the answer must look like."""

    type: Required[Literal["text", "json_object", "json_schema"]]
    json_schema: JsonSchema | None


class StreamOptions(TypedDict, total=False):
    """How a stream ends."""

    include_usage: bool | None


class ChatRequest(RequestModel):
    """The body of a chat completion request, and how it is to be understood.

    The fields are the API's; `None` is the same as absent.
    """

    model: str
    messages: list[Message]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    n: int | None = None
    seed: int | None = None
    stop: str | list[str] | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    tools: list[Tool] | None = None
    tool_choice: str | NamedChoice | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None
    reasoning_effort: str | None = None

    @property
    def bound(self) -> int | None:
        """The bound of the answer's tokens; `max_completion_tokens` wins.

        The latter is from Scaleway's API reference, 2026-09-19.
        """
        bound = self.max_completion_tokens
        return self.max_tokens if bound is None else bound

    @property
    def stops(self) -> list[str]:
        """The texts that end the answer."""
        return [self.stop] if isinstance(self.stop, str) else self.stop or []

    @property
    def wants_usage(self) -> bool:
        """Whether the stream is to end with a usage chunk."""
        return bool(self.stream_options and self.stream_options.get("include_usage"))

    @property
    def alternatives(self) -> int | None:
        """How many alternatives each token's log probability has; `None` for none at all."""
        return (self.top_logprobs or 0) if self.logprobs else None

    @property
    def functions(self) -> list[Function]:
        """The functions offered."""
        return [tool["function"] for tool in self.tools or []]

    @property
    def choice(self) -> ToolChoice:
        """How the tools may be used."""
        if isinstance(self.tool_choice, dict):
            return "named"
        if not self.tools or self.tool_choice == "none":
            return "none"
        return "required" if self.tool_choice == "required" else "auto"

    @property
    def named_function(self) -> str | None:
        """The function to call, for the choice `named`."""
        choice = self.tool_choice
        return choice["function"]["name"] if isinstance(choice, dict) else None

    @property
    def answer_schema(self) -> Any:
        """The JSON schema of the answer, if one is given."""
        json_schema = self.response_format and self.response_format.get("json_schema")
        return json_schema and json_schema.get("schema")

    @property
    def wants_json_object(self) -> bool:
        """Whether any JSON object is wanted."""
        return bool(self.response_format and self.response_format["type"] == "json_object")

    @property
    def last_message(self) -> Message:
        """The message that is to be answered."""
        return self.messages[-1]

    @property
    def last_user_text(self) -> str:
        """The text of the last user message, or nothing."""
        asked = (one for one in reversed(self.messages) if one["role"] == "user")
        return content_text(next(asked, None))

    @property
    def prompt_tokens(self) -> int:
        """The estimated tokens of the prompt, of its tools too."""
        return prompt_size({"messages": self.messages, "tools": self.tools}).tokens


def content_text(message: Message | None) -> str:
    """Return the text of a message whose content is a string or parts."""
    content = message.get("content") if message else None
    if isinstance(content, list):
        return " ".join(text for part in content if (text := part.get("text")))
    return content or ""


def part_kinds(messages: list[Message]) -> Counter[str]:
    """Count the content parts of each type in all messages."""
    return Counter(
        part.get("type", "")
        for message in messages
        if isinstance(content := message.get("content"), list)
        for part in content
    )
