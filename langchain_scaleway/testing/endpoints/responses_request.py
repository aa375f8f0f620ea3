"""The body of a request to the Responses API, and the chat request that vLLM makes of it."""

from __future__ import annotations

from typing import Any, Final, Literal, Required

from pydantic import ConfigDict, with_config
from typing_extensions import TypedDict

from langchain_scaleway.testing.bodies import RequestModel, validate
from langchain_scaleway.testing.chat_request import ChatRequest
from langchain_scaleway.testing.refusals import bad_parameter, engine_refusal

_AS_SENT: Final = ConfigDict(extra="allow")
LOGPROBS: Final = "message.output_text.logprobs"

Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]


@with_config(_AS_SENT)
class InputPart(TypedDict, total=False):
    """A part of what a user, system or developer says, or of a tool's result."""

    type: Required[Literal["input_text", "input_image", "input_file"]]
    text: str
    image_url: str | None


@with_config(_AS_SENT)
class EasyInputMessage(TypedDict, total=False):
    """A message without a type, or any message that is not the assistant's own in parts."""

    type: Literal["message"]
    role: Required[Literal["user", "assistant", "system", "developer"]]
    content: Required[str | list[InputPart]]


@with_config(_AS_SENT)
class OutputPart(TypedDict, total=False):
    """A part of what the assistant said."""

    type: Required[Literal["output_text", "refusal"]]
    text: str


@with_config(_AS_SENT)
class OutputMessage(TypedDict, total=False):
    """A message of the assistant's, as it was answered."""

    type: Required[Literal["message"]]
    role: Required[Literal["assistant"]]
    content: Required[list[OutputPart]]


@with_config(_AS_SENT)
class FunctionCall(TypedDict, total=False):
    """A call, as it was answered."""

    type: Required[Literal["function_call"]]
    call_id: Required[str]
    name: Required[str]
    arguments: Required[str]


@with_config(_AS_SENT)
class FunctionCallOutput(TypedDict, total=False):
    """What came of a call; the id may be missing on the simple path (recorded)."""

    type: Required[Literal["function_call_output"]]
    call_id: str
    output: Required[str | list[InputPart]]


@with_config(_AS_SENT)
class ReasoningPart(TypedDict, total=False):
    """A part of a thought."""

    type: Required[Literal["reasoning_text"]]
    text: Required[str]


@with_config(_AS_SENT)
class Reasoning(TypedDict, total=False):
    """A thought, as it was answered; the summary may be empty but not missing (recorded)."""

    type: Required[Literal["reasoning"]]
    summary: Required[list[dict[str, Any]]]
    content: list[ReasoningPart] | None
    encrypted_content: str | None
    status: str | None


@with_config(_AS_SENT)
class Unsupported(TypedDict):
    """An item that the openai package knows and vLLM does not take."""

    type: Literal[
        "item_reference", "web_search_call", "file_search_call", "computer_call", "mcp_call"
    ]


Item = (
    EasyInputMessage | OutputMessage | FunctionCall | FunctionCallOutput | Reasoning | Unsupported
)


@with_config(_AS_SENT)
class FunctionTool(TypedDict, total=False):
    """A function that the model may call."""

    type: Required[Literal["function"]]
    name: Required[str]
    description: str | None
    parameters: dict[str, Any] | None
    strict: bool | None


@with_config(_AS_SENT)
class HostedTool(TypedDict):
    """A tool that vLLM has no server for, and takes no notice of (recorded)."""

    type: Literal[
        "custom", "mcp", "web_search", "web_search_preview", "file_search", "code_interpreter"
    ]


class NamedTool(TypedDict, total=False):
    """A tool choice that names a function; chat's nested form has no name here."""

    type: Required[str]
    name: str


class ResponseFormatText(TypedDict, total=False):
    """What the answer must look like, flat. Refusals name this class, as vLLM's do."""

    type: Required[Literal["text", "json_object"]]


class ResponseFormatTextJSONSchemaConfig(TypedDict, total=False):
    """A JSON schema for the answer, flat."""

    type: Required[Literal["json_schema"]]
    name: Required[str]
    schema: Required[dict[str, Any]]
    description: str | None
    strict: bool | None


class TextOptions(TypedDict, total=False):
    """How the answer's text is to be."""

    format: ResponseFormatText | ResponseFormatTextJSONSchemaConfig | None
    verbosity: str | None


class ReasoningOptions(TypedDict, total=False):
    """How much the model is to think."""

    effort: Effort | None
    summary: str | None


