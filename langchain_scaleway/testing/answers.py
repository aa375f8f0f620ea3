"""An HTTP answer on its way to the client, and what may happen between its pieces."""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from itertools import chain, islice
from typing import Any, Literal, TypeAlias

import orjson

JSON_TYPE = "application/json"
DONE = b"data: [DONE]\n\n"


@dataclass(frozen=True, slots=True)
class Pause:
    """Send nothing for some emulated seconds."""

    seconds: float


class Ending(Enum):
    """Ways in which an answer breaks off before its end."""

    HANG = "nothing more is sent until the client goes away"
    RESET = "the connection is reset (TCP RST)"
    CLOSE = "the connection is closed (TCP FIN) in the middle of the body"


Piece: TypeAlias = bytes | Pause | Ending
"""A part of a body, which is one write, or an event between two parts."""


@dataclass(slots=True)
class Answer:
    """An answer as it will be sent; faults rewrite it."""

    status: int
    headers: dict[str, str]  # names in lower case, without `content-length`
    pieces: Iterable[Piece]
    relayed: AsyncIterator[bytes] | None = None  # another service's body, instead
    content_length: int | None = None  # `None` sends the body in chunks
    delay: float = 0.0  # emulated seconds before the first byte
    reset_at_byte: int | None = None  # counted with status line and headers
    byte_at_a_time: bool = False
    # Neither length nor chunks: the body ends where the connection does, so that a cut cannot be
    # told from the end.
    until_close: bool = False
    # When the connection closes, unannounced: behind the answer, or as soon as another request
    # arrives on it, which is the race of a stale keep-alive connection.
    closes: Literal["after_answer", "on_next_request"] | None = None
    text: str | None = None  # what the model says in it
    generated_tokens: int = 0  # what the quota is charged with at the end
    release: Callable[[], None] | None = None  # called when the answer is out, or will not be

    @property
    def is_stream(self) -> bool:
        """Whether the body is a stream of events rather than of known length."""
        return self.content_length is None

    def split(self, after_events: int) -> tuple[Iterator[Piece], Iterator[Piece]]:
        """Divide the body behind some of its events, or a JSON body in its middle."""
        if self.is_stream:
            pieces = iter(self.pieces)
            return islice(pieces, after_events), pieces
        body = self.joined_body()
        middle = len(body) // 2
        return iter([body[:middle]]), iter([body[middle:]])

    def cut(self, after_events: int, *instead: Piece, rest: bool = False) -> None:
        """Put something in the place of all that `split` puts second, or in front of it."""
        first, second = self.split(after_events)
        pieces = chain(first, instead, second if rest else [])
        if self.is_stream or instead:
            self.pieces = pieces
        else:
            self.replace_body(b"".join(piece for piece in pieces if isinstance(piece, bytes)))

    def replace_body(self, body: bytes) -> None:
        """Send this body, of known length, instead."""
        self.pieces, self.content_length = [body], len(body)

    def become(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Turn into another answer, with nothing of this one left but when it is sent."""
        self.status, self.headers = status, {name.lower(): text for name, text in headers.items()}
        self.replace_body(body)

    def joined_body(self) -> bytes:
        """Return the bytes of the whole body, a stream's too."""
        return b"".join(piece for piece in self.pieces if isinstance(piece, bytes))


def json_answer(status: int, value: Any) -> Answer:
    """Return an answer with a JSON body."""
    body = orjson.dumps(value)
    return Answer(status, {"content-type": JSON_TYPE}, [body], content_length=len(body))


def event_stream(events: Iterable[Piece]) -> Answer:
    """Return an answer that is a stream of server-sent events."""
    return Answer(200, {"content-type": "text/event-stream; charset=utf-8"}, events)


def event(data: Any, name: str | None = None) -> bytes:
    """Return a server-sent event with JSON in it."""
    head = b"" if name is None else f"event: {name}\n".encode()
    return head + b"data: " + orjson.dumps(data) + b"\n\n"
