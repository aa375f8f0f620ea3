"""The ways to Scaleway that the environment prescribes: proxies, and TLS."""

import base64
import os
import socket
import subprocess
import sys
import traceback
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from langchain_scaleway import ChatScaleway, errors
from langchain_scaleway.client.transport import ssl_context
from langchain_scaleway.testing import CutStream, Reply, ScalewayEmulator
from tests.support.calls import (
    ANSWER,
    EITHER,
    STREAMING_MODES,
    Mode,
    call,
    call_in_a_row,
)
from tests.support.leftovers import nothing_left
from tests.support.models import PLAIN_MODEL, model_on
from tests.support.raw_answers import answer
from tests.support.raw_server import RawServer, has_left, read_request, sends
from tests.support.relay import tls_for
from tests.support.tls import TlsFront, Tunnel

ROOT = Path(__file__).parents[2]

ELSEWHERE = "http://scaleway.invalid/v1"
"""No name for anybody but the proxy."""

KEY = "5ca1e0a1-0000-4000-8000-00000000cafe"


def model_elsewhere(base_url: str = ELSEWHERE) -> ChatScaleway:
    return ChatScaleway(model=PLAIN_MODEL, base_url=base_url, api_key=KEY, max_retries=0)


# --- Proxies ------------------------------------------------------------------------------


