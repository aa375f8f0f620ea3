"""Scaleway's automatic prompt cache, as far as usage shows it."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

import orjson

from langchain_scaleway.testing.chat_request import Message
from langchain_scaleway.tokens import prompt_size

_BLOCK_TOKENS: Final = 16  # vLLM caches whole blocks of so many tokens
_MAX_PREFIXES: Final = 10_000


class PromptCache:
    """Remembers the beginnings of conversations, message by message."""

    def __init__(self) -> None:
        self._prefixes: OrderedDict[int, None] = OrderedDict()

    def cached_tokens(self, model: str, messages: list[Message]) -> int:
        """Return how many prompt tokens were seen before, and remember the conversation."""
        prefix = hash(model)
        known = 0
        for number, message in enumerate(messages, start=1):
            prefix = hash((prefix, orjson.dumps(message)))
            if prefix in self._prefixes and known == number - 1:
                known = number
            self._prefixes[prefix] = None
            self._prefixes.move_to_end(prefix)
        while len(self._prefixes) > _MAX_PREFIXES:
            self._prefixes.popitem(last=False)
        tokens = prompt_size({"messages": messages[:known]}).tokens
        return tokens // _BLOCK_TOKENS * _BLOCK_TOKENS
