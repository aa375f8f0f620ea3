"""Pools of httpcore's single connections, as transports for httpx's requests.

httpcore's own pool looks through all its connections and all waiting requests, twice a
request, and polls each idle socket: with some hundred requests at once that takes most of a
request's time. Here the connection that was used last is used next, and nothing is searched.
"""

import asyncio
import ssl
import time
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import suppress
from typing import Generic, TypeVar, cast

import httpcore
import httpx

from langchain_scaleway.client.http11 import AsyncConnection, Connection, aconnect, connect

KEEP_ALIVE = 20.0
"""Seconds that a connection waits for its next request."""

MOST_AT_ONCE = 1_000
"""Asynchronous requests at once, since a process can often open no more than 1,024 files. Further
requests wait for their turn."""

AnyConnection = TypeVar("AnyConnection", Connection, AsyncConnection)


class IdleConnections(Generic[AnyConnection]):
    """Connections that wait for their next request, the last used first."""

    def __init__(self) -> None:
        """Start with none."""
        self.is_closed = False
        self._by_origin: dict[str, deque[tuple[AnyConnection, float]]] = {}

    def take(self, origin: httpcore.Origin) -> tuple[AnyConnection | None, list[AnyConnection]]:
        """Take a connection that can still be used.

        Args:
            origin: The server that it must lead to.

        Returns:
            The connection, or `None` if there is none, and expired ones to be closed.
        """
        idle = self._by_origin.get(str(origin))
        spent: list[AnyConnection] = []
        while idle:
            try:
                connection, expiry = idle.pop()
            except IndexError:  # Another thread was quicker.
                break
            if expiry > time.monotonic() and not connection.has_expired():
                return connection, spent
            spent.append(connection)
        return None, spent

    def put(self, origin: httpcore.Origin, connection: AnyConnection) -> list[AnyConnection]:
        """Keep a connection whose answer was read to its end.

        Args:
            origin: The server that it leads to.
            connection: The connection; one that cannot be used again is not kept.

        Returns:
            Connections to be closed: this one if it cannot be used again, or those for which no
            request came in time.
        """
        if self.is_closed or connection.has_more():
            return [connection]
        if not connection.is_idle():
            return [connection]  # Its answer was left unread.
        idle = self._by_origin.setdefault(str(origin), deque())
        now = time.monotonic()
        idle.append((connection, now + KEEP_ALIVE))
        spent: list[AnyConnection] = []
        with suppress(IndexError):  # Other threads may have taken the rest meanwhile.
            while idle[0][1] <= now:
                spent.append(idle.popleft()[0])
        return spent

    def close(self) -> list[AnyConnection]:
        """Keep no more connections.

        Returns:
            Those to be closed.
        """
        self.is_closed = True
        by_origin, self._by_origin = self._by_origin, {}
        return [connection for idle in by_origin.values() for connection, _ in idle]


