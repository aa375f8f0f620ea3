"""Hands requests on to a real service and keeps the exchanges in files.

The files have the form of this project's `tests/recordings`: `CASE.request.json` holds what was
sent, `CASE.response.http` the bytes of the answer, `CASE.timing.json` when they came. Neither the
key nor a cookie is in them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp
import orjson
from aiohttp import web

from langchain_scaleway.testing.received import SECRET_HEADERS, ReceivedRequest
from langchain_scaleway.testing.recordings import OF_A_CONNECTION, public_path, without

_SECRETS: Final = SECRET_HEADERS | {"set-cookie"}


@dataclass(slots=True)
class Recorder:
    """Hands requests on to a real service and keeps what comes of them.

    Attributes:
        upstream: The service's address, without `/v1`.
        directory: Where the files go.
    """

    upstream: str
    directory: Path
    _number: int = 0
    _session: aiohttp.ClientSession | None = None

    async def exchange(
        self, received: ReceivedRequest, http: web.Request, note_status: Callable[[int], None]
    ) -> web.StreamResponse:
        """Ask the service, with the client's own key, and pass on each byte as it comes.

        The status is noted before any of it: who has the answer may look at once.
        """
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=None)
            self._session = aiohttp.ClientSession(timeout=timeout, auto_decompress=False)
        self._number += 1
        headers = without(received.headers.items(), OF_A_CONNECTION)
        started = time.monotonic()
        async with self._session.request(
            received.method,
            f"{self.upstream.rstrip('/')}{http.path_qs}",
            headers=headers,
            data=received.body,
            allow_redirects=False,
            skip_auto_headers=["accept-encoding"],  # a recording is for reading, too
        ) as answer:
            note_status(answer.status)
            response = web.StreamResponse(status=answer.status, reason=answer.reason)
            response.headers.update(without(answer.headers.items(), OF_A_CONNECTION))
            kept = without(answer.headers.items(), OF_A_CONNECTION | _SECRETS)
            head = [f"HTTP/1.1 {answer.status} {answer.reason}"]
            head += [f"{name}: {value}" for name, value in kept.items()]
            writes = ["\r\n".join([*head, "transfer-encoding: chunked", "", ""]).encode()]
            times = [time.monotonic() - started]
            await response.prepare(http)
            async for piece in answer.content.iter_any():
                await response.write(piece)
                writes.append(b"%x\r\n%b\r\n" % (len(piece), piece))
                times.append(time.monotonic() - started)
            await response.write_eof()
        self._save(received, [*writes, b"0\r\n\r\n"], [*times, time.monotonic() - started])
        return response

    async def close(self) -> None:
        """Close the connections to the service."""
        if self._session is not None:
            await self._session.close()

    def _save(self, received: ReceivedRequest, writes: list[bytes], times: list[float]) -> None:
        request: dict[str, Any] = {
            "method": received.method,
            "path": public_path(received),
            "headers": without(received.headers.items(), _SECRETS),
        }
        try:
            request["body"] = received.json
        except ValueError:
            request["raw_body"] = received.body.decode("latin-1")
        rows, offset = [], 0
        for seconds, write in zip(times, writes, strict=True):
            rows.append([round(seconds, 6), offset, len(write)])
            offset += len(write)
        case = f"{self._number:04}_{public_path(received).removeprefix('/v1/').replace('/', '_')}"
        self.directory.mkdir(parents=True, exist_ok=True)
        timing = {"end": "chunked-end", "total_s": round(times[-1], 6), "recv": rows}
        indent = orjson.OPT_INDENT_2
        for ending, content in (
            ("request.json", orjson.dumps(request, option=indent)),
            ("response.http", b"".join(writes)),
            ("timing.json", orjson.dumps(timing)),
        ):
            (self.directory / f"{case}.{ending}").write_bytes(content)
