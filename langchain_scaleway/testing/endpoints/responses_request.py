"""The body of a request to the Responses API, and the chat request that vLLM makes of it."""

from typing import Annotated, Any, Final, Literal, Required

from pydantic import AfterValidator
from typing_extensions import TypedDict

from langchain_scaleway.testing.chat_request import ChatRequest
from langchain_scaleway.testing.refusals import (
    RequestModel,
    bad_parameter,
    engine_refusal,
    validate,
)

_OUTPUT_PARTS: Final = ("output_text", "refusal")
# What items must have; the id of an output may be missing, a summary may be empty (recorded).
_REQUIRED: Final = {
    "message": ("role", "content"),
    "function_call": ("call_id", "name", "arguments"),
    "function_call_output": ("output",),
    "reasoning": ("summary",),
}


class _InputPart(TypedDict, total=False):
    type: Required[Literal["input_text", "input_image", "input_file"]]
    text: str
    image_url: str | None


class _AnsweredPart(TypedDict, total=False):
    type: Required[Literal["output_text", "refusal", "reasoning_text"]]
    text: str


class _Item(TypedDict, total=False):
    # Those from `item_reference` on are known to the openai package, and not taken by vLLM.
    type: Literal[
        "message",
        "function_call",
        "function_call_output",
        "reasoning",
        "item_reference",
        "web_search_call",
        "file_search_call",
        "computer_call",
        "mcp_call",
    ]
    role: Literal["user", "assistant", "system", "developer"]
    content: str | list[_InputPart] | list[_AnsweredPart] | None
    call_id: str
    name: str
    arguments: str
    output: str | list[_InputPart]
    summary: list[dict[str, Any]]
    encrypted_content: str | None


def _check_item(item: _Item) -> _Item:
    """Check what the fields demand of each other."""
    kind, content = item.get("type", "message"), item.get("content")
    for name in _REQUIRED.get(kind, ()):
        if item.get(name) is None:
            raise ValueError(f"An item of the type {kind} needs {name}.")
    is_answer = isinstance(content, list) and any(one["type"] in _OUTPUT_PARTS for one in content)
    if is_answer and (item.get("type"), item.get("role")) != ("message", "assistant"):
        raise ValueError("Only an assistant's message has such parts.")
    return item


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


class _ResponseFormatText(TypedDict):
    type: Literal["text", "json_object"]


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
    input: str | list[Annotated[_Item, AfterValidator(_check_item)]]
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
    def items(self) -> list[_Item]:
        """The input as items."""
        if isinstance(self.input, str):
            return [{"role": "user", "content": self.input}]
        return self.input

    def as_chat(self) -> ChatRequest:
        """Return the chat request that the engine makes of this one, or refuse an item of it."""
        named = self.tool_choice if isinstance(self.tool_choice, dict) else None
        response_format = (self.text or {}).get("format")
        wants_logprobs = "message.output_text.logprobs" in (self.include or [])
        tools = [{"type": "function", "function": tool} for tool in self.functions]
        body: dict[str, Any] = {
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
            choice = {"function": {"name": named.get("name")}} if named else self.tool_choice
            body["tool_choice"] = choice
        if response_format and not self.must_call:  # beside a must it is ignored (recorded)
            schema = response_format if "name" in response_format else None
            body["response_format"] = {"type": response_format["type"], "json_schema": schema}
        return validate(ChatRequest, body)

    def _messages(self) -> list[dict[str, Any]]:
        """Turn items into messages; the assistant's in a row, whatever their types, into one."""
        messages: list[dict[str, Any]] = []
        if self.instructions:
            messages.append({"role": "system", "content": self.instructions})
        for item in self.items:
            if item.get("type") == "function_call_output":
                said = {"role": "tool", "content": _content(item["output"])}
                messages.append({**said, "tool_call_id": item.get("call_id")})
            elif item.get("role", "assistant") != "assistant":
                messages.append({"role": item["role"], "content": _content(item["content"])})
            else:
                last = messages[-1] if messages else {}
                is_said = last.get("content") is not None and "role" in item
                if last.get("role") != "assistant" or is_said:
                    last = {"role": "assistant", "content": None}
                    messages.append(last)
                _add_to_assistant(last, item)
        return messages


def _content(content: Any) -> Any:
    """Return what an item says, as messages say it."""
    if isinstance(content, str):
        return content
    kinds = {"input_text": "text", "input_image": "image_url"}
    return [
        {
            "type": kinds.get(part["type"], part["type"]),
            "text": part.get("text"),
            "image_url": {"url": part.get("image_url")},
        }
        for part in content
    ]


def _add_to_assistant(message: dict[str, Any], item: _Item) -> None:
    match item.get("type", "message"):
        case "reasoning":
            if item.get("encrypted_content"):
                raise bad_parameter("Encrypted content is not supported.", "input")
        case "function_call":
            function = {"name": item["name"], "arguments": item["arguments"]}
            call = {"id": item["call_id"], "type": "function", "function": function}
            message.setdefault("tool_calls", []).append(call)
        case "message":
            message["content"] = _said(item["content"])
        case kind:
            raise bad_parameter(f"Unsupported input item type: {kind}", "input")


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
