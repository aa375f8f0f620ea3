"""A lock that cannot deadlock when the garbage collector runs while it is held."""

import threading
from collections import deque
from collections.abc import Callable


class DeferringLock:
    """A lock whose holder also does what others must not wait to do themselves.

    An abandoned stream is closed wherever the garbage collector happens to run, perhaps in
    a thread that holds this very lock and would wait for itself. So whatever ends a request
    never waits for the lock: it is left to the holder, who does it after freeing the lock.
    """

    def __init__(self) -> None:
        """Start free."""
        self._lock = threading.Lock()
        self._left_to_do: deque[Callable[[], None]] = deque()

    def __enter__(self) -> None:
        """Wait for the lock."""
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        """Free the lock, and do what was left."""
        self._lock.release()
        self._do_what_is_left()

    def run(self, action: Callable[[], None]) -> None:
        """Do something under the lock: now, or when its holder has freed it."""
        self._left_to_do.append(action)
        self._do_what_is_left()

    def _do_what_is_left(self) -> None:
        # Looked at again after each release: something may have been left in between.
        while self._left_to_do and self._lock.acquire(blocking=False):
            try:
                while self._left_to_do:
                    self._left_to_do.popleft()()
            finally:
                self._lock.release()
