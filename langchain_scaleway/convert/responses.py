"""Chat completions as the Responses API has them: requests, answers and the events of streams.

gpt-oss cannot be an agent on Scaleway through chat completions: they fail in the turn that carries
a tool's result, and the Responses API is recommended for this model alone (changelog, 2026-04-22).

That API has the same things in other shapes. So a request is made as for chat completions and then
rewritten, and an answer is rewritten as a chat completion before it is read: histories, names of
tools, schemas, broken calls and blocks are the same code for both.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from langchain_core.outputs import ChatGenerationChunk

from langchain_scaleway.convert.replies import ReplyDecoder
from langchain_scaleway.data import model_facts
from langchain_scaleway.errors import ScalewayAPIError

_EFFORTS = ("low", "medium", "high")
"""The efforts of the API (OpenAPI schema, autumn 2026); vLLM refuses others for gpt-oss."""

_NO_FIELD = ("logit_bias", "n")
"""Fields of chat completions that the API has nothing for; vLLM would ignore them silently."""

_DELTAS = {
    "response.reasoning_text.delta": "reasoning",
    "response.output_text.delta": "message",
    "response.function_call_arguments.delta": "function_call",
}
"""Events that carry a piece, and of what."""

_LAST = ("response.completed", "response.incomplete", "response.failed")
"""Events that carry the whole response, and end the stream. vLLM 0.32 says `completed` of a
response whose status is incomplete."""

Json = dict[str, Any]


# Requests


def to_responses_request(chat: Mapping[str, Any]) -> Json:
    """Rewrite the body of a chat completion request.

    What this API shares with chat completions, and what came from `extra_body`, is passed on as it
    is.

    Raises:
        ValueError: The API has nothing for a field, or for a part of a message.
    """
    for name in _NO_FIELD:
        if chat.get(name) not in (None, 1):
            raise ValueError(
                f"`{name}` cannot be sent: the Responses API, which {chat['model']!r} is asked "
                "through, has no such field. Leave it out, or set `use_responses_api=False`."
            )
    _refuse_images(chat["model"], chat["messages"])
    # vLLM would silently ignore what goes out under another name.
    body = dict(chat)
    body |= _input(body.pop("messages"))
    body.pop("stream_options", None)
    limits = body.pop("max_completion_tokens", None), body.pop("max_tokens", None)
    if limit := limits[0] or limits[1]:
        body["max_output_tokens"] = limit
    if (effort := body.pop("reasoning_effort", None)) is not None:
        if effort not in _EFFORTS:
            raise ValueError(
                f"`reasoning_effort={effort!r}` cannot be sent: the Responses API knows "
                f"{', '.join(_EFFORTS)}. On a server of your own that knows others, give "
                f"`extra_body={{'reasoning': {{'effort': {effort!r}}}}}`."
            )
        body["reasoning"] = {**body.get("reasoning", {}), "effort": effort}
    if form := body.pop("response_format", None):
        body["text"] = {**body.get("text", {}), "format": _flat(form, "json_schema")}
    if body.pop("logprobs", None):
        body["include"] = ["message.output_text.logprobs"]
    tools, choice = body.pop("tools", None), body.pop("tool_choice", None)
    # With the choice "none" vLLM shows the model its tools, and a call comes as raw text.
    if tools and choice != "none":
        body["tools"] = [_flat(tool, "function") for tool in tools]
        if choice:
            body["tool_choice"] = _choice(choice)
    else:
        body.pop("parallel_tool_calls", None)
    return body


def _refuse_images(model: str, messages: list[Json]) -> None:
    """Refuse pictures for gpt-oss: vLLM leaves them out without a word (source of 0.33)."""
    facts = model_facts(model)
    if facts is None or not facts.use_responses_api:
        return
    for content in (message.get("content") for message in messages):
        if isinstance(content, list) and any(part.get("type") == "image_url" for part in content):
            raise ValueError(
                f"{facts.model} reads no images, and would answer as if there were none. Take the "
                "image out, or ask a model that reads images; the page “Models” names them."
            )


def _flat(nested: Any, key: str) -> Any:
    """What chat completions nest under a key of its own, and this API does not."""
    if not isinstance(nested, Mapping) or not isinstance(inner := nested.get(key), Mapping):
        return nested
    return {"type": nested.get("type", key), **inner}


def _choice(choice: Any) -> Any:
    flat = _flat(choice, "function")
    if isinstance(flat, Mapping) and "name" not in flat:
        # vLLM takes OpenAI's `allowed_tools` without heeding it, and calls come as text (recorded).
        raise ValueError(f"`tool_choice={choice!r}` cannot be sent: name one tool, or a mode.")
    return flat


def _input(messages: list[Json]) -> Json:
    """The history: what the system says first as instructions, all else as items.

    Without anything else the instructions are an item, since there is no request without one.
    """
    instructions = {}
    if len(messages) > 1 and messages[0]["role"] == "system":
        instructions = {"instructions": messages[0]["content"]}
        messages = messages[1:]
    items: list[Json] = []
    called: set[str] = set()
    for message in messages:
        items += _items(message, len(items), called)
    return {**instructions, "input": items}


def _items(message: Json, place: int, called: set[str]) -> Iterator[Json]:
    """The items of one message; ids tell them apart by their place, so that they never change."""
    content = message.get("content")
    match message["role"]:
        case "assistant":
            if reasoning := message.get("reasoning") or message.get("reasoning_content"):
                part = {"type": "reasoning_text", "text": reasoning}
                yield {"type": "reasoning", "id": f"rs_{place}", "summary": [], "content": [part]}
            if content:
                # One part, and completed: vLLM reads the first part alone, and continues a message
                # whose status is another.
                part = {"type": "output_text", "text": content, "annotations": []}
                said = {"role": "assistant", "status": "completed", "content": [part]}
                yield {"type": "message", "id": f"msg_{place}", **said}
            for number, call in enumerate(message.get("tool_calls", ())):
                called.add(call["id"])
                yield {
                    "type": "function_call",
                    "id": f"fc_{place}_{number}",
                    "call_id": call["id"],
                    "name": call["function"]["name"],
                    "arguments": call["function"]["arguments"],
                    "status": "completed",
                }
        case "tool" if message["tool_call_id"] in called:
            # A text alone: vLLM's path for gpt-oss takes no list.
            call_id = message["tool_call_id"]
            yield {"type": "function_call_output", "call_id": call_id, "output": content or ""}
        case "tool":  # vLLM refuses a result whose call is not in the same request.
            yield {"role": "user", "content": f"A tool returned: {content}"}
        case role if isinstance(content, list):
            yield {"role": role, "content": [_part(part) for part in content]}
        case role:
            yield {"role": role, "content": content or ""}


def _part(part: Json) -> Json:
    match part:
        case {"type": "text", "text": text}:
            return {"type": "input_text", "text": text}
        case {"type": "image_url", "image_url": {"url": url} as image}:
            detail = image.get("detail", "auto")
            return {"type": "input_image", "image_url": url, "detail": detail}
    raise ValueError(
        f"A part of type {part.get('type')!r} cannot be sent: the Responses API takes text and "
        "images. Take it out, or set `use_responses_api=False`."
    )


# Answers


@dataclass(eq=False, repr=False)
class _Item:
    """An item of the output as far as it was given."""

    kind: str
    position: int  # Among the items of its kind.
    text: str = ""
    is_shown: bool = False


class ResponsesDecoder(ReplyDecoder):
    """Reads answers of the Responses API, rewritten as events of a chat completion.

    The last event holds the whole response. What was never streamed is given then; items are
    matched by kind, text and order, because older releases of vLLM gave other ids there.
    """

    _place_of_answers = "`output`"

    def start(self) -> None:
        """Take the beginning of an answer, and forget what an earlier one brought."""
        super().start()
        self._by_index: dict[tuple[str, str], _Item] = {}
        self._by_kind: dict[str, list[_Item]] = {
            kind: [] for kind in ("reasoning", "message", "function_call")
        }

    def feed(self, event: dict[str, Any]) -> list[ChatGenerationChunk]:
        """Take one event.

        Raises:
            ScalewayAPIError: The response failed.
        """
        chunks: list[ChatGenerationChunk] = []
        for rewritten in self._rewritten(event):
            chunks += super().feed(rewritten)
        return chunks

    def _events_of(self, reply: Json) -> list[Json]:
        return [{**reply, "object": "response"}] if isinstance(reply.get("output"), list) else []

    def _rewritten(self, event: Json) -> Iterator[Json]:
        kind = str(event.get("type"))
        response = event if event.get("object") == "response" else event.get("response")
        if isinstance(response, Mapping):
            yield {"id": response.get("id"), "model": response.get("model"), "choices": []}
            if response is event or kind in _LAST:
                yield from self._end(response)
            return
        index = event.get("output_index", event.get("item_id"))
        piece, item = event.get("delta"), event.get("item")
        if isinstance(piece, str) and kind in _DELTAS:
            streamed = self._item(_DELTAS[kind], index)
            yield from self._give(streamed, piece, event.get("logprobs"))
        elif isinstance(item, dict) and (of := str(item.get("type"))) in self._by_kind:
            if kind == "response.output_item.added":
                if self._item(of, index).text:
                    del self._by_index[of, str(index)]  # Proxies give every item the index 0.
                # A text that is there already comes again in pieces (llama-cpp-python 2285).
                item = {**item, "content": None, "summary": None, "arguments": None}
            yield from self._complete(self._item(of, index), item)

    def _end(self, response: Mapping[str, Any]) -> Iterator[Json]:
        """Give what was not streamed, and why the response ended."""
        status = response.get("status")
        if status not in (None, "completed", "incomplete"):  # `cancelled`, or even `queued`
            raise ScalewayAPIError(
                f"The response of model {self.context.model!r} failed: its status is {status!r}. "
                "Try again; if it persists, report it to Scaleway's support.",
                model=self.context.model,
                body=dict(response),
            )
        output = response.get("output")
        output = output if isinstance(output, list) else []
        known = [i for i in output if isinstance(i, dict) and str(i.get("type")) in self._by_kind]
        unknown = [item for item in output if item not in known]
        for streamed, item in zip(self._streamed(known), known, strict=True):
            yield from self._complete(streamed or self._new(item["type"]), item)
            yield _event({"refusal": _joined(_parts_of(item), "refusal")})
        has_calls = bool(self._by_kind["function_call"])
        choice = {"finish_reason": _finish_reason(response, has_calls=has_calls)}
        unknown_items = {"output_items": unknown} if unknown else {}
        yield {**_event({}, choice | unknown_items), "usage": _usage(response.get("usage"))}

    def _streamed(self, output: list[Json]) -> list[_Item | None]:
        """What was streamed of each item: what has its text, else the next one of its kind.

        By order alone, an item that was not streamed would be taken for the next one, whose text
        would then be given twice.
        """
        rest = {kind: [*items] for kind, items in self._by_kind.items()}
        found: dict[int, _Item] = {}
        for by_text in (True, False):
            for place, item in enumerate(output):
                text, candidates = _text_of(item), rest[item["type"]]
                fitting = [
                    i for i in candidates if not by_text or (i.text and text.startswith(i.text))
                ]
                if place not in found and fitting:
                    found[place] = fitting[0]
                    candidates.remove(fitting[0])
        return [found.get(place) for place in range(len(output))]

    def _new(self, kind: str) -> _Item:
        item = _Item(kind, len(self._by_kind[kind]))
        self._by_kind[kind].append(item)
        return item

    def _item(self, kind: str, index: Any) -> _Item:
        key = kind, str(index)
        if key not in self._by_index:
            self._by_index[key] = self._new(kind)
        return self._by_index[key]

    def _complete(self, streamed: _Item, item: Json) -> Iterator[Json]:
        """Give what an item holds beyond what was streamed of it."""
        whole = _text_of(item)
        if streamed.kind != "function_call" and not streamed.is_shown:
            streamed.text = ""  # Nothing but line breaks, of which nobody was told.
        rest = whole[len(streamed.text) :] if whole.startswith(streamed.text) else ""
        if streamed.kind == "function_call" and not streamed.is_shown:
            streamed.is_shown, streamed.text = True, whole
            function = {"name": item.get("name"), "arguments": rest}
            call = {"index": streamed.position, "id": item.get("call_id"), "function": function}
            yield _event({"tool_calls": [call]})
        else:
            logprobs = None if streamed.text else _logprobs_of(item)
            yield from self._give(streamed, rest, logprobs)

    def _give(self, item: _Item, piece: str, logprobs: Any) -> Iterator[Json]:
        """Give a piece of an item's text."""
        if not piece:
            return
        item.text += piece
        if item.kind == "function_call":
            call = {"index": item.position, "function": {"arguments": piece}}
            yield _event({"tool_calls": [call]})
            return
        if not item.is_shown:
            # Between a thought and a call vLLM streams a message of two line breaks.
            if item.kind == "message" and not item.text.strip():
                return
            is_first = not any(other.is_shown for other in self._by_kind[item.kind])
            item.is_shown = True
            piece = item.text if is_first else f"\n\n{item.text}"
        choice = {"logprobs": {"content": logprobs}} if logprobs else {}
        yield _event({"content" if item.kind == "message" else "reasoning": piece}, choice)


