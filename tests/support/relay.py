"""What servers in front of an emulator share: a life, certificates, and handing every byte on."""

import asyncio
import ssl
import threading
from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path
from typing import Protocol, Self

import trustme

_PATIENCE = 30.0
"""Seconds in which a server starts and stops, at the latest."""


class ThreadedServer(ABC):
    """A server on this machine, in an event loop on a thread of its own, as a context manager.

    Attributes:
        port: Where it listens.
    """

    def __init__(self) -> None:
        self.port = 0
        self._started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    @abstractmethod
    async def _listen(self) -> asyncio.Server:
        """Listen on a free port, and give connections to `_serve`."""

    @abstractmethod
    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Do what this server does with a connection."""

    def __enter__(self) -> Self:
        """Start to listen."""
        self._thread.start()
        assert self._started.wait(_PATIENCE), "The server has not started."
        return self

    def __exit__(self, *_: object) -> None:
        """Break off all connections."""
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(_PATIENCE)

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        server = await self._listen()
        self.port = server.sockets[0].getsockname()[1]
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
            await self._answer(reader, writer)
        writer.transport.abort()
        del self._open[task]


def tls_for(*hosts: str, certificate: Path) -> ssl.SSLContext:
    """TLS for servers of these names, by an authority whose certificate is written to a file."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*hosts).configure_cert(context)
    return context


class Server(Protocol):
    """An emulator, or another server that listens on this machine."""

    @property
    def base_url(self) -> str:
        """Its address."""


async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, server: Server) -> None:
    """Connect a client with a server, until both have ended."""
    host, port = server.base_url.split("/")[2].split(":")
    from_emulator, to_emulator = await asyncio.open_connection(host, int(port))
    answers = asyncio.create_task(copy(from_emulator, writer))
    await copy(reader, to_emulator)
    await answers


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Hand on all bytes, and the end of them however it comes."""
    with suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()
