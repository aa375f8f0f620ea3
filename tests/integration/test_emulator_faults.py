"""Each fault as a plain HTTP client meets it."""

import contextlib
import gzip
import itertools
import socket
from collections.abc import Iterator
from typing import Any

import httpx
import orjson
import pytest

from langchain_scaleway.testing import (
    ByteAtATime,
    CutStream,
    Delay,
    ErrorEvent,
    Fault,
    Gzip,
    HtmlError,
    HttpError,
    RandomFaults,
    RawReply,
    Reply,
    Reset,
    ScalewayEmulator,
    StaleConnection,
    Stall,
    TruncatedJson,
    rate_limited,
)
from langchain_scaleway.testing.faults import fault_from_text
from tests.support.emulated import ask, body_of, client_of, events_of, message_of

TEXT = "one two three four five"
DONE = b"data: [DONE]"
both_ways = pytest.mark.parametrize("stream", [False, True])


def hit(emulator: ScalewayEmulator, *faults: Fault, stream: bool = False) -> httpx.Response:
    """Ask while faults strike, and read the whole answer."""
    emulator.script(Reply(TEXT, faults=faults))
    return ask(emulator, stream=stream)


@contextlib.contextmanager
def streaming(
    emulator: ScalewayEmulator, *faults: Fault, text: str = TEXT, timeout: float = 5
) -> Iterator[httpx.Response]:
    """Ask for a stream while faults strike, and leave it to the test to read it."""
    emulator.script(Reply(text, faults=faults))
    with (
        client_of(emulator) as client,
        client.stream(
            "POST", "/chat/completions", json=body_of(stream=True), timeout=timeout
        ) as answer,
    ):
        yield answer


def received_before_failure(answer: httpx.Response, error: type[httpx.HTTPError]) -> bytes:
    """Read until the connection fails, which it must in the given way."""
    received = b""
    with pytest.raises(error):  # noqa: PT012 -- the loop is what raises
        for part in answer.iter_raw():
            received += part
    return received


def speak(emulator: ScalewayEmulator, *requests: bytes) -> bytes:
    """Send raw requests on one socket and return every byte until the server closes it."""
    host, _, port = emulator.base_url.removeprefix("http://").removesuffix("/v1").partition(":")
    received = b""
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        for request in requests:
            connection.sendall(request)
            with contextlib.suppress(ConnectionResetError, TimeoutError):
                while part := connection.recv(65_536):
                    received += part
    return received


def raw_request(emulator: ScalewayEmulator, **fields: Any) -> bytes:
    body = orjson.dumps(body_of(**fields))
    head = (
        "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\n"
        f"authorization: Bearer {emulator.api_key}\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def left(emulator: ScalewayEmulator) -> bool:
    """Whether the emulator notices that its client has gone."""
    return emulator.wait_until(lambda emulator: emulator.requests[0].client_disconnected)


# --- Delivery ---------------------------------------------------------------------------


def test_delay_is_in_emulated_seconds() -> None:
    with ScalewayEmulator(time_scale=10_000) as emulator:
        assert message_of(hit(emulator, Delay(600)))["content"] == TEXT
        assert emulator.now() >= 600


def test_stall_sends_the_first_events_and_then_nothing_or_the_rest(
    emulator: ScalewayEmulator,
) -> None:
    with streaming(emulator, Stall(after_events=3), timeout=0.5) as answer:
        received = received_before_failure(answer, httpx.ReadTimeout)
    assert received.count(b"data: ") == 3
    assert left(emulator)
    late = hit(emulator, Stall(after_events=3, seconds=0.05), stream=True)
    assert len(events_of(late.content)) == len(events_of(hit(emulator, stream=True).content))


@pytest.mark.parametrize("at_byte", [0, 1, 20, 60, 500])
def test_reset_comes_after_exactly_so_many_bytes(emulator: ScalewayEmulator, at_byte: int) -> None:
    emulator.script(Reply(TEXT, faults=[Reset(at_byte)]))
    received = speak(emulator, raw_request(emulator, stream=True))
    assert len(received) == at_byte
    assert b"HTTP/1.1 200".startswith(received[:12])
    assert emulator.wait_until(lambda emulator: emulator.requests[0].completed)


@pytest.mark.parametrize("ending", ["terminated", "until_close"])
def test_cut_that_http_takes_for_the_end(emulator: ScalewayEmulator, ending: Any) -> None:
    answer = hit(emulator, CutStream(3, ending), stream=True)
    assert answer.content.count(b"data: ") == 3
    assert DONE not in answer.content
    assert 'finish_reason":"stop' not in answer.text
    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
        hit(emulator, CutStream(ending="closed"))
    half = hit(emulator, CutStream(ending=ending))
    assert half.text.startswith('{"id":')
    assert not half.text.endswith("}")


def test_byte_at_a_time_changes_nothing_but_the_pace(emulator: ScalewayEmulator) -> None:
    """The client is slower than the server, so not every byte comes alone; many do."""
    assert len(hit(emulator, ByteAtATime()).content) == len(hit(emulator).content)
    # Long enough for a client that a busy machine keeps waiting for a while.
    text = TEXT * 40
    with streaming(emulator, ByteAtATime(), text=text, timeout=30) as answer:
        parts = [part for part in answer.iter_raw() if part]
    with streaming(emulator, text=text) as answer:
        assert len(b"".join(parts)) == len(b"".join(answer.iter_raw()))
    assert max(map(len, parts)) < len(b"".join(parts)) / 4
    assert len(parts) > 10


def test_gzipped_events_are_a_gzip_file_and_can_be_read_one_by_one(
    emulator: ScalewayEmulator,
) -> None:
    with streaming(emulator, Gzip(), Stall(after_events=3)) as answer:
        received = b"".join(itertools.islice(answer.iter_bytes(), 3))
    assert received.count(b"data: ") == 3
    plain = hit(emulator, Gzip())
    assert (plain.headers["content-encoding"], message_of(plain)["content"]) == ("gzip", TEXT)
    with streaming(emulator, Gzip()) as answer:
        raw = b"".join(answer.iter_raw())
    assert gzip.decompress(raw).endswith(DONE + b"\n\n")


def test_connection_that_is_closed_after_the_answer(emulator: ScalewayEmulator) -> None:
    emulator.script(Reply(TEXT, faults=[StaleConnection("after_answer")]), TEXT)
    with client_of(emulator) as client:
        first = client.post("/chat/completions", json=body_of())
        assert "connection" not in first.headers
        assert emulator.wait_until(lambda emulator: emulator.connections_open == 0)
        assert message_of(client.post("/chat/completions", json=body_of()))["content"] == TEXT
    assert emulator.connections_opened == 2


# --- Content ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "keys"),
    [
        ("gateway", {"status", "error", "message"}),
        ("recent", {"message", "type", "param", "code"}),
        ("legacy", {"object", "message", "type", "param", "code"}),
    ],
)
def test_error_event_in_each_shape(emulator: ScalewayEmulator, shape: Any, keys: set[str]) -> None:
    for named, done in itertools.product([True, False], repeat=2):
        fault = ErrorEvent(after_events=2, shape=shape, message="It broke", done=done, named=named)
        answer = hit(emulator, fault, stream=True)
        assert answer.status_code == 200
        *events, nothing = answer.content.split(b"\n\n")
        assert nothing == b""
        assert (events[-1] == DONE) is done
        assert len(events) == 3 + done
        lines = events[2].split(b"\n")
        assert (lines[0] == b"event: error") is named
        error = orjson.loads(lines[-1].removeprefix(b"data: "))
        error = error["error"] if shape == "recent" else error
        assert error["message"] == "It broke"
        assert set(error) == keys
    answer = hit(emulator, ErrorEvent(status=503, shape=shape, message="It broke"))
    assert answer.status_code == 503, "where nothing is streamed it is the answer"
    assert "It broke" in answer.text


