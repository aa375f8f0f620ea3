"""The connections behind a model and its copies: a pool for threads, one per event loop.

Nothing is built before it is needed, and nothing is left behind:

- An event loop's pool closes with its loop. `asyncio.run` finalises async generators, so a
  generator that was started on the loop closes the pool in its `finally`. (A weak dictionary
  keyed by loop leaks: the pool's connections refer to the loop.)
- When the last copy of a model is dropped, its pools close.
- A forked child makes pools of its own and leaves its parent's sockets alone.
- Copies made by `pickle` and `deepcopy` start without pools.
"""

import asyncio
import importlib
import os
import ssl
import threading
import weakref
from collections.abc import AsyncGenerator
from typing import Any, Protocol
from urllib.parse import urlsplit
from urllib.request import getproxies

import httpx

_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=100, keepalive_expiry=20.0)

# Lists of one thing each, which comes when it is first needed: the module `pool`, a TLS context.
_pool_modules: list[Any] = []
_ssl_contexts: list[ssl.SSLContext] = []
_lock = threading.RLock()  # Whoever makes a pool may need the TLS context for it.
_all: "weakref.WeakSet[Connections]" = weakref.WeakSet()
_left_to_the_parent: list[Any] = []
"""A forked child's references to its parent's pools. Without them the pools would be collected,
and their sockets closed."""


def ssl_context() -> ssl.SSLContext:
    """The process's one TLS context: loading the certificates takes 60 ms.

    Raises:
        httpx.ConnectError: The certificates that the environment names cannot be read.
    """
    with _lock:
        if not _ssl_contexts:
            _ssl_contexts.append(_load_certificates())
    return _ssl_contexts[0]


def _load_certificates() -> ssl.SSLContext:
    try:
        context = httpx.create_ssl_context()
    except OSError as error:  # It does not say which file it is about.
        named = os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR")
        raise httpx.ConnectError(
            f"the certificates of SSL_CERT_FILE or SSL_CERT_DIR, {named}, fail: {error}"
        ) from error
    context.set_alpn_protocols(["http/1.1"])  # Servers that know HTTP/2 as well may ask.
    return context


async def _ssl_context_off_the_loop() -> ssl.SSLContext:
    """The same, but read from disk in a thread the first time."""
    return _ssl_contexts[0] if _ssl_contexts else await asyncio.to_thread(ssl_context)


def _load_pools() -> Any:
    """Import the module `pool` when the first request is due: it brings httpcore, 20 ms."""
    _pool_modules[:] = [importlib.import_module("langchain_scaleway.client.pool")]
    return _pool_modules[0]


async def _load_pools_off_the_loop() -> Any:
    """The same in a thread, but only once: a program that is ending can start no threads."""
    return _pool_modules[0] if _pool_modules else await asyncio.to_thread(_load_pools)


class Sender(Protocol):
    """Sends requests, from any number of threads."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and read the head of its answer."""

    def close(self) -> None:
        """Close all connections."""


class AsyncSender(Protocol):
    """Sends requests of one event loop."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and read the head of its answer."""

    async def aclose(self) -> None:
        """Close all connections."""


