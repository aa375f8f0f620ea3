"""`POST /v1/responses`: the Responses API as vLLM 0.32 serves it (recordings).

A stream is the whole output, cut up again item by item. What gpt-oss refuses, on a path of its own
that could not be recorded, follows vLLM's source.
"""

import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, Final

from langchain_scaleway.testing.answers import Answer, event, event_stream, json_answer
from langchain_scaleway.testing.endpoints.base import ModelEndpoint, not_supported
from langchain_scaleway.testing.endpoints.chat import (
    cached_tokens,
    check_engine,
    check_output_cap,
)
from langchain_scaleway.testing.endpoints.responses_request import ResponsesRequest
from langchain_scaleway.testing.endpoints.templates import is_gpt_oss
from langchain_scaleway.testing.generation import (
    GeneratedCall,
    Generation,
    generate,
    respond,
    tokens_of,
)
from langchain_scaleway.testing.models import ServedModel
from langchain_scaleway.testing.refusals import Refusal, bad_parameter, engine_refusal
from langchain_scaleway.testing.replies import Reply, Usage
from langchain_scaleway.testing.service import EmulatedService

_PATH: Final = "/responses"
_TOOL_NULLS: Final = (
    *("allowed_callers", "async", "defer_loading", "description", "output_schema"),
    *("parameters", "strict"),
)
_NULLS: Final = (
    *("max_tool_calls", "previous_response_id", "prompt", "kv_transfer_params"),
    *("ec_transfer_params", "input_messages", "output_messages"),
)

_Json = dict[str, Any]


def _check(request: ResponsesRequest, model: ServedModel) -> None:
    """Check what only this API has, and then the chat request that it amounts to."""
    if not model.responses_api:
        raise not_supported(_PATH)
    check_output_cap(request.max_output_tokens, model)
    if request.previous_response_id:
        sentence = f"Response with id '{request.previous_response_id}' not found."
        raise _invalid_request(sentence, "response_id", status=404)
    choice, names = request.tool_choice, [tool.get("name") for tool in request.functions]
    if choice == "required" and not names:
        sentence = "Tool choice 'required' must be specified with 'tools' parameter."
        raise bad_parameter(sentence, "tool_choice")
    if isinstance(choice, dict) and choice.get("name") not in names:
        sentence = "Tool choice 'function' not found in 'tools' parameter."
        raise bad_parameter(sentence, "tool_choice")
    if is_gpt_oss(model):
        _check_harmony(request)
    # A budget beyond the context window is lowered to what is left, not refused (recorded).
    bound = request.chat.bound
    impossible = bound if bound is not None and bound < 1 else None
    check_engine(request.chat.model_copy(update={"max_tokens": impossible}), model)


def _check_harmony(request: ResponsesRequest) -> None:
    """Check what vLLM's path for gpt-oss does not take, in the words of its source."""
    if request.wants_logprobs:
        raise _invalid_request("logprobs are not supported with gpt-oss models", "logprobs")
    calls = set()
    for message in request.chat.messages:
        calls |= {call.get("id") for call in message.get("tool_calls") or ()}
        if message["role"] == "tool" and (call_id := message.get("tool_call_id")) not in calls:
            raise _invalid_request(f"No call message found for {call_id}", "input")


def _invalid_request(sentence: str, param: str, status: int = 400) -> Refusal:
    return engine_refusal(sentence, param=param, kind="invalid_request_error", status=status)


def _answer(
    request: ResponsesRequest, model: ServedModel, service: EmulatedService, reply: Reply | None
) -> Answer:
    """Answer with a response object or its events."""
    chat = request.chat
    left = model.context_window - chat.prompt_tokens
    bound = min(left, request.max_output_tokens or left)
    said = reply or respond(chat, model)
    if request.parallel_tool_calls is False and not is_gpt_oss(model):
        said = replace(said, tool_calls=said.tool_calls[:1])
    generation = generate(said, chat, bound)
    usage = said.usage or Usage(
        prompt_tokens=chat.prompt_tokens,
        completion_tokens=generation.completion_tokens,
        cached_tokens=cached_tokens(chat, model, service),
        reasoning_tokens=len(generation.reasoning),
    )
    response = ResponseObject(request, said.model or model.id, generation, usage, bound)
    if request.stream:
        answer = event_stream(response.as_events())
    else:
        answer = json_answer(200, response.as_json())
    answer.text, answer.generated_tokens = generation.text, usage.completion_tokens
    return answer


