"""Batches: files of requests that are answered line by line, over emulated time.

A batch moves on when somebody looks at it. Its first tenth is for validating, its last for writing
the results; in between its lines are answered at an even pace, by the endpoint that they name, and
take from that endpoint's script. Nobody has captured what Scaleway's service does beyond its
documentation; the forms of failed lines are vLLM's and OpenAI's.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, get_args
from urllib.parse import urlsplit

import orjson

from langchain_scaleway.testing.answers import Answer, json_answer
from langchain_scaleway.testing.received import ReceivedRequest, RequestHeaders
from langchain_scaleway.testing.refusals import Refusal

if TYPE_CHECKING:
    from langchain_scaleway.testing.endpoints.base import ModelEndpoint
    from langchain_scaleway.testing.service import EmulatedService

BatchStatus = Literal[
    "validating",
    "in_progress",
    "finalizing",
    "completed",
    "failed",
    "expired",
    "cancelling",
    "cancelled",
]
ErrorLines = Literal["vllm", "openai"]

_ENDED: Final = frozenset({"completed", "failed", "expired", "cancelled"})
_WINDOW_SECONDS: Final = 24 * 60 * 60
_MOST_LINES: Final = 50_000
_MOST_BYTES: Final = 200 * 1024 * 1024
_EDGE: Final = 0.1  # the part of a batch's time that validating takes, and writing


class ObjectStore(Protocol):
    """A bucket, as an `obstore` store is one."""

    def get(self, path: str, /) -> Any:
        """Return a result whose `bytes()` are the object's."""

    def put(self, path: str, file: bytes, /) -> Any:
        """Write an object."""


