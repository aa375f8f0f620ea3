"""`POST /v1/chat/completions`: refusals by gateway and engine, completions, and streams.

Sentences are those of live captures (gateway), of vLLM 0.32's recordings (`err_*`) and of vLLM's
source, in that order of preference; shapes are those of the recordings. A dedicated deployment
frames streams in its own way: every chunk has the cumulative usage, and its delta a role and an
empty name ("OpenAI compatibility", 2026-04-24).
"""

import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, zip_longest
from typing import Any, Final

from langchain_scaleway.testing.answers import DONE, Answer, event, event_stream, json_answer
from langchain_scaleway.testing.chat_request import ChatRequest
from langchain_scaleway.testing.endpoints.base import ModelEndpoint
from langchain_scaleway.testing.endpoints.templates import check_template, is_gpt_oss
from langchain_scaleway.testing.generation import Generation, generate, respond
from langchain_scaleway.testing.models import ServedModel
from langchain_scaleway.testing.refusals import (
    bad_parameter,
    check_length,
    check_range,
    engine_refusal,
    gateway_refusal,
    invalid,
)
from langchain_scaleway.testing.replies import Reply, Usage
from langchain_scaleway.testing.service import EmulatedService
from langchain_scaleway.tokens import MEDIA, prompt_size

_MAX_TOP_LOGPROBS: Final = 20
_MOST_CHOICES: Final = 128  # Scaleway's OpenAPI, 2026-09
_MAX_IMAGES: Final = 12  # "query vision models", 2025-11-19
_BLOCK_TOKENS: Final = 16  # vLLM caches whole blocks of so many tokens

# In vLLM's order (recording `err_file` of the Responses API).
_SUPPORTED_PARTS: Final = (
    "audio_embeds, audio_url, image_embeds, image_pil, image_url, input_audio, input_image, "
    "input_text, output_text, prompt_embeds, refusal, text, thinking, tool_reference, "
    "video_embeds, video_url"
)
_ENGINE_EFFORTS: Final = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
_FINGERPRINT: Final = {"system_fingerprint": "scaleway-emulator"}
_NULLS: Final = dict.fromkeys(
    (
        *("service_tier", "prompt_logprobs", "prompt_token_ids", "kv_transfer_params"),
        *("prompt_text", "ec_transfer_params", "metrics"),
    )
)
_MESSAGE_NULLS: Final = dict.fromkeys(("refusal", "annotations", "audio", "function_call"))

_Json = dict[str, Any]


def _check(request: ChatRequest, model: ServedModel) -> None:
    """Check output cap, conversation, sampling parameters and length."""
    check_output_cap(request.bound, model)
    check_engine(request, model)
    if request.last_message["role"] == "tool" and is_gpt_oss(model):
        # It calls tools here, and fails when their results come (Scaleway's documentation;
        # opencode issue 7524); the sentence is that of vLLM's parser (vLLM issue 51977).
        name = request.last_message.get("name") or "a_tool"
        sentence = f'unexpected tokens remaining in message header: Some("to=functions.{name}")'
        raise engine_refusal(sentence, status=500)


def check_output_cap(bound: int | None, model: ServedModel) -> None:
    """Check the cap of a model's output, which the gateway does.

    The sentence names `max_completion_tokens` whichever field was sent (live, 2026-08).
    """
    if bound is not None and bound > model.max_output_tokens:
        raise gateway_refusal(
            400,
            f"payload validation: max_completion_tokens is limited to {model.max_output_tokens} "
            f"for {model.id}",
        )


def check_engine(request: ChatRequest, model: ServedModel) -> None:
    """Check what the engine checks, and refuse with the sentence of the first check that fails."""
    check_template(request, model)
    _check_parts(request, model)
    _check_sampling(request)
    _check_tools(request)
    wanted = request.response_format
    if wanted and wanted["type"] == "json_schema" and not wanted.get("json_schema"):
        raise bad_parameter(
            "When response_format type is 'json_schema', the 'json_schema' field must be provided.",
            "response_format",
        )
    _check_effort(request.reasoning_effort, model)
    _check_context(request, model)


