"""Scaleway on this machine, for programs that mean Scaleway itself.

A proxy on loopback takes their connections, answers TLS with certificates of its own, and
hands every byte to an emulator. Nothing in the programs is changed for that: proxy and
certificate come through the environment variables that HTTP clients read anyway, so what runs
is what a user would run.
"""

import asyncio
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Self

from langchain_scaleway.testing import ScalewayEmulator
from tests.support.relay import relay, tls_for

_PATIENCE = 30.0
"""Seconds in which the proxy starts and stops, at the latest."""


class LocalScaleway:
    """A proxy behind which emulators are Scaleway; nothing else can be reached through it.

    Args:
        hosts: The running emulators, by the host names that they answer for. The first is the
            one whose key is in the environment.
        directory: Where to put the certificate of the proxy's authority.
    """

    def __init__(self, hosts: Mapping[str, ScalewayEmulator], directory: Path) -> None:
        self._hosts = hosts
        self.certificate = directory / "local-scaleway.pem"
        self._tls = tls_for(*hosts, certificate=self.certificate)
        self._url = ""
        self._started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables that lead a program here, the key among them."""
        return {
            "HTTPS_PROXY": self._url,
            "SSL_CERT_FILE": str(self.certificate),
            "SCW_SECRET_KEY": next(iter(self._hosts.values())).api_key or "",
        }

    def __enter__(self) -> Self:
        """Start to listen on a free port."""
        self._thread.start()
        assert self._started.wait(_PATIENCE), "The proxy has not started."
        return self

    def __exit__(self, *_: object) -> None:
        """Break off all connections."""
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(_PATIENCE)

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        server = await asyncio.start_server(self._serve, "127.0.0.1")
        self._url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        self._started.set()
        await self._stopping.wait()
        server.close()
        for writer in self._open.values():
            writer.transport.abort()
        await asyncio.gather(*self._open)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open[task] = writer
        # Either side may go when it likes.
        with suppress(OSError, asyncio.IncompleteReadError):
            await self._tunnel(reader, writer)
        writer.transport.abort()
        del self._open[task]

    async def _tunnel(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        address = request.split(b" ")[1].decode()
        emulator = self._hosts.get(address.removesuffix(":443"))
        if emulator is None:
            writer.write(b"HTTP/1.1 403 Only Scaleway Is Here\r\ncontent-length: 0\r\n\r\n")
            await writer.drain()
            return
        writer.write(b"HTTP/1.1 200 Connection Established\r\n\r\n")
        await writer.start_tls(self._tls)
        await relay(reader, writer, emulator)