@pytest.mark.timeout(30)
@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
@pytest.mark.parametrize("mode", EITHER)
def test_a_proxy_is_asked(mode: Mode, variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with nothing_left(), RawServer(sends(answer("Bonjour", mode))) as proxy:
        monkeypatch.setenv(variable, f"http://{proxy.origin}")
        with model_elsewhere() as model:
            attempt = call(model, mode)
    assert (attempt.text, attempt.error) == ("Bonjour", None)
    [request] = proxy.requests
    assert request.startswith(b"POST http://scaleway.invalid/v1/chat/completions HTTP/1.1\r\n")


@pytest.mark.parametrize("mode", EITHER)
def test_a_proxy_that_repeats_its_own_credentials(
    mode: Mode, monkeypatch: pytest.MonkeyPatch
) -> None:
    credentials = base64.b64encode(b"user:the-proxys-password")
    page = b"No way. You sent:\nProxy-Authorization: Basic " + credentials
    head = b"HTTP/1.1 502 Bad Gateway\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\n"
    with nothing_left(), RawServer(sends(head + page)) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://user:the-proxys-password@{proxy.origin}")
        with model_elsewhere() as model:
            error = call(model, mode).error
    assert credentials in proxy.requests[0]
    assert isinstance(error, errors.ScalewayAPIError)
    assert "No way" in str(error)
    said = f"{error} {error!r} {error.args} {error.body} {error.response}"
    assert credentials.decode() not in said


@pytest.mark.timeout(30)
@pytest.mark.parametrize("mode", EITHER)
def test_a_tunnel_is_asked_for_without_the_key(mode: Mode, monkeypatch: pytest.MonkeyPatch) -> None:
    refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n"
    with nothing_left(), RawServer(sends(refusal)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:the-proxys-password@{proxy.origin}")
        with model_elsewhere("https://scaleway.invalid/v1") as model:
            error = call(model, mode).error
    assert type(error) is errors.ScalewayConnectionError
    assert "407 Proxy Authentication Required" in str(error)
    assert "the-proxys-password" not in str(error)
    [request] = proxy.requests
    assert request.startswith(b"CONNECT scaleway.invalid:443 HTTP/1.1\r\n")
    assert base64.b64encode(b"user:the-proxys-password") in request
    assert KEY.encode() not in request


@pytest.mark.timeout(30)
@pytest.mark.parametrize("mode", EITHER)
def test_a_proxy_that_is_not_there(mode: Mode, monkeypatch: pytest.MonkeyPatch) -> None:
    with RawServer(sends()) as gone:
        address = gone.origin
    monkeypatch.setenv("HTTP_PROXY", f"http://{address}")
    with nothing_left(), model_elsewhere() as model:
        error = call(model, mode).error
    assert type(error) is errors.ScalewayConnectionError
    assert "the proxy" in str(error)


@pytest.mark.timeout(30)
@pytest.mark.parametrize("has_port", [False, True])
@pytest.mark.parametrize("mode", EITHER)
def test_no_proxy_is_asked_for_hosts_that_need_none(
    mode: Mode, emulator: ScalewayEmulator, monkeypatch: pytest.MonkeyPatch, *, has_port: bool
) -> None:
    host, port = urlsplit(emulator.base_url).netloc.split(":")
    with nothing_left(), RawServer(sends()) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://{proxy.origin}")
        monkeypatch.setenv("NO_PROXY", f"{host}:{port}" if has_port else host)
        with model_on(emulator) as model:
            assert call(model, mode).text == ANSWER
    assert proxy.connections == 0


@pytest.mark.parametrize(
    "address",
    [
        "ftp://somewhere:1",
        "http://user:the-proxys-password",
        "http://user:the-proxys-password@127.0.0.1:99999",
        "127.0.0.1:99999",
    ],
)
@pytest.mark.parametrize("mode", EITHER)
def test_a_proxy_that_is_none_is_told(
    mode: Mode, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", address)
    with nothing_left(), model_elsewhere() as model:
        error = call(model, mode).error
    assert type(error) is errors.ScalewayConnectionError
    assert "HTTP_PROXY" in str(error)
    assert "the-proxys-password" not in "".join(traceback.format_exception(error))


@pytest.mark.skipif(find_spec("socksio") is not None, reason="what SOCKS takes is installed")
@pytest.mark.parametrize("mode", EITHER)
def test_what_a_socks_proxy_takes_is_told(mode: Mode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    with nothing_left(), model_elsewhere() as model:
        error = call(model, mode).error
    assert type(error) is errors.ScalewayConnectionError
    assert f"model {PLAIN_MODEL!r}" in str(error)
    assert 'pip install "httpx[socks]"' in str(error)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CLOUDSQL_PROXY", "project:region:instance"),
        ("ENABLE_PROXY", "false"),
        ("FTP_PROXY", "http://127.0.0.1:9"),
        ("no_proxy_at_all_proxy", "x"),
        ("HTTPS_PROXY", "http://127.0.0.1:9"),  # The address is http.
    ],
)
@pytest.mark.parametrize("mode", EITHER)
def test_other_variables_are_no_proxies(
    mode: Mode,
    variable: str,
    value: str,
    emulator: ScalewayEmulator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(variable, value)
    with nothing_left(), model_on(emulator) as model:
        assert call(model, mode).text == ANSWER
    assert emulator.connections_opened == 1


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
@pytest.mark.parametrize("mode", EITHER)
def test_connections_through_a_tunnel_are_used_again(
    mode: Mode,
    variable: str,
    emulator: ScalewayEmulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with nothing_left(), TlsFront(emulator, tmp_path) as front, Tunnel(front.port) as tunnel:
        ssl_context().load_verify_locations(front.certificate)
        monkeypatch.setenv(variable, f"http://127.0.0.1:{tunnel.port}")
        monkeypatch.setenv("NO_PROXY", "elsewhere.example")
        with model_elsewhere("https://localhost/v1") as model:
            attempts = call_in_a_row(model, mode, 3)
    assert [(attempt.text, attempt.error) for attempt in attempts] == [(ANSWER, None)] * 3
    assert tunnel.asked_for == [b"CONNECT localhost:443 HTTP/1.1"]


# --- TLS ----------------------------------------------------------------------------------


@pytest.fixture
def front(emulator: ScalewayEmulator, tmp_path: Path) -> Iterator[TlsFront]:
    """TLS in front of the emulator, by an authority that nobody trusts yet."""
    with TlsFront(emulator, tmp_path) as front:
        yield front


@pytest.mark.parametrize("mode", EITHER)
def test_tls(mode: Mode, front: TlsFront, emulator: ScalewayEmulator) -> None:
    ssl_context().load_verify_locations(front.certificate)
    with nothing_left(), model_elsewhere(front.base_url) as model:
        for _ in range(3):
            assert call(model, mode).text == ANSWER
    assert emulator.requests[-1].headers["authorization"] == f"Bearer {KEY}"
    assert set(front.protocols) == {"http/1.1"}


@pytest.mark.parametrize("mode", EITHER)
def test_a_large_request_over_tls(mode: Mode, front: TlsFront, emulator: ScalewayEmulator) -> None:
    """More than the buffers of the way hold at once."""
    ssl_context().load_verify_locations(front.certificate)
    emulator.script("Bonjour")
    prompt = "Grüße! " * 30_000
    with nothing_left(), model_elsewhere(front.base_url) as model:
        assert call(model, mode, prompt).text == "Bonjour"
    assert emulator.requests[0].json["messages"][0]["content"] == prompt


@pytest.mark.parametrize("mode", EITHER)
def test_a_stranger_is_not_trusted(mode: Mode, front: TlsFront, emulator: ScalewayEmulator) -> None:
    with nothing_left(), model_elsewhere(front.base_url) as model:
        error = call(model, mode).error
    assert type(error) is errors.ScalewayConnectionError
    assert "CERTIFICATE_VERIFY_FAILED" in str(error)
    assert emulator.requests == []


PROGRAM = """
import sys
from langchain_scaleway import ChatScaleway, errors
from tests.support.calls import call
error = call(ChatScaleway(model="any", base_url="https://127.0.0.1:1/v1"), sys.argv[1]).error
assert type(error) is errors.ScalewayConnectionError, error
print(error)
"""


@pytest.mark.parametrize(("mode", "content"), [("invoke", None), ("astream", "no certificate")])
def test_certificates_that_cannot_be_read(mode: Mode, content: str | None, tmp_path: Path) -> None:
    """In a process of its own: each reads them once."""
    path = tmp_path / "authorities.pem"
    if content is not None:
        path.write_text(content)
    environment = {**os.environ, "SSL_CERT_FILE": str(path)}
    command = [sys.executable, "-c", PROGRAM, mode]
    said = subprocess.run(
        command, env=environment, cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert f"SSL_CERT_FILE or SSL_CERT_DIR, {path}, fail" in said.stdout
    assert said.stderr == ""


@pytest.mark.parametrize("mode", STREAMING_MODES)
def test_tls_that_breaks_off_is_an_interruption(
    mode: Mode, front: TlsFront, emulator: ScalewayEmulator
) -> None:
    """Without a farewell of TLS the end may be anybody's."""
    ssl_context().load_verify_locations(front.certificate)
    emulator.script(Reply("One two three", faults=[CutStream(3, "until_close")]))
    with nothing_left(), model_elsewhere(front.base_url) as model:
        attempt = call(model, mode)
    assert type(attempt.error) is errors.ScalewayStreamInterruptedError
    assert attempt.text == "One two"


@pytest.mark.parametrize("mode", EITHER)
def test_tls_that_is_none_after_the_handshake(mode: Mode, tmp_path: Path) -> None:
    tls = tls_for("localhost", certificate=tmp_path / "authority.pem")
    ssl_context().load_verify_locations(tmp_path / "authority.pem")

    def behave(connection: socket.socket) -> None:
        secured = tls.wrap_socket(connection, server_side=True)
        read_request(secured)
        with socket.socket(fileno=secured.detach()) as bare:
            bare.sendall(answer("Bonjour", mode))
            has_left(bare, 5)

    with nothing_left(), RawServer(behave, reads_request=False) as server:
        _, port = server.origin.split(":")
        with model_elsewhere(f"https://localhost:{port}/v1") as model:
            error = call(model, mode).error
    assert type(error) is errors.ScalewayConnectionError
    assert "WRONG_VERSION_NUMBER" in str(error)