class ResponsesRequest(RequestModel):
    """The body. Fields that vLLM takes and ignores are not declared."""

    model: str
    input: str | list[Item]
    instructions: str | None = None
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    reasoning: ReasoningOptions | None = None
    text: TextOptions | None = None
    tools: list[FunctionTool | HostedTool] | None = None
    tool_choice: Literal["none", "auto", "required"] | NamedTool = "auto"
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
    def items(self) -> list[Item]:
        """The input; a text is a user's message."""
        if isinstance(self.input, str):
            return [{"role": "user", "content": self.input}]
        return self.input

    @property
    def functions(self) -> list[FunctionTool]:
        """The tools that are functions."""
        return [tool for tool in self.tools or [] if tool["type"] == "function"]

    @property
    def must_call(self) -> bool:
        """Whether the answer is to be a call; the text's options are not looked at then."""
        return bool(self.functions) and self.tool_choice not in ("none", "auto")

    def as_chat(self, *, harmony: bool) -> ChatRequest:
        """Return the chat request that the engine makes of this one.

        Args:
            harmony: Whether the model is a gpt-oss, which has a path of its own in vLLM.

        Raises:
            Refusal: An item cannot be taken.
        """
        wants_logprobs = LOGPROBS in (self.include or [])
        named = self.tool_choice if isinstance(self.tool_choice, dict) else None
        # `none` leaves the tools in the prompt of the simple path (recorded).
        choice = "auto" if self.tool_choice == "none" and not harmony else self.tool_choice
        body = {
            "model": self.model,
            "messages": _messages(self, harmony=harmony),
            "stream": self.stream,
            "max_tokens": self.max_output_tokens,
            "temperature": self.temperature,
            "top_p": self.top_p,
            "logprobs": wants_logprobs or None,
            "top_logprobs": self.top_logprobs if wants_logprobs else None,
            "tools": [{"type": "function", "function": tool} for tool in self.functions],
            "tool_choice": {"function": {"name": named.get("name")}} if named else choice,
            "parallel_tool_calls": self.parallel_tool_calls,
            "response_format": self._response_format(),
            "reasoning_effort": (self.reasoning or {}).get("effort"),
        }
        if not body["tools"]:
            body["tool_choice"] = None
        return validate(ChatRequest, body)

    def _response_format(self) -> dict[str, Any] | None:
        """Nest the schema; beside a call that must come the format is ignored (recorded)."""
        wanted = (self.text or {}).get("format")
        if wanted is None or self.must_call:
            return None
        return {"type": wanted["type"], "json_schema": wanted if "name" in wanted else None}


def _messages(request: ResponsesRequest, *, harmony: bool) -> list[dict[str, Any]]:
    """Turn items into messages; thoughts, texts and calls in a row are one of the assistant's."""
    messages: list[dict[str, Any]] = []
    if request.instructions:
        messages.append({"role": "system", "content": request.instructions})
    for item in request.items:
        if item.get("role", "assistant") != "assistant":
            role = item.get("role")
            messages.append({"role": role, "content": _content(item, harmony=harmony)})
        elif item.get("type") == "function_call_output":
            if harmony:
                _check_call(item, request)
            message = {"role": "tool", "content": _content(item, harmony=harmony)}
            messages.append({**message, "tool_call_id": item.get("call_id")})
        else:
            last = messages[-1] if messages else {}
            if last.get("role") != "assistant" or (last["content"] is not None and "role" in item):
                last = {"role": "assistant", "content": None}
                messages.append(last)
            _add_to_assistant(last, item, harmony=harmony)
    return messages


def _content(item: Any, *, harmony: bool) -> Any:
    """Return what an item says; gpt-oss gets an empty text for a picture (vLLM's source)."""
    content = item["content"] if "content" in item else item["output"]
    if isinstance(content, str):
        return content
    parts = []
    for part in content:
        if part["type"] == "input_text":
            parts.append({"type": "text", "text": part.get("text", "")})
        elif part["type"] == "input_image":
            picture = {"type": "image_url", "image_url": {"url": part.get("image_url")}}
            parts.append({"type": "text", "text": ""} if harmony else picture)
        else:
            parts.append({"type": part["type"]})
    return parts


def _add_to_assistant(message: dict[str, Any], item: Any, *, harmony: bool) -> None:
    kind = item.get("type", "message")
    if kind == "reasoning":
        if item.get("encrypted_content"):
            raise bad_parameter("Encrypted content is not supported.", "input")
        parts = item.get("content") or ()
        message["reasoning"] = "".join(part["text"] for part in parts)
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


def _check_call(output: Any, request: ResponsesRequest) -> None:
    """Demand the call of an output in the same input, as gpt-oss's path does (vLLM's source)."""
    call_id = output.get("call_id")
    calls = {item.get("call_id") for item in request.items if item.get("type") == "function_call"}
    if call_id not in calls:
        sentence = f"No call message found for {call_id}"
        raise engine_refusal(sentence, param="input", kind="invalid_request_error")
