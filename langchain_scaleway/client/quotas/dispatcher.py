"""A queue in which requests wait for their permits: first come, first served.

Whoever waits holds a future, so threads and tasks of any event loop wait in one queue. One thread
hands out the permits. It exists only while somebody waits, or while a remote store has to be told
when requests end.
"""

import asyncio
import atexit
import copy
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from math import inf
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from langchain_scaleway.client.quotas.estimates import TokenEstimator
from langchain_scaleway.client.quotas.store import (
    NOTHING_TAKEN,
    Estimate,
    Lease,
    Outcome,
    QuotaState,
    Scope,
)

if TYPE_CHECKING:
    from langchain_scaleway.client.quotas.memory import MemoryStore
    from langchain_scaleway.client.quotas.redis import RedisStore

_MOST_REFUSALS = 9
"""Refusals in a row. The pauses between them add up to more than two minutes (121 to 151 s), longer
than any quota per minute lasts."""

_ASK_AGAIN = 5.0
"""Seconds after which the first in a line asks again, even if nothing has happened."""

_ASK_REMOTE = 0.05, 0.25
"""The least and the most seconds after which a line asks a remote store again. Other processes make
room without telling; and if each of them asked as soon as one request may go, all would ask for
nothing most of the time."""

_SECONDS_AT_EXIT = 1.0
"""How long the end of a program waits for a remote store to be told what has ended."""

Estimator = Callable[[], Estimate]
"""Estimates a request, by what is known at the time."""

Waiter = tuple[Future[Lease], Estimator, Callable[[], bool]]
"""A request that waits, its size, and whether the event loop that it waits in is closed."""


class Line:
    """The requests of one limiter that wait for one quota.

    All lines to a quota share what is known of its `tokens`.
    """

    def __init__(self, dispatcher: "Dispatcher", scope: Scope, tokens: TokenEstimator) -> None:
        self.dispatcher = dispatcher
        self.scope = scope
        self.tokens = tokens
        self.quota = dispatcher.store.quota(scope)
        self.asks_at = 0.0  # Not earlier, on the monotonic clock.
        self.renews_at = 0.0  # The leases of a remote store, likewise.
        self.waiting: deque[Waiter] = deque()


