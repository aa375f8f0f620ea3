"""Completions as JSON and as server-sent events, in the shapes that Scaleway serves.

Two generations of vLLM are on the wire. Newer ones name the thinking `reasoning`; their
objects follow vLLM 0.32's recordings. Older ones name it `reasoning_content`; their objects
follow the sample on Scaleway's batch page (2026-02). A dedicated deployment frames streams in
its own way: every chunk has the cumulative usage, and its delta a role and an empty name
("OpenAI compatibility", 2026-04-24).
"""

import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, zip_longest
from typing import Any, Final

from langchain_scaleway.testing.answers import DONE, event
from langchain_scaleway.testing.chat_request import ChatRequest
from langchain_scaleway.testing.generation import Generation, log_probabilities
from langchain_scaleway.testing.replies import Usage
from langchain_scaleway.testing.settings import EmulatorSettings

_FINGERPRINT: Final = "scaleway-emulator"
_NULLS: Final = ("service_tier", "prompt_logprobs", "prompt_token_ids", "kv_transfer_params")


@dataclass(frozen=True, slots=True)
class Completion:
    """Everything an answer is written from."""

    request: ChatRequest
    model: str
    choices: Sequence[Generation]
    usage: Usage
    settings: EmulatorSettings
    id: str = field(default_factory=lambda: f"chatcmpl-{uuid.uuid4()}")
    created: int = field(default_factory=lambda: int(time.time()))

    @property
    def _is_older(self) -> bool:
        """Whether objects have the shape of older vLLM releases."""
        return self.settings.reasoning_field == "reasoning_content"

    def _newer(self, **fields: Any) -> dict[str, Any]:
        """Return fields that older vLLM releases do not have."""
        return {} if self._is_older else fields

    def as_json(self) -> dict[str, Any]:
        """Return the object of an answer that is not streamed."""
        return {
            "id": self.id,
            "object": "chat.completion",
            "created": self.created,
            "model": self.model,
            "choices": [
                {
                    "index": index,
                    "message": self._message(generation),
                    "logprobs": self._logprobs([*generation.reasoning, *generation.content]),
                    "finish_reason": generation.finish_reason,
                    "stop_reason": generation.stop_reason,
                    "token_ids": None,
                    **self._newer(routed_experts=None),
                }
                for index, generation in enumerate(self.choices)
            ],
            "system_fingerprint": None if self._is_older else _FINGERPRINT,
            # Where a breakdown is absent, only a stream leaves its key out.
            "usage": {
                "prompt_tokens_details": None,
                **self._newer(completion_tokens_details=None),
                **self._usage(self.usage.completion_tokens),
            },
            **dict.fromkeys(_NULLS),
            **self._newer(prompt_text=None, ec_transfer_params=None, metrics=None),
        }

    def _message(self, generation: Generation) -> dict[str, Any]:
        content = generation.text if generation.has_content else None
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
            content = generation.text + generation.calls[-1].written
            calls = calls[:-1]
        if calls and self.request.choice in {"required", "named"}:
            content = generation.text  # "", where `auto` gives null (recorded)
        nulls = dict.fromkeys(("refusal", "annotations", "audio", "function_call"))
        message = {"role": "assistant", "content": content, **nulls}
        if calls or self._is_older:
            message["tool_calls"] = calls
        return {**message, **self._reasoning("".join(generation.reasoning) or None)}

    def as_events(self) -> Iterator[bytes]:
        """Yield the events of a streamed answer, each as one piece of bytes."""
        is_dedicated = self.settings.framing == "dedicated"
        wants_usage = (self.request.stream_options or {}).get("include_usage") and not is_dedicated
        last = self._newer(system_fingerprint=_FINGERPRINT)
        if not is_dedicated:
            for index in range(len(self.choices)):
                start = {"role": "assistant", "content": ""}
                head = {"index": index, "delta": start, "logprobs": None, "finish_reason": None}
                yield self._event([head], **self._newer(prompt_token_ids=None, prompt_text=None))
        per_choice = [
            self._chunks(index, one, by_itself=not (is_dedicated or (one.cut and not one.calls)))
            for index, one in enumerate(self.choices)
        ]
        unfinished = len(self.choices)
        chunks = filter(None, chain.from_iterable(zip_longest(*per_choice)))
        for number, chunk in enumerate(chunks, start=1):
            unfinished -= chunk["finish_reason"] is not None
            more: dict[str, Any] = {}
            if is_dedicated:
                chunk["delta"] = {"role": "assistant", "name": "", **chunk["delta"]}
                more["usage"] = self._usage(number if unfinished else self.usage.completion_tokens)
            elif not unfinished and not wants_usage:
                more = last
            yield self._event([chunk], **more)
        if wants_usage:
            yield self._event([], usage=self._usage(self.usage.completion_tokens), **last)
        yield DONE

    def _chunks(
        self, index: int, generation: Generation, *, by_itself: bool
    ) -> Iterator[dict[str, Any]]:
        """Yield a choice's chunks; the finish reason comes on the last delta or by itself."""
        deltas = [*self._deltas(generation)]
        if by_itself or not deltas:
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
            if self._is_older:
                function["arguments"] = None  # null in the first delta, seen live in 2025-11
            head = {"id": call.id, "type": "function", "index": index, "function": function}
            yield {"content": None, "tool_calls": [head]}, None
            for token in call.arguments:
                part = {"index": index, "function": {"arguments": token}}
                yield {"content": None, "tool_calls": [part]}, None

    def _event(self, choices: list[dict[str, Any]], **more: Any) -> bytes:
        return event(
            {
                "id": self.id,
                "object": "chat.completion.chunk",
                "created": self.created,
                "model": self.model,
                "choices": choices,
                **more,
            }
        )

    def _reasoning(self, text: str | None) -> dict[str, str | None]:
        if self.settings.reasoning_field == "both":
            return {"reasoning": text, "reasoning_content": text}
        return {self.settings.reasoning_field: text}

    def _logprobs(self, tokens: list[str]) -> dict[str, Any] | None:
        alternatives = self.request.alternatives
        if alternatives is None:
            return None
        return {"content": log_probabilities(tokens, alternatives)}

    def _usage(self, completion_tokens: int) -> dict[str, Any]:
        """Return the usage when so many tokens have been generated."""
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