class ConnectionPool(httpx.BaseTransport):
    """Synchronous requests, from any number of threads.

    Args:
        ssl_context: Gives the TLS context when the first connection needs one.
    """

    def __init__(self, ssl_context: Callable[[], ssl.SSLContext]) -> None:
        self._ssl_context = ssl_context
        self._idle = IdleConnections[Connection]()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and read the head of its answer.

        Raises:
            httpcore.NetworkError: The connection failed.
            httpcore.ProtocolError: The answer is not HTTP.
            httpcore.TimeoutException: Something took too long.
        """
        core_request = _core_request(request)
        origin = core_request.url.origin
        connection, spent = self._idle.take(origin)
        for other in spent:
            other.close()
        if connection is None:
            context = self._ssl_context() if origin.scheme == b"https" else None
            connection = connect(origin, context, request.extensions["timeout"]["connect"])
        try:
            response = connection.handle_request(core_request)
        except BaseException:
            connection.close()
            raise
        body = _Body(response, self, origin, connection)
        return httpx.Response(
            response.status, headers=response.headers, stream=body, extensions=response.extensions
        )

    def close(self) -> None:
        """Close the connections that wait; those in use close when their answer is read."""
        for connection in self._idle.close():
            connection.close()

    def take_back(self, origin: httpcore.Origin, connection: Connection) -> None:
        """Keep a connection whose answer was read."""
        for spent in self._idle.put(origin, connection):
            spent.close()


class AsyncConnectionPool(httpx.AsyncBaseTransport):
    """The same for the coroutines of one event loop.

    Args:
        ssl_context: Gives the TLS context, without blocking the loop.
    """

    def __init__(self, ssl_context: Callable[[], Awaitable[ssl.SSLContext]]) -> None:
        self._ssl_context = ssl_context
        self._idle = IdleConnections[AsyncConnection]()
        self._turns = asyncio.Semaphore(MOST_AT_ONCE)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and read the head of its answer; raises as `ConnectionPool` does.

        Raises:
            httpx.PoolTimeout: The request's turn has not come in time.
        """
        core_request = _core_request(request)
        origin = core_request.url.origin
        if self._turns.locked():
            await self._wait_for_turn(request.extensions["timeout"]["pool"])
        else:
            await self._turns.acquire()
        connection = None
        try:
            connection = await self._connection_to(origin, request)
            response = await connection.handle_async_request(core_request)
        except BaseException:
            self._turns.release()
            if connection is not None:  # httpcore leaves it open if it is cancelled early on.
                await connection.aclose()
            raise
        body = _AsyncBody(response, self, origin, connection)
        return httpx.Response(
            response.status, headers=response.headers, stream=body, extensions=response.extensions
        )

    async def _wait_for_turn(self, seconds: float | None) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._turns.acquire()
        except TimeoutError as error:
            raise httpx.PoolTimeout("") from error

    async def _connection_to(
        self, origin: httpcore.Origin, request: httpx.Request
    ) -> AsyncConnection:
        connection, spent = self._idle.take(origin)
        for other in spent:
            await other.aclose()
        if connection is not None:
            return connection
        context = await self._ssl_context() if origin.scheme == b"https" else None
        return await aconnect(origin, context, request.extensions["timeout"]["connect"])

    async def aclose(self) -> None:
        """Close the connections that wait; those in use close when their answer is read."""
        # Nothing here waits before all are closed: when the loop ends, this is cancelled.
        for connection in self._idle.close():
            await connection.aclose()
        await asyncio.sleep(0)  # Lets the transports release their sockets.

    async def take_back(self, origin: httpcore.Origin, connection: AsyncConnection) -> None:
        """Keep a connection whose answer was read, and let the next request have its turn."""
        self._turns.release()
        for spent in self._idle.put(origin, connection):
            await spent.aclose()


class _Body(httpx.SyncByteStream):
    """The body of an answer; closing it gives its connection back."""

    def __init__(
        self,
        response: httpcore.Response,
        pool: ConnectionPool,
        origin: httpcore.Origin,
        connection: Connection,
    ) -> None:
        self._response = response
        self._pool: ConnectionPool | None = pool
        self._origin = origin
        self._connection = connection

    def __iter__(self) -> Iterator[bytes]:
        # Not `iter_stream`: that is one more generator to go through with each piece.
        return iter(cast("Iterable[bytes]", self._response.stream))

    def close(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            self._response.close()
            pool.take_back(self._origin, self._connection)


class _AsyncBody(httpx.AsyncByteStream):
    """The same, asynchronously."""

    def __init__(
        self,
        response: httpcore.Response,
        pool: AsyncConnectionPool,
        origin: httpcore.Origin,
        connection: AsyncConnection,
    ) -> None:
        self._response = response
        self._pool: AsyncConnectionPool | None = pool
        self._origin = origin
        self._connection = connection

    def __aiter__(self) -> AsyncIterator[bytes]:
        return aiter(cast("AsyncIterable[bytes]", self._response.stream))

    async def aclose(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            try:
                await self._response.aclose()
            finally:
                await pool.take_back(self._origin, self._connection)


def _core_request(request: httpx.Request) -> httpcore.Request:
    url = request.url
    return httpcore.Request(
        request.method,
        httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
        headers=request.headers.raw,
        content=request.stream,
        extensions=request.extensions,
    )
