"""Response objects as JSON and as server-sent events, as vLLM 0.32 sends them."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from langchain_scaleway.testing.answers import event
from langchain_scaleway.testing.chat_request import ChatRequest
from langchain_scaleway.testing.endpoints.responses_request import ResponsesRequest
from langchain_scaleway.testing.generation import Generation, log_probabilities
from langchain_scaleway.testing.replies import Usage

_TOOL_NULLS: Final = (
    *("allowed_callers", "async", "defer_loading", "description", "output_schema"),
    *("parameters", "strict"),
)
_NULLS: Final = (
    *("max_tool_calls", "previous_response_id", "prompt", "kv_transfer_params"),
    *("ec_transfer_params", "input_messages", "output_messages"),
)


@dataclass(slots=True)
class ResponseObject:
    """Everything an answer is written from."""

    request: ResponsesRequest
    chat: ChatRequest  # the same
    model: str
    bound: int  # of its tokens, which the object repeats
    harmony: bool  # whether the model is a gpt-oss
    usage: Usage | None = None  # none before the answer is complete
    id: str = field(default_factory=lambda: _new_id("resp"))
    created: int = field(default_factory=lambda: int(time.time()))

    def as_json(self, generation: Generation) -> dict[str, Any]:
        """Return the object of an answer that is not streamed.

        A call that was cut, and all before it in the turn, is then raw text (recorded).
        """
        items, is_cut = self._items(generation), generation.finish_reason == "length"
        broken = is_cut and not generation.is_last_call_whole and not self.harmony
        if generation.calls and (broken or self._calls_are_text):
            text = generation.text + "\n".join(call.written for call in generation.calls)
            items = [item for item in items if item.kind == "reasoning"]
            items.append(_Item("message", "msg", [text]))
        output = [self._whole(item, streamed=False) for item in items]
        return self._object(output, "incomplete" if is_cut else "completed")

    def head_events(self) -> Iterator[bytes]:
        """Yield the two events that a stream begins with."""
        for number, name in enumerate(("created", "in_progress")):
            body = self._object([], "in_progress")
            yield _event(f"response.{name}", {"response": body, "sequence_number": number})

    def as_events(self, generation: Generation) -> Iterator[bytes]:
        """Yield the events of a streamed answer; there is no `[DONE]`."""
        yield from self.head_events()
        items, is_cut = self._items(generation), generation.finish_reason == "length"
        calls = [item for item in items if item.kind == "function_call"]
        if self._calls_are_text and calls:
            text = "\n".join(call.written for call in generation.calls)
            items = [*(one for one in items if one not in calls), _Item("message", "msg", [text])]
        elif (
            [item.kind for item in items[:2]] == ["reasoning", "function_call"]
            and self.chat.choice == "auto"
            and not self.harmony
        ):  # the line breaks between thought and call are a message of their own (recorded)
            items.insert(1, _Item("message", "msg", ["\n\n"]))
        number = 2
        for index, item in enumerate(items):
            if self.harmony and not item.tokens:
                continue  # such an item is in the terminal object alone (vLLM's source)
            ends = not (self.harmony and is_cut and item is items[-1])
            for name, data in self._item_events(item, ends=ends):
                yield _event(name, {**data, "output_index": index, "sequence_number": number})
                number += 1
        if self.harmony and is_cut and items:
            items[-1].id = _new_id(items[-1].prefix)
        status = "incomplete" if is_cut else "completed"
        output = [self._whole(item, streamed=True) for item in items]
        if self.harmony and is_cut and output:
            output[-1]["status"] = "incomplete"
        # 0.32 says completed in any case; gpt-oss stands for the newer 0.33 here.
        name = f"response.{status if self.harmony else 'completed'}"
        body = self._object(output, status)
        yield _event(name, {"response": body, "sequence_number": number})

    def _items(self, generation: Generation) -> list[_Item]:
        items = []
        if generation.reasoning:
            items.append(_Item("reasoning", "rs", generation.reasoning))
        if generation.content:
            items.append(_Item("message", "msg", generation.content))
        for call in generation.calls:
            call_id = call.id.replace("chatcmpl-tool-", "call_") if self.harmony else call.id
            items.append(_Item("function_call", "fc", call.arguments, call.name, call_id))
        return items

    @property
    def _calls_are_text(self) -> bool:
        """Whether a call comes as the model wrote it: tools are in the prompt all the same."""
        return self.request.tool_choice == "none" and not self.harmony

    def _item_events(self, item: _Item, *, ends: bool) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the events of an item, without their numbers."""
        of_item: dict[str, Any] = {"item_id": item.id}
        begun = self._whole(item, streamed=True) | {"status": "in_progress"}
        if item.kind == "function_call":
            yield "response.output_item.added", {"item": begun | {"arguments": ""}}
            for token in item.tokens:
                yield "response.function_call_arguments.delta", {**of_item, "delta": token}
            if ends:
                done = {**of_item, "arguments": item.text, "name": item.name}
                yield "response.function_call_arguments.done", done
        else:
            content: list[Any] | None = None if item.kind == "reasoning" else []
            yield "response.output_item.added", {"item": begun | {"content": content}}
            of_item["content_index"] = 0
            kind = "reasoning_text" if item.kind == "reasoning" else "output_text"
            more: dict[str, Any] = {} if item.kind == "reasoning" else {"logprobs": []}
            yield "response.content_part.added", {**of_item, "part": self._part(item, "", [])}
            for token in item.tokens:
                delta = {**of_item, "delta": token, **more}
                if more and self.chat.logprobs:
                    delta["logprobs"] = self._logprobs([token])
                    for entry in delta["logprobs"]:
                        for one in (entry, *entry["top_logprobs"]):
                            del one["bytes"]
                yield f"response.{kind}.delta", delta
            if ends:
                yield f"response.{kind}.done", {**of_item, "text": item.text, **more}
                part = self._part(item, item.text, self._logprobs(item.tokens))
                yield "response.content_part.done", {**of_item, "part": part}
        if ends:
            yield "response.output_item.done", {"item": self._whole(item, streamed=True)}

    def _whole(self, item: _Item, *, streamed: bool) -> dict[str, Any]:
        head: dict[str, Any] = {"id": item.id, "type": item.kind, "status": "completed"}
        if item.kind == "function_call":
            call = {"arguments": item.text, "call_id": item.call_id, "name": item.name}
            return head | dict.fromkeys(("async", "caller", "namespace")) | call
        content = [self._part(item, item.text, self._logprobs(item.tokens))]
        if item.kind == "reasoning":
            head["status"] = "completed" if streamed else None
            return head | {"summary": [], "content": content, "encrypted_content": None}
        return head | {"role": "assistant", "content": content, "phase": None}

    def _part(self, item: _Item, text: str, logprobs: Any) -> dict[str, Any]:
        if item.kind == "reasoning":
            return {"type": "reasoning_text", "text": text}
        return {"type": "output_text", "text": text, "annotations": [], "logprobs": logprobs}

    def _logprobs(self, tokens: list[str]) -> Any:
        alternatives = self.chat.alternatives
        return None if alternatives is None else log_probabilities(tokens, alternatives)

    def _object(self, output: list[dict[str, Any]], status: str) -> dict[str, Any]:
        request = self.request
        reasoning = dict.fromkeys(("context", "effort", "generate_summary", "mode", "summary"))
        return {
            "id": self.id,
            "created_at": self.created,
            "incomplete_details": (
                {"reason": "max_output_tokens"} if status == "incomplete" else None
            ),
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
            "usage": None if self.usage is None or status == "in_progress" else _usage(self.usage),
            "user": request.user,
            "presence_penalty": 0.0,
            "frequency_penalty": 0.0,
            **dict.fromkeys(_NULLS),
        }


@dataclass(slots=True)
class _Item:
    """An output item on its way: its text's tokens, a call's arguments, or a thought's."""

    kind: str
    prefix: str
    tokens: list[str]
    name: str = ""
    call_id: str = ""
    id: str = ""

    def __post_init__(self) -> None:
        self.id = _new_id(self.prefix)

    @property
    def text(self) -> str:
        return "".join(self.tokens)


def _text_options(text: Any) -> dict[str, Any]:
    wanted = text.get("format")
    if wanted and wanted["type"] == "json_schema":
        wanted = {"description": None, "strict": None, **wanted}
    return {"format": wanted, "verbosity": text.get("verbosity")}


def _usage(usage: Usage) -> dict[str, Any]:
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


def _event(name: str, data: dict[str, Any]) -> bytes:
    """Write an event; its type stands last in the JSON (recorded)."""
    return f"event: {name}\n".encode() + event({**data, "type": name})


def _new_id(prefix: str) -> str:
    return f"{prefix}_{uuid.uuid4().hex[:16]}"
