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
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import suppress
from functools import cache, lru_cache, partial
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

# The only import of it in this package: on the day of the move, `import httpx2 as httpx`.
import httpx

from langchain_scaleway.client.waits import start_timer, within

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

    Its headers have to hold `host`. The transport changes `timeout`, which holds the seconds of its
    steps as `httpx.Timeout.as_dict` gives them.
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
    """Write a form with fields and files; gives its bytes and their content type."""
    form = httpx.Request("POST", "http://form", data=data, files=files)
    return form.read(), form.headers["content-type"]


def body_of(response: httpx.Response) -> Any:
    """The stream of an answer's bytes, or `None` where httpx has something to do for them.

    That is so if it is compressed, or was read by a hook of the user's client.
    """
    if response.is_stream_consumed or "content-encoding" in response.headers:
        return None
    return response.stream


class _Idle(Generic[Transport]):
    """The connections to one server that wait for a request, and how to make more."""

    def __init__(self, kind: type[Transport], url: httpx.URL) -> None:
        self._kind: type[Transport] = kind
        self._waiting: deque[tuple[Transport, float]] = deque()
        proxy = _proxy_for(url)
        has_tls = url.scheme == "https" or proxy is not None
        self._options: dict[str, Any] = {
            "verify": ssl_context() if has_tls else _no_ssl_context(),
            "limits": _ONE_CONNECTION,
            "proxy": proxy,
            "socket_options": _SOCKET_OPTIONS,
        }

    def take(self) -> Transport:
        """Give the connection that was used last, or a new one.

        Raises:
            httpx.ProxyError: The environment names a proxy that cannot be used.
        """
        with suppress(IndexError):
            return self._waiting.pop()[0]
        try:
            return self._kind(**self._options)
        except ImportError as error:
            raise httpx.ProxyError(
                "the environment names a SOCKS proxy, which takes a package more: "
                '`pip install "httpx[socks]"`.'
            ) from error

    def put(self, transport: Transport) -> list[Transport]:
        """Keep a connection; gives those for which no request came in time, to be closed."""
        now = time.monotonic()
        self._waiting.append((transport, now + _KEEP_ALIVE))
        expired = []
        with suppress(IndexError):  # Other threads may have taken the rest meanwhile.
            while self._waiting[0][1] <= now:
                expired.append(self._waiting.popleft()[0])
        return expired

    def empty(self) -> Iterator[Transport]:
        """Give all connections, to be closed."""
        with suppress(IndexError):
            while True:
                yield self._waiting.pop()[0]


class Pool:
    """Synchronous connections, for any number of threads."""

    def __init__(self) -> None:
        self._idle: dict[tuple[str, bytes], _Idle[httpx.HTTPTransport]] = {}
        self._is_closed = False

    def send(self, request: httpx.Request) -> httpx.Response:
        """Send a request and read the head of its answer."""
        origin = request.url.scheme, request.url.netloc
        if (idle := self._idle.get(origin)) is None:
            idle = self._idle.setdefault(origin, _Idle(httpx.HTTPTransport, request.url))
        transport = idle.take()
        try:
            response = transport.handle_request(request)
        except BaseException:
            transport.close()
            raise
        response.stream = _Body(response.stream, partial(self._put, idle, transport))
        return response

    def _put(
        self, idle: _Idle[httpx.HTTPTransport], transport: httpx.HTTPTransport, *, is_free: bool
    ) -> None:
        for expired in idle.put(transport) if is_free else [transport]:
            expired.close()
        if self._is_closed:
            self.close()

    def close(self) -> None:
        """Close the connections that wait; those in use close when their answer is read."""
        self._is_closed = True
        for idle in list(self._idle.values()):  # Other threads may add to them.
            for transport in idle.empty():
                transport.close()