def _check_context(request: ChatRequest, model: ServedModel) -> None:
    """Check that prompt and output fit into the context window together."""
    window, prompt, bound = model.context_window, request.prompt_tokens, request.bound or 0
    check_length(prompt, window)
    if prompt + bound > window:  # many of vLLM's users quote this sentence
        raise bad_parameter(
            f"This model's maximum context length is {window} tokens. However, you requested "
            f"{bound} output tokens and your prompt contains at least {prompt} input tokens, for "
            f"a total of at least {prompt + bound} tokens. Please reduce the length of the input "
            "prompt or the number of requested output tokens.",
            "input_tokens",
            prompt,
        )


def _check_parts(request: ChatRequest, model: ServedModel) -> None:
    contents = (message.get("content") for message in request.messages)
    parts = (part for content in contents if isinstance(content, list) for part in content)
    kinds = Counter(part.get("type", "") for part in parts)
    for kind in sorted(kinds.keys() - set(_SUPPORTED_PARTS.split(", "))):
        raise bad_parameter(
            f"Unsupported chat content part type: {kind!r}. Supported types: {_SUPPORTED_PARTS}.",
            "type",
            kind,
        )
    if not model.images and kinds.keys() & MEDIA.keys():
        raise engine_refusal(f"{model.id} is not a multimodal model")
    if kinds["image_url"] > _MAX_IMAGES:
        raise engine_refusal(f"At most {_MAX_IMAGES} image(s) may be provided in one prompt.")


def _check_sampling(request: ChatRequest) -> None:
    for name in ("temperature", "top_p", "max_completion_tokens", "max_tokens"):
        check_range(name, getattr(request, name))
    n, top = request.n, request.top_logprobs or 0
    if n is not None and n < 1:
        raise engine_refusal(f"n must be at least 1, got {n}.")
    if n is not None and n > _MOST_CHOICES:
        raise engine_refusal(f"n must be at most {_MOST_CHOICES}, got {n}.")
    if top > _MAX_TOP_LOGPROBS:
        sentence = f"Requested sample logprobs of {top}, which is greater than max allowed: 20"
        raise bad_parameter(sentence, "logprobs", top)
    if top and not request.logprobs:
        sentence = "when using `top_logprobs`, `logprobs` must be set to true."
        raise bad_parameter(sentence, "top_logprobs")
    if request.stream_options and not request.stream:
        sentence = "Stream options can only be defined when `stream=True`."
        raise bad_parameter(sentence, "stream_options")


def _check_tools(request: ChatRequest) -> None:
    choice, sentence = request.tool_choice, ""
    if choice in (None, "none"):
        return
    if not request.tools:
        sentence = "When using `tool_choice`, `tools` must be set."
    elif isinstance(choice, dict):
        if request.named_function not in [function["name"] for function in request.functions]:
            sentence = (
                "The tool specified in `tool_choice` does not match any of the specified `tools`"
            )
    elif choice not in {"auto", "required"}:
        sentence = (
            f"Invalid value for `tool_choice`: {choice}! Only named tools, "
            '"none", "auto" or "required" are supported.'
        )
    if sentence:
        raise bad_parameter(sentence, "tool_choice")


def _check_effort(effort: str | None, model: ServedModel) -> None:
    if effort is None:
        return
    if not model.reasons:
        # Only that it is a validation error is known (a third party's code, 2026-08-15).
        sentence = f"reasoning_effort is not supported by {model.id}."
        raise bad_parameter(sentence, "reasoning_effort")
    allowed = _ENGINE_EFFORTS if model.lenient_efforts else model.efforts
    if effort not in allowed:
        # Mistral names its own values (live, 2026-07-31); vLLM names its union (recorded).
        *first, last = map(repr, allowed)
        listed = f"{', '.join(first)} or {last}" if first else last
        raise invalid(
            {
                "type": "literal_error",
                "loc": ("reasoning_effort",),
                "msg": f"Input should be {listed}",
                "input": effort,
                "ctx": {"expected": listed},
            }
        )


