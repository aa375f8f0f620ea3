"""A chat completion request as the emulated engine reads it.

The Responses API turns its requests into these, as vLLM does.
"""

from typing import Any, Literal, Required

from typing_extensions import TypedDict

from langchain_scaleway.testing.endpoints.base import RequestModel
from langchain_scaleway.tokens import prompt_size


class _Part(TypedDict, total=False):
    type: str
    text: str | None


class Function(TypedDict, total=False):
    """A function: as it is offered, as it was called, or as it is to be called."""

    name: Required[str]
    parameters: dict[str, Any] | None
    arguments: str | None


class _Tool(TypedDict, total=False):
    id: str | None
    function: Required[Function]


class Message(TypedDict, total=False):
    """A message; the engine takes any role (recording `err_bad_role`)."""

    role: Required[str]
    content: str | list[_Part] | None
    name: str | None
    tool_calls: list[_Tool] | None
    tool_call_id: str | None


class _JsonSchema(TypedDict, total=False):
    name: Required[str]
    schema: dict[str, Any] | None


class _ResponseFormat(TypedDict, total=False):
    type: Required[Literal["text", "json_object", "json_schema"]]
    json_schema: _JsonSchema | None


class _StreamOptions(TypedDict, total=False):
    include_usage: bool | None


class ChatRequest(RequestModel):
    """The body of a chat completion request, and how it is to be understood.

    The fields are the API's; `None` is the same as absent.
    """

    model: str
    messages: list[Message]
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    n: int | None = None
    seed: int | None = None
    stop: str | list[str] | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    tools: list[_Tool] | None = None
    tool_choice: str | _Tool | None = None
    parallel_tool_calls: bool | None = None
    response_format: _ResponseFormat | None = None
    reasoning_effort: str | None = None

    @property
    def bound(self) -> int | None:
        """The bound of the answer's tokens (Scaleway's API reference, 2026-09-19)."""
        bound = self.max_completion_tokens
        return self.max_tokens if bound is None else bound

    @property
    def functions(self) -> list[Function]:
        """The functions offered."""
        return [tool["function"] for tool in self.tools or []]

    @property
    def named_function(self) -> str | None:
        """The one function that must be called, if one is named."""
        choice = self.tool_choice
        return choice["function"]["name"] if isinstance(choice, dict) else None

    @property
    def answer_schema(self) -> dict[str, Any] | None:
        """The JSON schema of the answer, if one is given."""
        json_schema = self.response_format and self.response_format.get("json_schema")
        return json_schema.get("schema") if json_schema else None

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
