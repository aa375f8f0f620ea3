"""`ScalewayRateLimiter`: requests at the speed of Scaleway's quotas, and no faster."""

import math
import os
import threading
import weakref
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import replace
from functools import partial
from hashlib import blake2b
from inspect import iscoroutinefunction
from secrets import token_hex
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from langchain_core.rate_limiters import BaseRateLimiter
from pydantic import SecretStr

from langchain_scaleway.client.quotas.dispatcher import Dispatcher, Line
from langchain_scaleway.client.quotas.gate import QuotaGate
from langchain_scaleway.client.quotas.memory import MemoryStore
from langchain_scaleway.client.quotas.store import (
    NOTHING_TAKEN,
    Estimate,
    Lease,
    Limits,
    Scope,
)

if TYPE_CHECKING:
    from redis import Redis

    from langchain_scaleway.client.quotas.redis import RedisStore


_paid: ContextVar[tuple[Line, Lease] | None] = ContextVar("langchain_scaleway_paid", default=None)
"""What `acquire` has taken for the call that is going on."""

_LONGEST_REQUEST = 900.0
"""Seconds after which a request without a timeout counts as ended. Scaleway ends those of its
serverless API after about five minutes."""

_ANY_NUMBER = 1e12

_lock = threading.Lock()
_memory = Dispatcher(MemoryStore())
_remote: dict[object, Dispatcher] = {}  # By what was given as `store`.
_limiters: "weakref.WeakSet[ScalewayRateLimiter]" = weakref.WeakSet()


