"""Requests and answers over httpx: the only module that knows it.

Each of httpx's transports is given one connection, and the transport that was used last is used
next. httpx's own pool looks at every connection for every request, which takes most of a request's
time when some hundred are under way.
"""

import asyncio
import contextvars
import os
import socket
import ssl
import sys
import time
from collections import deque
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Iterator,
    Mapping,
)
from contextlib import suppress
from functools import cache, lru_cache, partial
from typing import Any, Generic, TypeVar, cast
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

# The only import of it in this package: on the day of the move, `import httpx2 as httpx`.
import httpx

Request = httpx.Request
Response = httpx.Response
Timeout = httpx.Timeout

LIBRARY = f"{httpx.__name__}/{httpx.__version__}"

Transport = TypeVar("Transport", httpx.HTTPTransport, httpx.AsyncHTTPTransport)

_KEEP_ALIVE = 20.0
"""Seconds that a connection waits for its next request."""

_MOST_AT_ONCE = 1_000
"""Asynchronous requests at once, since a process can often open no more than 1,024 files. Further
requests wait for their turn."""

_ONE_CONNECTION = httpx.Limits(max_connections=1, keepalive_expiry=_KEEP_ALIVE)

_SOCKET_OPTIONS = tuple(
    (level, getattr(socket, name), value)
    for level, name, value in (
        (socket.SOL_SOCKET, "SO_KEEPALIVE", 1),
        (socket.IPPROTO_TCP, "TCP_KEEPIDLE", 60),
        (socket.IPPROTO_TCP, "TCP_KEEPALIVE", 60),  # macOS's name for TCP_KEEPIDLE
        (socket.IPPROTO_TCP, "TCP_KEEPINTVL", 15),
        (socket.IPPROTO_TCP, "TCP_KEEPCNT", 4),
    )
    if hasattr(socket, name)
)
"""TCP probes silent connections, so that a host that died is noticed within two minutes, even while
an answer is awaited for longer."""


@cache
def ssl_context() -> ssl.SSLContext:
    """The process's one TLS context: loading the certificates takes a while.

    Raises:
        httpx.ConnectError: The certificates that the environment names cannot be read.
    """
    try:
        return httpx.create_ssl_context()
    except OSError as error:  # It does not say which file it is about.
        named = os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR")
        raise httpx.ConnectError(
            f"the certificates of SSL_CERT_FILE or SSL_CERT_DIR, {named}, fail: {error}"
        ) from error


@cache
def _no_ssl_context() -> ssl.SSLContext:
    """What a transport without TLS is given, which would otherwise make one for each connection."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def host_of(url: str) -> str:
    """The host and port of a URL, as requests name them.

    Raises:
        ValueError: The URL is malformed.
    """
    try:
        return _parsed(url).netloc.decode("ascii")
    except httpx.InvalidURL as error:
        raise ValueError(f"base_url cannot be used: {error}.") from None


@lru_cache
def _parsed(url: str) -> httpx.URL:
    return httpx.URL(url)


def new_request(
    method: str, url: str, headers: Mapping[str, str], content: bytes, timeout: Mapping[str, Any]
) -> httpx.Request:
    """Make a request for `Connections`.

    Args:
        method: The HTTP method.
        url: Where it goes.
        headers: Its headers, `host` among them.
        content: Its body; none if it is empty.
        timeout: The seconds that its steps may take, as `httpx.Timeout.as_dict` gives them.
    """
    if content:
        headers = {**headers, "content-length": str(len(content))}
    return httpx.Request(
        method,
        _parsed(url),
        headers=headers,
        stream=httpx.ByteStream(content),
        extensions={"timeout": timeout},
    )


def encode_form(data: Mapping[str, Any] | None, files: Any) -> tuple[bytes, str]:
    """Write a form with files; gives its bytes and their content type.

    Args:
        data: The form's other fields.
        files: As httpx takes them.
    """
    form = httpx.Request("POST", "http://form", data=data, files=files)
    return form.read(), form.headers["content-type"]


def pieces_of(response: httpx.Response) -> Iterator[bytes]:
    """The answer's bytes as they come, without httpx's layers where these would do nothing."""
    if _is_for_httpx(response):
        return response.iter_bytes()
    return iter(cast("httpx.SyncByteStream", response.stream))


def apieces_of(response: httpx.Response) -> AsyncIterator[bytes]:
    """The same of an answer to an asynchronous request."""
    if _is_for_httpx(response):
        return response.aiter_bytes()
    return aiter(cast("httpx.AsyncByteStream", response.stream))


def _is_for_httpx(response: httpx.Response) -> bool:
    """Whether an answer is compressed, or was read by a hook of the user's client."""
    return response.is_stream_consumed or "content-encoding" in response.headers


