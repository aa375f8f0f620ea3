"""The connections behind a model and its copies: one pool for all threads, one per event loop.

Nothing is built before it is needed, and nothing is left behind:

- An event loop's pool closes with its loop. `asyncio.run` finalises async generators, so a
  generator that was started on the loop closes the pool in its `finally`. (A weak dictionary
  keyed by loop leaks: the pool's connections refer to the loop.)
- When the last copy of a model is dropped, its pools close.
- A forked child makes pools of its own and leaves its parent's sockets alone.
- Copies made by `pickle` and `deepcopy` start without pools.
"""

import asyncio
import os
import sys
import threading
import weakref
from collections.abc import AsyncGenerator
from typing import Any

from langchain_scaleway.client.transport import AsyncPool, Pool, Request, Response

_lock = threading.Lock()
_all: "weakref.WeakSet[Connections]" = weakref.WeakSet()
_left_to_the_parent: list[Any] = []
"""A forked child's references to its parent's pools. Without them the pools would be collected,
and their sockets closed."""


class Connections:
    """Makes pools of connections when they are needed, and closes them."""

    def __init__(self) -> None:
        """Start without connections."""
        self._pool: Pool | None = None
        self._finalizer: weakref.finalize[..., Any] | None = None
        self._by_loop: dict[asyncio.AbstractEventLoop, tuple[AsyncPool, AsyncGenerator[None]]] = {}

    def send(self, request: Request) -> Response:
        """Send a request and read the head of its answer.

        Raises:
            httpx.TransportError: There is no connection, or no answer.
        """
        return (self._pool or self._make_pool()).send(request)

    async def asend(self, request: Request) -> Response:
        """`send` on this event loop."""
        kept = self._by_loop.get(asyncio.get_running_loop())
        pool = kept[0] if kept else await self._make_async_pool()
        return await pool.send(request)

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
            pool, keeper = kept
            await pool.aclose()
            await keeper.aclose()

    def __deepcopy__(self, _memo: dict[int, Any]) -> "Connections":
        """Copy without connections: neither sockets nor locks can be copied."""
        return Connections()

    def __reduce__(self) -> tuple[type["Connections"], tuple[()]]:
        """Pickle without connections, likewise."""
        return Connections, ()

    def _make_pool(self) -> Pool:
        with _lock:
            if self._pool is None:
                self._pool = Pool()
                self._finalizer = weakref.finalize(self, self._pool.close)
                _all.add(self)
            return self._pool

    async def _make_async_pool(self) -> AsyncPool:
        for other in list(self._by_loop):  # Other threads may add theirs meanwhile.
            if other.is_closed():
                self._by_loop.pop(other, None)
        pool = AsyncPool()
        keeper = _close_with_loop(weakref.ref(self), pool)
        self._by_loop[asyncio.get_running_loop()] = (pool, keeper)
        _all.add(self)
        await anext(keeper)
        return pool

    def _leave_to_the_parent(self) -> None:
        """Forget all connections in a forked child, without closing what the parent uses."""
        if self._finalizer is not None:
            self._finalizer.detach()
        _left_to_the_parent.append((self._pool, self._by_loop))
        self._pool, self._finalizer, self._by_loop = None, None, {}


async def _close_with_loop(
    owner: "weakref.ref[Connections]", pool: AsyncPool
) -> AsyncGenerator[None]:
    """Wait for the end of the loop on which this was started, and close its pool."""
    loop = asyncio.get_running_loop()
    try:
        yield
    finally:
        connections = owner()
        if connections is not None:
            connections._by_loop.pop(loop, None)  # noqa: SLF001 -- a part of the class above
        if loop.is_running():  # With `nest_asyncio` it is left as it is at the program's end.
            if sys.get_asyncgen_hooks().finalizer is not None:
                await pool.aclose()
            else:  # There a model was dropped, and nobody finalises what would be awaited.
                loop.call_soon_threadsafe(lambda: loop.create_task(pool.aclose()))


def _after_fork_in_child() -> None:
    global _lock  # noqa: PLW0603 -- another thread may have held it while this one forked
    _lock = threading.Lock()
    for connections in list(_all):
        connections._leave_to_the_parent()  # noqa: SLF001 -- a part of the class above


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
