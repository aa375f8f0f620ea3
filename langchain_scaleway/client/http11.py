"""Single HTTP/1.1 connections: httpcore's, over our network streams, with our parser.

httpcore has no parameter for a parser. It keeps its own in the attribute that is set here.
"""

import ssl

import httpcore

from langchain_scaleway.client import asyncio_network, network
from langchain_scaleway.client.response_parser import ResponseParser


class Connection(httpcore.HTTP11Connection):
    """A synchronous connection.

    Args:
        origin: The server that it leads to.
        stream: The network stream to it.
    """

    def __init__(self, origin: httpcore.Origin, stream: httpcore.NetworkStream) -> None:
        super().__init__(origin, stream)
        self._h11_state = ResponseParser(self.MAX_INCOMPLETE_EVENT_SIZE)

    def has_more(self) -> bool:
        """Whether more came after an answer, which would pass for the next request's answer.

        httpcore does not check that.
        """
        return self._h11_state.trailing_data[0] != b""


class AsyncConnection(httpcore.AsyncHTTP11Connection):
    """The same for coroutines."""

    def __init__(self, origin: httpcore.Origin, stream: httpcore.AsyncNetworkStream) -> None:
        super().__init__(origin, stream)
        self._h11_state = ResponseParser(self.MAX_INCOMPLETE_EVENT_SIZE)

    def has_more(self) -> bool:
        """Whether more came after an answer; see `Connection`."""
        return self._h11_state.trailing_data[0] != b""


def connect(
    origin: httpcore.Origin, ssl_context: ssl.SSLContext | None, timeout: float | None
) -> Connection:
    """Connect to a server.

    Args:
        origin: The server.
        ssl_context: What to encrypt with, if at all.
        timeout: Seconds that each of the two steps, connecting and encrypting, may take.

    Raises:
        httpcore.ConnectError: There is no server, or it cannot be trusted.
        httpcore.ConnectTimeout: It took too long.
    """
    host = origin.host.decode("ascii")
    stream: httpcore.NetworkStream = network.connect_tcp(host, origin.port, timeout)
    if ssl_context is not None:
        stream = stream.start_tls(ssl_context, host, timeout)
    return Connection(origin, stream)


async def aconnect(
    origin: httpcore.Origin,
    ssl_context: ssl.SSLContext | None,
    timeout: float | None,  # noqa: ASYNC109 -- each step has its own
) -> AsyncConnection:
    """Do the same asynchronously."""
    host = origin.host.decode("ascii")
    stream: httpcore.AsyncNetworkStream
    stream = await asyncio_network.connect_tcp(host, origin.port, timeout)
    if ssl_context is not None:
        stream = await stream.start_tls(ssl_context, host, timeout)
    return AsyncConnection(origin, stream)