class _Route(Generic[Transport]):
    """The way to one server: how to connect, and the connections that wait for a request.

    Args:
        kind: The class of the connections' transports.
        url: A URL of the server.

    Raises:
        httpx.ConnectError: The certificates that the environment names cannot be read.
        httpx.ProxyError: The environment names a proxy that cannot be used.
    """

    def __init__(self, kind: type[Transport], url: httpx.URL) -> None:
        self._kind: type[Transport] = kind
        self._idle: deque[tuple[Transport, float]] = deque()
        proxy = _proxy_for(url)
        has_tls = url.scheme == "https" or proxy is not None
        self._options: dict[str, Any] = {
            "verify": ssl_context() if has_tls else _no_ssl_context(),
            "limits": _ONE_CONNECTION,
            "proxy": proxy,
            "socket_options": _SOCKET_OPTIONS,
        }
        try:
            self._kind(**self._options)
        except ImportError as error:
            raise httpx.ProxyError(
                "the environment names a SOCKS proxy, which takes a package more: "
                '`pip install "httpx[socks]"`.'
            ) from error

    def take(self) -> Transport:
        """Give the connection that was used last, or a new one."""
        try:
            return self._idle.pop()[0]
        except IndexError:
            return self._kind(**self._options)

    def put(self, transport: Transport) -> list[Transport]:
        """Keep a connection for the next request.

        Returns:
            Those for which no request came in time, to be closed.
        """
        now = time.monotonic()
        self._idle.append((transport, now + _KEEP_ALIVE))
        expired = []
        with suppress(IndexError):  # Other threads may have taken the rest meanwhile.
            while self._idle[0][1] <= now:
                expired.append(self._idle.popleft()[0])
        return expired

    def empty(self) -> Iterator[Transport]:
        """Give all connections, to be closed."""
        with suppress(IndexError):
            while True:
                yield self._idle.pop()[0]


class Pool:
    """Synchronous connections, for any number of threads."""

    def __init__(self) -> None:
        self._routes: dict[tuple[str, bytes], _Route[httpx.HTTPTransport]] = {}
        self._is_closed = False

    def send(self, request: httpx.Request) -> httpx.Response:
        """Send a request and read the head of its answer."""
        key = (request.url.scheme, request.url.netloc)
        route = self._routes.get(key)
        if route is None:
            route = self._routes.setdefault(key, _Route(httpx.HTTPTransport, request.url))
        transport = route.take()
        try:
            response = transport.handle_request(request)
        except BaseException:
            transport.close()
            raise
        give_back = partial(self.take_back, route, transport)
        response.stream = _Body(cast("httpx.SyncByteStream", response.stream), give_back)
        return response

    def take_back(self, route: _Route[httpx.HTTPTransport], transport: httpx.HTTPTransport) -> None:
        """Keep a connection whose answer was read or left."""
        for expired in route.put(transport):
            expired.close()
        if self._is_closed:
            self.close()

    def close(self) -> None:
        """Close the connections that wait; those in use close when their answer is read."""
        self._is_closed = True
        for route in list(self._routes.values()):  # Other threads may add to them.
            for transport in route.empty():
                transport.close()


