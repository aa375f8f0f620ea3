"""Faults of delivery: the answer is as it should be, but does not arrive that way."""

from __future__ import annotations

import gzip
import itertools
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

from langchain_scaleway.testing.answers import Answer, Ending, Pause, Piece
from langchain_scaleway.testing.faults.base import Fault, split_body

_GARBAGE: Final = b"\xff" * 32


@dataclass(frozen=True)
class Delay(Fault):
    """Send nothing, not even the status line, for a while.

    Attributes:
        seconds: Emulated seconds.
    """

    seconds: float

    def rewrite(self, answer: Answer) -> None:
        """Hold the answer back."""
        answer.delay += self.seconds


@dataclass(frozen=True)
class Stall(Fault):
    """Stop sending in the middle of the body and keep the connection open.

    Attributes:
        after_events: How many events are sent before.
        seconds: Emulated seconds until the rest follows; `None`: it never does.
    """

    after_events: int = 1
    seconds: float | None = None

    def rewrite(self, answer: Answer) -> None:
        """Put a pause, or a silence that never ends, after the first events."""
        first, rest = split_body(answer, self.after_events)
        if self.seconds is None:
            answer.pieces = itertools.chain(first, [Ending.HANG])
        else:
            answer.pieces = itertools.chain(first, [Pause(self.seconds)], rest)


@dataclass(frozen=True)
class Reset(Fault):
    """Reset the connection (TCP RST).

    Attributes:
        at_byte: After so many bytes of the answer, counted from the first byte of the
            status line: 0 resets before anything is sent, 20 within the headers.
        after_events: After so many events instead.
    """

    at_byte: int = 0
    after_events: int | None = None

    def rewrite(self, answer: Answer) -> None:
        """Arm the reset."""
        if self.after_events is None:
            answer.reset_at_byte = self.at_byte
        else:
            first, _ = split_body(answer, self.after_events)
            answer.pieces = itertools.chain(first, [Ending.RESET])


@dataclass(frozen=True)
class CutStream(Fault):
    """End a stream before its end: no finish reason, no usage, no `[DONE]`.

    Attributes:
        after_events: How many events are sent.
        ending: `terminated` ends the body properly, so that HTTP sees nothing wrong;
            `closed` closes the connection without the terminating chunk; `until_close`
            sends neither length nor chunks, so that closing the connection is a valid end.
    """

    after_events: int = 1
    ending: Literal["terminated", "closed", "until_close"] = "terminated"

    def rewrite(self, answer: Answer) -> None:
        """Keep the first events only."""
        was_stream = answer.is_stream
        first, _ = split_body(answer, self.after_events)
        kept: Iterable[Piece] = first
        if self.ending == "closed":
            kept = itertools.chain(first, [Ending.CLOSE])
        elif self.ending == "until_close":
            answer.until_close = True
        elif not was_stream:
            kept = list(first)
            answer.content_length = sum(len(piece) for piece in kept if isinstance(piece, bytes))
        answer.pieces = kept


@dataclass(frozen=True)
class StaleConnection(Fault):
    """Give a good answer on a connection that is dead afterwards.

    Attributes:
        closes: `after_answer` closes it at once although keep-alive was promised, so that
            a client's pool can notice; `on_next_request` closes it when the next request
            arrives on it, which no client can foresee.
    """

    closes: Literal["after_answer", "on_next_request"] = "on_next_request"

    def rewrite(self, answer: Answer) -> None:
        """Mark the answer."""
        if self.closes == "after_answer":
            answer.close_after = True
        else:
            answer.close_on_next = True


@dataclass(frozen=True)
class ByteAtATime(Fault):
    """Send each byte of the answer, headers included, in a write of its own."""

    def rewrite(self, answer: Answer) -> None:
        """Mark the answer."""
        answer.byte_at_a_time = True


@dataclass(frozen=True)
class Gzip(Fault):
    """Compress the answer, whether or not the client said it accepts that.

    Attributes:
        corrupt: Whether the compressed data breaks off into garbage.
    """

    corrupt: bool = False

    def rewrite(self, answer: Answer) -> None:
        """Compress the body, event by event in a stream."""
        answer.set_header("content-encoding", "gzip")
        if answer.is_stream:
            answer.pieces = _gzipped_events(answer.pieces, corrupt=self.corrupt)
            return
        body = answer.joined_body()
        answer.replace_body(_broken_off(body) if self.corrupt else gzip.compress(body))


def _broken_off(body: bytes) -> bytes:
    """Compress half of a body, up to a byte boundary, and go on with garbage.

    After a boundary the garbage is read as the head of a block of a kind that does not exist. In
    the middle of a block it might by chance be read as more of it, and be no fault at all.
    """
    compressor = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    half = compressor.compress(body[: len(body) // 2])
    return half + compressor.flush(zlib.Z_SYNC_FLUSH) + _GARBAGE


def _gzipped_events(pieces: Iterable[Piece], *, corrupt: bool) -> Iterator[Piece]:
    """Compress a stream so that each event can be read as soon as it arrives."""
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
