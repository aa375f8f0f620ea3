"""How many tokens a request will take: estimated by its size, corrected by what was used."""

import math
from collections.abc import Mapping
from typing import Any

from langchain_scaleway.client.quotas.store import Estimate
from langchain_scaleway.tokens import TOKENS_PER_MEDIUM, PromptSize

_FIRST_ANSWER_TOKENS = 500
"""Expected of an answer before the first one has come."""
_REMEMBERED = 50
"""How many of the last answers an average looks back on."""
LEAST_SHARE = 0.66
"""The share of an estimate that a prompt has for sure: hardly any text has more than six bytes a
token."""
_LEAST_LEARNT_SHARE = 0.75
"""The same once answers have corrected the estimates; the rest may be off, as texts differ."""
_MOST_TOKENS = 20_000_000
"""No request has more: 2,048 texts of 8,192 tokens to embed. A server that says so is mistaken, and
nobody should wait for it."""
_BOUNDS = ("max_tokens", "max_completion_tokens", "max_output_tokens")


class TokenEstimator:
    """Estimates the tokens of requests to one model, and learns from its answers.

    Attributes:
        limit: Tokens per minute, once an answer has told.
    """

    def __init__(self) -> None:
        """Start with rules of thumb."""
        self.limit = math.inf
        self._used = _Average(1.0)
        self._estimated = _Average(1.0)
        self._answer = _Average(_FIRST_ANSWER_TOKENS)

    def estimate(self, size: PromptSize, most: float) -> Estimate:
        """Estimate a request whose answer may have so many tokens at most."""
        prompt = size.text_tokens * self._correction + size.media * TOKENS_PER_MEDIUM
        return Estimate(prompt, min(self._answer.value, most))

    def least(self, size: PromptSize) -> float:
        """The tokens that a prompt has for sure. What is not text may have none."""
        return size.text_tokens * min(LEAST_SHARE, _LEAST_LEARNT_SHARE * self._correction)

    def learn(self, size: PromptSize, used: Estimate) -> None:
        """Learn from what a request has taken.

        How many tokens media take is unknown, so a prompt with some says nothing of its text.
        """
        if size.text_tokens and not size.media:
            self._used.add(used.prompt)
            self._estimated.add(size.text_tokens)
        self._answer.add(used.answer)

    @property
    def _correction(self) -> float:
        return self._used.value / self._estimated.value


def bound_of(body: Mapping[str, Any]) -> float:
    """The most tokens that the answer to a request may have, infinite without a bound."""
    bounds = [bound for name in _BOUNDS if isinstance(bound := body.get(name), int)]
    return min(bounds, default=math.inf)


def used_tokens(usage: Mapping[str, Any] | None) -> Estimate | None:
    """The tokens of prompt and answer, where a `usage` of any of Scaleway's endpoints says them."""
    if not isinstance(usage, Mapping):
        return None
    prompt = usage.get("prompt_tokens", usage.get("input_tokens", usage.get("total_tokens")))
    answer = usage.get("completion_tokens", usage.get("output_tokens", 0))
    if not (isinstance(prompt, int) and isinstance(answer, int)):
        return None
    is_possible = min(prompt, answer) >= 0 and prompt + answer <= _MOST_TOKENS
    return Estimate(prompt, answer) if is_possible else None


class _Average:
    """The average of the latest values, in which older ones fade; a guess before the first."""

    def __init__(self, guess: float) -> None:
        self.value = guess
        self._count = 0

    def add(self, value: float) -> None:
        self._count = min(self._count + 1, _REMEMBERED)
        self.value += (value - self.value) / self._count
