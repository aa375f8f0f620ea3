"""No failure gives the key away: neither by exception, nor by log, nor to another origin."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from langchain_scaleway import ChatScaleway, errors
from langchain_scaleway.testing import RawReply, Redirect, ScalewayEmulator
from tests.support.calls import Mode, call, impatient
from tests.support.models import PLAIN_MODEL
from tests.support.raw_server import Behaviour, RawServer, sends
from tests.support.secrecy import CANARY, is_in, leaks_in, leaks_in_locals, leaks_of


@pytest.fixture(scope="module")
def emulator() -> Iterator[ScalewayEmulator]:
    with ScalewayEmulator(api_key=CANARY) as emulator:
        yield emulator


@pytest.fixture
def logs(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """All loggers' lines, from DEBUG on."""
    caplog.set_level(logging.DEBUG)
    return caplog


def model_with_canary(base_url: str, **fields: Any) -> ChatScaleway:
    settings: dict[str, Any] = {"model": PLAIN_MODEL, "api_key": CANARY, "max_retries": 1}
    return impatient(ChatScaleway(**(settings | fields), base_url=base_url))


def logged(logs: pytest.LogCaptureFixture) -> list[str]:
    """The lines with the canary in them."""
    lines = [f"{record.name}: {record.getMessage()}" for record in logs.records]
    assert lines, "nothing was logged at all"
    return [line for line in lines if is_in(line)]


# --- Servers that repeat the key ----------------------------------------------------------

HEAD = b"HTTP/1.1 %s\r\ncontent-type: %s\r\nconnection: close\r\n"
BEARER = f"Bearer {CANARY}"
FIRST_EVENT = {"choices": [{"index": 0, "delta": {"content": "One"}}]}


