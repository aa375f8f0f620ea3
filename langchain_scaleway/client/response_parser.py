"""HTTP answers: h11's parser, past which the chunks of a stream go.

A streamed answer comes in chunks, about one for each token, and h11 goes through twenty functions
for each. A whole chunk leaves h11 in the state that it was in before, so h11 need not see it. All
else it reads itself: heads, other bodies, chunks that come in pieces, trailers and all mistakes.
`tests/unit/test_response_parser.py` holds every event to h11's own.
"""

import re

import h11

_END_OF_HEAD = b"\r\n\r\n"
_END_OF_CHUNK = b"\r\n"
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})\r\n")
_BEGINNING_OF_SIZE = re.compile(rb"[0-9A-Fa-f]{0,8}\r?")

_OK = 200


class ResponseParser(h11.Connection):
    """Parses the answers that come on one connection, as `h11.Connection` does.

    Args:
        max_incomplete_event_size: The longest head, in bytes.
    """

    def __init__(self, max_incomplete_event_size: int) -> None:
        super().__init__(h11.CLIENT, max_incomplete_event_size)
        self._kept = b""  # What has come and was not given to h11.
        self._position = 0  # Where in it the part begins that was not read yet.
        self._is_in_chunks = False  # Whether a body in chunks is being read, and not only by h11.
        self._lacking: int | None = None  # Bytes that h11 lacks of the chunk that it reads, if any.

    def receive_data(self, data: bytes) -> None:
        """Take the next bytes; none at all are the end."""
        if not data:
            self._give_all()
            super().receive_data(data)
        elif self._is_in_chunks or self._kept:
            self._kept = self._kept[self._position :] + data
            self._position = 0
        elif self.their_state is h11.SEND_RESPONSE:
            # When h11 has read the head, it should have nothing of the body.
            head, end, self._kept = data.partition(_END_OF_HEAD)
            super().receive_data(head + end)
        else:
            super().receive_data(data)

    def next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        """Give the next event of what has come."""
        if self._is_in_chunks and self._lacking is None:
            if self._position == len(self._kept):
                return h11.NEED_DATA
            if chunk := self._whole_chunk():
                return h11.Data(data=chunk, chunk_start=True, chunk_end=True)
        event = super().next_event()
        if type(event) is h11.Response:
            self._is_in_chunks = self._comes_in_chunks(event)
            if not self._is_in_chunks:
                self._give_all()
        elif event is h11.NEED_DATA and self._give():
            return self.next_event()
        return event

    @property
    def trailing_data(self) -> tuple[bytes, bool]:
        """What has come and was not read, and whether that is the end of it."""
        data, is_closed = super().trailing_data
        return data + self._kept[self._position :], is_closed

    def _comes_in_chunks(self, response: h11.Response) -> bool:
        """Whether the body will come in chunks, and h11 has nothing of it yet, nor its end."""
        return (
            response.status_code == _OK  # With some others there is no body.
            and (b"transfer-encoding", b"chunked") in response.headers
            and super().trailing_data == (b"", False)
        )

    def _whole_chunk(self) -> bytes:
        """The next chunk, if all of it has come; else nothing, as with the empty one at the end."""
        size = _SIZE.match(self._kept, self._position)
        if size is None:
            return b""
        start = size.end()
        end = start + int(size[1], 16)
        if end == start or not self._kept.startswith(_END_OF_CHUNK, end):
            return b""
        self._position = end + len(_END_OF_CHUNK)
        return self._kept[start:end]

    def _give(self) -> bool:
        """Give h11 more, since it asks for that.

        Returns:
            Whether there is more to be read now.
        """
        if not self._is_in_chunks:
            return self._give_all()
        if self._lacking == 0:
            self._lacking = None  # It has read its chunk to the end.
            return self._position < len(self._kept)
        if self._lacking is None:
            if _BEGINNING_OF_SIZE.fullmatch(self._kept, self._position):
                return False
            size = _SIZE.match(self._kept, self._position)
            if size is None or not (length := int(size[1], 16)):
                return self._give_all()  # The end of the body, or a mistake.
            self._lacking = size.end() + length + len(_END_OF_CHUNK) - self._position
        part = self._kept[self._position : self._position + self._lacking]
        self._position += len(part)
        self._lacking -= len(part)
        return self._pass_on(part)

    def _give_all(self) -> bool:
        """Give h11 all that has come, and let it read the rest of the answer."""
        rest = self._kept[self._position :]
        self._kept, self._position = b"", 0
        self._is_in_chunks, self._lacking = False, None
        return self._pass_on(rest)

    def _pass_on(self, data: bytes) -> bool:
        if data:
            super().receive_data(data)
        return bool(data)
