"""Recorded exchanges with a real service, served again; `recorder` makes them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson

from langchain_scaleway.testing.answers import Answer
from langchain_scaleway.testing.received import ReceivedRequest

# Headers that belong to one connection, and what aiohttp writes itself.
OF_A_CONNECTION: Final = frozenset(
    {"connection", "host", "keep-alive", "content-length", "transfer-encoding", "accept-encoding"}
)


@dataclass(slots=True)
class Player:
    """Serves recorded exchanges: to equal bodies what they got, in the order of the recordings.

    The last answer to a body is given again and again.

    Attributes:
        directory: Where the files are.

    Raises:
        ValueError: There are none.
    """

    directory: Path
    _answers: defaultdict[tuple[str, str, bytes], list[Path]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def __post_init__(self) -> None:
        """Read what was asked."""
        for path in sorted(self.directory.glob("*.request.json")):
            request = orjson.loads(path.read_bytes())
            key = (request["method"], request["path"], _canonical(request.get("body")))
            answer = path.with_name(path.name.replace(".request.json", ".response.http"))
            self._answers[key].append(answer)
        if not self._answers:
            raise ValueError(f"There is no recording in {self.directory}.")

    def answer(self, received: ReceivedRequest) -> Answer:
        """Return what was answered to an equal request.

        Raises:
            LookupError: No such request was recorded.
        """
        try:
            body = received.json
        except ValueError:
            body = None
        found = self._answers.get((received.method, public_path(received), _canonical(body)))
        if not found:
            raise LookupError(f"No recording in {self.directory} is of {received}.")
        return _answer_from(found.pop(0) if len(found) > 1 else found[0])


def _answer_from(path: Path) -> Answer:
    head, _, body = path.read_bytes().partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    kept = [*without(headers, OF_A_CONNECTION).items()]
    status = int(first.split(" ")[1])
    if "transfer-encoding: chunked" not in head.decode("latin-1").lower():
        return Answer(status, kept, [body], content_length=len(body))
    pieces = []
    while body:
        length, _, body = body.partition(b"\r\n")
        size = int(length, 16)
        pieces.append(body[:size])
        body = body[size + 2 :]
    return Answer(status, kept, [piece for piece in pieces if piece])


def without(headers: Iterable[tuple[str, str]], names: frozenset[str] | set[str]) -> dict[str, str]:
    """Return headers but for some, whose names are in lower case."""
    return {name: value for name, value in headers if name.lower() not in names}


def public_path(received: ReceivedRequest) -> str:
    """Return the path without the project in it."""
    return f"/v1{received.path.partition('/v1')[2]}"


def _canonical(body: Any) -> bytes:
    """Return a body as bytes that are equal where bodies are; a form's are all alike."""
    return orjson.dumps(body, option=orjson.OPT_SORT_KEYS)
