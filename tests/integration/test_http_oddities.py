"""Answers that HTTP allows and few servers send, and what must not be taken for an answer."""

import json
import math
import socket
import time
from collections.abc import Callable

import httpx
import pytest

from langchain_scaleway import ChatScaleway, errors
from tests.support.calls import EITHER, Mode, call, streams
from tests.support.leftovers import nothing_left
from tests.support.models import PLAIN_MODEL
from tests.support.raw_answers import answer, content
from tests.support.raw_server import RawServer, sends

pytestmark = pytest.mark.timeout(30)

Answer = Callable[[str, Mode], bytes]
"""Makes the bytes that say a text in a way of asking."""


def until_close(text: str, mode: Mode) -> bytes:
    kind, body = content(text, mode)
    return b"HTTP/1.0 200 OK\r\ncontent-type: %s\r\n\r\n" % kind + body


def in_single_bytes(text: str, mode: Mode) -> bytes:
    """Chunks of one byte with an extension each, and a trailer."""
    kind, body = content(text, mode)
    head = b"HTTP/1.1 200 OK\r\ncontent-type: %s\r\ntransfer-encoding: chunked\r\n\r\n" % kind
    chunks = b"".join(b"1;a=b\r\n%c\r\n" % byte for byte in body)
    return head + chunks + b"0\r\nx-checksum: 1\r\n\r\n"


def after_interim_answers(text: str, mode: Mode) -> bytes:
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n"
    return interim + answer(text, mode)


def with_doubled_headers(text: str, mode: Mode) -> bytes:
    doubled = b"x-id: 1\r\nX-ID: 2\r\nset-cookie: a=b\r\nset-cookie: c=d\r\nx-empty:\r\n"
    return answer(text, mode, head=b"HTTP/1.1 200\r\n" + doubled)


def with_a_strange_success(text: str, mode: Mode) -> bytes:
    return answer(text, mode, head=b"HTTP/1.1 203 Non-Authoritative Information\r\n")


ANSWERS: list[Answer] = [
    until_close,
    in_single_bytes,
    after_interim_answers,
    with_doubled_headers,
    with_a_strange_success,
]


def model_at(server: RawServer) -> ChatScaleway:
    return ChatScaleway(model=PLAIN_MODEL, base_url=server.base_url, timeout=5, max_retries=0)


@pytest.mark.parametrize("mode", EITHER)
@pytest.mark.parametrize("odd", ANSWERS, ids=lambda odd: odd.__name__)
def test_odd_answers(odd: Answer, mode: Mode) -> None:
    with nothing_left(), RawServer(sends(odd("Bonjour", mode))) as server:
        attempt = call(model_at(server), mode)
    assert (attempt.text, attempt.error) == ("Bonjour", None)


@pytest.mark.parametrize("mode", EITHER)
def test_a_refusal_with_a_byte_order_mark(mode: Mode) -> None:
    body = b'\xef\xbb\xbf{"error":{"message":"No.","type":"BadRequestError","code":400}}'
    refusal = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n" + body
    with nothing_left(), RawServer(sends(refusal)) as server:
        error = call(model_at(server), mode).error
    assert isinstance(error, errors.ScalewayInvalidRequestError)
    assert (error.type, error.code) == ("BadRequestError", 400)
    assert error.response is not None
    assert error.response.json() == error.body


@pytest.mark.parametrize("mode", EITHER)
def test_a_deployments_403_with_status_200(mode: Mode) -> None:
    """The advice is a deployment's, whose URL holds no project."""
    body = json.dumps({"status": 403, "error": "FORBIDDEN", "message": "No."})
    body = f"data: {body}\n\n" if streams(mode) else body
    said = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n" + body.encode()
    with nothing_left(), RawServer(sends(said)) as server:
        error = call(model_at(server), mode).error
    assert isinstance(error, errors.ScalewayPermissionDeniedError)
    assert "in the deployment's project" in str(error)
    assert "SCW_DEFAULT_PROJECT_ID" not in str(error)


@pytest.mark.parametrize("mode", EITHER)
@pytest.mark.parametrize("timeout", [math.inf, 1e12, httpx.Timeout(5, read=math.inf)])
def test_a_timeout_too_long_for_a_timer_is_none(timeout: float | httpx.Timeout, mode: Mode) -> None:
    with nothing_left(), RawServer(sends(answer("Bonjour", mode))) as server:
        model = ChatScaleway(model=PLAIN_MODEL, base_url=server.base_url, timeout=timeout)
        attempt = call(model, mode)
        del model
    assert (attempt.text, attempt.error) == ("Bonjour", None)


@pytest.mark.parametrize("mode", EITHER)
def test_another_protocol_is_none(mode: Mode) -> None:
    switch = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"
    with nothing_left(), RawServer(sends(switch)) as server:
        error = call(model_at(server), mode).error
    assert type(error) is errors.ScalewayConnectionError


# --- Answers before the request has been read ---------------------------------------------


@pytest.mark.parametrize("mode", ["invoke", "stream"])
def test_a_refusal_of_a_large_request_before_its_end(mode: Mode) -> None:
    """The rest cannot be sent any more; what the server has said counts. Not so in event loops."""
    refusal = b'{"error": {"message": "Too much for me", "code": 413}}'

    def refuses(connection: socket.socket) -> None:
        connection.recv(1_000)
        head = b"HTTP/1.1 413 Content Too Large\r\nconnection: close\r\n"
        connection.sendall(head + b"content-length: %d\r\n\r\n" % len(refusal) + refusal)
        time.sleep(0.2)  # For the client to read it before the connection is reset.

    with nothing_left(), RawServer(refuses, reads_request=False) as server:
        error = call(model_at(server), mode, "x" * 20_000_000).error
    assert type(error) is errors.ScalewayInvalidRequestError
    assert "Too much for me" in str(error)


@pytest.mark.parametrize("mode", EITHER)
def test_an_address_that_is_none(mode: Mode) -> None:
    model = ChatScaleway(model=PLAIN_MODEL, base_url="http://256.256.256.256/v1")
    error = call(model, mode).error
    assert type(error) is ValueError
    assert "base_url cannot be used: Invalid IPv4 address: '256.256.256.256'." in str(error)