@dataclass(slots=True)
class ResponseObject:
    """Everything an answer is written from."""

    request: ResponsesRequest
    model: str
    generation: Generation
    usage: Usage
    bound: int  # of its tokens, which the object repeats
    id: str = field(default_factory=lambda: _new_id("resp"))
    created: int = field(default_factory=lambda: int(time.time()))

    @property
    def _status(self) -> str:
        return "incomplete" if self.generation.finish_reason == "length" else "completed"

    def as_json(self) -> _Json:
        """Return the object of an answer that is not streamed."""
        return self._object(self._items(), self._status)

    def as_events(self) -> Iterator[bytes]:
        """Yield the events of a streamed answer; there is no `[DONE]`."""
        for number, (name, data) in enumerate(self._events()):
            # The type stands last in the JSON (recorded).
            yield event({**data, "sequence_number": number, "type": name}, name)

    def _events(self) -> Iterator[tuple[str, _Json]]:
        for name in ("created", "in_progress"):
            yield f"response.{name}", {"response": self._object([], "in_progress")}
        items = self._items()
        for index, item in enumerate(items):
            for name, data in _events_of(item):
                yield name, {**data, "output_index": index}
        # 0.32 says `response.completed` in any case, newer releases do not.
        yield f"response.{self._status}", {"response": self._object(items, self._status)}

    def _items(self) -> list[_Json]:
        said = self.generation
        items = []
        if said.reasoning:
            items.append(_thought("".join(said.reasoning)))
        if said.content:
            items.append(_message(said))
        return [*items, *map(_call, said.calls)]

    def _object(self, output: list[_Json], status: str) -> _Json:
        request = self.request
        reasoning = dict.fromkeys(("context", "effort", "generate_summary", "mode", "summary"))
        reason = {"reason": "max_output_tokens"} if status == "incomplete" else None
        return {
            "id": self.id,
            "created_at": self.created,
            "incomplete_details": reason,
            "instructions": request.instructions,
            "metadata": request.metadata,
            "model": self.model,
            "object": "response",
            "output": output,
            "parallel_tool_calls": request.parallel_tool_calls is not False,
            "temperature": 1.0 if request.temperature is None else request.temperature,
            "tool_choice": request.tool_choice if request.functions else "none",
            "tools": [{**dict.fromkeys(_TOOL_NULLS), **tool} for tool in request.functions],
            "top_p": 1.0 if request.top_p is None else request.top_p,
            "background": False,
            "max_output_tokens": self.bound,
            "reasoning": None if request.reasoning is None else reasoning | request.reasoning,
            "service_tier": "auto",
            "status": status,
            "text": None if request.must_call else request.text and _text_options(request.text),
            "top_logprobs": request.top_logprobs,
            "truncation": request.truncation or "disabled",
            "usage": None if status == "in_progress" else _usage(self.usage),
            "user": request.user,
            "presence_penalty": 0.0,
            "frequency_penalty": 0.0,
            **dict.fromkeys(_NULLS),
        }


def _thought(text: str) -> _Json:
    part = {"type": "reasoning_text", "text": text}
    head = {"id": _new_id("rs"), "type": "reasoning", "status": "completed"}
    return {**head, "summary": [], "content": [part], "encrypted_content": None}


def _message(said: Generation) -> _Json:
    part = {"type": "output_text", "text": said.text, "annotations": []}
    logprobs = (said.logprobs(said.content) or {}).get("content")
    head = {"id": _new_id("msg"), "type": "message", "status": "completed"}
    content = [{**part, "logprobs": logprobs}]
    return {**head, "role": "assistant", "content": content, "phase": None}


def _call(call: GeneratedCall) -> _Json:
    head = {"id": _new_id("fc"), "type": "function_call", "status": "completed"}
    nulls = dict.fromkeys(("async", "caller", "namespace"))
    call_id = call.id.replace("chatcmpl-tool-", "call_")
    said = {"arguments": "".join(call.arguments), "call_id": call_id, "name": call.name}
    return {**head, **nulls, **said}


def _events_of(item: _Json) -> Iterator[tuple[str, _Json]]:
    """Yield the events of an item, without their numbers."""
    begun, of_item = {**item, "status": "in_progress"}, {"item_id": item["id"]}
    if item["type"] == "function_call":
        yield "response.output_item.added", {"item": {**begun, "arguments": ""}}
        for token in tokens_of(item["arguments"]):
            yield "response.function_call_arguments.delta", {**of_item, "delta": token}
        done = {"arguments": item["arguments"], "name": item["name"]}
        yield "response.function_call_arguments.done", {**of_item, **done}
    else:
        [part] = item["content"]
        kind: str = f"response.{part['type']}"
        more: _Json = {}
        of_item["content_index"] = 0
        begun["content"] = None
        if item["type"] == "message":
            begun["content"], more["logprobs"] = [], []
        yield "response.output_item.added", {"item": begun}
        yield "response.content_part.added", {**of_item, "part": {**part, "text": "", **more}}
        logprobs = iter(part.get("logprobs") or ())
        for token in tokens_of(part["text"]):
            more |= {name: [*islice(logprobs, 1)] for name in more}
            yield f"{kind}.delta", {**of_item, "delta": token, **more}
        yield f"{kind}.done", {**of_item, "text": part["text"], **{name: [] for name in more}}
        yield "response.content_part.done", {**of_item, "part": part}
    yield "response.output_item.done", {"item": item}


def _text_options(text: Any) -> _Json:
    wanted = text.get("format")
    if wanted and wanted.get("type") == "json_schema":
        wanted = {"description": None, "strict": None, **wanted}
    return {"format": wanted, "verbosity": text.get("verbosity")}


def _usage(usage: Usage) -> _Json:
    return {
        "input_tokens": usage.prompt_tokens,
        "input_tokens_details": {
            "cached_tokens": usage.cached_tokens or 0,
            "cache_write_tokens": 0,
            "input_tokens_per_turn": [],
            "cached_tokens_per_turn": [],
        },
        "output_tokens": usage.completion_tokens,
        "output_tokens_details": {
            "reasoning_tokens": usage.reasoning_tokens or 0,
            "tool_output_tokens": 0,
            "output_tokens_per_turn": [],
            "tool_output_tokens_per_turn": [],
        },
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    }


def _new_id(prefix: str) -> str:
    return f"{prefix}_{uuid.uuid4().hex[:16]}"


RESPONSES: Final = ModelEndpoint(_PATH, "chat", "chat", ResponsesRequest, _check, _answer)