def _event(delta: Json, choice: Mapping[str, Any] = {}) -> Json:
    return {"choices": [{"index": 0, "delta": delta, **choice}]}


def _parts_of(item: Json, key: str = "content") -> list[Json]:
    parts = item.get(key)
    return [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []


def _text_of(item: Json) -> str:
    """The text of an item: what was thought, said, or a call's arguments."""
    if item["type"] == "function_call":
        arguments = item.get("arguments") or ""
        return arguments if isinstance(arguments, str) else json.dumps(arguments)
    if isinstance(content := item.get("content"), str):
        return content
    # Of a summary each part is a paragraph, as a rule with a heading.
    return _joined(_parts_of(item), "text") or _joined(_parts_of(item, "summary"), "text", "\n\n")


def _joined(parts: list[Json], name: str, between: str = "") -> str:
    return between.join(text for part in parts if isinstance(text := part.get(name), str))


def _logprobs_of(item: Json) -> list[Any]:
    return [token for part in _parts_of(item) for token in _parts_of(part, "logprobs")]


def _finish_reason(response: Mapping[str, Any], *, has_calls: bool) -> str:
    """Why the answer ended, in chat's words.

    The response's status tells. That of an item does not: vLLM 0.32 says `completed` of items that
    were cut off.
    """
    if response.get("status") == "incomplete":
        details = response.get("incomplete_details")
        reason = details.get("reason") if isinstance(details, Mapping) else None
        return "length" if reason in (None, "max_output_tokens") else str(reason)
    return "tool_calls" if has_calls else "stop"


def _usage(usage: Any) -> Json | None:
    """The usage in chat's words, which SGLang and others use here, too."""
    if not isinstance(usage, Mapping):
        return None
    if "input_tokens" not in usage:
        return dict(usage)
    return {
        "prompt_tokens": usage.get("input_tokens"),
        "completion_tokens": usage.get("output_tokens"),
        "total_tokens": usage.get("total_tokens"),
        "prompt_tokens_details": usage.get("input_tokens_details"),
        "completion_tokens_details": usage.get("output_tokens_details"),
    }
