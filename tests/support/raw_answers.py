"""HTTP answers byte by byte, as a server of bytes sends them."""

import json

from tests.support.calls import Mode, streams


def content(text: str, mode: Mode) -> tuple[bytes, bytes]:
    """The media type and the body of an answer."""
    part = "delta" if streams(mode) else "message"
    choice = {"index": 0, part: {"content": text}, "finish_reason": "stop"}
    body = json.dumps({"choices": [choice]}).encode()
    if streams(mode):
        return b"text/event-stream", b"data: " + body + b"\n\ndata: [DONE]\n\n"
    return b"application/json", body


def answer(text: str, mode: Mode, *, head: bytes = b"HTTP/1.1 200 OK\r\n") -> bytes:
    """An answer of known length, by a server that lets the connection stay."""
    kind, body = content(text, mode)
    return head + b"content-type: %s\r\ncontent-length: %d\r\n\r\n" % (kind, len(body)) + body
