"""httpcore's connections read with our parser, whatever name httpcore has for theirs."""

import asyncio

import httpcore
import pytest

from langchain_scaleway.client.http11 import AsyncConnection, Connection

URL = "http://127.0.0.1/v1/models"
ORIGIN = httpcore.URL(URL).origin
HEADERS = [("host", "127.0.0.1")]
ANSWER = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
MORE = b"HTTP/1.1 200 OK\r\n"


def read(*came: bytes) -> tuple[bytes, bool]:
    connection = Connection(ORIGIN, httpcore.MockStream([*came]))
    content = connection.handle_request(httpcore.Request("GET", URL, headers=HEADERS)).read()
    return content, connection.has_more()


async def aread(*came: bytes) -> tuple[bytes, bool]:
    connection = AsyncConnection(ORIGIN, httpcore.AsyncMockStream([*came]))
    response = await connection.handle_async_request(httpcore.Request("GET", URL, headers=HEADERS))
    return await response.aread(), connection.has_more()


@pytest.mark.parametrize(
    ("came", "has_more"),
    [([ANSWER], False), ([ANSWER + MORE], True), ([ANSWER[:-3], ANSWER[-3:] + MORE], True)],
)
def test_what_comes_after_an_answer_is_noticed(came: list[bytes], has_more: bool) -> None:
    assert read(*came) == (b"abc", has_more)
    assert asyncio.run(aread(*came)) == (b"abc", has_more)
