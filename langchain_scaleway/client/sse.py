"""Server-sent events: bytes in, events out, no I/O.

Follows the parsing rules of the WHATWG HTML standard, section "Server-sent events".
Only LF, CR and CRLF end a line; characters such as U+2028 and U+0085 are ordinary ones,
which `str.splitlines` and line iterators built on it get wrong. Working on bytes avoids
that trap and the cost of decoding what the JSON parser decodes anyway.

A field named `error`, which the standard would ignore, is an event of that name.
"""

from typing import NamedTuple

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class ServerSentEvent(NamedTuple):
    """One event of a stream.

    Attributes:
        event: The event's name, `"message"` where the server gave none.
        data: The payload; the lines of a multi-line payload are joined by a line feed.
    """

    event: str
    data: bytes


class SSEDecoder:
    r"""Decodes a byte stream, however it is cut, into server-sent events.

    Example:
        >>> decoder = SSEDecoder()
        >>> decoder.feed(b'data: {"a"')
        []
        >>> decoder.feed(b":1}\n\n")
        [ServerSentEvent(event='message', data=b'{"a":1}')]
    """

    def __init__(self) -> None:
        """Start at the beginning of a stream."""
        self._at_start = True
        self._carriage_return_before = False
        self._unfinished_line: list[bytes] = []
        self._event = ""
        self._data: list[bytes] = []

    def feed(self, chunk: bytes) -> list[ServerSentEvent]:
        """Take the next bytes of the stream.

        Args:
            chunk: Bytes as they came, of any length.

        Returns:
            The events which these bytes completed, in order.
        """
        if self._at_start or self._carriage_return_before or b"\r" in chunk:
            chunk = self._with_plain_line_ends(chunk)
        if b"\n" not in chunk:
            # Collected and joined once: a long line in many pieces must not cost its square.
            self._unfinished_line.append(chunk)
            return []
        if self._unfinished_line:
            self._unfinished_line.append(chunk)
            chunk = b"".join(self._unfinished_line)
        lines = chunk.split(b"\n")
        rest = lines.pop()
        self._unfinished_line = [rest] if rest else []
        return self._take(lines)

    def flush(self) -> list[ServerSentEvent]:
        """Take the end of the stream.

        The standard drops an event that no blank line closed. Servers are seen to leave
        out the last line end, so such an event is returned; whether it is whole is for the
        caller to find out.

        Returns:
            The event that was still open, if there was one.
        """
        last_line = b"".join(self._unfinished_line)
        self._unfinished_line = []
        return self._take([last_line, b""])

    def _with_plain_line_ends(self, chunk: bytes) -> bytes:
        """Turn every line end into a line feed, and drop a byte order mark at the start."""
        if self._at_start:
            self._unfinished_line.append(chunk)
            chunk = b"".join(self._unfinished_line)
            self._unfinished_line = []
            if len(chunk) < len(_BYTE_ORDER_MARK) and _BYTE_ORDER_MARK.startswith(chunk):
                self._unfinished_line.append(chunk)
                return b""
            self._at_start = False
            chunk = chunk.removeprefix(_BYTE_ORDER_MARK)
        if self._carriage_return_before and chunk:
            # The carriage return ended its line already; this may be the rest of a CRLF.
            chunk = chunk.removeprefix(b"\n")
            self._carriage_return_before = False
        self._carriage_return_before = self._carriage_return_before or chunk.endswith(b"\r")
        return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _take(self, lines: list[bytes]) -> list[ServerSentEvent]:
        """Interpret whole lines, without their ends."""
        events: list[ServerSentEvent] = []
        for line in lines:
            if line.startswith(b"data: "):
                self._data.append(line[6:])
            elif line:
                self._take_field(line)
            else:
                if self._data:
                    events.append(ServerSentEvent(self._event or "message", b"\n".join(self._data)))
                    self._data = []
                self._event = ""
        return events

    def _take_field(self, line: bytes) -> None:
        """Interpret a line other than the usual `data: …`."""
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
        elif name == b"event":
            self._event = value.decode("utf-8", "replace")
        elif name == b"error":  # llama.cpp's of 2025, which writes `[DONE]` behind it
            self._event = "error"
            self._data.append(value)
        # Comments (an empty name), `id`, `retry` and unknown fields mean nothing here.
