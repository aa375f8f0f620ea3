# ruff: noqa: ASYNC109 -- httpcore's interface has parameters named `timeout`
"""Network streams for httpcore's asynchronous connections, straight on asyncio.

httpcore's own go through anyio, which takes most of the time that a request takes at many
requests at once; LangChain runs on asyncio. See `network` for what else they do.
"""

import asyncio
import ssl
from typing import Any, cast

import httpcore

from langchain_scaleway.client.addresses import connect
from langchain_scaleway.client.network import ReadClock, SendBuffer, has_input

_PAUSE_READING_AT = 256 * 1024
"""Bytes that may wait to be read; beyond them no more are taken from the socket for a while."""


class _Protocol(asyncio.Protocol):
    """Collects what comes in until it is read."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport
        self.received = bytearray()
        self.is_over = False
        self._error: Exception | None = None
        self._reader: asyncio.Future[None] | None = None
        self._writers: set[asyncio.Future[None]] = set()
        self._may_write = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is another class.

    def data_received(self, data: bytes) -> None:
        self.received += data
        self._wake_reader()
        if len(self.received) > _PAUSE_READING_AT:
            self.transport.pause_reading()

    def eof_received(self) -> None:
        self.is_over = True
        self._wake_reader()

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_over = True
        self._error = exc
        self._wake_reader()
        self.resume_writing()

    def pause_writing(self) -> None:
        self._may_write = False

    def resume_writing(self) -> None:
        self._may_write = True
        for writer in self._writers:
            if not writer.done():
                writer.set_result(None)

    async def wait_for_input(self, timeout: float | None) -> None:
        """Wait until there is something to read, or nothing will come any more.

        Raises:
            TimeoutError: Nothing came in time.
        """
        self._reader = asyncio.get_running_loop().create_future()
        try:
            await _within(timeout, self._reader)
        finally:
            self._reader = None

    async def wait_to_write(self, timeout: float | None) -> None:
        """Wait until the other side has taken enough of what was written.

        Raises:
            TimeoutError: It did not in time.
        """
        if not self._may_write and not self.is_over:
            writer = asyncio.get_running_loop().create_future()
            self._writers.add(writer)
            try:
                await _within(timeout, writer)
            finally:
                self._writers.discard(writer)
        self.raise_error()

    def take(self, max_bytes: int) -> bytes:
        """Give what came in."""
        was_paused = len(self.received) > _PAUSE_READING_AT
        data = bytes(self.received[:max_bytes])
        del self.received[:max_bytes]
        if was_paused and len(self.received) <= _PAUSE_READING_AT and not self.is_over:
            self.transport.resume_reading()
        return data

    def raise_error(self) -> None:
        """Raise what broke the connection, if anything did."""
        if self._error is not None:
            raise self._error

    def _wake_reader(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)


class AsyncStream(httpcore.AsyncNetworkStream):
    """A stream over an asyncio transport."""

    def __init__(self, protocol: _Protocol) -> None:
        self._protocol = protocol
        self._buffer = SendBuffer()
        self.clock = ReadClock()

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Send what was held back, then read."""
        protocol = self._protocol
        for data in self._buffer.take():
            protocol.transport.write(data)
        try:
            if not protocol.received and not protocol.is_over:
                await protocol.wait_for_input(self.clock.time_left(timeout))
            if not protocol.received:
                protocol.raise_error()
        except TimeoutError as error:
            raise httpcore.ReadTimeout from error
        except OSError as error:
            raise httpcore.ReadError(str(error)) from error
        return protocol.take(max_bytes)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write, or hold back until something is to be read."""
        self.clock.restart()
        try:
            for data in self._buffer.add(buffer):
                self._protocol.transport.write(data)
                await self._protocol.wait_to_write(timeout)
        except TimeoutError as error:
            raise httpcore.WriteTimeout from error
        except OSError as error:
            raise httpcore.WriteError(str(error)) from error

    async def aclose(self) -> None:
        """Close the connection at once, without a step of the loop; see `pool`."""
        self._protocol.transport.abort()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Encrypt the connection."""
        protocol = self._protocol
        try:
            async with asyncio.timeout(timeout):
                transport = await asyncio.get_running_loop().start_tls(
                    protocol.transport, protocol, ssl_context, server_hostname=server_hostname
                )
        except BaseException as error:
            protocol.transport.abort()
            if isinstance(error, TimeoutError):
                raise httpcore.ConnectTimeout from error
            if isinstance(error, OSError):  # `ssl.SSLError` is one.
                raise httpcore.ConnectError(str(error)) from error
            raise
        if transport is None:
            raise httpcore.ConnectError("The server closed the connection while it was encrypted.")
        protocol.transport = transport
        return AsyncStream(protocol)

    def get_extra_info(self, info: str) -> Any:
        """Answer what httpcore asks: is there input, is there TLS."""
        if info == "is_readable":
            protocol = self._protocol
            sock = protocol.transport.get_extra_info("socket")
            return protocol.is_over or bool(protocol.received) or has_input(sock)
        return self._protocol.transport.get_extra_info(info)


async def connect_tcp(host: str, port: int, timeout: float | None) -> AsyncStream:
    """Connect to a server.

    Raises:
        httpcore.ConnectError: No address of the host answers.
        httpcore.ConnectTimeout: It took longer than `timeout` seconds.
    """
    try:
        async with asyncio.timeout(timeout):
            sock = await connect(host, port)
            _, protocol = await asyncio.get_running_loop().create_connection(_Protocol, sock=sock)
    except TimeoutError as error:
        raise httpcore.ConnectTimeout from error
    except OSError as error:
        raise httpcore.ConnectError(str(error)) from error
    return AsyncStream(protocol)


async def _within(timeout: float | None, future: asyncio.Future[None]) -> None:
    """Wait for a future as `asyncio.timeout` would, at less cost: every read comes through here."""
    if timeout is None:
        await future
        return
    timer = asyncio.get_running_loop().call_later(timeout, _time_out, future)
    try:
        await future
    finally:
        timer.cancel()


def _time_out(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_exception(TimeoutError())
