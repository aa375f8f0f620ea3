"""One request and every byte of its answer, and how they become a recording without the key."""

import json
import re
import time
from functools import cached_property
from pathlib import Path
from typing import Any

from langchain_scaleway.client.connections import Connections
from langchain_scaleway.client.endpoint import Endpoint
from langchain_scaleway.client.translation import Translation
from langchain_scaleway.client.transport import Timeout
from langchain_scaleway.errors import ScalewayError
from langchain_scaleway.settings import UUID, Settings

_DUMMY_KEY = "sk-local-test"
_DUMMY_PROJECT = "00000000-0000-4000-8000-000000000000"
_TIMEOUT = Timeout(120.0)
_RECALCULATED = {b"transfer-encoding", b"content-length"}


class Exchange:
    """What was asked and what came back, neither corrected nor retried.

    Args:
        connections: Those that it goes over.
        settings: Where it goes, and with which key.
        path: The path behind it.
        body: The JSON to post, or the form's fields where there is a file; without one this is
            a GET.
        file: A file's name and bytes, for a form.

    Attributes:
        status: The HTTP status; 0 if no answer came.
        headers: The answer's headers, names in lower case.
        content: The answer's body, as far as it came.
        error: Why no whole answer came, if none did.
    """

    def __init__(
        self,
        connections: Connections,
        settings: Settings,
        path: str,
        body: dict[str, Any] | None = None,
        file: tuple[str, bytes] | None = None,
    ) -> None:
        self.body = body
        self.status = 0
        self.headers: dict[str, str] = {}
        self.content = b""
        self.error: str | None = None
        self._head = b""
        self._received: list[tuple[float, int, int]] = []  # when, from where, how many bytes
        headers = {"accept-encoding": "identity"}
        endpoint = Endpoint(
            settings.url, api_key=settings.api_key, timeout=_TIMEOUT, headers=headers
        )
        call = endpoint.call(path, body, files={"file": file} if file else None)
        self._request = {"method": call.method, "path": f"/v1{path}", "body": body}
        started = time.monotonic()
        try:
            with Translation(endpoint, None):
                response = connections.send(call.request(_TIMEOUT))
                self.status, self.headers = response.status_code, dict(response.headers)
                lines = [f"HTTP/1.1 {self.status} {response.reason_phrase}".encode()]
                fields = [
                    one for one in response.headers.raw if one[0].lower() not in _RECALCULATED
                ]
                self._head = b"\r\n".join([*lines, *map(b": ".join, fields)])
                try:
                    for piece in response.iter_raw():
                        seconds = round(time.monotonic() - started, 6)
                        self._received.append((seconds, len(self.content), len(piece)))
                        self.content += piece
                finally:
                    response.close()
        except ScalewayError as error:
            self.error = str(error)

    @cached_property
    def json(self) -> dict[str, Any]:
        """The answer as a JSON object; empty if it is none."""
        try:
            answer = json.loads(self.content)
        except ValueError:
            return {}
        return answer if isinstance(answer, dict) else {}

    @cached_property
    def events(self) -> list[dict[str, Any]]:
        """The JSON objects in a stream."""
        lines = self.content.splitlines()
        return [json.loads(line[6:]) for line in lines if line.startswith(b"data: {")]

    @property
    def message(self) -> dict[str, Any]:
        """The first message of a chat completion; empty if there is none."""
        choices = self.json.get("choices") or [{}]
        message: dict[str, Any] = choices[0].get("message") or {}
        return message

    def write(self, folder: Path, name: str, settings: Settings) -> None:
        """Write the recording, in the form of the repository's `tests/recordings`.

        Args:
            folder: Where it goes; made if it is missing.
            name: The beginning of the three files' names.
            settings: Whose key and project are replaced wherever they are.
        """
        # The whole length stands in the place of chunks.
        head = self._head + b"\r\ncontent-length: %d\r\n\r\n" % len(self.content)
        rows = [(0.0, 0, len(head))]
        rows += [(seconds, len(head) + start, size) for seconds, start, size in self._received]
        timing = {
            "captured_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "end": "content-length" if self.error is None else "error",
            "error": self.error,
            "total_s": rows[-1][0],
            "recv": rows,
        }
        request = {**self._request, "headers": {"Authorization": f"Bearer {_DUMMY_KEY}"}}
        folder.mkdir(parents=True, exist_ok=True)
        for ending, content in (
            ("request.json", json.dumps(request, indent=1, ensure_ascii=False).encode()),
            ("response.http", head + self.content),
            ("timing.json", json.dumps(timing).encode()),
        ):
            (folder / f"{name}.{ending}").write_bytes(_without_secrets(content, settings))


def _without_secrets(content: bytes, settings: Settings) -> bytes:
    if settings.api_key is not None:
        content = content.replace(settings.api_key.get_secret_value().encode(), _DUMMY_KEY.encode())
    # Of a project, or of a deployment, whose host's name holds one.
    for name in filter(None, [settings.project_id, *re.findall(UUID, settings.url)]):
        content = content.replace(name.encode(), _DUMMY_PROJECT.encode())
    return content
