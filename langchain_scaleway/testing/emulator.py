"""`ScalewayEmulator`: the emulator as tests use it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Self, Unpack

from langchain_scaleway.testing.received import ReceivedRequest
from langchain_scaleway.testing.replies import Step
from langchain_scaleway.testing.service import EmulatedService
from langchain_scaleway.testing.settings import EmulatorOptions, EmulatorSettings

if TYPE_CHECKING:
    from langchain_scaleway.testing.server import EmulatorServer

_STOP_SECONDS: Final = 10.0


class ScalewayEmulator:
    """An HTTP server on this machine that answers as Scaleway's Generative APIs do.

    It runs in a thread of its own, from `start` or `with` to `stop`, and listens on a free
    port of 127.0.0.1. It has no model: unless a test scripts its replies it obeys the form
    of each request, always in the same way (see `langchain_scaleway.testing.responder`).

    Args:
        **settings: The fields of `EmulatorSettings`.

    Raises:
        TypeError: A setting does not exist.

    Example:
        >>> import httpx
        >>> with ScalewayEmulator() as emulator:
        ...     emulator.script("Bonjour")
        ...     answer = httpx.post(
        ...         f"{emulator.base_url}/chat/completions",
        ...         headers={"Authorization": f"Bearer {emulator.api_key}"},
        ...         json={
        ...             "model": "qwen3.6-35b-a3b",
        ...             "messages": [{"role": "user", "content": "Hello"}],
        ...         },
        ...     ).json()
        >>> answer["choices"][0]["message"]["content"]
        'Bonjour'
        >>> emulator.requests[0].json["messages"][0]["content"]
        'Hello'
    """

    def __init__(self, **settings: Unpack[EmulatorOptions]) -> None:
        self.settings = EmulatorSettings(**settings)
        self._service = EmulatedService(self.settings)
        self._server: EmulatorServer | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> Self:
        """Start to serve.

        Raises:
            ImportError: The extra `testing` is not installed.
            RuntimeError: The emulator runs already or does not start.
        """
        if self._thread is not None:
            raise RuntimeError("The emulator runs already.")
        import asyncio  # noqa: PLC0415 -- only needed to serve

        self._server = server = server_class()(self._service)
        self._thread = threading.Thread(
            target=lambda: asyncio.run(server.serve()), name="scaleway-emulator", daemon=True
        )
        self._thread.start()
        server.wait_ready()
        return self

    def stop(self) -> None:
        """Close all connections and stop; what was received stays readable."""
        if self._thread is None or self._server is None:
            return
        self._server.stop()
        self._thread.join(_STOP_SECONDS)
        self._thread = None

    def __enter__(self) -> Self:
        """Start to serve."""
        return self.start()

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self.stop()

    @property
    def base_url(self) -> str:
        """The URL to give to a client, with `/v1`."""
        return f"{self._origin}/v1"

    @property
    def project_url(self) -> str:
        """The project-scoped URL to give to a client."""
        return f"{self._origin}/{self.project_id}/v1"

    @property
    def _origin(self) -> str:
        if self._server is None:
            raise RuntimeError("The emulator has not been started.")
        host, port = self._server.address
        return f"http://{host}:{port}"

    @property
    def api_key(self) -> str | None:
        """The key that is accepted."""
        return self.settings.api_key

    @property
    def project_id(self) -> str:
        """The project that is accepted."""
        return self.settings.project_id

    def script(self, *steps: Step) -> None:
        """Say what the next requests get, in their order of arrival.

        A step answers a request that Scaleway would accept; one that is refused (for its key,
        its parameters, a quota) leaves the script alone.

        Args:
            *steps: A text, a `Reply`, a `RawReply`, a fault that hits an ordinary reply, or
                a function from the `ReceivedRequest` to one of these. Functions run on the
                server's thread and must not wait.
        """
        self._service.script.extend(steps)

    def respond_with(self, function: Callable[[ReceivedRequest], Step] | None) -> None:
        """Answer requests beyond the script with a function; `None` for the default again."""
        self._service.default_step = function

    @property
    def scripted_steps_left(self) -> int:
        """How many steps no request has taken yet."""
        return len(self._service.script)

    @property
    def requests(self) -> list[ReceivedRequest]:
        """The requests received, in their order of arrival."""
        return list(self._service.requests)

    @property
    def connections_opened(self) -> int:
        """How many connections clients have opened."""
        return self._server.connections.opened if self._server is not None else 0

    @property
    def connections_open(self) -> int:
        """How many connections are open."""
        return len(self._server.connections.open) if self._server is not None else 0

    @property
    def statuses(self) -> dict[int, int]:
        """How many answers each HTTP status has had."""
        return dict(self._service.statuses)

    @property
    def refused_by_quota(self) -> dict[str, int]:
        """How many requests each quota has refused, under the names of `Quotas`."""
        return dict(self._service.quotas.refused)

    @property
    def peak_concurrent_requests(self) -> int:
        """The most requests that were answered at the same time."""
        return self._service.quotas.peak_running

    def now(self) -> float:
        """Return the emulated seconds since the emulator was made."""
        return self._service.clock.now()

    def wait_until(
        self, condition: Callable[[ScalewayEmulator], bool], seconds: float = 5.0
    ) -> bool:
        """Wait for something that the server's thread is about to note.

        Args:
            condition: What to wait for, such as
                `lambda emulator: emulator.requests[0].client_disconnected`.
            seconds: Real seconds to wait at most.

        Returns:
            Whether it came about.
        """
        changed = self._service.changed
        with changed:
            return changed.wait_for(lambda: condition(self), seconds)


def server_class() -> type[EmulatorServer]:
    """Import the server, which needs the extra `testing`.

    Raises:
        ImportError: The extra is not installed.
    """
    try:
        from langchain_scaleway.testing.server import EmulatorServer  # noqa: PLC0415 -- see above
    except ImportError as error:
        raise ImportError(
            'The emulator needs Starlette and uvicorn: pip install "langchain-scaleway[testing]"'
        ) from error
    return EmulatorServer
