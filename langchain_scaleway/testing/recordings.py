"""Record and replay: exchanges with a real service, in files.

The files have the form of this project's `tests/recordings`: `CASE.request.json` holds what was
sent, `CASE.response.http` the bytes of the answer, `CASE.timing.json` when they came. Neither the
key nor a cookie is in them.
"""

import re
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import aiohttp
import orjson

from langchain_scaleway.testing.answers import Answer
from langchain_scaleway.testing.received import ReceivedRequest, is_secret

# Headers that belong to one connection, and what aiohttp writes itself.
_OF_A_CONNECTION: Final = frozenset(
    {"connection", "host", "keep-alive", "content-length", "transfer-encoding", "accept-encoding"}
)
_SHORTEST_SECRET: Final = 8  # a shorter one, such as a test's "key", is a word of texts, too


class Player:
    """Serves recorded exchanges: to equal requests what they got, in the order of the recordings.

    The last answer to a request is given again and again.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._answers: defaultdict[str, list[Path]] = defaultdict(list)
        for path in sorted(directory.glob("*.request.json")):
            answer = path.with_name(path.name.replace(".request.json", ".response.http"))
            self._answers[_digest(orjson.loads(path.read_bytes()))].append(answer)
        if not self._answers:
            raise ValueError(f"There is no recording in {directory}.")

    def answer(self, received: ReceivedRequest) -> Answer:
        """Return what was answered to an equal request, or raise if there was none."""
        found = self._answers.get(_digest(_sent(received)))
        if not found:
            raise LookupError(f"No recording in {self._directory} is of {received}.")
        return _answer_from(found.pop(0) if len(found) > 1 else found[0])


def _answer_from(path: Path) -> Answer:
    head, _, body = path.read_bytes().partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = [(line[0].lower(), line[2].strip()) for line in (one.partition(":") for one in lines)]
    answer = Answer(int(first.split(" ")[1]), _without(pairs, _OF_A_CONNECTION), [])
    if ("transfer-encoding", "chunked") not in pairs:
        answer.replace_body(body)
        return answer
    pieces = []
    while body:
        length, _, body = body.partition(b"\r\n")
        size = int(length, 16)
        pieces.append(body[:size])
        body = body[size + 2 :]
    answer.pieces = filter(None, pieces)
    return answer


class Recorder:
    """Hands requests on to a real service, with the client's own key, and keeps the exchanges.

    A file is named after the digest of what was asked, so that what several tests record stays
    apart, and what is recorded again takes the place of what was.
    """

    def __init__(self, upstream: str, directory: Path) -> None:
        self._upstream = upstream.rstrip("/").removesuffix("/v1")
        self._directory = directory
        self._numbers: Counter[str] = Counter()
        self._session: aiohttp.ClientSession | None = None

    async def answer(self, received: ReceivedRequest, path: str) -> Answer:
        """Ask the service, and return its answer, each byte of which is passed on as it comes."""
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=None)
            self._session = aiohttp.ClientSession(timeout=timeout, auto_decompress=False)
        started = time.monotonic()
        answer = await self._session.request(
            received.method,
            f"{self._upstream}{path}",
            headers=_without(received.headers.items(), _OF_A_CONNECTION),
            data=received.body,
            allow_redirects=False,
            skip_auto_headers=["accept-encoding"],  # a recording is for reading, too
        )
        headers = _without(answer.headers.items(), _OF_A_CONNECTION)
        return Answer(answer.status, headers, [], self._kept(received, answer, started))

    async def _kept(
        self, received: ReceivedRequest, answer: aiohttp.ClientResponse, started: float
    ) -> AsyncIterator[bytes]:
        """Yield the parts of a body, and keep the exchange when it is whole."""
        head = [f"HTTP/1.1 {answer.status} {answer.reason}"]
        kept = _without(answer.headers.items(), _OF_A_CONNECTION | {"set-cookie"})
        head += [f"{name}: {value}" for name, value in kept.items()]
        writes = ["\r\n".join([*head, "transfer-encoding: chunked", "", ""]).encode()]
        times = [time.monotonic() - started]
        async with answer:
            async for piece in answer.content.iter_any():
                writes.append(b"%x\r\n%b\r\n" % (len(piece), piece))
                times.append(time.monotonic() - started)
                yield piece
        self._save(received, [*writes, b"0\r\n\r\n"], [*times, time.monotonic() - started])

    async def close(self) -> None:
        """Close the connections to the service."""
        if self._session is not None:
            await self._session.close()

    def _save(self, received: ReceivedRequest, writes: list[bytes], times: list[float]) -> None:
        rows, offset = [], 0
        for seconds, write in zip(times, writes, strict=True):
            rows.append([round(seconds, 6), offset, len(write)])
            offset += len(write)
        timing = {"end": "chunked-end", "total_s": round(times[-1], 6), "recv": rows}
        sent = _sent(received)
        name = f"{sent['path'].removeprefix('/v1/').replace('/', '_')}_{_digest(sent)[:8]}"
        self._numbers[name] += 1
        self._directory.mkdir(parents=True, exist_ok=True)
        for ending, content in (
            ("request.json", orjson.dumps(sent, option=orjson.OPT_INDENT_2)),
            ("response.http", b"".join(writes)),
            ("timing.json", orjson.dumps(timing)),
        ):
            file = self._directory / f"{name}_{self._numbers[name]:03}.{ending}"
            file.write_bytes(_without_secrets(content, received))


def _sent(received: ReceivedRequest) -> dict[str, Any]:
    """Return what is kept of a request, whose path is without the project."""
    request: dict[str, Any] = {
        "method": received.method,
        "path": f"/v1{received.path.partition('/v1')[2]}",
        "headers": {name: value for name, value in received.headers.items() if not is_secret(name)},
    }
    try:
        return request | {"body": received.json}
    except ValueError:
        return request | {"raw_body": received.body.decode("latin-1")}


def _digest(sent: dict[str, Any]) -> str:
    """Return what is equal where methods, paths and bodies are, whatever boundary a form has."""
    asked = [sent["method"], sent["path"], sent.get("body"), sent.get("raw_body")]
    content = orjson.dumps(asked, option=orjson.OPT_SORT_KEYS)
    for boundary in re.findall(r'boundary="?([^"\s;]+)', " ".join(sent["headers"].values())):
        content = content.replace(boundary.encode(), b"")
    return sha256(content).hexdigest()


def _without_secrets(content: bytes, received: ReceivedRequest) -> bytes:
    """Return a file's bytes, as many, with asterisks where a server repeats a credential."""
    for name in filter(is_secret, received.headers):
        for part in re.split(r"[\s;,]+", received.headers[name]):
            secret = (part.partition("=")[2] or part).encode("latin-1")
            if len(secret) >= _SHORTEST_SECRET:
                content = content.replace(secret, b"*" * len(secret))
    return content


def _without(headers: Iterable[tuple[str, str]], names: frozenset[str]) -> dict[str, str]:
    """Return headers but for some, whose names are in lower case."""
    return {name: value for name, value in headers if name.lower() not in names}
