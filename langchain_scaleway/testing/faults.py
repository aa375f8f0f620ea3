"""Everything that can go wrong between Scaleway and its client, as data.

A fault rewrites an `Answer` before it is sent. Faults combine: `Delay(2), Gzip()` makes a late,
compressed answer. If a fault counts events and the answer is not a stream, the first half of its
body takes the place of the events before the fault.

    faults                         what the client meets
    -----------------------------  ----------------------------------------------------
    Delay, Stall                   nothing for a while, before or in the middle
    Reset, CutStream               a connection that breaks
    ErrorEvent                     an error after status 200, inside the stream
    HttpError, HtmlError,          an answer that is an error
    HugeError, Redirect
    EmptyAnswer, TruncatedJson,    an answer that is not what it says
    NotAnObject, WrongContentType
    ByteAtATime, Gzip              a good answer, delivered unusually (or badly compressed)
    StaleConnection                a good answer, after which the connection is dead
"""

import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, islice, repeat
from typing import Any, ClassVar, Final, Literal

import orjson
from pydantic import GetCoreSchemaHandler, TypeAdapter
from pydantic_core import core_schema
from typing_extensions import override

from langchain_scaleway.testing.answers import DONE, JSON_TYPE, Answer, Ending, Pause, Piece, event
from langchain_scaleway.testing.quotas import CONCURRENCY_EXCEEDED
from langchain_scaleway.testing.refusals import ErrorShape, error_body

_HTML_ERROR: Final = """<html>
<head><title>{status} {reason}</title></head>
<body>
<center><h1>{status} {reason}</h1></center>
<hr><center>nginx</center>
</body>
</html>
"""
_HUGE_PIECE: Final = b"x" * 65_536
_GARBAGE: Final = b"\xff" * 32


class Fault:
    """Something that goes wrong; each subclass is a dataclass that says what."""

    __match_args__: ClassVar[tuple[str, ...]]

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        """Read a fault by its name; each by its own fields."""
        if cls is not Fault:
            return handler(source)
        text = core_schema.str_schema()
        return core_schema.no_info_after_validator_function(fault_from_text, text)

    def rewrite(self, answer: Answer) -> None:
        """Change the answer into what the client will meet."""
        raise NotImplementedError


@dataclass(frozen=True)
class Delay(Fault):
    """Send nothing, not even the status line, for some emulated seconds."""

    seconds: float

    @override
    def rewrite(self, answer: Answer) -> None:
        answer.delay += self.seconds


@dataclass(frozen=True)
class Stall(Fault):
    """Stop sending after some events; the rest follows after some emulated seconds, or never."""

    after_events: int = 1
    seconds: float | None = None

    @override
    def rewrite(self, answer: Answer) -> None:
        silence = Ending.HANG if self.seconds is None else Pause(self.seconds)
        answer.cut(self.after_events, silence, rest=True)


@dataclass(frozen=True)
class Reset(Fault):
    """Reset the connection (TCP RST), after so many bytes or so many events of the answer.

    Bytes count from the first of the status line: 0 resets before anything is sent, 20 within the
    headers.
    """

    at_byte: int = 0
    after_events: int | None = None

    @override
    def rewrite(self, answer: Answer) -> None:
        if self.after_events is None:
            answer.reset_at_byte = self.at_byte
        else:
            answer.cut(self.after_events, Ending.RESET)


@dataclass(frozen=True)
class CutStream(Fault):
    """End a stream after some events: no finish reason, no usage, no `[DONE]`.

    `terminated` ends the body properly, so that HTTP sees nothing wrong; `closed` closes the
    connection without the last chunk; `until_close` sends neither length nor chunks, so that
    closing the connection is a valid end.
    """

    after_events: int = 1
    ending: Literal["terminated", "closed", "until_close"] = "terminated"

    @override
    def rewrite(self, answer: Answer) -> None:
        answer.until_close = self.ending == "until_close"
        answer.cut(self.after_events, *[Ending.CLOSE] if self.ending == "closed" else ())


@dataclass(frozen=True)
class StaleConnection(Fault):
    """Give a good answer on a connection that is dead afterwards.

    `after_answer` closes it at once although keep-alive was promised, so that a client's pool can
    notice; `on_next_request` when the next request arrives on it, which no client can foresee.
    """

    closes: Literal["after_answer", "on_next_request"] = "on_next_request"

    @override
    def rewrite(self, answer: Answer) -> None:
        answer.closes = self.closes


@dataclass(frozen=True)
class ByteAtATime(Fault):
    """Send each byte of the answer, headers included, in a write of its own."""

    @override
    def rewrite(self, answer: Answer) -> None:
        answer.byte_at_a_time = True


@dataclass(frozen=True)
class Gzip(Fault):
    """Compress the answer, whoever asked for it; a corrupt one breaks off into garbage."""

    corrupt: bool = False

    @override
    def rewrite(self, answer: Answer) -> None:
        answer.headers["content-encoding"] = "gzip"
        is_stream, pieces = answer.is_stream, chain(*answer.split(1))
        answer.pieces = _gzipped(pieces, corrupt=self.corrupt)
        if not is_stream:
            answer.replace_body(answer.joined_body())


@dataclass(frozen=True)
class HttpError(Fault):
    """Answer with an error status and one of Scaleway's error bodies.

    There are no quota headers; `headers` may hold others, such as `retry-after`.
    """

    status: int = 500
    message: str = "Internal server error"
    shape: ErrorShape = "gateway"
    headers: Mapping[str, str] = field(default_factory=dict)

    @override
    def rewrite(self, answer: Answer) -> None:
        body = orjson.dumps(error_body(self.shape, self.status, self.message))
        answer.become(self.status, {"content-type": JSON_TYPE, **self.headers}, body)


