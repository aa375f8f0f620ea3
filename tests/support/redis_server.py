"""A Redis in a process of its own: the real program, which tests skip without."""

import shutil
import socket
import subprocess
import time
from contextlib import suppress
from types import TracebackType
from typing import Self

PROGRAMS = ("redis-server", "valkey-server")


class RedisServer:
    """Redis on a free port, with nothing on any disk."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address."""
        return f"redis://127.0.0.1:{self.port}/0"

    @staticmethod
    def is_installed() -> bool:
        """Whether the program is there."""
        return any(shutil.which(program) for program in PROGRAMS)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        import redis  # noqa: PLC0415 -- an extra

        program = next(path for name in PROGRAMS if (path := shutil.which(name)))
        arguments = ["--port", str(self.port), "--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen(
            [program, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        client, ends = redis.Redis.from_url(self.url), time.monotonic() + 10
        while True:
            with suppress(redis.ConnectionError):
                client.ping()
                break
            assert time.monotonic() < ends, "Redis has not started within ten seconds."
            time.sleep(0.02)
        client.close()

    def stop(self) -> None:
        """Stop it, as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def __enter__(self) -> Self:
        """Start it for a `with` block."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop it."""
        self.stop()
