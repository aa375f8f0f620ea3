"""Scaleway's automatic prompt cache, as far as usage shows it."""

from __future__ import annotations

import orjson

from langchain_scaleway.testing.chat_request import Message
from langchain_scaleway.tokens import prompt_size

_BLOCK_TOKENS = 16  # vLLM caches whole blocks of so many tokens
_MAX_PREFIXES = 10_000


class PromptCache:
    """Remembers the beginnings of conversations, message by message."""

    def __init__(self) -> None:
        self._prefixes: dict[int, None] = {}

    def cached_tokens(self, model: str, messages: list[Message]) -> int:
        """Return how many prompt tokens were seen before, and remember the conversation."""
        prefix, known = hash(model), 0
        for number, message in enumerate(messages, start=1):
            prefix = hash((prefix, orjson.dumps(message)))
            if prefix in self._prefixes:
                known = number
                del self._prefixes[prefix]
            self._prefixes[prefix] = None  # as the latest
        while len(self._prefixes) > _MAX_PREFIXES:
            del self._prefixes[next(iter(self._prefixes))]
        tokens = prompt_size({"messages": messages[:known]}).tokens
        return tokens // _BLOCK_TOKENS * _BLOCK_TOKENS
