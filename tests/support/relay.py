"""What servers in front of an emulator share: certificates, and handing every byte on."""

import asyncio
import ssl
from contextlib import suppress
from pathlib import Path

import trustme

from langchain_scaleway.testing import ScalewayEmulator


def tls_for(*hosts: str, certificate: Path) -> ssl.SSLContext:
    """TLS for servers of these names, by an authority whose certificate is written to a file."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*hosts).configure_cert(context)
    return context


async def relay(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, emulator: ScalewayEmulator
) -> None:
    """Connect a client with an emulator, until both have ended."""
    host, port = emulator.base_url.split("/")[2].split(":")
    from_emulator, to_emulator = await asyncio.open_connection(host, int(port))
    answers = asyncio.create_task(_copy(from_emulator, writer))
    await _copy(reader, to_emulator)
    await answers


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Hand on all bytes, and the end of them however it comes."""
    with suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()