class AsyncPool:
    """The same for the coroutines of one event loop, where a request may wait for its turn.

    The head of an answer comes within the timeout for reading, which begins when the request
    is sent, on a connection that stands. Whoever reads the body has to limit that.
    """

    def __init__(self) -> None:
        self._idle: dict[tuple[str, bytes], _Idle[httpx.AsyncHTTPTransport]] = {}
        self._turns = asyncio.Semaphore(_MOST_AT_ONCE)
        self._is_closed = False

    async def send(self, request: httpx.Request) -> httpx.Response:
        """`send` for event loops."""
        limits = request.extensions["timeout"]
        if self._turns.locked():
            try:
                await within(limits["pool"], self._turns.acquire())
            except TimeoutError as error:
                raise httpx.PoolTimeout("") from error
        else:
            await self._turns.acquire()
        try:
            idle = await self._idle_to(request.url)
            transport = idle.take()
            seconds = limits["read"]
            limits["read"] = limits["write"] = None  # httpx's timers would keep the context.
            opened: list[Any] = []
            try:
                async with asyncio.timeout(None) as timeout:  # However the head trickles in.
                    _watch_opening(request, opened, partial(start_timer, timeout, seconds))
                    response = await _in_empty_context(transport.handle_async_request(request))
            except BaseException:
                await transport.aclose()
                for stream in opened:
                    await stream.aclose()
                raise
        except BaseException:
            self._turns.release()
            raise
        response.stream = _Body(response.stream, partial(self._put, idle, transport))
        return response

    async def _idle_to(self, url: httpx.URL) -> _Idle[httpx.AsyncHTTPTransport]:
        origin = url.scheme, url.netloc
        if (idle := self._idle.get(origin)) is None:
            may_need_tls = url.scheme == "https" or bool(getproxies())
            if may_need_tls and not ssl_context.cache_info().currsize:
                await asyncio.to_thread(ssl_context)  # It reads certificates from the disk.
            idle = self._idle.setdefault(origin, _Idle(httpx.AsyncHTTPTransport, url))
        return idle

    async def _put(
        self,
        idle: _Idle[httpx.AsyncHTTPTransport],
        transport: httpx.AsyncHTTPTransport,
        *,
        is_free: bool,
    ) -> None:
        self._turns.release()
        for expired in idle.put(transport) if is_free else [transport]:
            await expired.aclose()
        if self._is_closed:
            await self.aclose()

    async def aclose(self) -> None:
        """`close` for event loops."""
        self._is_closed = True
        waiting = [transport for idle in self._idle.values() for transport in idle.empty()]
        await asyncio.gather(*(transport.aclose() for transport in waiting))


class _Body(httpx.SyncByteStream, httpx.AsyncByteStream):
    """The body of an answer, of either kind; closing it gives its connection back, once.

    If that breaks off, the connection is not free: a stream was left where nobody finalises it.
    """

    def __init__(self, stream: Any, give_back: Callable[..., Any]) -> None:
        self._stream = stream
        self._give_back: Callable[..., Any] | None = give_back

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._stream)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return aiter(self._stream)

    def close(self) -> None:
        give_back, self._give_back = self._give_back, None
        if give_back is not None:
            is_free = False
            try:
                self._stream.close()
                is_free = True
            finally:
                give_back(is_free=is_free)

    async def aclose(self) -> None:
        give_back, self._give_back = self._give_back, None
        if give_back is not None:
            is_free = False
            try:
                await self._stream.aclose()
                is_free = True
            finally:
                await give_back(is_free=is_free)


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


def _watch_opening(
    request: httpx.Request, opened: list[Any], on_sending: Callable[[], None]
) -> None:
    """Note a connection that is opened for a request, and tell when the request is sent.

    httpcore 1.0.9 and httpcore2 2.16 forget a connection whose TLS handshake is cancelled, and
    leave it open. https://www.encode.io/httpcore/extensions/#trace
    """

    async def note(event: str, details: Mapping[str, Any]) -> None:
        if event.endswith("connect_tcp.complete"):
            opened.append(details["return_value"])
        elif event.endswith("send_request_headers.started"):
            on_sending()
            request.extensions.pop("trace", None)  # Each further event would take time.

    request.extensions["trace"] = note


def _proxy_for(url: httpx.URL) -> httpx.Proxy | None:
    """The proxy that the environment names for a URL.

    Raises:
        httpx.ProxyError: It cannot be used. The message is ours, because httpx's may repeat the
            proxy's password.
    """
    proxies = getproxies()
    named = proxies.get(url.scheme) or proxies.get("all")
    # NO_PROXY holds names with and without ports.
    if not named or proxy_bypass(url.host) or proxy_bypass(url.netloc.decode()):
        return None
    named = named if "://" in named else f"http://{named}"
    try:
        _ = urlsplit(named).port  # httpx looks at it only when it connects.
        return httpx.Proxy(named, ssl_context=ssl_context() if named[:6] == "https:" else None)
    except (httpx.InvalidURL, ValueError):
        raise httpx.ProxyError(
            "HTTPS_PROXY, HTTP_PROXY, ALL_PROXY or NO_PROXY holds something that is no address"
        ) from None
