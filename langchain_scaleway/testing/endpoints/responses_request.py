"""The body of a request to the Responses API, and the chat request that vLLM makes of it.

Pydantic refuses malformed items; what is wrong with tools and options is refused where the chat
request is read.
"""

from functools import cached_property
from typing import Any, Final, Literal, Required

from typing_extensions import TypedDict

from langchain_scaleway.testing.chat_request import ChatRequest
from langchain_scaleway.testing.endpoints.base import RequestModel, validate

_Json = dict[str, Any]

# The types of parts, and what chat completions call them.
_PARTS: Final = {
    "input_text": "text",
    "output_text": "text",
    "refusal": "text",
    "input_image": "image_url",
    "input_file": "input_file",
}


class _AskedPart(TypedDict, total=False):
    type: Required[Literal["input_text", "input_image", "input_file"]]
    text: str | None


class _AnsweredPart(TypedDict, total=False):
    type: Required[Literal["input_text", "output_text", "refusal"]]
    text: str | None


class _Asked(TypedDict, total=False):
    type: Literal["message"]
    role: Required[Literal["user", "system", "developer"]]
    content: Required[str | list[_AskedPart]]


class _Answered(TypedDict, total=False):
    type: Literal["message"]
    role: Required[Literal["assistant"]]
    content: Required[str | list[_AnsweredPart]]


class _Thought(TypedDict, total=False):
    type: Required[Literal["reasoning"]]
    summary: Required[list[Any]]  # it may be empty, but not missing (recorded)
    encrypted_content: None


class _Call(TypedDict):
    type: Literal["function_call"]
    call_id: str
    name: str
    arguments: str


class _Result(TypedDict, total=False):
    type: Required[Literal["function_call_output"]]
    call_id: str
    output: Required[str | list[_AskedPart]]


class ResponsesRequest(RequestModel):
    """The body. Fields that vLLM takes and ignores are not declared."""

    model: str
    input: str | list[_Asked | _Answered | _Thought | _Call | _Result]
    instructions: str | None = None
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    reasoning: _Json | None = None
    text: _Json | None = None
    tools: list[_Json] | None = None
    tool_choice: str | _Json = "auto"
    parallel_tool_calls: bool | None = None
    stream: bool | None = None
    include: list[str] | None = None
    top_logprobs: int | None = None
    truncation: Literal["auto", "disabled"] | None = None
    previous_response_id: str | None = None
    user: str | None = None
    metadata: _Json | None = None

    @property
    def functions(self) -> list[_Json]:
        """The tools that are functions; of others vLLM takes no notice (recorded)."""
        return [tool for tool in self.tools or [] if tool.get("type") == "function"]

    @property
    def must_call(self) -> bool:
        """Whether the answer is to be a call; the text's options are not looked at then."""
        return bool(self.functions) and self.tool_choice not in ("none", "auto")

    @property
    def wants_logprobs(self) -> bool:
        """Whether the text's log probabilities are asked for."""
        return "message.output_text.logprobs" in (self.include or [])

    @property
    def prompt_tokens(self) -> int:
        """The estimated tokens of the prompt, of its tools too."""
        return self.chat.prompt_tokens

    @cached_property
    def chat(self) -> ChatRequest:
        """The chat request that the engine makes of this one; to ask for it may refuse it."""
        choice, wanted = self.tool_choice, (self.text or {}).get("format")
        tools = [{"type": "function", "function": tool} for tool in self.functions]
        body: _Json = {
            "model": self.model,
            "messages": self._messages(),
            "stream": self.stream,
            "max_tokens": self.max_output_tokens,
            "temperature": self.temperature,
            "top_p": self.top_p,
            "logprobs": self.wants_logprobs or None,
            "top_logprobs": self.top_logprobs if self.wants_logprobs else None,
            "tools": tools,
            "parallel_tool_calls": self.parallel_tool_calls,
            "reasoning_effort": (self.reasoning or {}).get("effort"),
        }
        if tools:
            is_named = isinstance(choice, dict)
            body["tool_choice"] = {"function": choice} if is_named else choice
        if isinstance(wanted, dict) and not self.must_call:  # else it is ignored (recorded)
            schema = wanted if "schema" in wanted else None
            body["response_format"] = {"type": wanted.get("type"), "json_schema": schema}
        return validate(ChatRequest, body)

    def _messages(self) -> list[_Json]:
        """Turn items into messages; the assistant's in a row, whatever their types, into one."""
        messages: list[_Json] = []
        if self.instructions:
            messages.append({"role": "system", "content": self.instructions})
        items: Any = self.input
        if isinstance(items, str):
            items = [{"role": "user", "content": items}]
        for item in items:
            if item.get("type") == "function_call_output":
                said = {"content": _content(item["output"]), "tool_call_id": item.get("call_id")}
                messages.append({"role": "tool", **said})
                continue
            if item.get("role", "assistant") != "assistant":
                messages.append({"role": item["role"], "content": _content(item["content"])})
                continue
            last = messages[-1] if messages else {}
            is_said = last.get("content") is not None and "content" in item
            if last.get("role") != "assistant" or is_said:
                last = {"role": "assistant", "content": None}
                messages.append(last)
            if item.get("type") == "function_call":
                call = {"id": item["call_id"], "type": "function", "function": item}
                last.setdefault("tool_calls", []).append(call)
            elif "role" in item:
                last["content"] = _content(item["content"])
        return messages


def _content(content: str | list[_Json]) -> str | list[_Json]:
    """Return what an item says, as messages say it."""
    if isinstance(content, str):
        return content
    return [{**part, "type": _PARTS[part["type"]]} for part in content]
