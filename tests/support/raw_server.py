"""A server of bytes: for what no HTTP server would send, nor the emulator."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterable
from typing import Self

Behaviour = Callable[[socket.socket], None]
"""What to do with a connection whose request has been read."""


class RawServer:
    """Listens on this machine, and does with each connection what a test says.

    Args:
        behave: Called with each connection, on a thread of its own. The connection is closed
            when it returns; one that the client has closed ends it with an `OSError`.
        reads_request: Whether to read an HTTP request first.

    Attributes:
        requests: The bytes of each request read, head and body.
        connections: How many connections have been accepted.
    """

    def __init__(self, behave: Behaviour, *, reads_request: bool = True) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self._behave = behave
        self._reads_request = reads_request
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._changed = threading.Condition()
        self._open: set[socket.socket] = set()
        self._acceptor = threading.Thread(target=self._accept, daemon=True)

    @property
    def origin(self) -> str:
        """Host and port."""
        host, port = self._listener.getsockname()
        return f"{host}:{port}"

    @property
    def base_url(self) -> str:
        """The URL to give to a model."""
        return f"http://{self.origin}/v1"

    def wait_until_left(self, seconds: float = 5.0) -> bool:
        """Wait until no connection is open any more; return whether that came about."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._open, seconds)

    def __enter__(self) -> Self:
        """Start to accept connections."""
        self._acceptor.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Close all connections and stop."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._acceptor.join()
        self._listener.close()
        with self._changed:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        assert self.wait_until_left(), "a behaviour does not end"

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._changed:
                self.connections += 1
                self._open.add(connection)
            threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            if self._reads_request:
                self.requests.append(read_request(connection))
            self._behave(connection)
        with self._changed:
            self._open.discard(connection)
            self._changed.notify_all()


def read_request(connection: socket.socket) -> bytes:
    """Read one request with a body of known length.

    Raises:
        OSError: The client closed the connection before.
    """
    received = b""
    while b"\r\n\r\n" not in received:
        received += _receive(connection)
    head, _, body = received.partition(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    missing = sum(int(line.partition(b":")[2]) for line in lengths) - len(body)
    while missing > 0:
        piece = _receive(connection)
        received += piece
        missing -= len(piece)
    return received


def sends(*pieces: bytes) -> Behaviour:
    """Send bytes and close the connection."""

    def behave(connection: socket.socket) -> None:
        for piece in pieces:
            connection.sendall(piece)

    return behave


def trickles(head: bytes, pieces: Iterable[bytes], seconds: float) -> Behaviour:
    """Send a beginning, then small pieces with pauses, and close the connection.

    Args:
        head: Sent at once.
        pieces: Sent one by one; may go on for ever.
        seconds: How long each pause is; the client's leaving ends it.
    """

    def behave(connection: socket.socket) -> None:
        connection.sendall(head)
        for piece in pieces:
            connection.sendall(piece)
            if has_left(connection, seconds):
                return

    return behave


def stays_silent(connection: socket.socket) -> None:
    """Send nothing until the client goes away, whatever it sends."""
    while not has_left(connection, None):
        pass


def has_left(connection: socket.socket, seconds: float | None) -> bool:
    """Wait for the client to close the connection; return whether it did in that time."""
    connection.settimeout(seconds)
    try:
        return not connection.recv(1)
    except TimeoutError:
        return False
    finally:
        connection.settimeout(None)


def _receive(connection: socket.socket) -> bytes:
    piece = connection.recv(65_536)
    if not piece:
        raise ConnectionResetError("The client has closed the connection.")
    return piece
