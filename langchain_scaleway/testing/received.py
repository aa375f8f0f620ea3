"""What the emulator keeps of each request, for a test's assertions."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import HTTP
from typing import Any, Final

import orjson
from typing_extensions import override

_SECRET: Final = re.compile("auth|cookie|credential|key|password|secret|session|token")


def is_secret(header: str) -> bool:
    """Return whether a request's header, by its name, holds a credential."""
    return bool(_SECRET.search(header.lower()))


class RequestHeaders(Mapping[str, str]):
    """HTTP headers under names of any case, whose repr hides credentials.

    Several headers of one name are joined with commas; `raw` has them as they came.
    """

    def __init__(self, raw: Iterable[tuple[bytes, bytes]] = ()) -> None:
        self.raw = [*raw]
        self._values: dict[str, str] = {}
        for name, value in self.raw:
            key, text = name.decode("latin-1").lower(), value.decode("latin-1")
            self._values[key] = f"{self._values[key]}, {text}" if key in self._values else text

    @override
    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    @override
    def __len__(self) -> int:
        return len(self._values)

    @override
    def __repr__(self) -> str:
        hidden = dict.fromkeys(filter(is_secret, self._values), "*" * 10)
        return f"RequestHeaders({self._values | hidden!r})"


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A file in a form: its name, media type and bytes."""

    name: str = ""
    content_type: str = ""
    content: bytes = field(default=b"", repr=False)


@dataclass(slots=True, eq=False, kw_only=True)
class ReceivedRequest:
    """One request as it arrived, and what became of it.

    Attributes:
        number: Counts from 1 in the order of arrival.
        method: The HTTP method.
        path: The path without its query.
        query: The query string, without `?`.
        headers: The headers, credentials included.
        body: The body's bytes.
        arrived_at: Emulated seconds since the emulator was made.
        connection: The connection's number, from 1, to see which requests shared one.
        endpoint: The queue of the script that it takes from; empty where there is no such path.
        status: The status that was answered; `None` until then.
        text: The text that was sent or was to be sent, after `stop` and `max_tokens`.
        faults: Names of the faults applied.
        completed: Whether the whole answer was handed to the network, or as much of it as
            a scripted fault allowed.
        client_disconnected: Whether the client closed the connection before that.
    """

    method: str
    path: str
    body: bytes = field(repr=False)
    headers: RequestHeaders = field(default_factory=RequestHeaders)
    query: str = ""
    number: int = 0
    arrived_at: float = 0.0
    connection: int = 0
    endpoint: str = ""
    status: int | None = None
    text: str | None = None
    faults: tuple[str, ...] = ()
    completed: bool = False
    client_disconnected: bool = False

    def __str__(self) -> str:
        """Name the request."""
        return f"request {self.number}, {self.method} {self.path}"

    @property
    def json(self) -> Any:
        """The body's JSON value; a `ValueError` if it is none."""
        return orjson.loads(self.body)

    @property
    def form(self) -> dict[str, str | UploadedFile]:
        """The fields of a body of the type `multipart/form-data`; none of another body."""
        fields: dict[str, str | UploadedFile] = {}
        content_type = self.headers.get("content-type", "")
        if not content_type.startswith("multipart/"):
            return fields
        head = f"content-type: {content_type}\r\n\r\n".encode()
        for part in message_from_bytes(head + self.body, policy=HTTP).iter_parts():
            content = part.get_payload(decode=True)
            name = part.get_param("name", header="content-disposition")
            if isinstance(content, bytes) and isinstance(name, str):
                file = part.get_filename()
                fields[name] = (
                    content.decode(errors="replace")
                    if file is None
                    else UploadedFile(file, part.get_content_type(), content)
                )
        return fields