def test_raw_reply_is_sent_as_it_is(emulator: ScalewayEmulator) -> None:
    emulator.script(RawReply(418, {"Content-Type": "text/x", "x-a": "b"}, b"teapot"))
    answer = ask(emulator)
    assert (answer.status_code, answer.text) == (418, "teapot")
    assert (answer.headers["content-type"], answer.headers["x-a"]) == ("text/x", "b")
    pieces = [b": comment\r\n\r\n", b"data: 1\r\n\r\n", b"data: 2\r\n\r\n"]
    emulator.script(RawReply(body=pieces, faults=[CutStream(2)]))
    assert ask(emulator).content == b"".join(pieces[:2])


ENDPOINTS: dict[str, tuple[str, dict[str, Any]]] = {
    "embeddings": ("/embeddings", {"model": "qwen3-embedding-8b", "input": "x"}),
    "rerank": ("/rerank", {"model": "qwen3-embedding-8b", "query": "x", "documents": ["x"]}),
    "chat": ("/responses", {"model": "gpt-oss-120b", "input": "x", "stream": True}),
    "models": ("/models", {}),
    "batches": ("/batches", {}),
}


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_faults_strike_every_endpoint(emulator: ScalewayEmulator, endpoint: Any) -> None:
    path, body = ENDPOINTS[endpoint]
    faults = [HtmlError(502), rate_limited(), TruncatedJson(), Gzip(), Reset(20), ByteAtATime()]
    emulator.script(*faults, endpoint=endpoint)
    with client_of(emulator) as client:

        def call() -> httpx.Response:
            return client.post(path, json=body) if body else client.get(path)

        assert [call().status_code for _ in range(4)] == [502, 429, 200, 200]
        with pytest.raises(httpx.ReadError):
            call()
        assert call().status_code == 200
    names = [name for request in emulator.requests for name in request.faults]
    assert names == [type(fault).__name__ for fault in faults]


# --- By chance, and by name -------------------------------------------------------------


def test_chance_hits_the_same_requests_in_every_run() -> None:
    faults = RandomFaults(probability=0.3, faults=[HttpError(500), HttpError(503)], seed=7)

    def run() -> list[int]:
        with ScalewayEmulator(random_faults=faults) as emulator, client_of(emulator) as client:
            return [client.post("/chat/completions", json=body_of()).status_code for _ in range(40)]

    first = run()
    assert first == run()
    assert set(first) == {200, 500, 503}
    assert 4 <= sum(status != 200 for status in first) <= 24


def test_chance_leaves_scripted_requests_alone() -> None:
    faults = RandomFaults(probability=1, faults=[HttpError(500)])
    with ScalewayEmulator(random_faults=faults) as emulator:
        emulator.script(TEXT)
        assert [ask(emulator).status_code for _ in range(2)] == [200, 500]
    for probability in (-0.1, 1.1):
        with pytest.raises(ValueError, match="from 0 to 1"):
            RandomFaults(probability=probability, faults=[HtmlError()])
    with pytest.raises(ValueError, match="at least one"):
        RandomFaults(probability=0.5, faults=[])


def test_fault_by_its_name() -> None:
    assert fault_from_text("Stall:after_events=4,seconds=1.5") == Stall(4, 1.5)
    assert fault_from_text("ErrorEvent:done=false") == ErrorEvent(done=False)
    for text, said in {
        "Nothing": "No fault is called 'Nothing'",
        "Stall:seconds_=1": "Stall has no seconds_",
        "CutStream:after_events": "Input should be a valid integer",
        "Delay": "Field required",
    }.items():
        with pytest.raises(ValueError, match=said):
            fault_from_text(text)
