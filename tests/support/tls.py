"""TLS in front of an emulator, for the way that requests take to Scaleway itself."""

import asyncio
from pathlib import Path

from langchain_scaleway.testing import ScalewayEmulator
from tests.support.relay import ThreadedServer, copy, relay, tls_for


class TlsFront(ThreadedServer):
    """A server on this machine that takes TLS off and hands every byte on.

    Args:
        emulator: The running emulator behind it.
        directory: Where to put the certificate of the authority that it is to be trusted by.

    Attributes:
        certificate: The authority's certificate; `SSL_CERT_FILE` may name it.
        protocols: What was agreed on with each client; the server knows HTTP/2 as well.
    """

    def __init__(self, emulator: ScalewayEmulator, directory: Path) -> None:
        super().__init__()
        self._emulator = emulator
        self.certificate = directory / "authority.pem"
        self._tls = tls_for("localhost", certificate=self.certificate)
        self._tls.set_alpn_protocols(["h2", "http/1.1"])
        self.protocols: list[str | None] = []

    @property
    def base_url(self) -> str:
        """The URL to give to a client, with `/v1`."""
        return f"https://localhost:{self.port}/v1"

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_server(self._serve, "localhost", ssl=self._tls)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.protocols.append(writer.get_extra_info("ssl_object").selected_alpn_protocol())
        await relay(reader, writer, self._emulator)


class Tunnel(ThreadedServer):
    """A proxy on this machine that leads every tunnel to one server, whatever it is asked for.

    Args:
        target: The server's port.

    Attributes:
        asked_for: The first line of each request for a tunnel.
    """

    def __init__(self, target: int) -> None:
        super().__init__()
        self._target = target
        self.asked_for: list[bytes] = []

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_server(self._serve, "127.0.0.1")

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.asked_for.append(head.partition(b"\r\n")[0])
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        from_server, to_server = await asyncio.open_connection("localhost", self._target)
        answers = asyncio.create_task(copy(from_server, writer))
        await copy(reader, to_server)
        await answers
