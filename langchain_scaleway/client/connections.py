"""The HTTP clients behind a model and its copies: one for threads, one per event loop.

Nothing is built before it is needed, and nothing is left behind:

- An event loop's client closes with its loop. `asyncio.run` finalises async generators, so
  a generator that was started on the loop closes the client in its `finally`. (A weak
  dictionary keyed by loop leaks: the client refers to the loop.)
- When the last copy of a model is dropped, its clients close.
- A forked child makes clients of its own and leaves its parent's sockets alone.
- Copies made by `pickle` and `deepcopy` start without clients.
"""

import asyncio
import os
import ssl
import threading
import weakref
from collections.abc import AsyncGenerator
from typing import Any

import httpx

_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=100, keepalive_expiry=20.0)

_ssl_contexts: list[ssl.SSLContext] = []
_lock = threading.Lock()
_all: "weakref.WeakSet[Connections]" = weakref.WeakSet()
_left_to_the_parent: list[Any] = []


def ssl_context() -> ssl.SSLContext:
    """The process's one TLS context: loading the certificates takes most of a client's cost."""
    with _lock:
        if not _ssl_contexts:
            _ssl_contexts.append(httpx.create_ssl_context())
    return _ssl_contexts[0]


async def _ssl_context_off_the_loop() -> ssl.SSLContext:
    """The same, read from disk in a thread where it is not there yet."""
    return _ssl_contexts[0] if _ssl_contexts else await asyncio.to_thread(ssl_context)


class Connections:
    """Makes HTTP clients when they are needed, and closes them."""

    def __init__(self) -> None:
        """Start without clients."""
        self._client: httpx.Client | None = None
        self._finalizer: weakref.finalize[..., Any] | None = None
        self._by_loop: dict[
            asyncio.AbstractEventLoop, tuple[httpx.AsyncClient, AsyncGenerator[None]]
        ] = {}

    def client(self) -> httpx.Client:
        """The client for synchronous calls, of this process."""
        return self._client or self._make_client()

    async def async_client(self) -> httpx.AsyncClient:
        """The client for asynchronous calls, of this event loop."""
        kept = self._by_loop.get(asyncio.get_running_loop())
        return kept[0] if kept else await self._make_async_client()

    def close(self) -> None:
        """Close the synchronous client. The next call makes a new one."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    async def aclose(self) -> None:
        """Close the synchronous client and the one of this event loop."""
        self.close()
        kept = self._by_loop.pop(asyncio.get_running_loop(), None)
        if kept is not None:
            await kept[1].aclose()

    def __deepcopy__(self, _memo: dict[int, Any]) -> "Connections":
        """Copy without clients: neither sockets nor locks can be copied."""
        return Connections()

    def __reduce__(self) -> tuple[type["Connections"], tuple[()]]:
        """Pickle without clients, likewise."""
        return Connections, ()

    def _make_client(self) -> httpx.Client:
        context = ssl_context()
        with _lock:
            if self._client is None:
                self._client = httpx.Client(verify=context, limits=_LIMITS)
                self._finalizer = weakref.finalize(self, self._client.close)
                _all.add(self)
            return self._client

    async def _make_async_client(self) -> httpx.AsyncClient:
        context = await _ssl_context_off_the_loop()
        loop = asyncio.get_running_loop()
        for other in [other for other in self._by_loop if other.is_closed()]:
            self._by_loop.pop(other, None)
        if loop not in self._by_loop:  # Another task may have been quicker.
            client = httpx.AsyncClient(verify=context, limits=_LIMITS)
            keeper = _close_with_loop(weakref.ref(self), client)
            self._by_loop[loop] = (client, keeper)
            _all.add(self)
            await anext(keeper)
        return self._by_loop[loop][0]

    def _leave_to_the_parent(self) -> None:
        """Forget all clients in a forked child, without closing what the parent uses."""
        if self._finalizer is not None:
            self._finalizer.detach()
        _left_to_the_parent.append((self._client, self._by_loop))
        self._client, self._finalizer, self._by_loop = None, None, {}


async def _close_with_loop(
    owner: "weakref.ref[Connections]", client: httpx.AsyncClient
) -> AsyncGenerator[None]:
    """Wait for the end of the loop on which this was started, and close its client."""
    loop = asyncio.get_running_loop()
    try:
        yield
    finally:
        connections = owner()
        if connections is not None:
            connections._by_loop.pop(loop, None)  # noqa: SLF001 -- a part of the class above
        await client.aclose()


def _after_fork_in_child() -> None:
    global _lock  # noqa: PLW0603 -- another thread may have held it while this one forked
    _lock = threading.Lock()
    for connections in list(_all):
        connections._leave_to_the_parent()  # noqa: SLF001 -- a part of the class above


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