class Dispatcher:
    """Hands out the permits of a store.

    Whatever ends a request must not wait for a lock: an abandoned stream is closed wherever the
    garbage collector runs, perhaps in a thread that holds this very lock. So it is put into a
    queue, which never blocks, and done by whoever comes next.
    """

    def __init__(self, store: "MemoryStore | RedisStore") -> None:
        self.store = store
        self._lock = threading.RLock()
        self._events: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._lines: set[Line] = set()  # Those in which somebody waits.
        self._leases: dict[str, tuple[Line, float]] = {}  # Of a remote store, and since when.
        self._thread: threading.Thread | None = None
        self._estimators: WeakValueDictionary[str, TokenEstimator] = WeakValueDictionary()
        if store.is_remote:
            atexit.register(self._finish)

    def line(self, scope: Scope) -> Line:
        """Make a line to a quota."""
        with self._lock:
            tokens = self._estimators.setdefault(scope.account, TokenEstimator())
        return Line(self, scope, tokens)

    def acquire(self, line: Line, estimate: Estimator) -> Lease:
        """Wait in this thread until a request may be sent.

        Raises:
            ScalewayRateLimitError: Every request has been refused for minutes.
        """
        future = self._join(line, estimate)
        try:
            return future.result()
        except BaseException:
            self._leave(line, future)
            raise

    async def aacquire(self, line: Line, estimate: Estimator) -> Lease:
        """Wait in this task, otherwise as `acquire`."""
        future = self._join(line, estimate, asyncio.get_running_loop().is_closed)
        if future.done():
            return future.result()
        try:
            return await asyncio.wrap_future(future)
        except BaseException:
            self._leave(line, future)
            raise

    def acquire_now(self, line: Line, estimate: Estimator) -> Lease | None:
        """Take a lease if nobody waits and there is one; not for a remote store."""
        with self._lock:
            return self._take_now(line, estimate)

    def learn(self, line: Line, lease: Lease, states: dict[str, QuotaState]) -> None:
        """Note that a request was let in, and what the answer's headers say."""
        self._events.put(lambda: line.quota.learn(lease, states))

    def settle(
        self, line: Line, lease: Lease, outcome: Outcome, hopeless: Exception | None = None
    ) -> None:
        """Note that a request has ended.

        If refusals do not end, `hopeless` is raised for all who wait.
        """
        self._events.put(lambda: self._settle(line, lease, outcome, hopeless))

    def _join(
        self, line: Line, estimate: Estimator, is_closed: Callable[[], bool] = bool
    ) -> Future[Lease]:
        """Wait in a line; a thread has no event loop that could be closed."""
        future: Future[Lease] = Future()
        with self._lock:
            lease = None if self.store.is_remote else self._take_now(line, estimate)
            if lease is not None:
                future.set_result(lease)
                return future
            line.waiting.append((future, estimate, is_closed))
            self._lines.add(line)
            if self._thread is not None:
                self._events.put(lambda: None)  # Wakes it.
            else:
                self._thread = threading.Thread(
                    target=self._run, name="scaleway-quotas", daemon=True
                )
                self._thread.start()
        return future

    def _leave(self, line: Line, future: Future[Lease]) -> None:
        """Wait no longer, and give back what may have been granted meanwhile."""
        if not future.cancel() and future.exception() is None:
            self.settle(line, future.result(), NOTHING_TAKEN)

    def _take_now(self, line: Line, estimate: Estimator) -> Lease | None:
        if self._thread is None:
            self._do_events()
        if line.waiting:
            return None
        outcome = line.quota.take(estimate())
        return outcome if isinstance(outcome, Lease) else None

    def _run(self) -> None:
        """Hand out permits until nobody waits, in a thread of its own."""
        wait = 0.0
        try:
            while True:
                self._do_events(wait)
                with self._lock:
                    lines = list(self._lines)
                wait = min([*map(self._serve, lines), self._renew()])
                with self._lock:
                    if not self._lines and not self._leases:
                        self._thread = None
                        return
        except BaseException as error:
            # Whoever waits must not wait for ever because of a mistake in here.
            with self._lock:
                self._thread = None
                self._turn_away(self._lines, error)
            raise

    def _serve(self, line: Line) -> float:
        """Let requests of a line through, and say how many seconds to wait for the next."""
        while True:
            with self._lock:
                if not line.waiting:
                    self._lines.discard(line)
                    return inf
                future, estimate, is_closed = line.waiting[0]
                if future.cancelled() or is_closed():
                    line.waiting.popleft()
                    continue
            if (early := line.asks_at - time.monotonic()) > 0:
                return early
            outcome = line.quota.take(estimate())
            if not isinstance(outcome, Lease):
                wait = outcome / line.scope.time_scale
                if not self.store.is_remote:
                    return min(wait, _ASK_AGAIN)
                least, most = _ASK_REMOTE
                wait = max(min(wait, most), random.uniform(least, 2 * least))  # noqa: S311 -- no secret
                line.asks_at = time.monotonic() + wait
                return wait
            if self.store.is_remote:
                self._leases[outcome.id] = line, time.monotonic()
            with self._lock:
                line.waiting.popleft()
            if future.set_running_or_notify_cancel():
                future.set_result(outcome)
            else:
                self.settle(line, outcome, NOTHING_TAKEN)

    def _renew(self) -> float:
        """Keep what is under way from expiring in a remote store, and say when to do so again."""
        now = time.monotonic()
        for lease, (line, since) in list(self._leases.items()):
            if now - since > line.scope.longest:
                del self._leases[lease]  # Nobody will say that it has ended.
        lines = {line for line, _ in self._leases.values()}
        for line in lines:
            if now >= line.renews_at:
                line.quota.renew([lease for lease, (of, _) in self._leases.items() if of is line])
                line.renews_at = now + line.scope.lease / 3
        return min((line.renews_at - now for line in lines), default=inf)

    def _do_events(self, wait: float = 0.0) -> None:
        """Do what has been put off; wait for the first of it."""
        try:
            event = self._events.get(wait > 0, None if wait == inf else wait)
            while True:
                event()
                event = self._events.get_nowait()
        except Empty:
            pass

    def _settle(
        self, line: Line, lease: Lease, outcome: Outcome, hopeless: Exception | None
    ) -> None:
        refusals = line.quota.settle(lease, outcome)
        self._leases.pop(lease.id, None)
        if hopeless is not None and refusals >= _MOST_REFUSALS:
            with self._lock:
                lines = [one for one in self._lines if one.scope.account == line.scope.account]
            self._turn_away(lines, hopeless)

    def _turn_away(self, lines: Iterable[Line], error: BaseException) -> None:
        """Let nobody in these lines wait any longer."""
        for line in lines:
            while line.waiting:
                future, *_ = line.waiting.popleft()
                if future.set_running_or_notify_cancel():
                    future.set_exception(copy.copy(error))

    def _finish(self) -> None:
        """At the end of the program, wait until the store knows what has ended."""
        if self._thread is not None and self._thread.is_alive():
            done = threading.Event()
            self._events.put(done.set)
            done.wait(_SECONDS_AT_EXIT)
