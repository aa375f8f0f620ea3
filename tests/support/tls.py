"""TLS in front of an emulator, for the way that requests take to Scaleway itself."""

import asyncio
import threading
from pathlib import Path
from typing import Self

from langchain_scaleway.testing import ScalewayEmulator
from tests.support.relay import relay, tls_for

_PATIENCE = 10.0
"""Seconds to start or to stop."""


class TlsFront:
    """A server on this machine that takes TLS off and hands every byte on.

    Args:
        emulator: The running emulator behind it.
        directory: Where to put the certificate of the authority that it is to be trusted by.

    Attributes:
        base_url: The URL to give to a client, with `/v1`.
        certificate: The authority's certificate; `SSL_CERT_FILE` may name it.
    """

    def __init__(self, emulator: ScalewayEmulator, directory: Path) -> None:
        self._emulator = emulator
        self.base_url = ""
        self.certificate = directory / "authority.pem"
        self._tls = tls_for("localhost", certificate=self.certificate)
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    def __enter__(self) -> Self:
        """Start to listen on a free port."""
        self._thread.start()
        assert self._ready.wait(_PATIENCE)
        return self

    def __exit__(self, *_: object) -> None:
        """Break off all connections."""
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(_PATIENCE)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        server = await asyncio.start_server(self._hand_on, "localhost", ssl=self._tls)
        port = server.sockets[0].getsockname()[1]
        self.base_url = f"https://localhost:{port}/v1"
        self._ready.set()
        await self._stopping.wait()
        server.close()

    async def _hand_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await relay(reader, writer, self._emulator)
