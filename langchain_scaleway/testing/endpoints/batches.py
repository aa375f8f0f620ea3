"""`/v1/batches`: files of requests that are answered line by line, over emulated time.

A batch moves on when somebody looks at it. Its first tenth is for validating, its last for writing
the results; in between its lines are answered at an even pace, by the endpoint that they name, and
take from that endpoint's script and from no quota. Nobody has captured what Scaleway's service does
beyond its documentation; the forms of failed lines are vLLM's and OpenAI's.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, get_args
from urllib.parse import parse_qs, urlsplit

import orjson

from langchain_scaleway.testing.answers import Answer, json_answer
from langchain_scaleway.testing.endpoints.base import ModelEndpoint, PlainEndpoint, Usual
from langchain_scaleway.testing.endpoints.chat import CHAT_COMPLETIONS
from langchain_scaleway.testing.endpoints.embeddings import EMBEDDINGS
from langchain_scaleway.testing.endpoints.responses import RESPONSES
from langchain_scaleway.testing.endpoints.transcriptions import TRANSCRIPTIONS
from langchain_scaleway.testing.received import ReceivedRequest, RequestHeaders
from langchain_scaleway.testing.refusals import (
    Refusal,
    RequestModel,
    gateway_refusal,
    json_object,
    validate,
)
from langchain_scaleway.testing.replies import Reply
from langchain_scaleway.testing.settings import ObjectStore

if TYPE_CHECKING:
    from langchain_scaleway.testing.service import EmulatedService

_Status = Literal[
    "validating",
    "in_progress",
    "finalizing",
    "completed",
    "failed",
    "expired",
    "cancelling",
    "cancelled",
]
_ENDED: Final = frozenset({"completed", "failed", "expired", "cancelled"})
_DAY: Final = 24 * 60 * 60
_MOST_LINES: Final = 50_000
_MOST_BYTES: Final = 200 * 1024 * 1024
_EDGE: Final = 0.1  # the part of a batch's time that validating takes, and writing
_USUAL_PAGE: Final = 20
_LARGEST_PAGE: Final = 100
_OF_LINES: Final[dict[str, ModelEndpoint[Any]]] = {
    f"/v1{one.path}": one for one in (CHAT_COMPLETIONS, RESPONSES, EMBEDDINGS, TRANSCRIPTIONS)
}


class _BadInputError(Exception):
    """A whole batch that fails, with OpenAI's word for the reason and the wrong line, from 1."""

    def __init__(
        self, message: str, code: str = "invalid_request", line: int | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.line = line


@dataclass(slots=True)
class Batch:
    """One batch, whose requests are in an object of a bucket.

    The bucket is `EmulatorSettings.batch_storage`, whatever its name.
    """

    service: EmulatedService
    input_url: str
    path: str
    failure: _BadInputError | None = None
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    status: _Status = "validating"
    model: str | None = None
    at: dict[str, float] = field(default_factory=dict)
    files: dict[str, str | None] = field(default_factory=dict)
    _lines: list[dict[str, Any]] = field(default_factory=list)
    _answered: list[bytes] = field(default_factory=list)
    _failed: list[bytes] = field(default_factory=list)
    _tokens: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        """Note when it was made."""
        self.at["created"] = self.service.clock.now()

    def cancel(self) -> None:
        """Stop it soon; what is answered stays."""
        if self.status not in _ENDED:
            self._enter("cancelling")

    def advance(self) -> None:
        """Do what has been due since somebody last looked."""
        seconds = self.service.settings.batch_seconds
        now = self.service.clock.now()
        age = now - self.at["created"]
        try:
            if self.status == "validating" and age >= seconds * _EDGE:
                self._validate()
                self._enter("in_progress")
        except _BadInputError as error:
            self.failure = error
            self._enter("failed")
        if self.status == "in_progress":
            working = seconds * (1 - 2 * _EDGE)
            share = (min(age, _DAY) - seconds * _EDGE) / working if working else 1
            for line in self._lines[self._done : round(len(self._lines) * min(1, share))]:
                self._answer(line)
            if self._done == len(self._lines):
                self._enter("finalizing")
            elif age >= _DAY:
                self._end("expired")
        if self.status == "finalizing" and age >= seconds:
            self._end("completed")
        elif self.status == "cancelling" and now > self.at["cancelling"]:
            self._end("cancelled")

    @property
    def _done(self) -> int:
        return len(self._answered) + len(self._failed)

    def _enter(self, status: _Status) -> None:
        self.status, self.at[status] = status, self.service.clock.now()

    def _validate(self) -> None:
        """Read the input file, or fail as a whole."""
        if self.failure is not None:
            raise self.failure
        content = self._read_input()
        lines = content.splitlines()
        if len(content) > _MOST_BYTES or len(lines) > _MOST_LINES:
            raise _BadInputError(f"At most {_MOST_LINES} lines and 200 MB are allowed.")
        ids: set[str] = set()
        for number, text in enumerate(lines, start=1):
            line = self._read_line(text, number)
            if line["custom_id"] in ids:
                message = f"custom_id {line['custom_id']!r} is not unique."
                raise _BadInputError(message, "duplicate_custom_id", number)
            ids.add(line["custom_id"])
            self._lines.append(line)
        models = {str(line["body"].get("model")) for line in self._lines}
        if len(models) != 1:
            raise _BadInputError("All lines must name the same model.", "mismatched_model")
        self.model = models.pop()
        try:
            self.service.find_model(self.model)
        except Refusal as refusal:
            raise _BadInputError(refusal.body["message"], "model_not_found") from refusal

    def _read_input(self) -> bytes:
        url, storage, parts = self.input_url, self._storage, urlsplit(self.input_url)
        is_object = parts.scheme == "https" and (parts.hostname or "").endswith(".scw.cloud")
        if not is_object or parts.query:
            raise _BadInputError(
                "input_file_id must be the URL of an object in Object Storage, such as "
                f"https://BUCKET.s3.fr-par.scw.cloud/input.jsonl, and not signed; got {url}"
            )
        path = parts.path.lstrip("/")
        try:
            if storage is None:
                raise PermissionError("no access to the bucket")  # noqa: TRY301 -- one more way not to read it
            if isinstance(storage, Path):
                return (storage / path).read_bytes()
            return bytes(storage.get(path).bytes())
        except Exception as error:  # a store may raise anything
            raise _BadInputError(f"{url} cannot be read: {error}", "file_not_accessible") from error

    def _write(self, url: str, lines: list[bytes]) -> str | None:
        """Write an object, unless there are no lines; return its URL."""
        if not lines:
            return None
        path, content = urlsplit(url).path.lstrip("/"), b"\n".join([*lines, b""])
        if isinstance(self._storage, Path):
            (self._storage / path).write_bytes(content)
        elif self._storage is not None:
            self._storage.put(path, content)
        return url

    @property
    def _storage(self) -> Path | ObjectStore | None:
        return self.service.settings.batch_storage

    def _read_line(self, text: bytes, number: int) -> dict[str, Any]:
        try:
            line = orjson.loads(text)
        except ValueError as error:
            raise _BadInputError(f"Line {number}: {error}", "invalid_json_line", number) from error
        fields = {"custom_id": str, "method": str, "url": str, "body": dict}
        is_whole = isinstance(line, dict) and all(
            isinstance(line.get(name), kind) for name, kind in fields.items()
        )
        if not is_whole or (line["method"], line["url"]) != ("POST", self.path):
            message = f"Line {number} must POST to {self.path}, with a custom_id and a body."
            raise _BadInputError(message, line=number)
        return dict(line)

    def _answer(self, line: dict[str, Any]) -> None:
        """Answer a line, and keep the outcome in the form of its file."""
        endpoint, clock = _OF_LINES[self.path], self.service.clock
        received = ReceivedRequest(
            number=0,
            method="POST",
            path=self.path,
            query="",
            headers=RequestHeaders([(b"content-type", b"application/json")]),
            body=orjson.dumps(line["body"]),
            arrived_at=clock.now(),
            endpoint=endpoint.queue,
        )
        try:
            answer = endpoint.answered(endpoint.checked(received, self.service))
        except Refusal as refusal:
            answer = json_answer(refusal.status, refusal.body)
        body = orjson.loads(answer.joined_body() or b"null")
        response = {"request_id": str(uuid.uuid4()), "status_code": answer.status, "body": body}
        outcome = {"id": self.id, "custom_id": line["custom_id"], "error": None}
        is_good = answer.status == 200  # noqa: PLR2004 -- the one that is no failure
        if not is_good and self.service.settings.batch_error_lines == "vllm":
            outcome["error"], response["body"] = body, None
        outcome["response"] = response
        (self._answered if is_good else self._failed).append(orjson.dumps(outcome))
        usage = body.get("usage") or {} if is_good and isinstance(body, dict) else {}
        for name, old in (("input", "prompt_tokens"), ("output", "completion_tokens")):
            self._tokens[name] += usage.get(old) or usage.get(f"{name}_tokens") or 0

    def _end(self, status: _Status) -> None:
        """Write the results; their order is not that of the input."""
        error = {"code": "batch_expired", "message": "The batch has expired."}
        for line in self._lines[self._done :] if status == "expired" else ():
            outcome = {"id": self.id, "custom_id": line["custom_id"], "response": None}
            self._failed.append(orjson.dumps({**outcome, "error": error}))
        name = self.input_url.removesuffix(".jsonl")
        self.files = {
            "output": self._write(f"{name}_output.jsonl", self._answered[::-1]),
            "error": self._write(f"{name}_error.jsonl", self._failed[::-1]),
        }
        self._enter(status)

    def as_json(self) -> dict[str, Any]:
        """Return the object, whose times are seconds since 1970."""
        epoch, failure, tokens = self.service.clock.epoch, self.failure, self._tokens
        error = failure and {
            "code": failure.code,
            "message": str(failure),
            "line": failure.line,
            "param": None,
        }
        times = {
            f"{name}_at": int(epoch + self.at[name]) if name in self.at else None
            for name in ("created", *get_args(_Status)[1:])
        }
        return {
            "id": self.id,
            "object": "batch",
            "endpoint": self.path,
            "model": self.model,
            "errors": {"object": "list", "data": [error]} if self.status == "failed" else None,
            "input_file_id": self.input_url,
            "completion_window": "24h",
            "status": self.status,
            "output_file_id": self.files.get("output"),
            "error_file_id": self.files.get("error"),
            "expires_at": int(epoch + self.at["created"] + _DAY),
            **times,
            "request_counts": {
                "total": len(self._lines),
                "completed": len(self._answered),
                "failed": len(self._failed),
            },
            "usage": {
                "input_tokens": tokens["input"],
                "input_tokens_details": {"cached_tokens": 0},
                "output_tokens": tokens["output"],
                "output_tokens_details": {"reasoning_tokens": 0},
                "total_tokens": tokens.total(),
            },
        }


class BatchRequest(RequestModel):
    """The body of a request for a batch (OpenAPI, 2026-09)."""

    input_file_id: str
    endpoint: Literal[
        "/v1/chat/completions", "/v1/responses", "/v1/embeddings", "/v1/audio/transcriptions"
    ]
    completion_window: Literal["24h"]
    output_expires_after: dict[str, Any] | None = None


def _create(received: ReceivedRequest, service: EmulatedService) -> Usual:
    """Make a batch; a scripted `Reply` fails it as a whole, with its text for a reason."""
    request = validate(BatchRequest, json_object(received))

    def create(reply: Reply | None) -> Answer:
        failure = _BadInputError(reply.text) if reply and reply.text is not None else None
        batch = Batch(service, request.input_file_id, request.endpoint, failure)
        service.batches[batch.id] = batch
        return json_answer(200, batch.as_json())

    return create


def _list(received: ReceivedRequest, service: EmulatedService) -> Usual:
    """List batches, the latest first."""
    query = {name: values[-1] for name, values in parse_qs(received.query).items()}
    limit = query.get("limit", str(_USUAL_PAGE))
    if not limit.isdecimal() or int(limit) > _LARGEST_PAGE:
        raise gateway_refusal(400, f"limit must be from 0 to {_LARGEST_PAGE}, got {limit}")
    ids = [*reversed(service.batches)]
    start = ids.index(query["after"]) + 1 if query.get("after") in ids else 0
    page = [service.batches[one] for one in islice(ids, start, start + int(limit))]
    for batch in page:
        batch.advance()
    listed = {
        "object": "list",
        "data": [batch.as_json() for batch in page],
        "first_id": page[0].id if page else None,
        "last_id": page[-1].id if page else None,
        "has_more": len(ids) > start + len(page),
    }
    return lambda _reply: json_answer(200, listed)


def _one(act: Callable[[Batch], object]) -> Callable[[ReceivedRequest, EmulatedService], Usual]:
    """Look at one batch, and do something with it."""

    def usual(received: ReceivedRequest, service: EmulatedService) -> Usual:
        batch_id = received.parameters["id"]
        batch = service.batches.get(batch_id)
        if batch is None:
            raise gateway_refusal(404, f"batch '{batch_id}' not found")

        def answer(_reply: Reply | None) -> Answer:
            batch.advance()
            act(batch)
            return json_answer(200, batch.as_json())

        return answer

    return usual


BATCH_ENDPOINTS: Final = (
    PlainEndpoint("POST", "/batches", "batches", _create),
    PlainEndpoint("GET", "/batches", "batches", _list),
    PlainEndpoint("GET", "/batches/{id}", "batches", _one(lambda batch: batch.status)),
    PlainEndpoint("POST", "/batches/{id}/cancel", "batches", _one(Batch.cancel)),
    PlainEndpoint(
        "DELETE",
        "/batches/{id}",
        "batches",
        _one(lambda batch: batch.service.batches.pop(batch.id)),  # its files stay
    ),
)