def cached_tokens(request: ChatRequest, model: ServedModel, service: EmulatedService) -> int:
    """Return how many tokens of a prompt were seen before, and remember the conversation."""
    messages = request.messages
    prefixes = [hash((model.id, str(messages[:end]))) for end in range(1, len(messages) + 1)]
    seen = service.seen_prompts
    known = max((end for end, one in enumerate(prefixes, 1) if one in seen), default=0)
    seen.add(prefixes[-1])
    tokens = prompt_size({"messages": messages[:known]}).tokens
    return tokens // _BLOCK_TOKENS * _BLOCK_TOKENS


def _answer(
    request: ChatRequest, model: ServedModel, service: EmulatedService, reply: Reply | None
) -> Answer:
    """Answer with a completion, of `n` choices, or its events.

    `parallel_tool_calls: false` is honoured where it is: in vLLM, not on serverless.
    """
    bound = model.max_output_tokens if request.bound is None else request.bound
    choices = []
    for choice in range(request.n or 1):
        said = reply or respond(request, model, choice=choice)
        if request.parallel_tool_calls is False and service.framing == "dedicated":
            said = replace(said, tool_calls=said.tool_calls[:1])
        choices.append(generate(said, request, bound))
    cached = reasoning = None
    if model.reports_cached_tokens:
        cached = cached_tokens(request, model, service)
    if service.reasoning_usage:
        reasoning = sum(len(choice.reasoning) for choice in choices)
    usage = (reply and reply.usage) or Usage(
        prompt_tokens=request.prompt_tokens,
        completion_tokens=sum(choice.completion_tokens for choice in choices),
        cached_tokens=cached,
        reasoning_tokens=reasoning,
    )
    name = (reply and reply.model) or model.id
    completion = Completion(request, name, choices, usage, service)
    if request.stream:
        answer = event_stream(completion.as_events())
    else:
        answer = json_answer(200, completion.as_json())
    answer.text, answer.generated_tokens = choices[0].text, usage.completion_tokens
    return answer


