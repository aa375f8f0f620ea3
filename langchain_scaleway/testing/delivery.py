"""Sends an answer, with everything that is to happen on the way.

aiohttp speaks HTTP correctly, which is what a fault must not do. An answer whose bytes are to be
counted, sent one by one, or left without an end is therefore written to the connection by hand;
the connection ends with it.
"""

from __future__ import annotations

import asyncio
import http
import socket
import struct
import sys
from collections.abc import Iterable, Iterator
from typing import Final, NoReturn

from aiohttp import web

from langchain_scaleway.testing.answers import Answer, Ending, Pause, Piece
from langchain_scaleway.testing.received import ReceivedRequest
from langchain_scaleway.testing.service import EmulatedService

# With this option closing a socket sends RST instead of FIN.
_RESET_ON_CLOSE: Final = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)


class Delivery:
    """One answer on its way to the client."""

    def __init__(
        self,
        request: web.Request,
        received: ReceivedRequest,
        answer: Answer,
        service: EmulatedService,
    ) -> None:
        self._request = request
        self._received = received
        self._response = web.StreamResponse()
        self._answer = answer
        self._service = service
        self._is_chunked = answer.is_stream and not answer.until_close
        self._is_finished = False
        self._broken_off = False
        self._bytes_left = answer.reset_at_byte

    async def run(self) -> web.StreamResponse:
        """Send the answer; aiohttp cancels this when the connection is gone."""
        answer = self._answer
        try:
            if answer.delay:
                await asyncio.sleep(self._service.clock.real_seconds(answer.delay))
            if answer.is_malformed:
                await self._write_by_hand(self._head())
            else:
                await self._prepare()
            try:
                await self._send_pieces()
                await self._end()
            except ConnectionError:
                return self._response
            if answer.close_after:
                self._transport.close()
            return self._response
        finally:
            self._finish(given=self._broken_off)

    @property
    def _transport(self) -> asyncio.Transport:
        transport = self._request.transport
        if transport is None:
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
            self._service.note_finished(self._received, given=given)

    async def _prepare(self) -> None:
        answer, response = self._answer, self._response
        response.set_status(answer.status)
        response.headers["server"] = "scaleway-emulator"
        for name, value in answer.headers:
            response.headers[name] = value
        if answer.content_length is not None and answer.status != http.HTTPStatus.NO_CONTENT:
            response.content_length = answer.content_length
        await response.prepare(self._request)

    def _head(self) -> bytes:
        answer = self._answer
        lines = [f"HTTP/1.1 {answer.status} {http.HTTPStatus(answer.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in answer.headers]
        if self._is_chunked:
            lines.append("transfer-encoding: chunked")
        elif not answer.until_close:
            lines.append(f"content-length: {answer.content_length}")
        return "\r\n".join([*lines, "connection: close", "", ""]).encode()

    async def _send_pieces(self) -> None:
        clock, interval = self._service.clock, self._service.settings.token_interval
        pause = clock.real_seconds(interval) if self._answer.is_stream else 0
        for piece, is_last in _marking_the_last(self._answer.pieces):
            if is_last and piece is not Ending.HANG:
                self._finish(given=True)
            if isinstance(piece, bytes):
                await self._write(piece)
            elif isinstance(piece, Pause):
                await asyncio.sleep(clock.real_seconds(piece.seconds))
            else:
                await self._break_off(piece)
            if not is_last:
                # Even without an interval other streams have their turn, and the loss of a
                # connection is noticed.
                await asyncio.sleep(pause)

    async def _write(self, piece: bytes) -> None:
        if not self._answer.is_malformed:
            await self._response.write(piece)
        elif self._is_chunked:
            await self._write_by_hand(b"%x\r\n%b\r\n" % (len(piece), piece))
        else:
            await self._write_by_hand(piece)

    async def _end(self) -> None:
        if not self._answer.is_malformed:
            await self._response.write_eof()
            return
        if self._is_chunked:
            await self._write_by_hand(b"0\r\n\r\n")
        await self._break_off(Ending.CLOSE)

    async def _write_by_hand(self, data: bytes) -> None:
        """Send bytes, or as many of them as the fault allows."""
        if self._bytes_left is not None:
            data = data[: self._bytes_left]
            self._bytes_left -= len(data)
        step = 1 if self._answer.byte_at_a_time else max(1, len(data))
        for place in range(0, len(data), step):
            self._transport.write(data[place : place + step])
            await asyncio.sleep(0)
        if self._bytes_left == 0:
            await self._break_off(Ending.RESET)

    async def _break_off(self, ending: Ending) -> NoReturn:
        """End the connection, or wait until the client does; aiohttp then cancels this task."""
        if ending is not Ending.HANG:
            self._broken_off = True
            _reset(self._transport) if ending is Ending.RESET else self._transport.close()
        await asyncio.Event().wait()
        raise AssertionError("unreachable: nobody sets the event")


def _reset(transport: asyncio.Transport) -> None:
    """End a connection with RST."""
    open_socket = transport.get_extra_info("socket")
    if open_socket is not None and not transport.is_closing():
        open_socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    transport.abort()


def _marking_the_last(pieces: Iterable[Piece]) -> Iterator[tuple[Piece, bool]]:
    """Yield each piece with whether it is the last."""
    iterator = iter(pieces)
    for held in iterator:
        for piece in iterator:
            yield held, False
            held = piece  # noqa: PLW2901 -- the loop goes on with it
        yield held, True