class Connections:
    """Makes pools of connections when they are needed, and closes them."""

    def __init__(self) -> None:
        """Start without connections."""
        self._pool: Sender | None = None
        self._finalizer: weakref.finalize[..., Any] | None = None
        self._by_loop: dict[
            asyncio.AbstractEventLoop, tuple[AsyncSender, AsyncGenerator[None]]
        ] = {}

    def send(self, request: httpx.Request) -> httpx.Response:
        """Send a request and read the head of its answer."""
        return (self._pool or self._make_pool()).handle_request(request)

    async def asend(self, request: httpx.Request) -> httpx.Response:
        """Do the same on this event loop."""
        kept = self._by_loop.get(asyncio.get_running_loop())
        pool = kept[0] if kept else await self._make_async_pool()
        return await pool.handle_async_request(request)

    def close(self) -> None:
        """Close the synchronous connections. The next call makes new ones."""
        finalizer, self._pool, self._finalizer = self._finalizer, None, None
        if finalizer is not None:
            finalizer()

    async def aclose(self) -> None:
        """Close the synchronous connections and those of this event loop."""
        self.close()
        kept = self._by_loop.pop(asyncio.get_running_loop(), None)
        if kept is not None:
            await kept[1].aclose()

    def __deepcopy__(self, _memo: dict[int, Any]) -> "Connections":
        """Copy without connections: neither sockets nor locks can be copied."""
        return Connections()

    def __reduce__(self) -> tuple[type["Connections"], tuple[()]]:
        """Pickle without connections, likewise."""
        return Connections, ()

    def _make_pool(self) -> Sender:
        pools = _load_pools()
        with _lock:
            if self._pool is None:
                proxied = _are_there_proxies()
                self._pool = _ProxiedClient() if proxied else pools.ConnectionPool(ssl_context)
                self._finalizer = weakref.finalize(self, self._pool.close)
                _all.add(self)
            return self._pool

    async def _make_async_pool(self) -> AsyncSender:
        for other in list(self._by_loop):  # Other threads may add theirs meanwhile.
            if other.is_closed():
                self._by_loop.pop(other, None)
        pool: AsyncSender
        if _are_there_proxies():
            pool = _AsyncProxiedClient(await _ssl_context_off_the_loop())
        else:
            pools = await _load_pools_off_the_loop()
            pool = pools.AsyncConnectionPool(_ssl_context_off_the_loop)
        loop = asyncio.get_running_loop()
        if loop not in self._by_loop:  # Another task may have been quicker.
            keeper = _close_with_loop(weakref.ref(self), pool)
            self._by_loop[loop] = (pool, keeper)
            _all.add(self)
            await anext(keeper)
        return self._by_loop[loop][0]

    def _leave_to_the_parent(self) -> None:
        """Forget all connections in a forked child, without closing what the parent uses."""
        if self._finalizer is not None:
            self._finalizer.detach()
        _left_to_the_parent.append((self._pool, self._by_loop))
        self._pool, self._finalizer, self._by_loop = None, None, {}


def _are_there_proxies() -> bool:
    """Whether the environment names a proxy; `NO_PROXY` names hosts that need none."""
    return any(name != "no" for name in getproxies())


def _check_ports_of_proxies() -> None:
    """Raise a `ValueError` for an invalid port, for which httpx may raise any exception."""
    for name, address in getproxies().items():
        if name != "no":
            _ = urlsplit(address if "://" in address else f"http://{address}").port


def _misnamed_proxies() -> httpx.ProxyError:
    """Make the exception that stands in for httpx's, which may repeat a proxy's password."""
    return httpx.ProxyError(
        "HTTPS_PROXY, HTTP_PROXY, ALL_PROXY or NO_PROXY holds something that is no address"
    )


def _missing_socks() -> httpx.ProxyError:
    return httpx.ProxyError(
        "the environment names a SOCKS proxy, which takes a package more: "
        '`pip install "httpx[socks]"`.'
    )


class _ProxiedClient:
    """httpx's own client, where the environment names a proxy."""

    def __init__(self) -> None:
        try:
            _check_ports_of_proxies()
            self._client = httpx.Client(verify=ssl_context(), limits=_LIMITS)
        except (httpx.InvalidURL, ValueError):
            raise _misnamed_proxies() from None
        except ImportError as error:
            raise _missing_socks() from error

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._client.send(request, stream=True)

    def close(self) -> None:
        self._client.close()


class _AsyncProxiedClient:
    """The same, asynchronously."""

    def __init__(self, context: ssl.SSLContext) -> None:
        try:
            _check_ports_of_proxies()
            self._client = httpx.AsyncClient(verify=context, limits=_LIMITS)
        except (httpx.InvalidURL, ValueError):
            raise _misnamed_proxies() from None
        except ImportError as error:
            raise _missing_socks() from error

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self._client.send(request, stream=True)

    async def aclose(self) -> None:
        await self._client.aclose()


async def _close_with_loop(
    owner: "weakref.ref[Connections]", pool: AsyncSender
) -> AsyncGenerator[None]:
    """Wait for the end of the loop on which this was started, and close its pool."""
    loop = asyncio.get_running_loop()
    try:
        yield
    finally:
        connections = owner()
        if connections is not None:
            connections._by_loop.pop(loop, None)  # noqa: SLF001 -- a part of the class above
        await pool.aclose()


def _after_fork_in_child() -> None:
    global _lock  # noqa: PLW0603 -- another thread may have held it while this one forked
    _lock = threading.RLock()
    for connections in list(_all):
        connections._leave_to_the_parent()  # noqa: SLF001 -- a part of the class above


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
