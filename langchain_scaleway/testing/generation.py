"""From a reply to the tokens that are generated: bounds, stops and finish reasons."""

import re
import uuid
from dataclasses import dataclass
from typing import Any, Final

import orjson

from langchain_scaleway.testing.chat_request import ChatRequest
from langchain_scaleway.testing.replies import Reply

# Up to 20 alternatives to a token may be asked for.
_ALTERNATIVES: Final = tuple(f" {word}{sign}" for sign in ("", ".", ",") for word in "abcdefg")
# Every character falls into exactly one token, so joined tokens are the text.
_TOKEN: Final = re.compile(r"\s*\w{1,12}|\s*[^\w\s]|\s+")


@dataclass(slots=True)
class GeneratedCall:
    """A tool call as it is generated: the tokens of its arguments may be cut off."""

    id: str
    name: str
    arguments: list[str]


@dataclass(slots=True)
class Generation:
    """One choice of an answer in tokens, cut to what the request allows."""

    reasoning: list[str]
    content: list[str]
    calls: list[GeneratedCall]
    has_content: bool  # even if it is empty
    finish_reason: str
    stop_reason: str | None  # the stop text that was met
    alternatives: int | None  # to a token, where log probabilities are wanted
    cut: bool  # by `max_tokens` or `stop`
    completion_tokens: int  # with the one that ends it

    @property
    def text(self) -> str:
        """The answer's text."""
        return "".join(self.content)

    def logprobs(self, tokens: list[str]) -> dict[str, Any] | None:
        """Return made-up but well-formed log probabilities of tokens, where they are wanted."""
        if self.alternatives is None:
            return None
        listed = []
        for token in tokens:
            entries = [
                {"token": text, "logprob": -0.01 - 3.0 * rank, "bytes": list(text.encode())}
                for rank, text in enumerate(dict.fromkeys([token, *_ALTERNATIVES]))
            ]
            listed.append({**entries[0], "top_logprobs": entries[: self.alternatives]})
        return {"content": listed}


def tokens_of(text: str) -> list[str]:
    """Divide a text into the emulator's tokens: words, with the space before them, and signs.

    Example:
        >>> tokens_of("It is 21 °C.")
        ['It', ' is', ' 21', ' °', 'C', '.']
    """
    return _TOKEN.findall(text)


def generate(reply: Reply, request: ChatRequest, bound: int) -> Generation:
    """Generate a reply as the request wants it, in at most `bound` tokens."""
    stops = [request.stop] if isinstance(request.stop, str) else request.stop or []
    text, stop_reason = reply.text or "", None
    found = [(place, stop) for stop in stops if stop and (place := text.find(stop)) >= 0]
    if found:
        place, stop_reason = min(found)
        text = text[:place]
    spent, exceeded = 0, False

    def spend(tokens: list[str]) -> list[str]:
        """Return as many of the tokens as there is room for."""
        nonlocal spent, exceeded
        allowed = tokens[: bound - spent]
        spent += len(allowed)
        exceeded = exceeded or len(allowed) < len(tokens)
        return allowed

    reasoning = spend(tokens_of(reply.reasoning or ""))
    content = spend(tokens_of(text))
    calls: list[GeneratedCall] = []
    for call in () if stop_reason else reply.tool_calls:
        # One token stands for the head of the call, which names the function.
        if spend(["name"]):
            written = call.arguments
            if not isinstance(written, str):
                written = orjson.dumps(written).decode()
            call_id = call.id or f"chatcmpl-tool-{uuid.uuid4().hex[:16]}"
            calls.append(GeneratedCall(call_id, call.name, spend(tokens_of(written))))
    if stop_reason is None:
        spend(["end of text"])
    finish = "stop"
    if exceeded:
        finish = "length"
    elif calls and request.named_function is None:  # a named choice ends with `stop` (recorded)
        finish = "tool_calls"
    return Generation(
        reasoning=reasoning,
        content=content,
        calls=calls,
        has_content=reply.text is not None and (bool(content) or not exceeded),
        finish_reason=reply.finish_reason or finish,
        stop_reason=None if exceeded else stop_reason,
        alternatives=(request.top_logprobs or 0) if request.logprobs else None,
        cut=exceeded or stop_reason is not None,
        completion_tokens=spent,
    )