@dataclass(frozen=True, slots=True)
class Completion:
    """Everything an answer is written from."""

    request: ChatRequest
    model: str
    choices: Sequence[Generation]
    usage: Usage
    settings: EmulatedService
    id: str = field(default_factory=lambda: f"chatcmpl-{uuid.uuid4()}")
    created: int = field(default_factory=lambda: int(time.time()))

    def as_json(self) -> _Json:
        """Return the object of an answer that is not streamed."""
        # Where a breakdown is absent, only a stream leaves its key out.
        details = dict.fromkeys(("prompt_tokens_details", "completion_tokens_details"))
        choices = [
            {
                "index": index,
                "message": self._message(said),
                "logprobs": said.logprobs([*said.reasoning, *said.content]),
                "finish_reason": said.finish_reason,
                "stop_reason": said.stop_reason,
                **dict.fromkeys(("token_ids", "routed_experts")),
            }
            for index, said in enumerate(self.choices)
        ]
        usage = details | self._usage(self.usage.completion_tokens)
        return {**self._head("chat.completion", choices), **_FINGERPRINT, "usage": usage, **_NULLS}

    def _message(self, said: Generation) -> _Json:
        content, calls = said.text if said.has_content else None, said.calls
        if calls and self.request.tool_choice not in (None, "none", "auto"):
            content = said.text  # "", where `auto` gives null (recorded)
        message = {"role": "assistant", "content": content, **_MESSAGE_NULLS}
        if calls:
            message["tool_calls"] = [
                {
                    "id": call.id,
                    "type": "function",
                    "function": {"name": call.name, "arguments": "".join(call.arguments)},
                }
                for call in calls
            ]
        return message | self._reasoning("".join(said.reasoning) or None)

    def as_events(self) -> Iterator[bytes]:
        """Yield the events of a streamed answer, each as one piece of bytes."""
        is_dedicated = self.settings.framing == "dedicated"
        wants_usage = (self.request.stream_options or {}).get("include_usage") and not is_dedicated
        if not is_dedicated:
            nulls = dict.fromkeys(("prompt_token_ids", "prompt_text"))
            for index in range(len(self.choices)):
                start = {"role": "assistant", "content": ""}
                head = {"index": index, "delta": start, "logprobs": None, "finish_reason": None}
                yield self._event([head], nulls)
        chunks = [
            self._chunks(index, said, by_itself=not (is_dedicated or (said.cut and not said.calls)))
            for index, said in enumerate(self.choices)
        ]
        unfinished = len(self.choices)
        in_turn = filter(None, chain.from_iterable(zip_longest(*chunks)))
        for number, chunk in enumerate(in_turn, start=1):
            unfinished -= chunk["finish_reason"] is not None
            more: _Json = {}
            if is_dedicated:
                chunk["delta"] = {"role": "assistant", "name": "", **chunk["delta"]}
                more["usage"] = self._usage(number if unfinished else self.usage.completion_tokens)
            elif not unfinished and not wants_usage:
                more = _FINGERPRINT
            yield self._event([chunk], more)
        if wants_usage:
            usage = self._usage(self.usage.completion_tokens)
            yield self._event([], {"usage": usage, **_FINGERPRINT})
        yield DONE

    def _chunks(self, index: int, said: Generation, *, by_itself: bool) -> Iterator[_Json]:
        """Yield a choice's chunks; the finish reason comes on the last delta or by itself."""
        deltas = [*self._deltas(said)]
        if by_itself or not deltas:
            deltas.append(({}, None))
        for number, (delta, token) in enumerate(deltas, start=1):
            chunk = {
                "index": index,
                "delta": delta,
                "logprobs": said.logprobs([token]) if token else None,
                "finish_reason": None,
                "token_ids": None,
            }
            if number == len(deltas):
                chunk |= {"finish_reason": said.finish_reason, "stop_reason": said.stop_reason}
            yield chunk

    def _deltas(self, said: Generation) -> Iterator[tuple[_Json, str | None]]:
        """Yield each delta, and the token it carries where log probabilities are given."""
        for token in said.reasoning:
            yield self._reasoning(token), token
        for token in said.content:
            yield {"content": token}, token
        for index, call in enumerate(said.calls):
            function = {"name": call.name}
            head = {"id": call.id, "type": "function", "index": index, "function": function}
            rest = ({"index": index, "function": {"arguments": one}} for one in call.arguments)
            for part in (head, *rest):
                yield {"content": None, "tool_calls": [part]}, None

    def _event(self, choices: list[_Json], more: _Json) -> bytes:
        return event(self._head("chat.completion.chunk", choices) | more)

    def _head(self, kind: str, choices: list[_Json]) -> _Json:
        head = {"id": self.id, "object": kind, "created": self.created, "model": self.model}
        return head | {"choices": choices}

    def _reasoning(self, text: str | None) -> _Json:
        name = self.settings.reasoning_field
        names = ("reasoning", "reasoning_content") if name == "both" else (name,)
        return dict.fromkeys(names, text)

    def _usage(self, completion_tokens: int) -> _Json:
        """Return the usage when so many tokens have been generated."""
        counts = self.usage
        usage: _Json = {
            "prompt_tokens": counts.prompt_tokens,
            "total_tokens": counts.prompt_tokens + completion_tokens,
            "completion_tokens": completion_tokens,
        }
        if counts.cached_tokens is not None:
            usage["prompt_tokens_details"] = {"cached_tokens": counts.cached_tokens}
        if counts.reasoning_tokens is not None:
            thought = min(counts.reasoning_tokens, completion_tokens)
            usage["completion_tokens_details"] = {"reasoning_tokens": thought}
        return usage


COMPLETIONS: Final = ModelEndpoint(
    "/chat/completions", "chat", "chat", ChatRequest, _check, _answer
)
