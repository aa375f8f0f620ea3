"""Connections that can be broken on purpose.

uvicorn speaks HTTP correctly, which is what a fault must not do. So a `Connection` stands
between uvicorn's protocol and the socket: it passes bytes on, and where a test asks for it
counts them, slices them, or resets the connection.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
from typing import Any, Final, cast

from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from langchain_scaleway.testing.answers import Answer

# With this option closing a socket sends RST instead of FIN.
_RESET_ON_CLOSE: Final = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)


class Connection(asyncio.Transport):
    """A client's connection, as uvicorn's transport.

    Args:
        transport: The socket's transport.
        number: Counts the emulator's connections from 1.

    Attributes:
        number: As given.
        lost: Set when the connection is gone, whoever ended it.
        closed_by_server: Whether it was this side that ended it.
        closes_on_next_request: Whether the next byte received ends it.
    """

    def __init__(self, transport: asyncio.Transport, number: int) -> None:
        super().__init__()
        self._transport = transport
        self.number = number
        self.lost = asyncio.Event()
        self.closed_by_server = False
        self.closes_on_next_request = False
        self._bytes_before_reset: int | None = None
        self._byte_at_a_time = False
        self._waiting = bytearray()
        self._close_when_sent = False

    def prepare(self, answer: Answer) -> None:
        """Arrange for what is to happen to the bytes of an answer."""
        self._byte_at_a_time = answer.byte_at_a_time
        self._bytes_before_reset = answer.reset_at_byte
        if answer.reset_at_byte == 0:
            self.reset()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send bytes, or as many of them as the fault allows."""
        if self.closed_by_server:
            return
        if self._bytes_before_reset is not None:
            data = data[: self._bytes_before_reset]
            self._bytes_before_reset -= len(data)
        if self._byte_at_a_time:
            if not self._waiting:
                asyncio.get_running_loop().call_soon(self._send_next_byte)
            self._waiting += data
        else:
            self._transport.write(data)
            self._reset_if_due()

    def _send_next_byte(self) -> None:
        self._transport.write(self._waiting[:1])
        del self._waiting[:1]
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._send_next_byte)
        elif self._close_when_sent:
            self._transport.close()
        else:
            self._reset_if_due()

    def _reset_if_due(self) -> None:
        if self._bytes_before_reset == 0:
            self.reset()

    def reset(self) -> None:
        """End the connection with RST."""
        self.closed_by_server = True
        open_socket = self._transport.get_extra_info("socket")
        if open_socket is not None and not self._transport.is_closing():
            open_socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._transport.abort()

    def close(self) -> None:
        """End the connection with FIN when everything has been sent."""
        if self._transport.is_closing():
            # uvicorn also closes what the client has closed.
            return
        self.closed_by_server = True
        if self._waiting:
            self._close_when_sent = True
        else:
            self._transport.close()

    def abort(self) -> None:
        """End the connection at once."""
        self.closed_by_server = True
        self._transport.abort()

    async def wait(self, seconds: float) -> None:
        """Wait for some real seconds, or until the connection is gone."""
        try:
            async with asyncio.timeout(seconds):
                await self.lost.wait()
        except TimeoutError:
            return

    def is_closing(self) -> bool:
        """Return whether the connection is closing."""
        return self._transport.is_closing()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return what the transport knows of itself."""
        return self._transport.get_extra_info(name, default)

    def pause_reading(self) -> None:
        """Stop taking bytes from the client."""
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Take bytes from the client again."""
        self._transport.resume_reading()


class Connections:
    """The connections of one emulator.

    Attributes:
        opened: How many there have been.
        open: Those that are open now.
    """

    def __init__(self) -> None:
        self.opened = 0
        self.open: set[Connection] = set()

    def add(self, transport: asyncio.Transport) -> Connection:
        """Wrap a new connection's transport."""
        self.opened += 1
        connection = Connection(transport, self.opened)
        self.open.add(connection)
        return connection


class EmulatorProtocol(H11Protocol):
    """uvicorn's HTTP protocol, on connections that can be broken.

    A request finds its `Connection` in the ASGI state, under `connection`.

    Args:
        config: uvicorn's configuration.
        server_state: What the protocols of a server share.
        connections: Where new connections are counted.
    """

    def __init__(self, config: Config, server_state: ServerState, connections: Connections) -> None:
        super().__init__(config, server_state, app_state={})
        self._connections = connections
        self._connection: Connection | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Put a `Connection` between the socket and uvicorn."""
        self._connection = self._connections.add(cast("asyncio.Transport", transport))
        self.app_state = {"connection": self._connection}
        super().connection_made(self._connection)

    def data_received(self, data: bytes) -> None:
        """Pass a request on, unless the connection is to be found dead by it."""
        if self._connection is not None and self._connection.closes_on_next_request:
            self._connection.close()
        else:
            super().data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell uvicorn and the emulator that the connection is gone."""
        super().connection_lost(exc)
        if self._connection is not None:
            self._connections.open.discard(self._connection)
            self._connection.lost.set()
