"""A server on 127.0.0.1 that answers with given bytes, and with nothing else.

The answer is chosen by the path, so one server serves them all and a test only needs the
address::

    with ReplayServer() as server:
        model = ChatScaleway(..., base_url=server.base_url(Recording(VLLM_QWEN, "chat_plain")))
        model.invoke("Hello")
        assert server.received[-1].json()["model"] == "tiny-qwen3"
"""

import itertools
import json
import socketserver
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from http.client import parse_headers
from typing import Any, Self

from tests.support.recordings import CHAT_PATH, Recording


class Pace(StrEnum):
    """How the bytes of an answer are handed to the network."""

    AT_ONCE = "at-once"
    BYTE_BY_BYTE = "byte-by-byte"
    AS_RECEIVED = "as-received"
    """In the pieces in which the recorder's `recv()` calls got them."""


@dataclass(frozen=True)
class ReceivedRequest:
    """A request as it came in.

    Attributes:
        method: The HTTP method.
        path: The path behind the base URL, `/v1` included.
        headers: The headers, names in lower case.
        body: The body's bytes.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass(frozen=True)
class _Answer:
    """What is sent for one base URL, and to which request."""

    name: str
    method: str
    path: str
    pieces: list[bytes]
    keeps_connection: bool


class ReplayServer:
    """Serves answers from threads, to synchronous and asynchronous clients alike.

    A connection stays open after a whole recording and is closed after one that was cut, as
    it was when the recording was made.

    Attributes:
        received: The requests, in the order in which they came.
    """

    def __init__(self) -> None:
        """Take a free port; requests are answered inside the `with` block."""
        self._server = _Server(("127.0.0.1", 0), _Connection)
        self.received = self._server.received
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def base_url(self, recording: Recording, pace: Pace = Pace.AT_ONCE) -> str:
        """The base URL under which a recording is served at a pace."""
        method, path = recording.request["method"], recording.request["path"]
        pieces = _pieces(recording, pace)
        return self._add(_Answer(str(recording), method, path, pieces, recording.is_whole))

    def base_url_of(self, raw_response: bytes) -> str:
        """The base URL under which a chat request gets these bytes and the line goes dead."""
        pieces = [raw_response]
        return self._add(_Answer("a script", "POST", CHAT_PATH, pieces, keeps_connection=False))

    def _add(self, answer: _Answer) -> str:
        self._server.answers.append(answer)
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}/{len(self._server.answers) - 1}/v1"

    def __enter__(self) -> Self:
        """Begin to answer."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop answering and free the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], handler: type["_Connection"]) -> None:
        super().__init__(address, handler)
        self.received: list[ReceivedRequest] = []
        self.answers: list[_Answer] = []


class _Connection(socketserver.StreamRequestHandler):
    """Answers the requests of one connection, one after the other."""

    disable_nagle_algorithm = True  # Every piece shall travel by itself.
    server: _Server

    def handle(self) -> None:
        """Answer until the client hangs up or an answer that was cut has been sent."""
        try:
            while request_line := self.rfile.readline():
                if not self._answer(request_line):
                    return
        except ConnectionError:
            return  # The client went away; it is the test's business to say if it may.

    def _answer(self, request_line: bytes) -> bool:
        """Take one request and answer it; tells whether the connection goes on."""
        method, target, _ = request_line.decode("latin-1").split(" ")
        _, number, rest = target.split("/", 2)
        request = ReceivedRequest(method, f"/{rest}", *self._read_headers_and_body())
        self.server.received.append(request)
        answer = self.server.answers[int(number)]
        if (request.method, request.path) != (answer.method, answer.path):
            self.request.sendall(_not_recorded(request, answer))
            return False
        for piece in answer.pieces:
            self.request.sendall(piece)
        return answer.keeps_connection

    def _read_headers_and_body(self) -> tuple[Mapping[str, str], bytes]:
        headers = {name.lower(): value for name, value in parse_headers(self.rfile).items()}
        return headers, self.rfile.read(int(headers.get("content-length", "0")))


def _pieces(recording: Recording, pace: Pace) -> list[bytes]:
    raw = recording.raw_response
    if pace is Pace.AT_ONCE:
        return [raw]
    if pace is Pace.BYTE_BY_BYTE:
        return [raw[at : at + 1] for at in range(len(raw))]
    ends = list(itertools.accumulate(recording.received_lengths, initial=0))
    return [raw[start:end] for start, end in itertools.pairwise(ends)]


def _not_recorded(request: ReceivedRequest, answer: _Answer) -> bytes:
    """An answer that makes a test fail with the reason in plain sight."""
    body = f"{answer.name} answers another request than {request.method} {request.path}".encode()
    head = f"HTTP/1.1 421 Misdirected Request\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body
