"""Sends an answer, with everything that is to happen on the way.

aiohttp reads the requests and keeps the connections. It speaks HTTP correctly, which is what a
fault must not do, so answers are written to the connection here.
"""

import asyncio
import http.client
import socket
import struct
import sys
from collections.abc import AsyncIterator, Iterable
from email.utils import formatdate
from typing import Any, Final, Self

from aiohttp import HttpVersion11, web
from typing_extensions import override

from langchain_scaleway.testing.answers import Answer, Ending, Pause, Piece
from langchain_scaleway.testing.received import ReceivedRequest
from langchain_scaleway.testing.service import EmulatedService

# With this option closing a socket sends RST instead of FIN.
_RESET_ON_CLOSE: Final = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
_MOST_BUFFERED: Final = 1 << 16


class Delivery(web.StreamResponse):
    """One answer on its way to the client, which writes itself."""

    def __init__(
        self,
        request: web.Request,
        received: ReceivedRequest,
        answer: Answer,
        service: EmulatedService,
    ) -> None:
        super().__init__()
        self._request = request
        self._received = received
        self._answer = answer
        self._service = service
        self._has_body = answer.status != http.HTTPStatus.NO_CONTENT
        no_chunks = request.version < HttpVersion11
        self._until_close = answer.until_close or (answer.is_stream and no_chunks)
        self._is_chunked = answer.is_stream and self._has_body and not self._until_close
        self._is_finished = False
        self._bytes_left = answer.reset_at_byte

    async def run(self) -> Self:
        """Send the answer; aiohttp cancels this when the connection is gone."""
        answer, clock = self._answer, self._service.clock
        between = self._service.token_interval if answer.is_stream else 0
        pieces = () if self._request.method == "HEAD" else answer.pieces
        try:
            if answer.delay:
                await asyncio.sleep(clock.real_seconds(answer.delay))
            await self._write(self._head())
            async for piece, is_last in _marking_the_last(answer.relayed or _in_turn(pieces)):
                if is_last and piece is not Ending.HANG:
                    self._finish(given=True)
                await self._send(piece)
                if not is_last:
                    # Even without an interval other streams have their turn, and the loss of a
                    # connection is noticed.
                    await asyncio.sleep(clock.real_seconds(between))
            self._finish(given=True)
            if self._is_chunked:
                await self._write(b"0\r\n\r\n")
            if answer.closes == "after_answer":
                self._transport.close()
        except ConnectionError:
            pass
        except Exception as error:  # noqa: BLE001 -- such as a `RawReply` whose body is no bytes
            self._service.failed(self._received, error)
            self._transport.abort()
        finally:
            self._finish(given=False)
        return self

    @property
    @override
    def keep_alive(self) -> bool:
        return bool(self._request.keep_alive) and not self._until_close

    @override
    async def prepare(self, request: web.BaseRequest) -> None:
        """Do nothing: `run` has sent all."""

    @override
    async def write_eof(self, data: bytes = b"") -> None:
        """Do nothing: `run` has sent all."""

    @property
    def _transport(self) -> asyncio.Transport:
        transport = self._request.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("The client has gone.")
        return transport

    def _finish(self, *, given: bool) -> None:
        """Note, once, whether the client gets all that it was meant to get.

        This is before the last byte goes out, so that a test that has seen the end of an answer
        finds everything about it noted.
        """
        if not self._is_finished:
            self._is_finished = True
            if self._answer.release is not None:
                self._answer.release()
            received = self._received
            received.completed, received.client_disconnected = given, not given

    def _head(self) -> bytes:
        answer, status = self._answer, self._answer.status
        fields: dict[str, Any] = {"server": "scaleway-emulator", "date": formatdate(usegmt=True)}
        fields |= answer.headers
        if self._is_chunked:
            fields["transfer-encoding"] = "chunked"
        elif self._has_body and not self._until_close:
            fields["content-length"] = answer.content_length
        if not self.keep_alive:
            fields["connection"] = "close"
        lines = [f"HTTP/1.1 {status} {http.client.responses.get(status, '')}"]
        lines += [f"{name}: {value}" for name, value in fields.items()]
        return "\r\n".join([*lines, "", ""]).encode()

    async def _send(self, piece: Piece) -> None:
        if isinstance(piece, Pause):
            await asyncio.sleep(self._service.clock.real_seconds(piece.seconds))
        elif isinstance(piece, Ending):
            await self._break_off(piece)
        elif piece and self._is_chunked:
            await self._write(b"%x\r\n%b\r\n" % (len(piece), piece))
        else:
            await self._write(piece)

    async def _write(self, data: bytes) -> None:
        """Send bytes, or as many of them as the fault allows."""
        if self._bytes_left is not None:
            data = data[: self._bytes_left]
            self._bytes_left -= len(data)
        step = 1 if self._answer.byte_at_a_time else max(1, len(data))
        for place in range(0, len(data), step):
            self._transport.write(data[place : place + step])
            if step == 1:
                await asyncio.sleep(0)
        while self._transport.get_write_buffer_size() > _MOST_BUFFERED:  # noqa: ASYNC110 -- transports have no event for it
            await asyncio.sleep(0.001)
        if self._bytes_left == 0:
            self._finish(given=True)
            await self._break_off(Ending.RESET)

    async def _break_off(self, ending: Ending) -> None:
        """End the connection, or wait until the client does; aiohttp then cancels this task."""
        if ending is Ending.HANG:
            await asyncio.Event().wait()
        if ending is Ending.RESET and (open_socket := self._transport.get_extra_info("socket")):
            open_socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            self._transport.abort()
        else:
            self._transport.close()


async def _in_turn(pieces: Iterable[Piece]) -> AsyncIterator[Piece]:
    for piece in pieces:
        yield piece


async def _marking_the_last(pieces: AsyncIterator[Piece]) -> AsyncIterator[tuple[Piece, bool]]:
    """Yield each piece with whether it is the last."""
    held: Piece | None = None
    async for piece in pieces:
        if held is not None:
            yield held, False
        held = piece
    if held is not None:
        yield held, True
