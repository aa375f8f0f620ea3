"""`EmulatorProcess`: the emulator in a process of its own.

For benchmarks and soak tests: the emulator then shares neither the interpreter's lock nor memory
with the program under test.
"""

import multiprocessing
from dataclasses import dataclass, fields
from functools import partial
from multiprocessing.connection import Connection as Pipe
from typing import TYPE_CHECKING, Any, Final, Self

from langchain_scaleway.testing.emulator import ScalewayEmulator
from langchain_scaleway.testing.settings import EmulatorSettings

_STOP_SECONDS: Final = 10.0

if TYPE_CHECKING:
    # What type checkers may know: each attribute that is not below is asked of the other process.
    _Remote = ScalewayEmulator
else:
    _Remote = EmulatorSettings


@dataclass(kw_only=True, eq=False)
class EmulatorProcess(_Remote):
    """A `ScalewayEmulator` in another process, under the same names.

    What is scripted must be picklable, as lambdas are not; `requests` are copies, and rules and
    waiting are not for here. A program that starts one needs `if __name__ == "__main__":`. The
    process ends with the program that started it.
    """

    def __post_init__(self) -> None:
        """Prepare a process that is not started yet."""
        self._pipe: Pipe[Any, Any] | None = None

    def start(self, host: str = "127.0.0.1", port: int = 0) -> Self:
        """Start the process and wait until it serves."""
        # Not forked: the program may have threads and event loops.
        context = multiprocessing.get_context("spawn")
        settings = {one.name: getattr(self, one.name) for one in fields(EmulatorSettings)}
        self._pipe, other_end = context.Pipe()
        self._process = context.Process(target=_serve, args=(settings, other_end), daemon=True)
        self._process.start()
        other_end.close()
        self._ask("start", host, port)
        return self

    def stop(self) -> None:
        """End the process."""
        if self._pipe is not None:
            self._pipe.close()
            self._pipe = None
            self._process.join(_STOP_SECONDS)
            self._process.close()

    def __enter__(self) -> Self:
        """Start the process."""
        return self.start()

    def __exit__(self, error_type: type[BaseException] | None, *_: object) -> None:
        """End the process; a function that failed to answer fails the test."""
        try:
            if error_type is None and self._pipe is not None:
                self.verify(leftover=False)
        finally:
            self.stop()

    def __getattr__(self, name: str) -> Any:
        """Ask for an attribute of the emulator, or return a method that calls its own."""
        if name.startswith("_"):
            raise AttributeError(f"EmulatorProcess has no attribute {name!r}.")
        is_method = callable(getattr(ScalewayEmulator, name, None))
        return partial(self._ask, name) if is_method else self._ask(name)

    def _ask(self, name: str, *arguments: Any, **options: Any) -> Any:
        """Read an attribute in the other process, or call a method there."""
        if self._pipe is None:
            raise RuntimeError("The emulator's process has not been started.")
        self._pipe.send((name, arguments, options))
        try:
            answer = self._pipe.recv()
        except EOFError as error:
            raise RuntimeError("The emulator's process has ended.") from error
        if isinstance(answer, BaseException):
            raise answer
        return answer


def _serve(settings: dict[str, Any], pipe: "Pipe[Any, Any]") -> None:
    """Do what the program at the other end of the pipe asks, until it closes it or ends."""
    emulator = ScalewayEmulator(**settings)
    while True:
        try:
            name, arguments, options = pipe.recv()
        except EOFError:
            break
        try:
            found = getattr(emulator, name)
            answer = found(*arguments, **options) if callable(found) else found
            pipe.send(None if answer is emulator else answer)
        except BaseException as error:  # noqa: BLE001 -- raised again at the other end
            pipe.send(error)
    emulator.stop()
