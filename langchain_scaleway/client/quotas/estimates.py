"""How many tokens a request will take: estimated by its size, corrected by what was used.

Tokenizers differ from model to model and would have to be downloaded. The size of a text in
bytes says enough, once answers have shown how many bytes make a token.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

_BYTES_PER_TOKEN = 4.0
"""In UTF-8, for most languages; used until answers show it."""
_MOST_BYTES_PER_TOKEN = 6.0
"""Hardly any text needs fewer tokens than one for every six bytes."""
_TOKENS_PER_ATTACHMENT = 1_000
"""About as many as a photograph takes; Scaleway's models take from 256 to some thousand."""
_ATTACHMENTS = frozenset({"image_url", "input_audio", "file"})
"""The types of content parts that are not text."""
_FIRST_ANSWER_TOKENS = 500
"""Expected of an answer before the first one has come."""
_REMEMBERED = 50
"""How many of the last answers an average looks back on."""
_LEAST_SHARE = 0.75
"""The share of an estimate that a prompt takes for sure; the rest may be off, as texts differ."""


@dataclass(frozen=True, slots=True)
class Demand:
    """What a request is made of.

    Attributes:
        text_size: The bytes of its text.
        attachments: How many images and other files it carries.
        answer_bound: Its `max_tokens`; infinite without one.
    """

    text_size: int = 0
    attachments: int = 0
    answer_bound: float = math.inf

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Self:
        """Measure a request.

        Args:
            body: The JSON body.
        """
        text_size, attachments = _measure([body.get("messages"), body.get("tools")])
        bound = body.get("max_tokens") or body.get("max_completion_tokens")
        return cls(text_size, attachments, bound if isinstance(bound, int) else math.inf)


class Estimate(NamedTuple):
    """The tokens that a request will take.

    Attributes:
        prompt_tokens: When it starts.
        answer_tokens: Besides, until it ends.
    """

    prompt_tokens: float
    answer_tokens: float


class TokenEstimator:
    """Estimates the tokens of requests to one model, and learns from its answers."""

    def __init__(self) -> None:
        """Start with rules of thumb."""
        self._prompt_tokens = _Average(1.0)
        self._text_size = _Average(_BYTES_PER_TOKEN)
        self._answer_tokens = _Average(_FIRST_ANSWER_TOKENS)

    def estimate(self, demand: Demand) -> Estimate:
        """Estimate a request by what is known now; a demand without a text takes no tokens."""
        if not demand.text_size:
            return Estimate(0, 0)
        return Estimate(
            demand.text_size * self._tokens_per_byte + demand.attachments * _TOKENS_PER_ATTACHMENT,
            min(self._answer_tokens.value, demand.answer_bound),
        )

    def fewest_prompt_tokens(self, demand: Demand) -> float:
        """The tokens that the prompt of a request has for sure, by what is known now."""
        least = min(1 / _MOST_BYTES_PER_TOKEN, self._tokens_per_byte * _LEAST_SHARE)
        return demand.text_size * least

    def learn(self, demand: Demand, prompt_tokens: int, answer_tokens: int) -> None:
        """Learn from what a request has taken.

        Args:
            demand: What the request was made of.
            prompt_tokens: The tokens of its prompt.
            answer_tokens: The tokens of its answer.
        """
        if demand.text_size and not demand.attachments:
            self._prompt_tokens.add(prompt_tokens)
            self._text_size.add(demand.text_size)
        self._answer_tokens.add(answer_tokens)

    @property
    def _tokens_per_byte(self) -> float:
        return self._prompt_tokens.value / self._text_size.value


def fewest_tokens(body: Mapping[str, Any]) -> float:
    """The tokens that the prompt of a request has for sure, by rule of thumb.

    Args:
        body: The JSON body.
    """
    return Demand.of(body).text_size / _MOST_BYTES_PER_TOKEN


class _Average:
    """The average of the latest values, in which older ones fade; a guess before the first."""

    def __init__(self, guess: float) -> None:
        self.value = guess
        self._count = 0

    def add(self, value: float) -> None:
        self._count = min(self._count + 1, _REMEMBERED)
        self.value += (value - self.value) / self._count


def _measure(value: Any) -> tuple[int, int]:
    """The bytes of all text in a JSON value, and how many images and other files it holds."""
    if isinstance(value, str):
        return len(value) if value.isascii() else len(value.encode("utf-8", "replace")), 0
    if isinstance(value, dict):
        if value.get("type") in _ATTACHMENTS:
            return 0, 1
        measured = [_measure(part) for item in value.items() for part in item]
    elif isinstance(value, list):
        measured = [_measure(item) for item in value]
    else:
        return 0, 0
    return sum(size for size, _ in measured), sum(count for _, count in measured)
