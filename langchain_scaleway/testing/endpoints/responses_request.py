"""The body of a request to the Responses API, and the chat request that vLLM makes of it."""

from __future__ import annotations

from typing import Any, Literal, Required

from typing_extensions import TypedDict

from langchain_scaleway.testing.chat_request import ChatRequest
from langchain_scaleway.testing.refusals import (
    RequestModel,
    bad_parameter,
    engine_refusal,
    validate,
)


class _InputPart(TypedDict, total=False):
    type: Required[Literal["input_text", "input_image", "input_file"]]
    text: str
    image_url: str | None


# Without a type, or any message that is not the assistant's own in parts.
class _EasyInputMessage(TypedDict, total=False):
    type: Literal["message"]
    role: Required[Literal["user", "assistant", "system", "developer"]]
    content: Required[str | list[_InputPart]]


class _OutputPart(TypedDict, total=False):
    type: Required[Literal["output_text", "refusal"]]
    text: str


# As it was answered.
class _OutputMessage(TypedDict, total=False):
    type: Required[Literal["message"]]
    role: Required[Literal["assistant"]]
    content: Required[list[_OutputPart]]


class _FunctionCall(TypedDict, total=False):
    type: Required[Literal["function_call"]]
    call_id: Required[str]
    name: Required[str]
    arguments: Required[str]


# The id may be missing on the simple path (recorded).
class _FunctionCallOutput(TypedDict, total=False):
    type: Required[Literal["function_call_output"]]
    call_id: str
    output: Required[str | list[_InputPart]]


class _ReasoningPart(TypedDict, total=False):
    type: Required[Literal["reasoning_text"]]
    text: Required[str]


# The summary may be empty but not missing (recorded).
class _Reasoning(TypedDict, total=False):
    type: Required[Literal["reasoning"]]
    summary: Required[list[dict[str, Any]]]
    content: list[_ReasoningPart] | None
    encrypted_content: str | None
    status: str | None


# What the openai package knows and vLLM does not take.
class _Unsupported(TypedDict):
    type: Literal[
        "item_reference", "web_search_call", "file_search_call", "computer_call", "mcp_call"
    ]


_Item = (
    _EasyInputMessage
    | _OutputMessage
    | _FunctionCall
    | _FunctionCallOutput
    | _Reasoning
    | _Unsupported
)


class _FunctionTool(TypedDict, total=False):
    type: Required[Literal["function"]]
    name: Required[str]
    description: str | None
    parameters: dict[str, Any] | None
    strict: bool | None


# vLLM has no server for these, and takes no notice of them (recorded).
class _HostedTool(TypedDict):
    type: Literal[
        "custom", "mcp", "web_search", "web_search_preview", "file_search", "code_interpreter"
    ]


# Chat's nested form has no name here.
class _NamedTool(TypedDict, total=False):
    type: Required[str]
    name: str


class _ResponseFormatText(TypedDict, total=False):
    type: Required[Literal["text", "json_object"]]


class _ResponseFormatTextJSONSchemaConfig(TypedDict, total=False):
    type: Required[Literal["json_schema"]]
    name: Required[str]
    schema: Required[dict[str, Any]]
    description: str | None
    strict: bool | None


class _TextOptions(TypedDict, total=False):
    format: _ResponseFormatText | _ResponseFormatTextJSONSchemaConfig | None
    verbosity: str | None


class _ReasoningOptions(TypedDict, total=False):
    effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None
    summary: str | None