def rate_limited(message: str = CONCURRENCY_EXCEEDED) -> HttpError:
    """Return Scaleway's bare 429: retryable, without `retry-after` or quota headers."""
    return HttpError(429, message)


@dataclass(frozen=True)
class ErrorEvent(Fault):
    """Report an error inside a stream that began with status 200, in one of Scaleway's shapes.

    Scaleway documents that 5xx errors can come so; vLLM sends the `recent` shape and then
    `[DONE]` (`done`). `named` adds the line `event: error`. A request that does not stream gets the
    error as its answer instead.
    """

    after_events: int = 1
    shape: ErrorShape = "recent"
    status: int = 500
    message: str = "Internal server error"
    done: bool = True
    named: bool = False

    @override
    def rewrite(self, answer: Answer) -> None:
        if answer.is_stream:
            body = error_body(self.shape, self.status, self.message)
            error = event(body, "error" if self.named else None)
            answer.cut(self.after_events, error, *[DONE] if self.done else ())
        else:
            HttpError(self.status, self.message, self.shape).rewrite(answer)


@dataclass(frozen=True)
class HtmlError(Fault):
    """Answer with a proxy's HTML page instead of JSON; it shows the status and the reason."""

    status: int = 502
    reason: str = "Bad Gateway"

    @override
    def rewrite(self, answer: Answer) -> None:
        page = _HTML_ERROR.format(status=self.status, reason=self.reason)
        answer.become(self.status, {"content-type": "text/html"}, page.encode())


@dataclass(frozen=True)
class HugeError(Fault):
    """Answer with an error whose body, of `size` bytes, is made while it is sent."""

    size: int = 50_000_000
    status: int = 500

    @override
    def rewrite(self, answer: Answer) -> None:
        head, tail = b'{"error":{"message":"', b'","type":"InternalServerError","code":500}}'
        filling = max(0, self.size - len(head) - len(tail))
        whole, rest = divmod(filling, len(_HUGE_PIECE))
        answer.become(self.status, {"content-type": JSON_TYPE}, b"")
        answer.content_length = len(head) + filling + len(tail)
        answer.pieces = chain([head], repeat(_HUGE_PIECE, whole), [_HUGE_PIECE[:rest] + tail])


@dataclass(frozen=True)
class Redirect(Fault):
    """Send the client elsewhere, with status 301 to 308; one that follows gives its key away."""

    location: str
    status: int = 307

    @override
    def rewrite(self, answer: Answer) -> None:
        answer.become(self.status, {"location": self.location}, b"")


@dataclass(frozen=True)
class EmptyAnswer(Fault):
    """Answer without a body, with status 200, or with 204 which means that."""

    status: int = 200

    @override
    def rewrite(self, answer: Answer) -> None:
        answer.become(self.status, answer.headers, b"")


@dataclass(frozen=True)
class TruncatedJson(Fault):
    """End the JSON in the middle although HTTP says that all of it has come.

    In a stream it is the JSON of one event, behind so many whole ones.
    """

    after_events: int = 1

    @override
    def rewrite(self, answer: Answer) -> None:
        if answer.is_stream:
            first, rest = answer.split(self.after_events)
            events = (one for one in islice(rest, 1) if isinstance(one, bytes))
            halves = (one[: len(one) // 2] + b"\n\n" for one in events)
            answer.pieces = chain(first, halves, rest)
        else:
            answer.cut(self.after_events)


@dataclass(frozen=True)
class NotAnObject(Fault):
    """Answer with JSON that is not an object; in a stream, behind so many events."""

    value: Any = None
    after_events: int = 1

    @override
    def rewrite(self, answer: Answer) -> None:
        if answer.is_stream:
            answer.cut(self.after_events, event(self.value), rest=True)
        else:
            answer.replace_body(orjson.dumps(self.value))


@dataclass(frozen=True)
class WrongContentType(Fault):
    """Send the answer under another media type."""

    content_type: str = "text/plain; charset=utf-8"

    @override
    def rewrite(self, answer: Answer) -> None:
        answer.headers["content-type"] = self.content_type


def _gzipped(pieces: Iterable[Piece], *, corrupt: bool) -> Iterator[Piece]:
    """Compress a stream so that each event can be read as soon as it arrives.

    Garbage begins at the boundary of a block, where it is read as the head of a kind of block that
    does not exist; elsewhere it might by chance be read as more of it, and be no fault at all.
    """
    compressor = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    for number, piece in enumerate(pieces):
        if not isinstance(piece, bytes):
            yield piece
        elif corrupt and number > 0:
            yield _GARBAGE
            return
        else:
            yield compressor.compress(piece) + compressor.flush(zlib.Z_SYNC_FLUSH)
    yield compressor.flush()


def fault_from_text(text: str) -> Fault:
    """Read a fault written as `Name` or `Name:attribute=value,attribute=value`."""
    name, _, arguments = text.partition(":")
    kinds = {kind.__name__: kind for kind in Fault.__subclasses__()}
    if name not in kinds:
        raise ValueError(f"No fault is called {name!r}; there are {', '.join(sorted(kinds))}.")
    kind = kinds[name]
    given = dict(pair.partition("=")[::2] for pair in filter(None, arguments.split(",")))
    if unknown := given.keys() - kind.__match_args__:
        raise ValueError(
            f"{name} has no {', '.join(sorted(unknown))}; it has {kind.__match_args__}."
        )
    return TypeAdapter(kind).validate_python(given)
