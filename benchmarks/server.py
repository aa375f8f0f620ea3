"""A server in a process of its own that answers with bytes made beforehand, in clear and over TLS.

It parses no JSON and builds nothing for a request: it looks for the end of the head, counts the
body away and writes, so that it is never what a client waits for. The report says which part of
the time its process was busy.

The first part of the path says which reply is wanted: `POST /content/v1/chat/completions`.
"""

import asyncio
import json
import os
import ssl
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Self

import certifi
import trustme

from benchmarks.wire import STAMP, STAMP_DIGITS, Reply, replies

_HEAD_END = b"\r\n\r\n"
_LENGTH = b"\r\ncontent-length:"
_STAMP = STAMP.encode()
_WAITING_CONNECTIONS = 4096
"""Connections that may wait to be accepted: thousands are opened at once."""


def allow_many_sockets() -> None:
    """Raise this process's limit of open files as far as it may; its children inherit it."""
    import resource  # noqa: PLC0415 -- Windows has no such module

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


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
        """Note which reply is wanted and give the length of the body."""
        self._wanted = head.split(b"/", 2)[1].split(b" ", 1)[0]
        at = head.find(_LENGTH)
        return 0 if at < 0 else int(head[at + len(_LENGTH) :].split(b"\r\n", 1)[0])

    def _answer(self) -> None:
        reply = self._known[self._wanted]
        if reply.delay or reply.pace:
            self._write_later(reply, 0, asyncio.get_running_loop().time() + reply.delay)
        else:
            self._transport.write(reply.writes[0])

    def _write_later(self, reply: Reply, index: int, due: float) -> None:
        asyncio.get_running_loop().call_at(due, self._write_due, reply, index, due)

    def _write_due(self, reply: Reply, index: int, due: float) -> None:
        if self._transport.is_closing():
            return
        stamp = b"%0*d" % (STAMP_DIGITS, time.monotonic_ns())
        self._transport.write(reply.writes[index].replace(_STAMP, stamp))
        if index + 1 < len(reply.writes):
            self._write_later(reply, index + 1, due + reply.pace)


async def _serve(certificates: Path) -> None:
    known = {name.encode(): reply for name, reply in replies().items()}
    authority = trustme.CA()
    _write_bundle(certificates / "ca.pem", authority)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    loop = asyncio.get_running_loop()
    ports = []
    for tls in (None, context):
        server = await loop.create_server(
            lambda: _Connection(known), "127.0.0.1", 0, backlog=_WAITING_CONNECTIONS, ssl=tls
        )
        ports.append(server.sockets[0].getsockname()[1])
    print(json.dumps(ports), flush=True)
    await asyncio.Event().wait()


def _write_bundle(path: Path, authority: trustme.CA) -> None:
    """Write the certificates that every machine trusts, and one more; reading them takes time."""
    path.write_bytes(Path(certifi.where()).read_bytes() + authority.cert_pem.bytes())


class Server:
    """The server's process, as a context manager.

    Attributes:
        url: Where it listens in clear, without a path.
        tls_url: Where it listens over TLS. `SSL_CERT_FILE` names its certificate authority, for
            this process and its children.
    """

    def __enter__(self) -> Self:
        """Start the process and wait until it listens."""
        self._directory = tempfile.TemporaryDirectory()
        self._process = subprocess.Popen(  # noqa: S603 -- this program itself, no shell
            [sys.executable, "-m", "benchmarks.server", self._directory.name],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None  # noqa: S101 -- it is a pipe
        port, tls_port = json.loads(self._process.stdout.readline())
        self.url, self.tls_url = f"http://127.0.0.1:{port}", f"https://127.0.0.1:{tls_port}"
        os.environ["SSL_CERT_FILE"] = f"{self._directory.name}/ca.pem"
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the process."""
        del os.environ["SSL_CERT_FILE"]
        with self._process:
            self._process.terminate()
        self._directory.cleanup()

    def cpu_seconds(self) -> float:
        """The CPU time that the server has used since it started, in seconds."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    allow_many_sockets()
    asyncio.run(_serve(Path(sys.argv[1])))
