"""A loopback server in a process of its own that answers with bytes made beforehand.

It parses no JSON, builds nothing for a request and keeps nothing of one: it looks for the end
of the head, counts the body away and writes. What it costs is measured beside every row
(`Server.cpu_seconds`) and by a bare socket (`benchmarks/probe.py`), so that a report shows that
it was never what a client waited for.

The first part of the path says which reply is wanted: `POST /content/v1/chat/completions`.
"""

import asyncio
import socket
import subprocess
import sys
import time
from typing import Self

from benchmarks.resources import allow_many_sockets
from benchmarks.wire import STAMP, STAMP_DIGITS, Reply, replies

_HEAD_END = b"\r\n\r\n"
_LENGTH = b"\r\ncontent-length:"
_STAMP = STAMP.encode()
_CPU = b"cpu"
_BACKLOG = 4096
"""Connections that may wait to be accepted: thousands are opened at once."""


class _Connection(asyncio.Protocol):
    """One connection, kept alive, one request at a time."""

    def __init__(self, known: dict[bytes, Reply]) -> None:
        self._known = known
        self._transport: asyncio.Transport
        self._head = b""
        self._body_left = 0
        self._wanted = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 -- asyncio promises it for TCP
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if self._body_left:
            self._body_left -= len(data)
        else:
            self._head += data
            end = self._head.find(_HEAD_END)
            if end < 0:
                return
            length = self._read_head(self._head[:end].lower())
            self._body_left = length - (len(self._head) - end - len(_HEAD_END))
            self._head = b""
        if self._body_left == 0:
            self._answer()

    def _read_head(self, head: bytes) -> int:
        """Note which reply is wanted and return the length of the body."""
        self._wanted = head.split(b"/", 2)[1].split(b" ", 1)[0]
        at = head.find(_LENGTH)
        if at < 0:
            return 0
        return int(head[at + len(_LENGTH) :].split(b"\r\n", 1)[0])

    def _answer(self) -> None:
        if self._wanted == _CPU:
            self._write(_cpu_reply())
            return
        reply = self._known[self._wanted]
        if reply.delay or reply.pace:
            self._write_later(reply, 0, asyncio.get_running_loop().time() + reply.delay)
        else:
            self._write(reply.writes[0])

    def _write_later(self, reply: Reply, index: int, due: float) -> None:
        """Write one piece when it is due, and see to the ones after it."""
        asyncio.get_running_loop().call_at(due, self._write_due, reply, index, due)

    def _write_due(self, reply: Reply, index: int, due: float) -> None:
        if self._transport.is_closing():
            return
        piece = reply.writes[index]
        if _STAMP in piece:
            piece = piece.replace(_STAMP, b"%0*d" % (STAMP_DIGITS, time.monotonic_ns()))
        self._write(piece)
        if index + 1 < len(reply.writes):
            self._write_later(reply, index + 1, due + reply.pace)

    def _write(self, data: bytes) -> None:
        self._transport.write(data)


def _cpu_reply() -> bytes:
    body = b"%.6f" % time.process_time()
    return b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)


async def _serve() -> None:
    known = {name.encode(): reply for name, reply in replies().items()}
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(known), "127.0.0.1", 0, backlog=_BACKLOG)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


class Server:
    """The server's process, as a context manager.

    Attributes:
        url: Where it listens, without a path.
    """

    def __enter__(self) -> Self:
        """Start the process and wait until it listens."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.server"], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None  # noqa: S101 -- it is a pipe
        self.port = int(self._process.stdout.readline())
        self.url = f"http://127.0.0.1:{self.port}"
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the process."""
        with self._process:
            self._process.terminate()

    def cpu_seconds(self) -> float:
        """Return the CPU time that the server has used since it started, in seconds."""
        with socket.create_connection(("127.0.0.1", self.port)) as connection:
            connection.sendall(b"GET /cpu HTTP/1.1\r\n\r\n")
            return float(connection.recv(1024).partition(_HEAD_END)[2])


if __name__ == "__main__":
    allow_many_sockets()
    asyncio.run(_serve())
