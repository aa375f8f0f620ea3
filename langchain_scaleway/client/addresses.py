"""Connects to a host by whichever of its addresses answers.

asyncio's `create_connection` can do so too, but when it is cancelled it may lose a socket that
has just been connected, and uvloop's cannot.
"""

import asyncio
import socket
from typing import Any

from langchain_scaleway.client.network import SOCKET_OPTIONS

_NEXT_AFTER = 0.25
"""Seconds after which a host's next address is tried too, beside the earlier ones (RFC 8305)."""


async def connect(host: str, port: int) -> socket.socket:
    """Open a connection.

    Args:
        host: The host's name, or an address.
        port: The port.

    Returns:
        The connected socket, which does not block.

    Raises:
        OSError: No address answers, or there is none.
    """
    addresses = iter(await _addresses_of(host, port))
    attempts: set[asyncio.Task[socket.socket]] = set()
    failures: list[str] = []
    try:
        while True:
            address = next(addresses, None)
            if address is not None:
                attempts.add(asyncio.create_task(_connect_to(address)))
            elif not attempts:
                raise OSError(", ".join(failures))
            patience = None if address is None else _NEXT_AFTER
            await asyncio.wait(attempts, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
            for attempt in [attempt for attempt in attempts if attempt.done()]:
                attempts.remove(attempt)
                if (failure := attempt.exception()) is None:
                    return attempt.result()
                failures.append(str(failure))
    finally:
        for attempt in attempts:
            attempt.add_done_callback(_close)
            attempt.cancel()


async def _addresses_of(host: str, port: int) -> list[Any]:
    try:  # An address in digits needs no resolver, which would take a thread.
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except socket.gaierror:
        loop = asyncio.get_running_loop()
        return await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)


async def _connect_to(address: Any) -> socket.socket:
    family, kind, protocol, _, place = address
    connecting = socket.socket(family, kind, protocol)
    try:
        connecting.settimeout(0)
        for option in SOCKET_OPTIONS:
            connecting.setsockopt(*option)
        await asyncio.get_running_loop().sock_connect(connecting, place)
    except BaseException:
        connecting.close()
        raise
    return connecting


def _close(attempt: asyncio.Task[socket.socket]) -> None:
    """Close the socket of an attempt that was not the first to succeed."""
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result().close()
