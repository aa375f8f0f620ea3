"""How many tokens a request will take: estimated from its size, corrected by what was used.

Tokenizers would have to be downloaded and differ from model to model. The size of a text in
bytes says enough, once the answers have told how many tokens a byte is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_BYTES_PER_TOKEN = 4.0
"""Of most languages in UTF-8, until answers tell."""
_MOST_BYTES_PER_TOKEN = 6.0
"""Hardly a text needs fewer tokens than one for every six bytes."""
_TOKENS_PER_ATTACHMENT = 1_000
"""About those of a photograph; Scaleway's models take from 256 to some thousand."""
_FIRST_ANSWER_TOKENS = 500
"""Expected of an answer before there was one."""
_REMEMBERED = 50
"""How many of the last answers an average looks back on."""
_LEAST_SHARE = 0.75
"""The share of a learned estimate that a prompt has for sure, texts being different."""


@dataclass(frozen=True, slots=True)
class Demand:
    """What a request will take.

    Attributes:
        text_size: The bytes of its text.
        attachments: How many images and other files it carries.
        prompt_tokens: The estimate of what it takes when it starts.
        fewest_prompt_tokens: What it takes for sure.
        answer_tokens: The estimate of what it will have taken besides when it ends.
    """

    text_size: int = 0
    attachments: int = 0
    prompt_tokens: float = 0.0
    fewest_prompt_tokens: float = 0.0
    answer_tokens: float = 0.0

    @property
    def tokens(self) -> float:
        """All tokens that the request will take."""
        return self.prompt_tokens + self.answer_tokens


class TokenEstimator:
    """Estimates the tokens of requests to one model, and learns from its answers."""

    def __init__(self) -> None:
        """Start with rules of thumb."""
        self._tokens_per_byte = _Average()
        self._answer_tokens = _Average()

    def demand(self, body: Mapping[str, Any], size: int) -> Demand:
        """Estimate a request.

        Args:
            body: The JSON body.
            size: Its bytes when encoded.
        """
        text_size, attachments = _measure(body, size)
        attached = attachments * _TOKENS_PER_ATTACHMENT
        learned = self._tokens_per_byte.value
        ratio = 1 / _BYTES_PER_TOKEN if learned is None else learned
        least = min(1 / _MOST_BYTES_PER_TOKEN, ratio * _LEAST_SHARE)
        answer = self._answer_tokens.value
        answer = _FIRST_ANSWER_TOKENS if answer is None else answer
        bound = body.get("max_tokens") or body.get("max_completion_tokens")
        return Demand(
            text_size=text_size,
            attachments=attachments,
            prompt_tokens=text_size * ratio + attached,
            fewest_prompt_tokens=text_size * least,
            answer_tokens=min(answer, bound) if isinstance(bound, int) else answer,
        )

    def learn(self, demand: Demand, prompt_tokens: int, answer_tokens: int) -> None:
        """Learn from what a request has taken.

        Args:
            demand: What was estimated.
            prompt_tokens: The tokens of its prompt.
            answer_tokens: The tokens of its answer.
        """
        if demand.text_size and not demand.attachments:
            self._tokens_per_byte.add(prompt_tokens / demand.text_size)
        self._answer_tokens.add(answer_tokens)


def fewest_tokens(body: Any, size: int) -> float:
    """The tokens that a prompt has for sure.

    Args:
        body: The JSON body of a request.
        size: Its bytes when encoded.
    """
    text_size, _ = _measure(body, size)
    return text_size / _MOST_BYTES_PER_TOKEN


class _Average:
    """The average of the last values, the older the less."""

    def __init__(self) -> None:
        self.value: float | None = None
        self._count = 0

    def add(self, value: float) -> None:
        self._count = min(self._count + 1, _REMEMBERED)
        before = value if self.value is None else self.value
        self.value = before + (value - before) / self._count


def _measure(body: Any, size: int) -> tuple[int, int]:
    """The bytes of a request's text, and how many images and other files it carries."""
    attachments = [
        part
        for message in body.get("messages") or ()
        if isinstance(message.get("content"), list)
        for part in message["content"]
        if isinstance(part, dict) and part.get("type") not in {"text", "refusal"}
    ]
    return size - sum(map(_text_length, attachments)), len(attachments)


def _text_length(value: Any) -> int:
    """The characters of all texts in a JSON value; encoded files are ASCII."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return sum(map(_text_length, value.values()))
    if isinstance(value, list):
        return sum(map(_text_length, value))
    return 0
