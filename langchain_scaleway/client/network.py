"""Network streams for httpcore's connections, with what httpcore's own lack.

- A request's head and a small body leave in one packet: a system call and a TLS record less.
- The timeout holds for a whole answer, head and body, and not for each read: see `ReadClock`.
- TCP probes silent connections, so that a host that died is noticed within minutes even
  while an answer is awaited for longer.
"""

import select
import socket
import ssl
import time
from typing import Any, cast

import httpcore

SOCKET_OPTIONS: tuple[tuple[int, int, int], ...] = tuple(
    (level, getattr(socket, name), value)
    for level, name, value in (
        (socket.SOL_SOCKET, "SO_KEEPALIVE", 1),
        (socket.IPPROTO_TCP, "TCP_NODELAY", 1),
        (socket.IPPROTO_TCP, "TCP_KEEPIDLE", 60),
        (socket.IPPROTO_TCP, "TCP_KEEPINTVL", 15),
        (socket.IPPROTO_TCP, "TCP_KEEPCNT", 4),
    )
    if hasattr(socket, name)  # Not every system has them all.
)

_SMALL = 64 * 1024
"""Bytes up to which copying costs less than sending one more packet."""


class SendBuffer:
    """Holds small writes back until something is to be read.

    It gives memory views, not bytes: a request's head holds the key, which a traceback with local
    variables would show, and httpcore would copy bytes when it cuts off what has been sent.
    """

    def __init__(self) -> None:
        self._held = b""

    def add(self, data: bytes) -> list[memoryview]:
        """Take what is to be written, and give what is to be written now."""
        if len(self._held) + len(data) <= _SMALL:
            self._held += data
            return []
        return [*self.take(), memoryview(data)]

    def take(self) -> list[memoryview]:
        """Give what was held back."""
        views = [memoryview(self._held)] if self._held else []
        self._held = b""
        return views


class ReadClock:
    """How long each read may still take.

    All reads of an answer share one timeout: otherwise a server that sends a byte now and then
    could go on for ever. In a stream each read has its own.
    """

    def __init__(self) -> None:
        """Start before the first request."""
        self.restart()

    def restart(self) -> None:
        """Start again, because a new request is being written."""
        self._is_shared = True
        self._end: float | None = None

    def expect_stream(self) -> None:
        """Give each read its own time."""
        self._is_shared = False

    def expect_end(self, seconds: float) -> None:
        """Allow all further reads together no more than this."""
        self._is_shared = True
        self._end = time.monotonic() + seconds

    def time_left(self, timeout: float | None) -> float | None:
        """The seconds that a read may take.

        Args:
            timeout: What a read may take at most; `None` is endless.

        Raises:
            httpcore.ReadTimeout: No time is left.
        """
        if not self._is_shared:
            return timeout
        now = time.monotonic()
        if self._end is None:
            if timeout is None:
                return None
            self._end = now + timeout
        left = self._end - now
        if left <= 0:
            raise httpcore.ReadTimeout
        return left


class Stream(httpcore.NetworkStream):
    """A synchronous stream over one of httpcore's.

    It reads from the socket itself, without httpcore's layer: this is done for every token.
    """

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream
        self._socket: socket.socket = stream.get_extra_info("socket")
        self._buffer = SendBuffer()
        self.clock = ReadClock()

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Send what was held back, then read."""
        for data in self._buffer.take():
            self._stream.write(cast("bytes", data), timeout)
        timeout = self.clock.time_left(timeout)
        try:
            if self._socket.gettimeout() != timeout:  # Setting it is a system call.
                self._socket.settimeout(timeout)
            return self._socket.recv(max_bytes)
        except TimeoutError as error:
            raise httpcore.ReadTimeout(error) from error
        except OSError as error:
            raise httpcore.ReadError(error) from error

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write, or hold back until something is to be read."""
        self.clock.restart()
        for data in self._buffer.add(buffer):
            self._stream.write(cast("bytes", data), timeout)

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        """Encrypt the connection."""
        return Stream(self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        """Ask the stream below."""
        return self._stream.get_extra_info(info)


def connect_tcp(host: str, port: int, timeout: float | None) -> Stream:
    """Connect to a server.

    Raises:
        httpcore.ConnectError: No address of the host answers.
        httpcore.ConnectTimeout: It took longer than `timeout` seconds.
    """
    backend = httpcore.SyncBackend()
    return Stream(backend.connect_tcp(host, port, timeout, socket_options=SOCKET_OPTIONS))


def has_input(sock: Any) -> bool:
    """Whether there is something to read, or the other side has closed.

    Args:
        sock: A socket, or what asyncio gives in its place.
    """
    if hasattr(select, "poll"):  # Windows has none, and no limit on `select` either.
        poll = select.poll()
        poll.register(sock.fileno(), select.POLLIN)
        return bool(poll.poll(0))
    return bool(select.select([sock.fileno()], [], [], 0)[0])
