"""Sends an answer, with everything that is to happen on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from typing import Protocol

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from langchain_scaleway.testing.answers import Answer, Ending, Pause, Piece
from langchain_scaleway.testing.clock import ScaledClock
from langchain_scaleway.testing.connection import Connection


class Delivery(Response):
    """A Starlette response that delivers an `Answer`.

    Args:
        answer: What to send.
        connection: Where to.
        clock: Tells how long an emulated second is.
        token_interval: Emulated seconds between two pieces of a stream.
        on_finished: Called once, with whether the client gets all that it was meant to get. This
            is before the last byte goes out, so that a test that has seen the end of an answer
            finds everything about it noted.
    """

    def __init__(
        self,
        answer: Answer,
        connection: Connection,
        clock: ScaledClock,
        token_interval: float,
        on_finished: Callable[[bool], None],
    ) -> None:
        self._answer = answer
        self._connection = connection
        self._clock = clock
        self._interval = clock.real_seconds(token_interval)
        self._on_finished = on_finished
        self._finished = False

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Send the answer; the ASGI interface of a response."""
        try:
            await self._deliver(send)
        finally:
            self._finish(given=self._connection.closed_by_server)

    def _finish(self, *, given: bool) -> None:
        if not self._finished:
            self._finished = True
            self._on_finished(given)

    async def _deliver(self, send: Send) -> None:
        answer, connection = self._answer, self._connection
        if answer.delay:
            await connection.wait(self._clock.real_seconds(answer.delay))
        connection.prepare(answer)
        body: _Body = _RawBody(connection) if answer.until_close else _HttpBody(send)
        await body.start(answer)
        await self._send_pieces(body)
        if not connection.lost.is_set():
            connection.closes_on_next_request = answer.close_on_next
            await body.end()
            if answer.close_after:
                connection.close()
        if connection.closed_by_server:
            # If this returned earlier, uvicorn would report an application that broke off.
            await connection.lost.wait()

    async def _send_pieces(self, body: _Body) -> None:
        """Send the body, as far as the client stays and the answer goes."""
        for piece, is_last in _marking_the_last(self._answer.pieces):
            if self._connection.lost.is_set():
                return
            if is_last and piece is not Ending.HANG:
                self._finish(given=True)
            if isinstance(piece, bytes):
                await body.write(piece)
            elif isinstance(piece, Pause):
                await self._connection.wait(self._clock.real_seconds(piece.seconds))
            else:
                await self._break_off(piece)
            if not is_last:
                await self._between_pieces()

    async def _between_pieces(self) -> None:
        if self._interval and self._answer.is_stream:
            await self._connection.wait(self._interval)
        else:
            # Lets other streams have their turn, and the loss of a connection be noticed.
            await asyncio.sleep(0)

    async def _break_off(self, ending: Ending) -> None:
        if ending is Ending.RESET:
            self._connection.reset()
        elif ending is Ending.CLOSE:
            self._connection.close()
        await self._connection.lost.wait()


def _marking_the_last(pieces: Iterable[Piece]) -> Iterator[tuple[Piece, bool]]:
    """Yield each piece with whether it is the last."""
    iterator = iter(pieces)
    held = next(iterator, None)
    if held is None:
        return
    for piece in iterator:
        yield held, False
        held = piece
    yield held, True


class _Body(Protocol):
    """A way of putting an answer on the wire."""

    async def start(self, answer: Answer) -> None: ...

    async def write(self, piece: bytes) -> None: ...

    async def end(self) -> None: ...


class _HttpBody:
    """Correct HTTP, through uvicorn."""

    def __init__(self, send: Send) -> None:
        self._send = send

    async def start(self, answer: Answer) -> None:
        headers = [(name.encode(), value.encode()) for name, value in answer.headers]
        if answer.content_length is not None and answer.status != HTTPStatus.NO_CONTENT:
            headers.append((b"content-length", str(answer.content_length).encode()))
        start = {"type": "http.response.start", "status": answer.status, "headers": headers}
        await self._send(start)

    async def write(self, piece: bytes) -> None:
        await self._send({"type": "http.response.body", "body": piece, "more_body": True})

    async def end(self) -> None:
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})


class _RawBody:
    """HTTP that ends where the connection does, written by hand."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def start(self, answer: Answer) -> None:
        lines = [f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in answer.headers]
        lines += ["connection: close", "", ""]
        self._connection.write("\r\n".join(lines).encode())

    async def write(self, piece: bytes) -> None:
        self._connection.write(piece)

    async def end(self) -> None:
        self._connection.close()
