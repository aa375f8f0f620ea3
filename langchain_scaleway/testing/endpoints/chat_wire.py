"""Completions as JSON and as server-sent events, in the shapes of vLLM 0.32's recordings.

A dedicated deployment frames streams in its own way: every chunk has the cumulative usage, and its
delta a role and an empty name ("OpenAI compatibility", 2026-04-24).
"""

import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, zip_longest
from typing import Any, Final

from langchain_scaleway.testing.answers import DONE, event
from langchain_scaleway.testing.chat_request import ChatRequest
from langchain_scaleway.testing.generation import Generation
from langchain_scaleway.testing.replies import Usage
from langchain_scaleway.testing.settings import EmulatorSettings

_FINGERPRINT: Final = {"system_fingerprint": "scaleway-emulator"}
_NULLS: Final = dict.fromkeys(
    (
        *("service_tier", "prompt_logprobs", "prompt_token_ids", "kv_transfer_params"),
        *("prompt_text", "ec_transfer_params", "metrics"),
    )
)
_MESSAGE_NULLS: Final = dict.fromkeys(("refusal", "annotations", "audio", "function_call"))

_Json = dict[str, Any]


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
        field = self.settings.reasoning_field
        names = ("reasoning", "reasoning_content") if field == "both" else (field,)
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
