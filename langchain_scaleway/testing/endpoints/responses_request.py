"""The body of a request to the Responses API, and the chat request that vLLM makes of it.

Items, tools and options are translated as they come; what is wrong with them is refused where the
chat request is read.
"""

from functools import cached_property
from typing import Any, Final, Literal

from langchain_scaleway.testing.chat_request import ChatRequest
from langchain_scaleway.testing.refusals import RequestModel, bad_parameter, validate

_ROLES: Final = ("user", "assistant", "system", "developer")
_ASKED_PARTS: Final = {
    "input_text": "text",
    "input_image": "image_url",
    "input_file": "input_file",
}
_ANSWERED_PARTS: Final = {**_ASKED_PARTS, "output_text": "text", "refusal": "text"}

_Json = dict[str, Any]


class ResponsesRequest(RequestModel):
    """The body. Fields that vLLM takes and ignores are not declared."""

    model: str
    input: str | list[_Json]
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
    store: bool | None = None
    background: bool | None = None
    previous_response_id: str | None = None
    prompt: _Json | None = None
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
    def items(self) -> list[_Json]:
        """The input as items."""
        if isinstance(self.input, str):
            return [{"role": "user", "content": self.input}]
        return self.input

    @cached_property
    def chat(self) -> ChatRequest:
        """The chat request that the engine makes of this one; to ask for it may refuse it."""
        choice, wanted = self.tool_choice, (self.text or {}).get("format")
        wants_logprobs = "message.output_text.logprobs" in (self.include or [])
        tools = [{"type": "function", "function": tool} for tool in self.functions]
        body: _Json = {
            "model": self.model,
            "messages": self._messages(),
            "stream": self.stream,
            "max_tokens": self.max_output_tokens,
            "temperature": self.temperature,
            "top_p": self.top_p,
            "logprobs": wants_logprobs or None,
            "top_logprobs": self.top_logprobs if wants_logprobs else None,
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
        for item in self.items:
            kind, role = item.get("type", "message"), item.get("role")
            if kind == "function_call_output":
                said, call_id = _content(item.get("output")), item.get("call_id")
                messages.append({"role": "tool", "content": said, "tool_call_id": call_id})
            elif kind == "message" and role != "assistant":
                if role not in _ROLES:
                    raise bad_parameter(f"Input should be one of {_ROLES}, got {role!r}", "input")
                messages.append({"role": role, "content": _content(item.get("content"))})
            else:
                last = messages[-1] if messages else {}
                is_said = last.get("content") is not None and kind == "message"
                if last.get("role") != "assistant" or is_said:
                    last = {"role": "assistant", "content": None}
                    messages.append(last)
                _add_to_assistant(last, item, kind)
        return messages


def _content(content: Any, kinds: dict[str, str] = _ASKED_PARTS) -> Any:
    """Return what an item says, as messages say it."""
    if content is None:
        raise bad_parameter("An item needs a content or an output.", "input")
    if not isinstance(content, list):
        return content
    parts = []
    for part in content:
        kind = part.get("type") if isinstance(part, dict) else None
        if kind not in kinds:
            raise bad_parameter(f"Unsupported content part type: {kind!r}", "input")
        image = {"url": part.get("image_url")}
        parts.append({"type": kinds[kind], "text": part.get("text"), "image_url": image})
    return parts


def _add_to_assistant(message: _Json, item: _Json, kind: Any) -> None:
    match kind:
        case "reasoning":
            if item.get("encrypted_content"):
                raise bad_parameter("Encrypted content is not supported.", "input")
            if item.get("summary") is None:  # it may be empty, but not missing (recorded)
                raise bad_parameter("A reasoning item needs a summary.", "input")
        case "function_call":
            if item.get("call_id") is None:
                raise bad_parameter("A function call needs a call_id.", "input")
            function = {name: item.get(name) for name in ("name", "arguments")}
            call = {"id": item["call_id"], "type": "function", "function": function}
            message.setdefault("tool_calls", []).append(call)
        case "message":
            message["content"] = _content(item.get("content"), _ANSWERED_PARTS)
        case _:
            raise bad_parameter(f"Unsupported input item type: {kind}", "input")
