"""Our parser of HTTP answers gives the events that h11's gives, of whatever comes, however cut."""

import sys
from collections.abc import Sequence
from itertools import pairwise
from types import FrameType
from typing import Any

import h11
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from langchain_scaleway.client.response_parser import ResponseParser
from tests.support.recordings import Recording, all_recordings

LONGEST_HEAD = 2_000

HEAD = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"

HEADS = st.sampled_from(
    [
        HEAD,
        HEAD.replace(b"chunked", b"Chunked"),
        HEAD.replace(b"\r\n", b"\n"),
        HEAD.replace(b"200 OK", b"404 Not Found"),
        HEAD.replace(b"200 OK", b"204 No Content"),
        HEAD.replace(b"1.1", b"1.0"),
        b"HTTP/1.1 100 Continue\r\n\r\n" + HEAD,
        HEAD.replace(b"\r\n\r\n", b"\r\ncontent-length: 3\r\n\r\n"),
        b"HTTP/1.1 200 OK\r\ncontent-length: 30\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + LONGEST_HEAD * b"x",
    ]
)
"""Heads of answers; the first of them is the usual one of a stream."""

PAYLOADS = st.text("ab1;\r\n", min_size=1, max_size=40).map(str.encode)

SIZES = st.sampled_from([b"%x", b"%X", b"0%x", b"%08x", b"%09x", b"%x;a=b", b"%x \t", b"%xg", b""])

ENDS_OF_CHUNKS = st.sampled_from([b"\r\n"] * 9 + [b"", b"\n", b"\r", b"XY", b"\r\n\r\n"])

ENDS_OF_BODIES = st.sampled_from(
    [
        b"0\r\n\r\n",
        b"000\r\n\r\n",
        b"0\r\nx-trailer: 1\r\n\r\n",
        b"0;a=b\r\n\r\n",
        b"0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
        b"-1\r\n\r\n",
        b"123456789\r\n",
        LONGEST_HEAD * b"1",
        b"",
    ]
)


@st.composite
def chunks(draw: st.DrawFn) -> bytes:
    """A chunk, usually a right one."""
    payload = draw(PAYLOADS)
    size = draw(st.just(b"%x") | SIZES)
    return (
        (size % len(payload) if b"%" in size else size) + b"\r\n" + payload + draw(ENDS_OF_CHUNKS)
    )


@st.composite
def answers(draw: st.DrawFn) -> bytes:
    """An answer, often a wrong one."""
    parts = [draw(st.just(HEAD) | HEADS), *draw(st.lists(chunks(), max_size=6))]
    answer = b"".join([*parts, draw(ENDS_OF_BODIES)])
    if draw(st.integers(0, 5)) == 0:
        place = draw(st.integers(0, len(answer) - 1))
        answer = answer[:place] + draw(st.binary(max_size=2)) + answer[place + 1 :]
    return answer


@st.composite
def pieces(draw: st.DrawFn) -> list[bytes]:
    """An answer as it comes from the network: in pieces, and with the end or without it."""
    answer = draw(answers())
    places = sorted(draw(st.lists(st.integers(0, len(answer)), max_size=6)))
    cut = [answer[start:end] for start, end in pairwise([0, *places, len(answer)])]
    return [piece for piece in cut if piece] + draw(st.sampled_from([[], [b""]]))


def events(parser: h11.Connection, came: Sequence[bytes], *, late: bool = False) -> list[Any]:
    """All that a parser says about an answer, until it raises.

    Args:
        parser: The parser, before a request.
        came: The answer.
        late: Whether the events are taken at the end, and not after each piece.
    """
    parser.send(h11.Request(method="GET", target="/", headers=[("host", "x")]))
    parser.send(h11.EndOfMessage())
    said: list[Any] = []
    try:
        for piece in came:
            parser.receive_data(piece)
            if not late:
                said += events_of_piece(parser)
        said += events_of_piece(parser)
    except h11.RemoteProtocolError as error:
        said += [str(error), error.error_status_hint, parser.trailing_data]
    return said


def events_of_piece(parser: h11.Connection) -> list[Any]:
    found: list[Any] = []
    while True:
        event = parser.next_event()
        found.append(event)
        if event in (h11.NEED_DATA, h11.PAUSED) or type(event) is h11.ConnectionClosed:
            return [*found, parser.our_state, parser.their_state, parser.trailing_data]


def events_of_h11(came: Sequence[bytes], *, late: bool = False) -> list[Any]:
    return events(h11.Connection(h11.CLIENT, LONGEST_HEAD), came, late=late)


@given(pieces())
@example([HEAD + b"3\r\nabc\r\n", b"3\r\nabc\r\n", b"0\r\n\r\n", b""])
@example([HEAD + b"3\r\na", b"bc\r", b"\n3\r\nabc\r\n3\r\nabc", b"\r\n0\r\n\r\n"])
@example([HEAD + b"3\r\na", b"bcXY3\r\nabc\r\n"])
@example([HEAD, b"3", b"\r", b"\nabc\r\n0", b"\r\n\r\n"])
@example([HEAD, b"3\r\nabc\r\n3\r\nab", b""])
@example([HEAD.replace(b"\r\n", b"\n") + b"5\r\n\r\n\r\na\r\n0\r\n\r\n"])
@example([HEAD.replace(b"200 OK", b"204 No Content") + b"3\r\nabc\r\n"])
def test_the_events_are_those_of_h11(came: list[bytes]) -> None:
    assert events(ResponseParser(LONGEST_HEAD), came) == events_of_h11(came)


@given(pieces())
@example([HEAD, b""])
def test_events_may_be_taken_late(came: list[bytes]) -> None:
    assert events(ResponseParser(LONGEST_HEAD), came, late=True) == events_of_h11(came, late=True)


@pytest.mark.parametrize("recording", all_recordings(), ids=str)
def test_recordings(recording: Recording) -> None:
    answer = recording.raw_response
    for length in (3, 100, 10_000):
        came = [answer[start : start + length] for start in range(0, len(answer), length)]
        assert events(ResponseParser(LONGEST_HEAD), came) == events_of_h11(came)


def test_a_connection_is_used_again() -> None:
    parser = ResponseParser(LONGEST_HEAD)
    came = [HEAD + b"3\r\nabc\r\n", b"3\r\nabc\r\n", b"0\r\n\r\n"]
    for _ in range(3):
        assert events(parser, came) == events_of_h11(came)
        parser.start_next_cycle()


def test_whole_chunks_go_past_h11() -> None:
    """This is what the parser is for: a chunk costs a fraction of the calls of Python functions."""
    calls = []
    for parser in (ResponseParser(LONGEST_HEAD), h11.Connection(h11.CLIENT, LONGEST_HEAD)):
        in_pieces = [b"3", b"\r\nabc\r\n", b"3\r\na", b"bc\r\n"]
        events(parser, [HEAD, *in_pieces])
        calls.append(count_calls(parser, b"3\r\nabc\r\n"))
    assert calls[0] * 3 < calls[1]


def count_calls(parser: h11.Connection, piece: bytes) -> int:
    """How many Python functions are called until the events of a piece are taken."""
    count = 0

    def note(_frame: FrameType, event: str, _argument: Any) -> None:
        nonlocal count
        count += event == "call"

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        parser.receive_data(piece)
        events_of_piece(parser)
    finally:
        sys.setprofile(before)
    return count