class ResponsesRequest(RequestModel):
    """The body. Fields that vLLM takes and ignores are not declared."""

    model: str
    input: str | list[_Item]
    instructions: str | None = None
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    reasoning: _ReasoningOptions | None = None
    text: _TextOptions | None = None
    tools: list[_FunctionTool | _HostedTool] | None = None
    tool_choice: Literal["none", "auto", "required"] | _NamedTool = "auto"
    parallel_tool_calls: bool | None = None
    stream: bool | None = None
    include: list[str] | None = None
    top_logprobs: int | None = None
    truncation: Literal["auto", "disabled"] | None = None
    store: bool | None = None
    background: bool | None = None
    previous_response_id: str | None = None
    prompt: dict[str, Any] | None = None
    user: str | None = None
    metadata: dict[str, Any] | None = None

    @property
    def functions(self) -> list[_FunctionTool]:
        """The tools that are functions."""
        return [tool for tool in self.tools or [] if tool["type"] == "function"]

    @property
    def must_call(self) -> bool:
        """Whether the answer is to be a call; the text's options are not looked at then."""
        return bool(self.functions) and self.tool_choice not in ("none", "auto")

    @property
    def wants_logprobs(self) -> bool:
        """Whether each token is to have its probability."""
        return "message.output_text.logprobs" in (self.include or [])

    def as_chat(self, *, harmony: bool) -> ChatRequest:
        """Return the chat request that the engine makes of this one, or refuse an item of it.

        gpt-oss has a path of its own in vLLM, "harmony".
        """
        named = self.tool_choice if isinstance(self.tool_choice, dict) else None
        # `none` leaves the tools in the prompt of the simple path (recorded).
        choice = "auto" if self.tool_choice == "none" and not harmony else self.tool_choice
        response_format = (self.text or {}).get("format")
        tools = [{"type": "function", "function": tool} for tool in self.functions]
        body: dict[str, Any] = {
            "model": self.model,
            "messages": _messages(self, harmony=harmony),
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
            body["tool_choice"] = {"function": {"name": named.get("name")}} if named else choice
        if response_format and not self.must_call:  # beside a must it is ignored (recorded)
            schema = response_format if "name" in response_format else None
            body["response_format"] = {"type": response_format["type"], "json_schema": schema}
        return validate(ChatRequest, body)


def _messages(request: ResponsesRequest, *, harmony: bool) -> list[dict[str, Any]]:
    """Turn items into messages; thoughts, texts and calls in a row are one of the assistant's."""
    messages: list[dict[str, Any]] = []
    if request.instructions:
        messages.append({"role": "system", "content": request.instructions})
    items: Any = request.input
    if isinstance(items, str):
        items = [{"role": "user", "content": items}]
    calls = [item.get("call_id") for item in items if item.get("type") == "function_call"]
    for item in items:
        if item.get("type") == "function_call_output":
            call_id = item.get("call_id")
            if harmony and call_id not in calls:  # vLLM's source
                sentence = f"No call message found for {call_id}"
                raise engine_refusal(sentence, param="input", kind="invalid_request_error")
            content = _content(item["output"], harmony=harmony)
            messages.append({"role": "tool", "content": content, "tool_call_id": call_id})
        elif item.get("role", "assistant") != "assistant":
            content = _content(item["content"], harmony=harmony)
            messages.append({"role": item["role"], "content": content})
        else:
            last = messages[-1] if messages else {}
            if last.get("role") != "assistant" or (last["content"] is not None and "role" in item):
                last = {"role": "assistant", "content": None}
                messages.append(last)
            _add_to_assistant(last, item, harmony=harmony)
    return messages


def _content(content: Any, *, harmony: bool) -> Any:
    """Return what an item says; gpt-oss gets an empty text for a picture (vLLM's source)."""
    if isinstance(content, str):
        return content
    parts = []
    for part in content:
        if part["type"] == "input_text" or (part["type"] == "input_image" and harmony):
            parts.append({"type": "text", "text": part.get("text", "")})
        elif part["type"] == "input_image":
            parts.append({"type": "image_url", "image_url": {"url": part.get("image_url")}})
        else:
            parts.append({"type": part["type"]})
    return parts


def _add_to_assistant(message: dict[str, Any], item: Any, *, harmony: bool) -> None:
    kind = item.get("type", "message")
    if kind == "reasoning":
        if item.get("encrypted_content"):
            raise bad_parameter("Encrypted content is not supported.", "input")
        message["reasoning"] = "".join(part["text"] for part in item.get("content") or ())
    elif kind == "function_call":
        function = {"name": item["name"], "arguments": item["arguments"]}
        call = {"id": item["call_id"], "type": "function", "function": function}
        message.setdefault("tool_calls", []).append(call)
    elif kind == "message":
        message["content"] = _said(item["content"])
    else:
        unsupported = f"Unsupported input {'' if harmony else 'item '}type: {kind}"
        raise bad_parameter(unsupported, "input")


def _said(content: Any) -> str:
    """Return the assistant's text: of several parts vLLM reads the first alone (recorded)."""
    if isinstance(content, str):
        return content
    if not content:
        raise engine_refusal("list index out of range", status=500)
    if content[0]["type"] == "refusal":
        sentence = "'ResponseOutputRefusal' object has no attribute 'text'"
        raise engine_refusal(sentence, status=500)
    return str(content[0].get("text", ""))