class AsyncPool:
    """The same for the coroutines of one event loop."""

    def __init__(self) -> None:
        self._routes: dict[tuple[str, bytes], _Route[httpx.AsyncHTTPTransport]] = {}
        self._turns = asyncio.Semaphore(_MOST_AT_ONCE)
        self._is_closed = False

    async def send(self, request: httpx.Request, on_turn: Callable[[], None]) -> httpx.Response:
        """`send` for event loops; see `Connections.asend`."""
        if self._turns.locked():
            await self._wait_for_turn(request.extensions["timeout"]["pool"])
        else:
            await self._turns.acquire()
        try:
            on_turn()
            route = await self._route_to(request.url)
            transport = route.take()
            try:
                response = await _in_empty_context(transport.handle_async_request(request))
            except BaseException:
                await transport.aclose()
                raise
        except BaseException:
            self._turns.release()
            raise
        give_back = partial(self.take_back, route, transport)
        response.stream = _AsyncBody(cast("httpx.AsyncByteStream", response.stream), give_back)
        return response

    async def _wait_for_turn(self, seconds: float | None) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._turns.acquire()
        except TimeoutError as error:
            raise httpx.PoolTimeout("") from error

    async def _route_to(self, url: httpx.URL) -> _Route[httpx.AsyncHTTPTransport]:
        key = (url.scheme, url.netloc)
        if (route := self._routes.get(key)) is None:
            may_need_tls = url.scheme == "https" or bool(getproxies())
            if may_need_tls and not ssl_context.cache_info().currsize:
                await asyncio.to_thread(ssl_context)  # It reads certificates from the disk.
            route = self._routes.setdefault(key, _Route(httpx.AsyncHTTPTransport, url))
        return route

    async def take_back(
        self, route: _Route[httpx.AsyncHTTPTransport], transport: httpx.AsyncHTTPTransport
    ) -> None:
        """`take_back` for event loops; the next request has its turn."""
        self._turns.release()
        for expired in route.put(transport):
            await expired.aclose()
        if self._is_closed:
            await self.aclose()

    async def aclose(self) -> None:
        """`close` for event loops."""
        self._is_closed = True
        idle = [transport for route in self._routes.values() for transport in route.empty()]
        await asyncio.gather(*(transport.aclose() for transport in idle))


class _Body(httpx.SyncByteStream):
    """The body of an answer; closing it gives its connection back."""

    def __init__(self, stream: httpx.SyncByteStream, give_back: Callable[[], None]) -> None:
        self._stream = stream
        self._give_back: Callable[[], None] | None = give_back

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._stream)

    def close(self) -> None:
        give_back, self._give_back = self._give_back, None
        if give_back is not None:
            try:
                self._stream.close()
            finally:
                give_back()


class _AsyncBody(httpx.AsyncByteStream):
    """`_Body` for event loops."""

    def __init__(
        self, stream: httpx.AsyncByteStream, give_back: Callable[[], Awaitable[None]]
    ) -> None:
        self._stream = stream
        self._give_back: Callable[[], Awaitable[None]] | None = give_back

    def __aiter__(self) -> AsyncIterator[bytes]:
        return aiter(self._stream)

    async def aclose(self) -> None:
        give_back, self._give_back = self._give_back, None
        if give_back is not None:
            try:
                await self._stream.aclose()
            finally:
                await give_back()


def _in_empty_context(sending: Coroutine[Any, Any, httpx.Response]) -> Awaitable[httpx.Response]:
    """Send a request so that the connection it opens does not keep the caller's context.

    In there LangGraph keeps the whole run. asyncio's own loop drops it when a request ends; uvloop
    keeps it for as long as the connection is open.
    """
    if isinstance(asyncio.get_running_loop(), asyncio.BaseEventLoop):
        return sending
    context = contextvars.Context()
    if telemetry := sys.modules.get("opentelemetry.context"):  # Its spans belong to the caller's.
        context.run(telemetry.attach, telemetry.get_current())
    return asyncio.create_task(sending, context=context)


def _proxy_for(url: httpx.URL) -> httpx.Proxy | None:
    """The proxy that the environment names for a URL.

    Raises:
        httpx.ProxyError: It cannot be used. The message is ours, because httpx's may repeat the
            proxy's password.
    """
    proxies = getproxies()
    named = proxies.get(url.scheme) or proxies.get("all")
    if not named or proxy_bypass(url.host):
        return None
    named = named if "://" in named else f"http://{named}"
    try:
        _ = urlsplit(named).port  # httpx looks at it only when it connects.
        return httpx.Proxy(named, ssl_context=ssl_context() if named[:6] == "https:" else None)
    except (httpx.InvalidURL, ValueError):
        raise httpx.ProxyError(
            "HTTPS_PROXY, HTTP_PROXY, ALL_PROXY or NO_PROXY holds something that is no address"
        ) from None
