"""What this process holds, and may hold. The counts read `/proc`, so they need Linux."""

import gc
import os
import resource
from pathlib import Path


def allow_many_sockets() -> None:
    """Raise this process's limit of open files as far as it may; its children inherit it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def open_sockets() -> int:
    """Count this process's sockets, as they are: without a garbage collection."""
    return sum(entry.is_socket() for entry in Path("/proc/self/fd").iterdir())


def resident_bytes() -> int:
    """Return how much memory this process has, after a garbage collection."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
