"""The decoder of server-sent events, held against the WHATWG rules and a slow reference."""

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_scaleway.client.sse import ServerSentEvent, SSEDecoder
from tests.support.recordings import all_recordings


def decode(*chunks: bytes) -> list[ServerSentEvent]:
    """Every event of a stream that comes in these chunks."""
    decoder = SSEDecoder()
    events = [event for chunk in chunks for event in decoder.feed(chunk)]
    return events + decoder.flush()


def message(data: bytes) -> ServerSentEvent:
    return ServerSentEvent("message", data)


def reference(stream: bytes) -> list[ServerSentEvent]:
    """The standard's text turned into code, whole stream at once and without haste.

    Two deviations, on purpose: an event still open at the end of the stream counts, and a field
    `error` makes an event of that name.
    """
    events = []
    name = ""
    data: list[bytes] = []
    # A blank line at the end closes what is open; after a closed event it says nothing.
    for line in [*re.split(rb"\r\n|\r|\n", stream.removeprefix(b"\xef\xbb\xbf")), b""]:
        field, colon, value = line.partition(b":")
        if colon and value[:1] == b" ":
            value = value[1:]
        if line == b"":
            if data:
                events.append(ServerSentEvent(name or "message", b"\n".join(data)))
            name, data = "", []
        elif field == b"data":
            data.append(value)
        elif field == b"event":
            name = value.decode("utf-8", "replace")
        elif field == b"error":
            name = "error"
            data.append(value)
    return events


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        pytest.param(b"", [], id="nothing"),
        pytest.param(b"data: a\n\n", [message(b"a")], id="one event"),
        pytest.param(b"data: a\n\ndata: b\n\n", [message(b"a"), message(b"b")], id="two events"),
        pytest.param(b"data: a\r\n\r\n", [message(b"a")], id="CRLF"),
        pytest.param(b"data: a\r\n\rdata: b\n\r\n", [message(b"a"), message(b"b")], id="mixed"),
        pytest.param(b"data:a\n\n", [message(b"a")], id="no space after the colon"),
        pytest.param(b"data:  a\n\n", [message(b" a")], id="only one space is taken off"),
        pytest.param(b"data: a\ndata: b\n\n", [message(b"a\nb")], id="two lines of data"),
        pytest.param(b"data: a\ndata:\ndata: b\n\n", [message(b"a\n\nb")], id="an empty line"),
        pytest.param(b"data\n\n", [message(b"")], id="data without a colon is empty data"),
        pytest.param(b"data:\n\n", [message(b"")], id="empty data"),
        pytest.param(b"event: error\ndata: a\n\n", [ServerSentEvent("error", b"a")], id="named"),
        pytest.param(b"error: a\n\n", [ServerSentEvent("error", b"a")], id="llama.cpp's error"),
        pytest.param(b"event:\ndata: a\n\n", [message(b"a")], id="an empty name is no name"),
        pytest.param(b"event: x\n\ndata: a\n\n", [message(b"a")], id="a name without data is lost"),
        pytest.param(
            b"event: x\ndata: a\n\ndata: b\n\n",
            [ServerSentEvent("x", b"a"), message(b"b")],
            id="a name counts once",
        ),
        pytest.param(b": ping\n\n", [], id="comment"),
        pytest.param(b"data: a\n: ping\ndata: b\n\n", [message(b"a\nb")], id="comment inside"),
        pytest.param(b"id: 7\nretry: 10\nfoo: x\nfoo\ndata: a\n\n", [message(b"a")], id="unknown"),
        pytest.param(b"Data: a\n\n", [], id="names are case-sensitive"),
        pytest.param(b" data: a\n\n", [], id="a space before the name makes another name"),
        pytest.param(b"\xef\xbb\xbfdata: a\n\n", [message(b"a")], id="byte order mark"),
        pytest.param(b"\xef\xbb\xbf\xef\xbb\xbfdata: a\n\n", [], id="one mark only"),
        pytest.param(b"data: a", [message(b"a")], id="end without a line end"),
        pytest.param(b"data: a\n", [message(b"a")], id="end without a blank line"),
        pytest.param(b"data: a\ndata: b", [message(b"a\nb")], id="end in the second line"),
        pytest.param(b"data: a\n\nevent: x", [message(b"a")], id="end in an event without data"),
        pytest.param(b"\xef\xbb\xbf", [], id="nothing but a mark"),
    ],
)
def test_decodes(stream: bytes, events: list[ServerSentEvent]) -> None:
    assert decode(stream) == events
    assert decode(*(stream[at : at + 1] for at in range(len(stream)))) == events
    assert reference(stream) == events, "the reference decoder itself is wrong"


@pytest.mark.parametrize("character", ["\u2028", "\u2029", "\u0085", "\v", "\f", "\x1c", "\x1e"])
def test_what_python_takes_for_a_line_end_is_data(character: str) -> None:
    data = f'{{"content":"one{character}two"}}'.encode()
    assert decode(b"data: " + data + b"\n\n") == [message(data)]


def test_events_come_as_soon_as_they_are_whole() -> None:
    decoder = SSEDecoder()
    assert decoder.feed(b"data: a\n") == []
    assert decoder.feed(b"\nda") == [message(b"a")]
    assert decoder.feed(b"ta: b\n\ndata: c\n\n") == [message(b"b"), message(b"c")]
    assert decoder.flush() == []


def test_a_line_feed_after_a_carriage_return_of_the_chunk_before_ends_nothing_more() -> None:
    decoder = SSEDecoder()
    assert decoder.feed(b"data: a\r") == []
    assert decoder.feed(b"\ndata: b\r") == []
    assert decoder.feed(b"\n\r") == [message(b"a\nb")]
    assert decoder.feed(b"\ndata: c\n\n") == [message(b"c")]


def test_a_long_event_in_many_small_chunks() -> None:
    data = b"x" * 200_000
    stream = b"data: " + data + b"\n\n"
    assert decode(*(stream[at : at + 7] for at in range(0, len(stream), 7))) == [message(data)]


_PIECES = [
    *(b"\n", b"\r", b"\r\n", b"\n\n", b"data", b"data:", b"data: ", b"event:", b"event: "),
    *(b"error:", b":", b" ", b": ping", b"[DONE]", b'{"a":1}', b"\xef\xbb\xbf", b"\x00", b"\xff"),
    *("\u2028".encode(), "\u0085".encode(), b"\x0b", b"\x0c", "é☕👩‍🚀".encode(), b"x", b"d", b"e"),
]
_SPLICED = st.lists(st.sampled_from(_PIECES), max_size=40).map(b"".join)
_STREAMS = st.one_of(_SPLICED, st.binary(max_size=200))


@given(stream=_STREAMS)
def test_any_bytes_decode_as_the_reference_says(stream: bytes) -> None:
    assert decode(stream) == reference(stream)


@given(stream=_STREAMS, cuts=st.lists(st.integers(0, 400), max_size=12))
def test_any_split_gives_the_same_events(stream: bytes, cuts: list[int]) -> None:
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    chunks = [stream[start:end] for start, end in itertools.pairwise(edges)]
    assert b"".join(chunks) == stream
    assert decode(*chunks) == decode(stream)


def test_recorded_streams() -> None:
    for recording in all_recordings():
        if recording.is_chat and recording.is_streamed:
            blocks = [block for block in recording.content.split(b"\n\n") if block]
            events = [message(block.removeprefix(b"data: ")) for block in blocks]
            assert decode(recording.content) == events, recording
