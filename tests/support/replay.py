"""A server on 127.0.0.1 that answers with the recorded bytes, and with nothing else.

The recording is chosen by the path, so one server serves them all and a test only needs the
address::

    with ReplayServer() as server:
        model = ChatScaleway(..., base_url=server.base_url(Recording(VLLM_QWEN, "chat_plain")))
        model.invoke("Hello")
        assert server.received[-1].json()["model"] == "tiny-qwen3"
"""

import json
import socketserver
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from http.client import parse_headers
from types import TracebackType
from typing import Any, Self

from tests.support.recordings import Recording


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
        path: The path, prefix of the recording included.
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


class ReplayServer:
    """Serves recordings from a thread, to synchronous and asynchronous clients alike.

    A connection stays open after a whole answer and is closed after one that was cut, as it
    was when the recording was made.

    Attributes:
        received: The requests, in the order in which they came.
    """

    def __init__(self) -> None:
        """Take a free port; requests are answered inside the `with` block."""
        self.received: list[ReceivedRequest] = []
        self._server = _Server(("127.0.0.1", 0), _Connection)
        self._server.received = self.received
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def base_url(self, recording: Recording, pace: Pace = Pace.AT_ONCE) -> str:
        """The base URL under which a recording is served at a pace."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}/{pace}/{recording.folder}/{recording.case}/v1"

    def __enter__(self) -> Self:
        """Begin to answer."""
        self._thread.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop answering and free the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    received: list[ReceivedRequest]


class _Connection(socketserver.StreamRequestHandler):
    """Answers the requests of one connection, one after the other."""

    disable_nagle_algorithm = True  # Every piece shall travel by itself.
    server: _Server

    def handle(self) -> None:
        """Answer until the client hangs up or an answer that was cut has been sent."""
        try:
            while (request := self._read_request()) is not None:
                self.server.received.append(request)
                if not self._answer(request):
                    return
        except ConnectionError:
            return  # The client went away; it is the test's business to say if it may.

    def _read_request(self) -> ReceivedRequest | None:
        request_line = self.rfile.readline()
        if not request_line:
            return None
        method, path, _ = request_line.decode("latin-1").split(" ")
        headers = {name.lower(): value for name, value in parse_headers(self.rfile).items()}
        body = self.rfile.read(int(headers.get("content-length", "0")))
        return ReceivedRequest(method, path, headers, body)

    def _answer(self, request: ReceivedRequest) -> bool:
        """Send the recorded answer; tells whether the connection goes on."""
        _, pace, folder, case, rest = request.path.split("/", 4)
        recording = Recording(folder, case)
        if (request.method, f"/{rest}") != (recording.request["method"], recording.request["path"]):
            self.wfile.write(_not_recorded(request, recording))
            return False
        for piece in _pieces(recording, Pace(pace)):
            self.request.sendall(piece)
        return recording.is_whole


def _pieces(recording: Recording, pace: Pace) -> Iterator[bytes]:
    raw = recording.raw_response
    if pace is Pace.AT_ONCE:
        yield raw
    elif pace is Pace.BYTE_BY_BYTE:
        yield from (raw[at : at + 1] for at in range(len(raw)))
    else:
        at = 0
        for length in recording.received_lengths:
            yield raw[at : at + length]
            at += length


def _not_recorded(request: ReceivedRequest, recording: Recording) -> bytes:
    """An answer that makes a test fail with the reason in plain sight."""
    body = f"{recording} answers another request than {request.method} {request.path}".encode()
    head = f"HTTP/1.1 421 Misdirected Request\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body
