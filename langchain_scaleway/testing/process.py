"""`EmulatorProcess`: the emulator in a process of its own.

For benchmarks and soak tests: the emulator then shares neither the interpreter's lock nor memory
with the program under test.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from dataclasses import dataclass, fields
from multiprocessing.connection import Connection as Pipe
from typing import Any, Final, Self

from langchain_scaleway.testing.emulator import ScalewayEmulator
from langchain_scaleway.testing.endpoints.base import Queue
from langchain_scaleway.testing.received import ReceivedRequest
from langchain_scaleway.testing.replies import Step
from langchain_scaleway.testing.settings import EmulatorSettings

_START_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 10.0


@dataclass(kw_only=True, eq=False)
class EmulatorProcess(EmulatorSettings):
    """A `ScalewayEmulator` in another process, under the same names.

    What is scripted must be picklable: replies and faults are, functions of a module are,
    lambdas are not. A program that starts one needs the usual
    `if __name__ == "__main__":`. The process ends with the program that started it.
    """

    def __post_init__(self) -> None:
        """Prepare a process that is not started yet."""
        self._pipe: Pipe[Any, Any] | None = None
        self._process: multiprocessing.process.BaseProcess | None = None

    def start(self) -> Self:
        """Start the process and wait until it serves.

        Raises:
            RuntimeError: It does not start.
        """
        # Not forked: the program may have threads and event loops.
        context = multiprocessing.get_context("spawn")
        settings = {one.name: getattr(self, one.name) for one in fields(EmulatorSettings)}
        self._pipe, other_end = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(settings, other_end), name="scaleway-emulator", daemon=True
        )
        self._process.start()
        other_end.close()
        if not self._pipe.poll(_START_SECONDS):
            raise RuntimeError("The emulator's process did not start.")
        self._receive()
        return self

    def stop(self) -> None:
        """End the process."""
        if self._process is None or self._pipe is None:
            return
        self._pipe.close()
        self._process.join(_STOP_SECONDS)
        self._process.close()
        self._process = self._pipe = None

    def __enter__(self) -> Self:
        """Start the process."""
        return self.start()

    def __exit__(self, *_: object) -> None:
        """End the process."""
        self.stop()

    @property
    def base_url(self) -> str:
        """See `ScalewayEmulator.base_url`."""
        return str(self._ask("base_url"))

    @property
    def project_url(self) -> str:
        """See `ScalewayEmulator.project_url`."""
        return str(self._ask("project_url"))

    @property
    def requests(self) -> list[ReceivedRequest]:
        """See `ScalewayEmulator.requests`; copies, as they are now."""
        requests: list[ReceivedRequest] = self._ask("requests")
        return requests

    @property
    def statuses(self) -> dict[int, int]:
        """See `ScalewayEmulator.statuses`."""
        statuses: dict[int, int] = self._ask("statuses")
        return statuses

    @property
    def refused_by_quota(self) -> dict[str, int]:
        """See `ScalewayEmulator.refused_by_quota`."""
        refused: dict[str, int] = self._ask("refused_by_quota")
        return refused

    @property
    def connections_opened(self) -> int:
        """See `ScalewayEmulator.connections_opened`."""
        return int(self._ask("connections_opened"))

    @property
    def connections_open(self) -> int:
        """See `ScalewayEmulator.connections_open`."""
        return int(self._ask("connections_open"))

    @property
    def peak_concurrent_requests(self) -> int:
        """See `ScalewayEmulator.peak_concurrent_requests`."""
        return int(self._ask("peak_concurrent_requests"))

    def now(self) -> float:
        """See `ScalewayEmulator.now`."""
        return float(self._ask("now"))

    def script(self, *steps: Step, endpoint: Queue = "chat") -> None:
        """See `ScalewayEmulator.script`."""
        self._ask("script", *steps, endpoint=endpoint)

    def respond_with(
        self, function: Callable[[ReceivedRequest], Step] | None, *, endpoint: Queue = "chat"
    ) -> None:
        """See `ScalewayEmulator.respond_with`."""
        self._ask("respond_with", function, endpoint=endpoint)

    def verify(self, *, leftover: bool = True) -> None:
        """See `ScalewayEmulator.verify`."""
        self._ask("verify", leftover=leftover)

    def _ask(self, name: str, *arguments: Any, **options: Any) -> Any:
        """Read an attribute of the emulator, or call a method of it."""
        if self._pipe is None:
            raise RuntimeError("The emulator's process has not been started.")
        self._pipe.send((name, arguments, options))
        return self._receive()

    def _receive(self) -> Any:
        """Return what the process answers, or raise what it raised."""
        if self._pipe is None:
            raise RuntimeError("The emulator's process has ended.")
        answer = self._pipe.recv()
        if isinstance(answer, Exception):
            raise answer
        return answer


def _serve(settings: dict[str, Any], pipe: Pipe[Any, Any]) -> None:
    """Serve until the program at the other end of the pipe closes it, or ends."""
    with ScalewayEmulator(**settings) as emulator:
        pipe.send(None)
        while True:
            try:
                name, arguments, options = pipe.recv()
            except EOFError:
                return
            try:
                found = getattr(emulator, name)
                pipe.send(found(*arguments, **options) if callable(found) else found)
            except Exception as error:  # noqa: BLE001 -- raised again at the other end
                pipe.send(error)
