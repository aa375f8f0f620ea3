"""Completions as JSON and as server-sent events, in the shapes that Scaleway serves.

Two generations of vLLM are on the wire. Newer ones name the thinking `reasoning`; their
objects follow vLLM 0.32's recordings. Older ones name it `reasoning_content`; their objects
follow the sample on Scaleway's batch page (2026-02). A dedicated deployment frames streams in
its own way: every chunk has the cumulative usage, and its delta a role and an empty name
("OpenAI compatibility", 2026-04-24).
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any, Final

import orjson

from langchain_scaleway.testing.chat_request import ChatRequest
from langchain_scaleway.testing.generation import Generation, log_probability, written_call
from langchain_scaleway.testing.replies import Usage
from langchain_scaleway.testing.settings import Framing, ReasoningField

_FINGERPRINT: Final = "scaleway-emulator"
_DONE: Final = b"data: [DONE]\n\n"
_NEWER_COMPLETION: Final = {"prompt_text": None, "ec_transfer_params": None, "metrics": None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """Everything an answer is written from.

    Attributes:
        request: What was asked.
        model: The model that answers.
        choices: The generated choices.
        usage: The token counts.
        framing: How streams are framed.
        reasoning_field: The name of the thinking.
        id: The completion's id.
        created: Seconds since 1970.
    """

    request: ChatRequest
    model: str
    choices: Sequence[Generation]
    usage: Usage
    framing: Framing
    reasoning_field: ReasoningField
    id: str = field(default_factory=lambda: f"chatcmpl-{uuid.uuid4()}")
    created: int = field(default_factory=lambda: int(time.time()))

    @property
    def is_older_engine(self) -> bool:
        """Whether objects have the shape of older vLLM releases."""
        return self.reasoning_field == "reasoning_content"

    def as_json(self) -> dict[str, Any]:
        """Return the object of an answer that is not streamed."""
        newer = {} if self.is_older_engine else _NEWER_COMPLETION
        return {
            "id": self.id,
            "object": "chat.completion",
            "created": self.created,
            "model": self.model,
            "choices": [
                self._choice(index, generation) for index, generation in enumerate(self.choices)
            ],
            "service_tier": None,
            "system_fingerprint": None if self.is_older_engine else _FINGERPRINT,
            "usage": self._usage_json(),
            "prompt_logprobs": None,
            "prompt_token_ids": None,
            "kv_transfer_params": None,
            **newer,
        }

    def _choice(self, index: int, generation: Generation) -> dict[str, Any]:
        newer = {} if self.is_older_engine else {"routed_experts": None}
        return {
            "index": index,
            "message": self._message(generation),
            "logprobs": self._logprobs([*generation.reasoning, *generation.content]),
            "finish_reason": generation.finish_reason,
            "stop_reason": generation.stop_reason,
            "token_ids": None,
            **newer,
        }

    def _message(self, generation: Generation) -> dict[str, Any]:
        message: dict[str, Any] = {
            "role": "assistant",
            "content": generation.text if generation.has_content else None,
            "refusal": None,
            "annotations": None,
            "audio": None,
            "function_call": None,
        }
        calls = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": "".join(call.arguments)},
            }
            for call in generation.calls
        ]
        if not generation.is_last_call_whole:
            # The engine's parser finds no whole call and leaves the text as it stands
            # (recording tool_truncated).
            message["content"] = generation.text + written_call(generation.calls[-1])
            calls = calls[:-1]
        if calls and self.request.choice in {"required", "named"}:
            message["content"] = generation.text  # "", where `auto` gives null (recorded)
        if calls or self.is_older_engine:
            message["tool_calls"] = calls
        reasoning = "".join(generation.reasoning) or None
        return {**message, **self._reasoning(reasoning)}

    def as_events(self) -> Iterator[bytes]:
        """Yield the events of a streamed answer, each as one piece of bytes."""
        if self.framing == "dedicated":
            yield from self._dedicated_events()
        else:
            yield from self._serverless_events()
        yield _DONE

    def _serverless_events(self) -> Iterator[bytes]:
        prompt = {} if self.is_older_engine else {"prompt_token_ids": None, "prompt_text": None}
        for index in range(len(self.choices)):
            start: dict[str, Any] = {"role": "assistant", "content": ""}
            head = {"index": index, "delta": start, "logprobs": None, "finish_reason": None}
            yield self._event([head], prompt)
        wants_usage = self.request.wants_usage
        fingerprint = {} if self.is_older_engine else {"system_fingerprint": _FINGERPRINT}
        per_choice = [
            self._choice_chunks(
                index, generation, last_delta_finishes=generation.cut and not generation.calls
            )
            for index, generation in enumerate(self.choices)
        ]
        unfinished = len(self.choices)
        for chunks in zip_longest(*per_choice):
            for chunk in chunks:
                if chunk is not None:
                    unfinished -= chunk["finish_reason"] is not None
                    is_last = unfinished == 0 and not wants_usage
                    yield self._event([chunk], fingerprint if is_last else {})
        if wants_usage:
            yield self._event([], {"usage": self._usage_json(stream=True), **fingerprint})

    def _dedicated_events(self) -> Iterator[bytes]:
        generated = 0
        for index, generation in enumerate(self.choices):
            for chunk in self._choice_chunks(index, generation, last_delta_finishes=True):
                generated += 1
                finished = chunk["finish_reason"] is not None
                count = self.usage.completion_tokens if finished else generated
                chunk["delta"] = {"role": "assistant", "name": "", **chunk["delta"]}
                yield self._event([chunk], {"usage": self._usage_so_far(count)})

    def _choice_chunks(
        self, index: int, generation: Generation, *, last_delta_finishes: bool
    ) -> Iterator[dict[str, Any]]:
        """Yield a choice's chunks; the reason comes on the last delta or in a chunk of its own."""
        deltas = list(self._deltas(generation))
        if not last_delta_finishes or not deltas:
            deltas.append(({}, None))
        for number, (delta, token) in enumerate(deltas, start=1):
            chunk = {
                "index": index,
                "delta": delta,
                "logprobs": self._logprobs([token]) if token else None,
                "finish_reason": None,
                "token_ids": None,
            }
            if number == len(deltas):
                chunk["finish_reason"] = generation.finish_reason
                chunk["stop_reason"] = generation.stop_reason
            yield chunk

    def _deltas(self, generation: Generation) -> Iterator[tuple[dict[str, Any], str | None]]:
        """Yield each delta, and the token it carries where log probabilities are given."""
        for token in generation.reasoning:
            yield self._reasoning(token), token
        for token in generation.content:
            yield {"content": token}, token
        for index, call in enumerate(generation.calls):
            function: dict[str, Any] = {"name": call.name}
            if self.is_older_engine:
                # Null in the first delta, seen live in 2025-11.
                function["arguments"] = None
            head = {"id": call.id, "type": "function", "index": index, "function": function}
            yield {"content": None, "tool_calls": [head]}, None
            for token in call.arguments:
                part = {"index": index, "function": {"arguments": token}}
                yield {"content": None, "tool_calls": [part]}, None

    def _event(self, choices: list[dict[str, Any]], more: dict[str, Any]) -> bytes:
        chunk = {
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": self.created,
            "model": self.model,
            "choices": choices,
            **more,
        }
        return b"data: " + orjson.dumps(chunk) + b"\n\n"

    def _reasoning(self, text: str | None) -> dict[str, str | None]:
        if self.reasoning_field == "both":
            return {"reasoning": text, "reasoning_content": text}
        return {self.reasoning_field: text}

    def _logprobs(self, tokens: list[str]) -> dict[str, Any] | None:
        if self.request.alternatives is None:
            return None
        return {"content": [log_probability(token, self.request.alternatives) for token in tokens]}

    def _usage_json(self, *, stream: bool = False) -> dict[str, Any]:
        """Return the usage; where a breakdown is absent, only a stream leaves its key out."""
        usage = self._usage_so_far(self.usage.completion_tokens)
        if not stream:
            usage.setdefault("prompt_tokens_details", None)
            if not self.is_older_engine:
                usage.setdefault("completion_tokens_details", None)
        return usage

    def _usage_so_far(self, completion_tokens: int) -> dict[str, Any]:
        counts = self.usage
        usage: dict[str, Any] = {
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