class BadInputError(Exception):
    """A whole batch that fails.

    Attributes:
        code: OpenAI's word for the reason.
        line: The line that is wrong, from 1.
    """

    def __init__(
        self, message: str, code: str = "invalid_request", line: int | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.line = line


@dataclass(slots=True)
class Bucket:
    """What batches are read from and written to.

    Attributes:
        storage: A folder or a store that stands for the whole bucket, whatever its name.
    """

    storage: Path | ObjectStore | None

    def read(self, url: str) -> bytes:
        """Return an object.

        Raises:
            BadInputError: The URL is of another form, or there is no such object.
        """
        parts = urlsplit(url)
        if (
            parts.scheme != "https"
            or parts.query
            or not (parts.hostname or "").endswith(".scw.cloud")
        ):
            raise BadInputError(
                "input_file_id must be the URL of an object in Object Storage, such as "
                f"https://BUCKET.s3.fr-par.scw.cloud/input.jsonl, and not signed; got {url}"
            )
        path = parts.path.lstrip("/")
        try:
            if isinstance(self.storage, Path):
                return (self.storage / path).read_bytes()
            if self.storage is not None:
                return bytes(self.storage.get(path).bytes())
        except Exception as error:  # a store may raise anything
            raise BadInputError(f"{url} cannot be read: {error}", "file_not_accessible") from error
        raise BadInputError(f"{url} cannot be read: no access to the bucket", "file_not_accessible")

    def write(self, url: str, lines: list[bytes]) -> str | None:
        """Write an object, unless there are no lines; return its URL."""
        if not lines:
            return None
        path, content = urlsplit(url).path.lstrip("/"), b"\n".join(lines) + b"\n"
        if isinstance(self.storage, Path):
            (self.storage / path).write_bytes(content)
        elif self.storage is not None:
            self.storage.put(path, content)
        return url


@dataclass(slots=True)
class Batch:
    """One batch.

    Attributes:
        input_url: Where its requests are.
        endpoint: What answers them.
        created: The emulated second at which it was made.
        failure: Why it fails as a whole, if a test says so.
    """

    input_url: str
    endpoint: ModelEndpoint[Any]
    created: float
    failure: BadInputError | None = None
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    status: BatchStatus = "validating"
    model: str | None = None
    at: dict[str, float] = field(default_factory=dict)
    files: dict[str, str | None] = field(default_factory=dict)
    _lines: list[dict[str, Any]] = field(default_factory=list)
    _done: int = 0
    _answered: list[bytes] = field(default_factory=list)
    _failed: list[bytes] = field(default_factory=list)
    _tokens: dict[str, int] = field(default_factory=lambda: {"input": 0, "output": 0})

    @property
    def path(self) -> str:
        """The path that its requests go to."""
        return f"/v1{self.endpoint.path}"

    def cancel(self, now: float) -> None:
        """Stop it soon; what is answered stays."""
        if self.status not in _ENDED:
            self._enter("cancelling", now)

    def advance(self, service: EmulatedService) -> None:
        """Do what has been due since somebody last looked."""
        now, seconds = service.clock.now(), service.settings.batch_seconds
        age = now - self.created
        try:
            if self.status == "validating" and age >= seconds * _EDGE:
                self._validate(Bucket(service.settings.batch_storage), service)
                self._enter("in_progress", now)
        except BadInputError as error:
            self.failure = error
            self._enter("failed", now)
        if self.status == "in_progress":
            working = seconds * (1 - 2 * _EDGE)
            share = (min(age, _WINDOW_SECONDS) - seconds * _EDGE) / working if working else 1
            self._answer_up_to(round(len(self._lines) * min(1, share)), service)
            if self._done == len(self._lines):
                self._enter("finalizing", now)
            elif age >= _WINDOW_SECONDS:
                self._end("expired", service)
        if self.status == "finalizing" and age >= seconds:
            self._end("completed", service)
        elif self.status == "cancelling" and now > self.at["cancelling"]:
            self._end("cancelled", service)

    def _enter(self, status: BatchStatus, now: float) -> None:
        self.status, self.at[status] = status, now

    def _validate(self, bucket: Bucket, service: EmulatedService) -> None:
        """Read the input file.

        Raises:
            BadInputError: The batch fails as a whole.
        """
        if self.failure is not None:
            raise self.failure
        content = bucket.read(self.input_url)
        lines = content.splitlines()
        if len(content) > _MOST_BYTES or len(lines) > _MOST_LINES:
            raise BadInputError(f"At most {_MOST_LINES} lines and 200 MB are allowed.")
        seen: dict[str, set[str]] = {"custom_id": set(), "model": set()}
        for number, text in enumerate(lines, start=1):
            line = self._read_line(text, number)
            if line["custom_id"] in seen["custom_id"]:
                message = f"custom_id {line['custom_id']!r} is not unique."
                raise BadInputError(message, "duplicate_custom_id", number)
            seen["custom_id"].add(line["custom_id"])
            seen["model"].add(str(line["body"].get("model")))
            self._lines.append(line)
        if len(seen["model"]) != 1:
            raise BadInputError("All lines must name the same model.", "mismatched_model")
        self.model = seen["model"].pop()
        try:
            service.find_model(self.model)
        except Refusal as refusal:
            raise BadInputError(refusal.body["message"], "model_not_found") from refusal

    def _read_line(self, text: bytes, number: int) -> dict[str, Any]:
        try:
            line = orjson.loads(text)
        except ValueError as error:
            raise BadInputError(f"Line {number}: {error}", "invalid_json_line", number) from error
        whole = {"custom_id": str, "method": str, "url": str, "body": dict}
        is_whole = isinstance(line, dict) and all(
            isinstance(line.get(name), kind) for name, kind in whole.items()
        )
        if not is_whole or (line["method"], line["url"]) != ("POST", self.path):
            message = f"Line {number} must POST to {self.path}, with a custom_id and a body."
            raise BadInputError(message, "invalid_request", number)
        return dict(line)

    def _answer_up_to(self, number: int, service: EmulatedService) -> None:
        for line in self._lines[self._done : number]:
            request_id = str(uuid.uuid4())
            answer = self._answer(line, service)
            body = orjson.loads(answer.joined_body() or b"null")
            response = {"request_id": request_id, "status_code": answer.status, "body": body}
            outcome = {"id": self.id, "custom_id": line["custom_id"], "error": None}
            if answer.status == 200:  # noqa: PLR2004 -- the one that is no failure
                self._count(body.get("usage") or {})
                self._answered.append(orjson.dumps({**outcome, "response": response}))
            elif service.settings.batch_error_lines == "openai":
                self._failed.append(orjson.dumps({**outcome, "response": response}))
            else:
                outcome = {**outcome, "error": body, "response": {**response, "body": None}}
                self._failed.append(orjson.dumps(outcome))
            self._done += 1

    def _answer(self, line: dict[str, Any], service: EmulatedService) -> Answer:
        """Answer a line as a request that takes from no quota."""
        received = ReceivedRequest(
            number=0,
            method="POST",
            path=self.path,
            query="",
            headers=RequestHeaders([(b"content-type", b"application/json")]),
            body=orjson.dumps(line["body"]),
            arrived_at=self.created,
            connection=0,
            endpoint=self.endpoint.queue,
        )
        try:
            request, model = self.endpoint.checked(received, service)
            return self.endpoint.answered(received, request, model, service)
        except Refusal as refusal:
            return json_answer(refusal.status, refusal.body)

    def _count(self, usage: dict[str, Any]) -> None:
        for name, old in (("input", "prompt_tokens"), ("output", "completion_tokens")):
            self._tokens[name] += usage.get(old) or usage.get(f"{name}_tokens") or 0

    def _end(self, status: BatchStatus, service: EmulatedService) -> None:
        """Write the results; their order is not that of the input."""
        for line in self._lines[self._done :] if status == "expired" else ():
            error = {"code": "batch_expired", "message": "The batch has expired."}
            unanswered = {"id": self.id, "custom_id": line["custom_id"], "response": None}
            self._failed.append(orjson.dumps({**unanswered, "error": error}))
        bucket, name = Bucket(service.settings.batch_storage), self.input_url.removesuffix(".jsonl")
        self.files = {
            "output": bucket.write(f"{name}_output.jsonl", self._answered[::-1]),
            "error": bucket.write(f"{name}_error.jsonl", self._failed[::-1]),
        }
        self._enter(status, service.clock.now())

    def as_json(self, epoch: float) -> dict[str, Any]:
        """Return the object, whose times are seconds since 1970.

        Args:
            epoch: When the emulator's clock stood at zero.
        """
        failure = self.failure
        error = failure and {
            "code": failure.code,
            "message": str(failure),
            "line": failure.line,
            "param": None,
        }
        times = {
            f"{name}_at": int(epoch + self.at[name]) if name in self.at else None
            for name in get_args(BatchStatus)
            if name != "validating"
        }
        tokens = self._tokens
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
            "created_at": int(epoch + self.created),
            "expires_at": int(epoch + self.created + _WINDOW_SECONDS),
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
                "total_tokens": sum(tokens.values()),
            },
        }


@dataclass(slots=True)
class Batches:
    """The batches of one emulator, the latest last.

    Attributes:
        epoch: When the emulator's clock stood at zero, in seconds since 1970.
    """

    epoch: float = field(default_factory=time.time)
    _all: dict[str, Batch] = field(default_factory=dict)

    def add(self, batch: Batch) -> Batch:
        """Keep a new one."""
        self._all[batch.id] = batch
        return batch

    def find(self, batch_id: str) -> Batch | None:
        """Return one, if there is one of this id."""
        return self._all.get(batch_id)

    def forget(self, batch: Batch) -> None:
        """Delete the record of one; its files stay."""
        del self._all[batch.id]

    def after(self, batch_id: str | None) -> Iterator[Batch]:
        """Yield batches, the latest first, behind a given one."""
        latest = [*reversed(self._all.values())]
        known = [batch.id for batch in latest]
        yield from latest[known.index(batch_id) + 1 if batch_id in known else 0 :]
