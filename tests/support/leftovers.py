"""Finds what a piece of work has left behind: sockets, threads, warnings of the collector."""

import contextlib
import functools
import gc
import os
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

_PATIENCE = 10.0
"""Seconds for what is about to close, such as a server's side of a connection."""


@contextlib.contextmanager
def nothing_left() -> Iterator[None]:
    """Assert that as many sockets are open, and threads running, after the block as before.

    What the collector finds is found before the block's test ends, so that a resource that
    was not closed becomes a warning of this test and so, as warnings are errors, its failure.
    """
    _forget_what_is_there()
    gc.collect()
    sockets, threads = open_sockets(), threading.active_count()
    yield
    gc.collect()
    assert wait_for(lambda: open_sockets() <= sockets), (
        f"{open_sockets() - sockets} sockets are left open"
    )
    assert wait_for(lambda: threading.active_count() <= threads), (
        f"threads are left: {threading.enumerate()}"
    )


@functools.cache
def _forget_what_is_there() -> None:
    """Have collections pass over all modules and classes, which is most of their work."""
    gc.collect()
    gc.freeze()


def open_sockets() -> int:
    """How many sockets this process has open; 0 on Windows, which does not list them."""
    if sys.platform == "win32":
        return 0
    count = 0
    for descriptor in Path("/dev/fd").iterdir():
        with contextlib.suppress(OSError):  # It may be gone by now.
            count += stat.S_ISSOCK(os.fstat(int(descriptor.name)).st_mode)
    return count


def wait_for(condition: Callable[[], bool], seconds: float = _PATIENCE) -> bool:
    """Wait for a condition that another thread is about to fulfil; return whether it did."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True