class ScalewayRateLimiter(BaseRateLimiter):
    """Keeps requests, tokens and concurrency below Scaleway's quotas.

    It learns the quotas from the headers of answers; until the first answer it assumes the
    lowest that Scaleway documents. All limiters of a process share what is known about an
    organization and model. After a refusal all of them pause, then one request tries, and when
    it is let in all go on.

    With a `store`, limiters of many processes and machines share one quota. While the store cannot
    be reached, each process keeps to its share.

    Can be given to models of other vendors too; then it limits requests per minute, by
    `requests_per_minute` or 300, of this process.

    Args:
        requests_per_minute: Requests that may start per minute, whatever Scaleway allows: a token
            bucket, which holds a minute's worth and fills again evenly.
        tokens_per_minute: Tokens of prompts and answers per minute, likewise.
        max_concurrency: Requests at once, likewise. A stream counts until it has been read
            or closed, but for no longer than 330 seconds, or the model's `timeout` if it is longer.
        share: The part of Scaleway's quotas that may be used, such as `1 / 4` for each of four
            processes that do not know of one another.
        organization: Whose quotas they are, such as Scaleway's id of the organization. Scaleway
            counts per organization and model, but keys do not show to which one they belong: give
            the same name to limiters whose keys share quotas. By default all projects of a key
            share, and different keys do not.
        store: The address of a Redis or Valkey in which many processes count together, such as
            `"redis://localhost:6379/0"`, or a synchronous client of it. Limits of your own then
            count for all who have the same ones. Needs the extra `redis`. Pickles hold the address,
            with its password if it has one.
        time_scale: How many of the server's seconds pass in a second. Other than 1 only in tests
            against an emulator whose time is sped up.

    Raises:
        ValueError: An argument is not positive, the share is more than the whole, or the store is
            no address and no synchronous client.
        ImportError: There is a store, but the extra `redis` is not installed.

    Example:
        ```python
        from langchain_scaleway import ChatScaleway, ScalewayRateLimiter

        model = ChatScaleway(
            model="mistral-small-3.2-24b-instruct-2506",
            rate_limiter=ScalewayRateLimiter(),
        )
        answers = model.batch(["What is 1 + 1?", "What is 2 + 2?"])
        ```
    """

    def __init__(
        self,
        *,
        requests_per_minute: int | None = None,
        tokens_per_minute: int | None = None,
        max_concurrency: int | None = None,
        share: float = 1.0,
        organization: str | None = None,
        store: "str | Redis | None" = None,
        time_scale: float = 1.0,
    ) -> None:
        limits = {
            "requests_per_minute": requests_per_minute,
            "tokens_per_minute": tokens_per_minute,
            "max_concurrency": max_concurrency,
        }
        for name, value in {**limits, "share": share, "time_scale": time_scale}.items():
            if value is not None and not value > 0:
                raise ValueError(f"`{name}` must be positive, not {value}.")
        if share > 1:
            raise ValueError(f"`share` is a part of the quota, 1 at most, not {share}.")
        own = Limits(*(math.inf if value is None else value for value in limits.values()))
        self._scope = Scope("", own, share, time_scale)
        self._arguments: dict[str, Any] = {
            **limits,
            "share": share,
            "organization": organization,
            "store": store,
            "time_scale": time_scale,
        }
        self._store = store
        self._forget()
        self._dispatcher()  # Refuses an address that makes no sense; nothing is opened.
        _limiters.add(self)

    def acquire(self, *, blocking: bool = True) -> bool:
        """Take one request from the requests per minute; LangChain does before each call.

        Args:
            blocking: Whether to wait until there is one.

        Returns:
            Whether there was one.
        """
        take = _memory.acquire if blocking else _memory.acquire_now
        return self._pay(take(self._calls, Estimate))

    async def aacquire(self, *, blocking: bool = True) -> bool:
        """Take one request from the requests per minute, as `acquire` does."""
        if not blocking:
            return self._pay(_memory.acquire_now(self._calls, Estimate))
        return self._pay(await _memory.aacquire(self._calls, Estimate))

    def gate(
        self, base_url: str, api_key: SecretStr | None, timeout: float | None = None
    ) -> QuotaGate:
        """Make the gate that a client asks before each attempt.

        Args:
            base_url: The URL up to and including `/v1`.
            api_key: The key; only a digest of it is kept.
            timeout: Seconds after which a request has ended, whatever has become of it.
        """
        key = api_key.get_secret_value() if api_key is not None else ""
        account = f"{urlsplit(base_url).netloc}\0{self._arguments['organization'] or key}"
        digest = blake2b(account.encode(), person=b"scaleway-quotas").digest()
        longest = timeout or _LONGEST_REQUEST
        return QuotaGate(lambda model: self._line(digest, model, longest))

    def __repr__(self) -> str:
        """Show the arguments that were given."""
        shown = self._arguments | {"store": _without_password(self._store)}
        defaults = {"share": 1, "time_scale": 1}
        given = [
            f"{name}={value!r}" for name, value in shown.items() if value != defaults.get(name)
        ]
        return f"{type(self).__name__}({', '.join(given)})"

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """Pickle the arguments alone; what is known belongs to the process."""
        return partial(type(self), **self._arguments), ()

    def _line(self, account: bytes, model: str, longest: float) -> Line:
        """The line to a model's quota, for a request that its client counts by itself."""
        self._give_back()
        key = account, model
        line = self._lines.get(key)
        if line is None:
            scope = replace(
                self._scope,
                account=blake2b(model.encode(), key=account, digest_size=16).hexdigest(),
                lease=min(longest, Scope.lease),
                longest=max(longest, Scope.longest),  # `timeout` limits the pieces of a stream.
            )
            dispatcher = self._dispatcher()
            with _lock:
                line = self._lines.setdefault(key, dispatcher.line(scope))
        return line

    def _dispatcher(self) -> Dispatcher:
        """Who hands out the permits of this limiter's store."""
        if self._store is None:
            return _memory
        with _lock:
            if self._store not in _remote:
                _remote[self._store] = Dispatcher(_connect(self._store))
            return _remote[self._store]

    def _pay(self, lease: Lease | None) -> bool:
        if lease is None:
            return False
        _paid.set((self._calls, lease))
        return True

    def _give_back(self) -> None:
        """Give back what `acquire` has taken, because the call is counted with its model's."""
        line, lease = _paid.get() or (None, None)
        if line is self._calls and lease is not None:
            _paid.set(None)
            line.dispatcher.settle(line, lease, NOTHING_TAKEN)

    def _forget(self) -> None:
        """Start without knowledge and without requests under way."""
        scope = self._scope
        requests = min(scope.own.requests, scope.assumed.requests)
        # LangChain does not tell when a call ends: its lease ends by `_give_back`, or expires.
        own = Limits(requests, _ANY_NUMBER, _ANY_NUMBER)
        self._calls = _memory.line(Scope(token_hex(8), own, time_scale=scope.time_scale))
        self._lines: dict[tuple[bytes, str], Line] = {}


def _connect(store: "str | Redis") -> "RedisStore":
    try:
        from langchain_scaleway.client.quotas.redis import (  # noqa: PLC0415 -- an extra
            RedisStore,
        )
    except ImportError as error:
        message = "`store` needs the extra `redis`: pip install 'langchain-scaleway[redis]'."
        raise ImportError(message) from error
    if isinstance(store, str):
        return RedisStore.from_url(store)
    execute = getattr(store, "execute_command", None)
    if execute is None or iscoroutinefunction(execute):
        raise ValueError(
            "`store` is the address of a Redis, or a synchronous client of it such as "
            f"`redis.Redis`, not {type(store).__module__}.{type(store).__name__}."
        )
    return RedisStore(store)


def _without_password(store: object) -> object:
    """The address of a store without what may be a secret."""
    if not isinstance(store, str):
        return store
    url = urlsplit(store)
    return f"{url.scheme}://{url.netloc.rpartition('@')[2]}{url.path}"


def _after_fork_in_child() -> None:
    """Forget the parent's requests, and locks that its other threads may hold."""
    global _lock, _memory  # noqa: PLW0603 -- another thread may have held a lock while this forked
    _lock = threading.Lock()
    _memory = Dispatcher(MemoryStore())
    _remote.clear()
    for limiter in list(_limiters):
        limiter._forget()  # noqa: SLF001 -- a part of this module


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
