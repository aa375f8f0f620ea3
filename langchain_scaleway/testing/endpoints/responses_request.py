"""The body of a request to the Responses API, and the chat request that vLLM makes of it.

What is wrong with tools and options is refused where the chat request is read.
"""

from functools import cached_property
from typing import Any, Final, Literal, Required

from typing_extensions import TypedDict

from langchain_scaleway.testing.chat_request import ChatRequest
from langchain_scaleway.testing.endpoints.base import RequestModel, validate
from langchain_scaleway.testing.refusals import bad_parameter

_Json = dict[str, Any]

# The types of parts, and what chat completions call them.
_ASKED_PARTS: Final = {
    "input_text": "text",
    "input_image": "image_url",
    "input_file": "input_file",
}
_ANSWERED_PARTS: Final = {**_ASKED_PARTS, "output_text": "text", "refusal": "text"}


class _Part(TypedDict, total=False):
    type: Required[str]
    text: str | None


class _Item(TypedDict, total=False):
    type: Literal["message", "function_call", "function_call_output", "reasoning"]
    role: Literal["user", "assistant", "system", "developer"]
    content: str | list[_Part]
    output: str | list[_Part]
    call_id: str
    name: str
    arguments: str
    summary: list[Any]
    encrypted_content: None


class ResponsesRequest(RequestModel):
    """The body. Fields that vLLM takes and ignores are not declared."""

    model: str
    input: str | list[_Item]
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
        try:
            messages = self._messages()
        except KeyError as missing:
            raise bad_parameter(
                f"An item of the input is malformed at {missing}.", "input"
            ) from None
        tools = [{"type": "function", "function": tool} for tool in self.functions]
        body: _Json = {
            "model": self.model,
            "messages": messages,
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
            kind = item.get("type", "message")
            if kind == "function_call_output":
                said = {"content": _content(item["output"]), "tool_call_id": item.get("call_id")}
                messages.append({"role": "tool", **said})
            elif kind == "message" and item["role"] != "assistant":
                messages.append({"role": item["role"], "content": _content(item["content"])})
            else:
                last = messages[-1] if messages else {}
                is_said = last.get("content") is not None and kind == "message"
                if last.get("role") != "assistant" or is_said:
                    last = {"role": "assistant", "content": None}
                    messages.append(last)
                _add_to_assistant(last, item, kind)
        return messages


def _add_to_assistant(message: _Json, item: _Json, kind: str) -> None:
    if kind == "function_call":
        function = {"name": item["name"], "arguments": item["arguments"]}
        call = {"id": item["call_id"], "type": "function", "function": function}
        message.setdefault("tool_calls", []).append(call)
    elif kind == "message":
        message["content"] = _content(item["content"], _ANSWERED_PARTS)
    else:
        _ = item["summary"]  # it may be empty, but not missing (recorded)


def _content(content: str | list[_Json], kinds: dict[str, str] = _ASKED_PARTS) -> Any:
    """Return what an item says, as messages say it."""
    if isinstance(content, str):
        return content
    return [{**part, "type": kinds[part["type"]]} for part in content]
