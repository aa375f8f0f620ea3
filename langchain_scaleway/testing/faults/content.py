"""Faults of the answer: something other than a completion comes back."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from langchain_scaleway.testing.answers import JSON_TYPE, Answer, Piece
from langchain_scaleway.testing.faults.base import Fault, split_body
from langchain_scaleway.testing.refusals import ErrorShape, encode_error

_HTML_ERROR: Final = """<html>
<head><title>{status} {reason}</title></head>
<body>
<center><h1>{status} {reason}</h1></center>
<hr><center>nginx</center>
</body>
</html>
"""
_HUGE_PIECE: Final = b"x" * 65_536


@dataclass(frozen=True)
class HttpError(Fault):
    """Answer with an error status and one of Scaleway's error bodies.

    Attributes:
        status: The HTTP status.
        message: Scaleway's sentence.
        shape: The shape of the body.
        headers: Further headers, such as `retry-after`.
    """

    status: int = 500
    message: str = "Internal server error"
    shape: ErrorShape = "gateway"
    headers: Mapping[str, str] = field(default_factory=dict)

    def rewrite(self, answer: Answer) -> None:
        """Answer with the error; quota headers go, as Scaleway's do."""
        answer.status = self.status
        answer.headers = [*self.headers.items()]
        answer.replace_body(encode_error(self.shape, self.status, self.message), JSON_TYPE)


def rate_limited(
    message: str = "You exceeded your current limit of concurrent requests.",
) -> HttpError:
    """Return Scaleway's bare 429: retryable, without `retry-after` or quota headers."""
    return HttpError(429, message)


@dataclass(frozen=True)
class ErrorEvent(Fault):
    """Report an error inside a stream that began with status 200.

    Scaleway documents that 5xx errors can come so; vLLM sends the `recent` shape and then
    `[DONE]`. A request that does not stream gets the error as its answer instead.

    Attributes:
        after_events: How many events are sent before.
        shape: The shape of the error's body.
        status: The status the body repeats.
        message: Scaleway's sentence.
        done: Whether `[DONE]` follows.
        named: Whether the event carries the line `event: error`.
    """

    after_events: int = 1
    shape: ErrorShape = "recent"
    status: int = 500
    message: str = "Internal server error"
    done: bool = True
    named: bool = False

    def rewrite(self, answer: Answer) -> None:
        """Put the error in the place of the remaining events."""
        body = encode_error(self.shape, self.status, self.message)
        if not answer.is_stream:
            answer.status = self.status
            answer.replace_body(body, JSON_TYPE)
            return
        first, _ = split_body(answer, self.after_events)
        name = b"event: error\n" if self.named else b""
        ending = [b"data: [DONE]\n\n"] if self.done else []
        answer.pieces = itertools.chain(first, [name + b"data: " + body + b"\n\n"], ending)


@dataclass(frozen=True)
class HtmlError(Fault):
    """Answer with a proxy's HTML page instead of JSON.

    Attributes:
        status: The HTTP status.
        reason: The words on the page.
    """

    status: int = 502
    reason: str = "Bad Gateway"

    def rewrite(self, answer: Answer) -> None:
        """Answer with the page."""
        answer.status = self.status
        answer.headers = []
        page = _HTML_ERROR.format(status=self.status, reason=self.reason)
        answer.replace_body(page.encode(), "text/html")


@dataclass(frozen=True)
class HugeError(Fault):
    """Answer with an error whose body is far too long.

    Attributes:
        size: Bytes of the body.
        status: The HTTP status.
    """

    size: int = 50_000_000
    status: int = 500

    def rewrite(self, answer: Answer) -> None:
        """Answer with the body, which is made while it is sent."""
        head, tail = b'{"error":{"message":"', b'","type":"InternalServerError","code":500}}'
        filling = max(0, self.size - len(head) - len(tail))
        whole, rest = divmod(filling, len(_HUGE_PIECE))
        answer.status = self.status
        answer.headers = [("content-type", JSON_TYPE)]
        answer.content_length = len(head) + filling + len(tail)
        answer.pieces = itertools.chain(
            [head], itertools.repeat(_HUGE_PIECE, whole), [_HUGE_PIECE[:rest] + tail]
        )


@dataclass(frozen=True)
class Redirect(Fault):
    """Send the client elsewhere; one that follows gives its key away.

    Attributes:
        location: Where to.
        status: 301, 302, 303, 307 or 308.
    """

    location: str
    status: int = 307

    def rewrite(self, answer: Answer) -> None:
        """Answer with the redirect."""
        answer.status = self.status
        answer.headers = [("location", self.location)]
        answer.replace_body(b"")


@dataclass(frozen=True)
class EmptyAnswer(Fault):
    """Answer without a body.

    Attributes:
        status: 200, or 204 which means no content.
    """

    status: int = 200

    def rewrite(self, answer: Answer) -> None:
        """Drop the body."""
        answer.status = self.status
        answer.replace_body(b"")


@dataclass(frozen=True)
class TruncatedJson(Fault):
    """End the JSON in the middle although HTTP says that all of it has come.

    In a stream it is the JSON of one event that ends in the middle.

    Attributes:
        after_events: How many whole events come before, in a stream.
    """

    after_events: int = 1

    def rewrite(self, answer: Answer) -> None:
        """Keep half of the JSON."""
        if not answer.is_stream:
            body = answer.joined_body()
            answer.replace_body(body[: len(body) // 2])
            return
        first, rest = split_body(answer, self.after_events)
        answer.pieces = itertools.chain(first, _with_first_event_halved(rest))


@dataclass(frozen=True)
class NotAnObject(Fault):
    """Answer with JSON that is not an object; in a stream, as the data of an event.

    Attributes:
        value: The JSON value.
        after_events: How many events come before, in a stream.
    """

    value: Any = None
    after_events: int = 1

    def rewrite(self, answer: Answer) -> None:
        """Put the value in the place of the completion or of one event."""
        encoded = orjson.dumps(self.value)
        if not answer.is_stream:
            answer.replace_body(encoded)
            return
        first, rest = split_body(answer, self.after_events)
        answer.pieces = itertools.chain(first, [b"data: " + encoded + b"\n\n"], rest)


@dataclass(frozen=True)
class WrongContentType(Fault):
    """Send the answer under another media type.

    Attributes:
        content_type: The type to claim.
    """

    content_type: str = "text/plain; charset=utf-8"

    def rewrite(self, answer: Answer) -> None:
        """Replace the header."""
        answer.set_header("content-type", self.content_type)


def _with_first_event_halved(pieces: Iterator[Piece]) -> Iterator[Piece]:
    for number, piece in enumerate(pieces):
        if number == 0 and isinstance(piece, bytes):
            yield piece[: len(piece) // 2] + b"\n\n"
        else:
            yield piece
