"""From a reply to the tokens that are generated: bounds, stops and finish reasons."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from typing import Any, Final

import orjson

from langchain_scaleway.testing.chat_request import ChatRequest
from langchain_scaleway.testing.replies import Reply, ToolCall

# Up to 20 alternatives to a token may be asked for.
_ALTERNATIVES: Final = tuple(f" {word}{sign}" for sign in ("", ".", ",") for word in "abcdefg")
# Every character falls into exactly one token, so joined tokens are the text.
_TOKEN: Final = re.compile(r"\s*\w{1,12}|\s*[^\w\s]|\s+")


@dataclass(slots=True)
class GeneratedCall:
    """A tool call as it is generated.

    Attributes:
        id: The call's id.
        name: The function.
        arguments: The tokens of its arguments.
        is_whole: Whether none is missing.
    """

    id: str
    name: str
    arguments: list[str]
    is_whole: bool = True


@dataclass(slots=True)
class Generation:
    """One choice of an answer, cut to what the request allows.

    Attributes:
        reasoning: Its tokens.
        content: The answer's tokens.
        calls: The tool calls.
        has_content: Whether there is an answer, even an empty one.
        finish_reason: Why it ended.
        stop_reason: The stop text that was met.
        cut: Whether `max_tokens` or `stop` ended it, rather than the reply itself.
        completion_tokens: Its tokens, with the one that ends it.
    """

    reasoning: list[str]
    content: list[str]
    calls: list[GeneratedCall]
    has_content: bool
    finish_reason: str
    stop_reason: str | None
    cut: bool
    completion_tokens: int

    @property
    def text(self) -> str:
        """The answer's text."""
        return "".join(self.content)

    @property
    def is_last_call_whole(self) -> bool:
        """Whether no call was cut."""
        return not self.calls or self.calls[-1].is_whole


def tokens_of(text: str) -> list[str]:
    """Divide a text into the emulator's tokens: words, with the space before them, and signs.

    Example:
        >>> tokens_of("It is 21 °C.")
        ['It', ' is', ' 21', ' °', 'C', '.']
    """
    return _TOKEN.findall(text)


def generate(reply: Reply, request: ChatRequest, bound: int) -> Generation:
    """Generate a reply as the request wants it.

    Args:
        reply: What the model would say if nothing stopped it.
        request: Gives the stop texts and the tool choice.
        bound: The most tokens to generate.
    """
    text, stop_reason = _up_to_stop(reply.text or "", request.stops)
    budget = _Budget(bound)
    reasoning = budget.spend(tokens_of(reply.reasoning or ""))
    content = budget.spend(tokens_of(text))
    calls: list[GeneratedCall] = []
    for call in () if stop_reason else reply.tool_calls:
        # One token stands for the head of the call, which names the function.
        if budget.spend(["name"]):
            wanted = tokens_of(_arguments_text(call))
            arguments = budget.spend(wanted)
            is_whole = len(arguments) == len(wanted)
            calls.append(GeneratedCall(call.id or _call_id(), call.name, arguments, is_whole))
    if stop_reason is None:
        budget.spend(["end of text"])
    finish = "length" if budget.exceeded else _natural_finish(request, calls)
    return Generation(
        reasoning=reasoning,
        content=content,
        calls=calls,
        has_content=reply.text is not None and (bool(content) or not budget.exceeded),
        finish_reason=reply.finish_reason or finish,
        stop_reason=None if budget.exceeded else stop_reason,
        cut=budget.exceeded or stop_reason is not None,
        completion_tokens=budget.spent,
    )


def written_call(call: GeneratedCall) -> str:
    """Return a call as a Hermes-style model writes it, broken off if it is."""
    arguments = "".join(call.arguments)
    written = f'<tool_call>\n{{"name": "{call.name}", "arguments": {arguments}'
    return f"{written}}}\n</tool_call>" if call.is_whole else written


def log_probability(token: str, alternatives: int) -> dict[str, Any]:
    """Return a made-up but well-formed log probability, with its alternatives."""
    entries = [
        {"token": text, "logprob": -0.01 - 3.0 * rank, "bytes": list(text.encode())}
        for rank, text in enumerate([token, *(other for other in _ALTERNATIVES if other != token)])
    ]
    return {**entries[0], "top_logprobs": [dict(entry) for entry in entries[:alternatives]]}


class _Budget:
    """Hands out tokens until the bound is reached."""

    def __init__(self, bound: int) -> None:
        self.left = bound
        self.spent = 0
        self.exceeded = False

    def spend(self, tokens: list[str]) -> list[str]:
        """Return as many of the tokens as there is room for."""
        allowed = tokens[: self.left]
        self.left -= len(allowed)
        self.spent += len(allowed)
        self.exceeded = self.exceeded or len(allowed) < len(tokens)
        return allowed


def _up_to_stop(text: str, stops: list[str]) -> tuple[str, str | None]:
    """Cut a text before the earliest stop text in it."""
    found = [(position, stop) for stop in stops if stop and (position := text.find(stop)) >= 0]
    if not found:
        return text, None
    position, stop = min(found)
    return text[:position], stop


def _natural_finish(request: ChatRequest, calls: list[GeneratedCall]) -> str:
    """Return the reason vLLM gives: a named tool choice ends with `stop` (recorded)."""
    return "tool_calls" if calls and request.choice != "named" else "stop"


def _arguments_text(call: ToolCall) -> str:
    if isinstance(call.arguments, str):
        return call.arguments
    return orjson.dumps(call.arguments).decode()


def _call_id() -> str:
    return f"chatcmpl-tool-{uuid.uuid4().hex[:16]}"
