"""How fast the loopback server is, seen by bare sockets: it must never be the bottleneck."""

import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from benchmarks.resources import allow_many_sockets
from benchmarks.server import Server
from benchmarks.wire import CHUNKS, replies

_REPLIES = 3_000
_STREAMS = 300
_SOCKETS = 512
_WAVES = 6
_UPLOAD_BYTES = 10_000_000
_UPLOADS = 20
_READ = 1 << 20
"""Bytes that are received at once."""


@dataclass(frozen=True)
class Probe:
    """What the server did for bare sockets.

    Attributes:
        title: What was asked for.
        rate: Units in a second.
        unit: What is counted.
        server_cpu: CPU time of the server for a unit, in seconds.
    """

    title: str
    rate: float
    unit: str
    server_cpu: float


def probe(server: Server) -> list[Probe]:
    """Measure the server with sockets that do nothing but send and receive."""
    allow_many_sockets()
    return [
        _measured(server, "short replies, one socket", "replies", _replies),
        _measured(server, f"short replies, {_SOCKETS} sockets at once", "replies", _waves),
        _measured(server, "streams, one socket", "chunks", _streams),
        _measured(server, "requests of 10 MB, one socket", "requests", _uploads),
    ]


def _measured(server: Server, title: str, unit: str, work: Callable[[Server], int]) -> Probe:
    began, cpu_before = time.perf_counter(), server.cpu_seconds()
    units = work(server)
    seconds, cpu = time.perf_counter() - began, server.cpu_seconds() - cpu_before
    return Probe(title, units / seconds, unit, cpu / units)


def _replies(server: Server) -> int:
    _exchange(server, "short", b"{}", _REPLIES)
    return _REPLIES


def _streams(server: Server) -> int:
    _exchange(server, "content", b"{}", _STREAMS)
    return _STREAMS * CHUNKS


def _uploads(server: Server) -> int:
    _exchange(server, "short", b"x" * _UPLOAD_BYTES, _UPLOADS)
    return _UPLOADS


def _request(reply: str, body: bytes) -> bytes:
    return b"POST /%b/ HTTP/1.1\r\ncontent-length: %d\r\n\r\n%b" % (
        reply.encode(),
        len(body),
        body,
    )


def _length(reply: str) -> int:
    return sum(map(len, replies()[reply].writes))


def _exchange(server: Server, reply: str, body: bytes, times: int) -> None:
    """Send a request and take its whole reply, again and again on one connection."""
    request, length = _request(reply, body), _length(reply)
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        for _ in range(times):
            connection.sendall(request)
            left = length
            while left:
                left -= len(connection.recv(_READ))


def _waves(server: Server) -> int:
    """Send on all sockets, then take all replies, again and again."""
    request, length = _request("short", b"{}"), _length("short")
    with ExitStack() as stack:
        address = ("127.0.0.1", server.port)
        connections = [
            stack.enter_context(socket.create_connection(address)) for _ in range(_SOCKETS)
        ]
        for _ in range(_WAVES):
            for connection in connections:
                connection.sendall(request)
            for connection in connections:
                left = length
                while left:
                    left -= len(connection.recv(_READ))
    return _SOCKETS * _WAVES