def reply(status: str, body: Any, kind: str = "application/json") -> Behaviour:
    """An answer with this body."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return sends(HEAD % (status.encode(), kind.encode()) + b"\r\n" + content)


def events(*pieces: Any, end: bytes = b"\n\n") -> Behaviour:
    """An event stream of these, which just ends."""
    texts = [piece if isinstance(piece, bytes) else json.dumps(piece).encode() for piece in pieces]
    body = b"\n\n".join(b"data: " + text for text in texts) + end
    return sends(HEAD % (b"200 OK", b"text/event-stream") + b"\r\n" + body)


GATEWAY = {"status": 403, "error": "FORBIDDEN", "message": f"{BEARER} has no rights"}
RECENT = {"error": {"message": BEARER, "type": CANARY, "param": CANARY, "code": CANARY}}
LEGACY = {"object": "error", "message": BEARER, "type": CANARY, "param": CANARY, "code": 400}

REPEATING: dict[str, Behaviour] = {
    "gateway": reply("403 Forbidden", GATEWAY),
    "recent": reply("400 Bad Request", RECENT),
    "legacy": reply("400 Bad Request", LEGACY),
    "word": reply("401 Unauthorized", {"error": CANARY}),
    "detail": reply("422 Unprocessable", {"detail": [{"loc": ["header"], "input": BEARER}]}),
    "other JSON": reply("500 Oops", {"headers": {BEARER: [BEARER]}}),
    "list": reply("500 Oops", [BEARER]),
    "HTML": reply("502 Bad Gateway", f"<title>{BEARER}</title>".encode(), "text/html"),
    "text": reply("503 Busy", BEARER.encode(), "text/plain"),
    "escaped": reply("400 Bad", json.dumps(GATEWAY).replace("-", "\\u002d").encode()),
    "reason": sends(HEAD % (f"500 {BEARER}".encode(), b"text/plain") + b"\r\n"),
    "location": sends(
        HEAD % (b"307 Elsewhere", b"text/plain")
        + f"location: http://elsewhere.invalid/?key={CANARY}\r\n\r\n".encode()
    ),
    "success that is an error": reply("200 OK", RECENT),
    "success that is not JSON": reply("200 OK", BEARER.encode()),
    "success that is a list": reply("200 OK", [BEARER]),
    "success cut off": reply("200 OK", json.dumps({"echo": BEARER, "choices": []})[:-5].encode()),
    "header line": sends(b"HTTP/1.1 200 OK\r\n" + BEARER.encode() + b"\r\n\r\n"),
    "status line": sends(BEARER.encode() + b"\r\n\r\n"),
    "chunk length": sends(
        HEAD % (b"200 OK", b"application/json")
        + b"transfer-encoding: chunked\r\n\r\n"
        + BEARER.encode()
        + b"\r\n"
    ),
    "error event at first": events(RECENT),
    "error event midway": events(FIRST_EVENT, RECENT),
    "error event at the very end": events(FIRST_EVENT, RECENT, end=b""),
    "event that is not JSON": events(FIRST_EVENT, BEARER.encode()),
    "event that is a list": events(FIRST_EVENT, [BEARER]),
    "event cut off": events(FIRST_EVENT, json.dumps({"echo": BEARER})[:-2].encode(), end=b""),
    "no events": sends(HEAD % (b"200 OK", b"text/event-stream") + b"\r\n" + BEARER.encode()),
}


@pytest.mark.parametrize("mode", ["invoke", "astream"])
@pytest.mark.parametrize("behave", REPEATING.values(), ids=REPEATING)
def test_a_server_that_repeats_it(
    behave: Behaviour, mode: Mode, logs: pytest.LogCaptureFixture
) -> None:
    with RawServer(behave) as server, model_with_canary(server.base_url) as model:
        error = call(model, mode).error
    assert isinstance(error, errors.ScalewayError)
    assert leaks_of(error) == []
    assert leaks_in_locals(error) == []
    ours = [line for line in logged(logs) if line.startswith("langchain")]
    assert ours == []


def padded(length: int) -> str:
    """A text whose first `length` characters end in the middle of the key."""
    return "x" * (length - len(CANARY) // 2) + CANARY


LONG: dict[str, Behaviour] = {
    "a quoted body": reply("200 OK", padded(200).encode(), "text/html"),
    "a quoted event": events(padded(200).encode()),
    "a quoted stream": sends(
        HEAD % (b"200 OK", b"text/event-stream") + b"\r\n" + padded(200).encode()
    ),
    "a quoted message": reply("400 Bad", {"error": {"message": padded(2_000)}}),
    "a quoted message of an event": events({"error": {"message": padded(2_000)}}),
    "a title": reply("502 Oops", f"<title>{padded(2_000)}</title>".encode(), "text/html"),
    "an error's body": reply("500 Oops", padded(64 * 1024).encode(), "text/plain"),
    "a success's body": reply("200 OK", padded(64 * 1024).encode(), "text/plain"),
}


@pytest.mark.parametrize("behave", LONG.values(), ids=LONG)
def test_a_repeated_key_that_is_cut(behave: Behaviour) -> None:
    """What is quoted of a body has a limit, which may be in the middle of the key."""
    with RawServer(behave) as server, model_with_canary(server.base_url) as model:
        for mode in ("ainvoke", "stream"):
            error = call(model, mode).error
            assert isinstance(error, errors.ScalewayError)
            assert CANARY[:8] not in f"{error} {error.body} {error.response}"


async def test_headers_that_repeat_it(emulator: ScalewayEmulator) -> None:
    choice = {"index": 0, "message": {"content": "One"}, "finish_reason": "stop"}
    body = json.dumps({"choices": [choice]}).encode()
    headers = {"x-echo": BEARER, "set-cookie": f"key={CANARY}", "x-other": "kept"}
    emulator.respond_with(lambda _: RawReply(headers=headers, body=body))
    async with model_with_canary(emulator.base_url, include_response_headers=True) as model:
        *_, chunk = [chunk async for chunk in model.astream("Hello")]
        for message in (model.invoke("Hello"), chunk):
            assert message.response_metadata["headers"]["x-other"] == "kept"
            assert list(leaks_in(message.response_metadata)) == []


@pytest.mark.parametrize("header", ["X-Auth-Token", "x-gateway-secret", "Subscription-Key"])
def test_other_credentials_are_secrets_too(header: str) -> None:
    """A deployment behind a gateway may want another header in the place of the key."""
    with (
        RawServer(REPEATING["recent"]) as server,
        model_with_canary(server.base_url, api_key=None, default_headers={header: CANARY}) as model,
    ):
        error = call(model, "invoke").error
    assert is_in(server.requests[0])
    assert isinstance(error, errors.ScalewayInvalidRequestError)
    assert leaks_of(error) == []


def with_token(request: httpx.Request) -> httpx.Request:
    """What an httpx client does by its `auth`, after the request was built."""
    request.headers["X-Token"] = CANARY
    return request


@pytest.mark.parametrize(
    "credentials",
    [
        {"headers": {"X-Auth": CANARY}},
        {"headers": {"Authorization": f"Bearer {CANARY}"}},
        {"cookies": {"a": CANARY}},
        {"auth": with_token},
    ],
    ids=["header", "authorization", "cookie", "auth"],
)
@pytest.mark.parametrize(
    ("behaviour", "mode"), [("recent", "stream"), ("success that is not JSON", "invoke")]
)
def test_credentials_of_the_users_client(
    credentials: dict[str, Any], behaviour: str, mode: Mode
) -> None:
    with (
        RawServer(REPEATING[behaviour]) as server,
        httpx.Client(**credentials) as client,
        model_with_canary(server.base_url, api_key=None, http_client=client) as model,
    ):
        error = call(model, mode).error
    assert is_in(server.requests[0])
    assert isinstance(error, errors.ScalewayError)
    assert leaks_of(error) == []


def test_a_dummy_for_a_key_is_no_secret() -> None:
    body = {"error": {"message": "EMPTY prompts are not taken", "code": 400}}
    with (
        RawServer(reply("400 Bad Request", body)) as server,
        model_with_canary(server.base_url, api_key="EMPTY") as model,
    ):
        error = call(model, "invoke").error
    assert "EMPTY prompts are not taken" in str(error)


# --- Other origins ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "mode"), [(301, "invoke"), (302, "stream"), (303, "ainvoke"), (307, "astream")]
)
def test_a_redirect_is_not_followed(status: int, mode: Mode, emulator: ScalewayEmulator) -> None:
    with RawServer(sends()) as elsewhere:
        location = f"{elsewhere.base_url}/chat/completions"
        emulator.respond_with(lambda _: Redirect(location, status))
        with model_with_canary(emulator.base_url) as model:
            error = call(model, mode).error
        assert isinstance(error, errors.ScalewayResponseError)
        assert location in str(error)
        assert elsewhere.connections == 0


def test_nor_by_a_client_that_would(emulator: ScalewayEmulator) -> None:
    with RawServer(sends()) as elsewhere, httpx.Client(follow_redirects=True) as client:
        emulator.respond_with(lambda _: Redirect(f"{elsewhere.base_url}/chat/completions"))
        with model_with_canary(emulator.base_url, http_client=client) as model:
            for mode in ("invoke", "stream"):
                assert isinstance(call(model, mode).error, errors.ScalewayResponseError)
        assert elsewhere.connections == 0
