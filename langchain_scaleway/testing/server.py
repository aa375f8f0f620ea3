"""Run the emulated service on a socket of this machine."""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import Final

from uvicorn.config import Config
from uvicorn.server import ServerState

from langchain_scaleway.testing.app import build_app
from langchain_scaleway.testing.connection import Connections, EmulatorProtocol
from langchain_scaleway.testing.service import EmulatedService

_BACKLOG: Final = 4096
_STOP_SECONDS: Final = 5.0


class EmulatorServer:
    """Serves an `EmulatedService` over HTTP.

    It runs uvicorn's protocol without uvicorn's server, which polls a flag and so takes a
    third of a second to stop.

    Args:
        service: What to serve.
        host: The address to listen on.
        port: The port, or 0 for a free one.

    Attributes:
        address: Host and port that it listens on.
        connections: Its connections.
    """

    def __init__(self, service: EmulatedService, host: str = "127.0.0.1", port: int = 0) -> None:
        self._service = service
        # asyncio switches Nagle's algorithm off only for sockets that name their protocol;
        # with it each answer would wait 40 ms for the client's acknowledgement.
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind((host, port))
        self._socket.listen(_BACKLOG)
        self.address: tuple[str, int] = self._socket.getsockname()[:2]
        self.connections = Connections()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._ready = threading.Event()

    async def serve(self) -> None:
        """Serve until `stop` is called."""
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        config = Config(
            build_app(self._service),
            lifespan="off",
            log_config=None,
            access_log=False,
            ws="none",
            proxy_headers=False,
            timeout_keep_alive=self._service.settings.keep_alive,  # type: ignore[arg-type]  # uvicorn hands it to loop.call_later, which takes fractions
        )
        config.load()
        state = ServerState()
        state.default_headers = [(b"server", b"scaleway-emulator")]
        server = await self._loop.create_server(
            lambda: EmulatorProtocol(config, state, self.connections),
            sock=self._socket,
            backlog=_BACKLOG,
        )
        self._ready.set()
        try:
            await self._stopping.wait()
        finally:
            server.close()
            for connection in list(self.connections.open):
                connection.abort()
            await self._finish(state)

    async def _finish(self, state: ServerState) -> None:
        """Wait for what is still running; the connections it serves are gone."""
        if state.tasks:
            await asyncio.wait(state.tasks, timeout=_STOP_SECONDS)
        # Transports close in the loop's next turn.
        await asyncio.sleep(0)

    def wait_ready(self) -> None:
        """Wait, on another thread, until requests are answered.

        Raises:
            RuntimeError: The server did not start.
        """
        if not self._ready.wait(_STOP_SECONDS):
            raise RuntimeError("The emulator did not start.")

    def stop(self) -> None:
        """Make `serve` return; may be called on any thread."""
        if self._loop is not None and self._stopping is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)
