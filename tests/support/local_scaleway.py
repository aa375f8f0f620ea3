"""Scaleway on this machine, for programs that mean Scaleway itself.

A proxy on loopback takes their connections, answers TLS with certificates of its own, and
hands every byte to an emulator. Nothing in the programs is changed for that: proxy and
certificate come through the environment variables that HTTP clients read anyway, so what runs
is what a user would run.
"""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from tests.support.relay import Server, ThreadedServer, relay, tls_for


class LocalScaleway(ThreadedServer):
    """A proxy behind which emulators are Scaleway; nothing else can be reached through it.

    Args:
        hosts: The running emulators, and other servers, by the host names that they answer for.
            The first is the emulator whose key is in the environment.
        directory: Where to put the certificate of the proxy's authority.
    """

    def __init__(self, hosts: Mapping[str, Server], directory: Path) -> None:
        super().__init__()
        self._hosts = hosts
        self.certificate = directory / "local-scaleway.pem"
        self._tls = tls_for(*hosts, certificate=self.certificate)

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables that lead a program here, the key among them."""
        return {
            "HTTPS_PROXY": f"http://127.0.0.1:{self.port}",
            "SSL_CERT_FILE": str(self.certificate),
            "SCW_SECRET_KEY": getattr(next(iter(self._hosts.values())), "api_key", None) or "",
        }

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_server(self._serve, "127.0.0.1")

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        address = request.split(b" ")[1].decode()
        server = self._hosts.get(address.removesuffix(":443"))
        if server is None:
            writer.write(b"HTTP/1.1 403 Only Scaleway Is Here\r\ncontent-length: 0\r\n\r\n")
            await writer.drain()
            return
        writer.write(b"HTTP/1.1 200 Connection Established\r\n\r\n")
        await writer.start_tls(self._tls)
        await relay(reader, writer, server)
