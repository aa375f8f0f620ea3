"""The base of all faults."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from langchain_scaleway.testing.answers import Answer, Piece


class Fault:
    """Something that goes wrong; each subclass is a dataclass that says what."""

    def rewrite(self, answer: Answer) -> None:
        """Change the answer into what the client will meet."""
        raise NotImplementedError


def split_body(answer: Answer, after_events: int) -> tuple[Iterator[Piece], Iterator[Piece]]:
    """Divide a body behind some of its events, or a JSON body in its middle."""
    if answer.is_stream:
        pieces = iter(answer.pieces)
        return itertools.islice(pieces, after_events), pieces
    body = answer.joined_body()
    middle = len(body) // 2
    return iter([body[:middle]]), iter([body[middle:]])
