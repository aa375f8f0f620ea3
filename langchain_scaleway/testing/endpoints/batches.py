"""`/v1/batches`: files of requests that are answered line by line, over emulated time.

A batch moves on when somebody looks at it. Its first tenth is for validating, its last for writing
the results; in between its lines are answered at an even pace, by the endpoint that they name, and
take from that endpoint's script and from no quota. Nobody has captured what Scaleway's service does
beyond its documentation; the forms of failed lines are vLLM's and OpenAI's.
"""

import re
import uuid
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import parse_qsl, urlsplit

import orjson
from pydantic import BaseModel, Field, ValidationError

from langchain_scaleway.testing.answers import Answer, json_answer
from langchain_scaleway.testing.endpoints.base import RequestModel, fields_of, validate
from langchain_scaleway.testing.endpoints.chat import COMPLETIONS
from langchain_scaleway.testing.endpoints.embeddings import EMBEDDINGS
from langchain_scaleway.testing.endpoints.responses import RESPONSES
from langchain_scaleway.testing.endpoints.transcriptions import TRANSCRIPTIONS
from langchain_scaleway.testing.quotas import QuotaLedger
from langchain_scaleway.testing.received import ReceivedRequest
from langchain_scaleway.testing.refusals import Refusal, gateway_refusal
from langchain_scaleway.testing.replies import Reply
from langchain_scaleway.testing.service import EmulatedService

_TIMES: Final = (
    *("created", "in_progress", "finalizing", "completed", "failed", "expired"),
    *("cancelling", "cancelled"),
)
_ENDED: Final = frozenset({"completed", "failed", "expired", "cancelled"})
_DAY: Final = 24 * 60 * 60
_EDGE: Final = 0.1  # the part of a batch's time that validating takes, and writing
_ENDPOINTS: Final = {
    f"/v1{endpoint.path}": endpoint
    for endpoint in (COMPLETIONS, RESPONSES, EMBEDDINGS, TRANSCRIPTIONS)
}


class BatchRequest(RequestModel):
    """The body of a request for a batch (OpenAPI, 2026-09)."""

    input_file_id: str
    endpoint: Literal[
        "/v1/chat/completions", "/v1/responses", "/v1/embeddings", "/v1/audio/transcriptions"
    ]
    completion_window: Literal["24h"]


class PageRequest(RequestModel):
    """The query of a request for a list of batches."""

    limit: Annotated[int, Field(ge=0, le=100)] = 20
    after: str | None = None


class _Line(BaseModel):
    """One request of a batch."""

    custom_id: str
    method: Literal["POST"]
    url: str
    body: dict[str, Any]


class _BadInputError(Exception):
    """A whole batch that fails: the reason, and the number of the wrong line, if one is."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.details = {"code": "invalid_request", "message": message, "line": line, "param": None}


class Batch:
    """One batch, whose requests are in an object of a bucket.

    The bucket is `EmulatorSettings.batch_storage`, whatever its name.
    """

    def __init__(
        self, service: EmulatedService, request: BatchRequest, reply: Reply | None
    ) -> None:
        self.id = str(uuid.uuid4())
        self.status = "validating"
        self._service = service
        self._input_url = request.input_file_id
        self._path = request.endpoint
        self._failure = _BadInputError(reply.text) if reply and reply.text else None
        self._at = {"created": service.clock.now()}
        self._files: dict[str, str] = {}
        self._lines: list[_Line] = []
        self._answered: list[bytes] = []
        self._failed: list[bytes] = []
        self._tokens: Counter[str] = Counter()

    def cancel(self) -> None:
        """Stop it soon; what is answered stays."""
        if self.status not in _ENDED:
            self._enter("cancelling")

    def forget(self) -> None:
        """Delete its record; its files stay."""
        del self._service.batches[self.id]

    def advance(self) -> None:
        """Do what has been due since somebody last looked."""
        seconds, now = self._service.batch_seconds, self._service.clock.now()
        age = now - self._at["created"]
        if self.status == "validating" and age >= seconds * _EDGE:
            try:
                self._read_lines()
                self._enter("in_progress")
            except _BadInputError as error:
                self._failure = error
                self._enter("failed")
        if self.status == "in_progress":
            working = seconds * (1 - 2 * _EDGE)
            share = (min(age, _DAY) - seconds * _EDGE) / working if working else 1
            for line in self._lines[self._done : round(len(self._lines) * min(1, share))]:
                self._answer(line)
            if self._done == len(self._lines):
                self._enter("finalizing")
            elif age >= _DAY:
                self._expire()
        if self.status == "finalizing" and age >= seconds:
            self._end("completed")
        elif self.status == "cancelling" and now > self._at["cancelling"]:
            self._end("cancelled")

    @property
    def _done(self) -> int:
        return len(self._answered) + len(self._failed)

    def _enter(self, status: str) -> None:
        self.status, self._at[status] = status, self._service.clock.now()

    def _read_lines(self) -> None:
        """Read the input file, or fail as a whole."""
        if self._failure is not None:
            raise self._failure
        ids: set[str] = set()
        for number, text in enumerate(self._read_input().splitlines(), start=1):
            try:
                line = _Line.model_validate_json(text)
            except ValidationError as error:
                raise _BadInputError(f"Line {number}: {error}", number) from error
            if line.url != self._path:
                raise _BadInputError(f"Line {number} must POST to {self._path}.", number)
            if line.custom_id in ids:
                raise _BadInputError(f"custom_id {line.custom_id!r} is not unique.", number)
            ids.add(line.custom_id)
            self._lines.append(line)
        models = {str(line.body.get("model")) for line in self._lines}
        if len(models) != 1:
            raise _BadInputError("All lines must name the same model.")
        try:
            self._service.find_model(*models)
        except Refusal as refusal:
            raise _BadInputError(refusal.body["message"]) from refusal

    def _read_input(self) -> bytes:
        url, storage = self._input_url, self._service.batch_storage
        if not re.fullmatch(r"https://[^/]+\.scw\.cloud/[^?]+", url):
            raise _BadInputError(
                "input_file_id must be the URL of an object in Object Storage, such as "
                f"https://BUCKET.s3.fr-par.scw.cloud/input.jsonl, and not signed; got {url}"
            )
        try:
            if isinstance(storage, Path):
                return (storage / _path_of(url)).read_bytes()
            if storage is not None:
                return bytes(storage.get(_path_of(url)).bytes())
            reason: Exception | str = "no access to the bucket"
        except Exception as error:  # noqa: BLE001 -- a store may raise anything
            reason = error
        raise _BadInputError(f"{url} cannot be read: {reason}")

    def _answer(self, line: _Line) -> None:
        """Answer a line, and keep the outcome in the form of its file."""
        service, endpoint = self._service, _ENDPOINTS[self._path]
        received = ReceivedRequest(
            method="POST",
            path=self._path,
            body=orjson.dumps(line.body),
            arrived_at=service.clock.now(),
            endpoint=endpoint.queue,
        )
        without_quotas = QuotaLedger(None)
        answer = service.attempt(
            received, lambda: endpoint.serve(received, service, without_quotas)
        )
        body = orjson.loads(answer.joined_body() or b"null")
        response = {"request_id": str(uuid.uuid4()), "status_code": answer.status, "body": body}
        if answer.status == 200:  # noqa: PLR2004 -- the one that is no failure
            self._answered.append(self._outcome(line, response, None))
            usage = (body.get("usage") or {}) if isinstance(body, dict) else {}
            for name, old in (("input", "prompt_tokens"), ("output", "completion_tokens")):
                self._tokens[name] += usage.get(old) or usage.get(f"{name}_tokens") or 0
        elif service.batch_error_lines == "vllm":
            self._failed.append(self._outcome(line, response | {"body": None}, body))
        else:
            self._failed.append(self._outcome(line, response, None))

    def _outcome(self, line: _Line, response: object, error: object) -> bytes:
        head = {"id": self.id, "custom_id": line.custom_id}
        return orjson.dumps({**head, "response": response, "error": error})

    def _expire(self) -> None:
        """End without an answer to each line."""
        error = {"code": "batch_expired", "message": "The batch has expired."}
        self._failed += [self._outcome(line, None, error) for line in self._lines[self._done :]]
        self._end("expired")

    def _end(self, status: str) -> None:
        """Write an object for each outcome that there is; the last line comes first."""
        storage = self._service.batch_storage
        for kind, lines in (("output", self._answered), ("error", self._failed)):
            if lines:
                url = self._files[kind] = f"{self._input_url.removesuffix('.jsonl')}_{kind}.jsonl"
                content = b"\n".join([*lines[::-1], b""])
                if isinstance(storage, Path):
                    (storage / _path_of(url)).write_bytes(content)
                elif storage is not None:
                    storage.put(_path_of(url), content)
        self._enter(status)

    def as_json(self) -> dict[str, Any]:
        """Return the object, whose times are seconds since 1970."""
        epoch, tokens, errors = self._service.clock.epoch, self._tokens, None
        if self.status == "failed" and self._failure is not None:
            errors = {"object": "list", "data": [self._failure.details]}
        at = {f"{name}_at": int(epoch + seconds) for name, seconds in self._at.items()}
        return {
            "id": self.id,
            "object": "batch",
            "endpoint": self._path,
            "model": self._lines[0].body["model"] if self._lines else None,
            "errors": errors,
            "input_file_id": self._input_url,
            "completion_window": "24h",
            "status": self.status,
            "output_file_id": self._files.get("output"),
            "error_file_id": self._files.get("error"),
            "expires_at": at["created_at"] + _DAY,
            **dict.fromkeys(f"{name}_at" for name in _TIMES),
            **at,
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


def _path_of(url: str) -> str:
    return urlsplit(url).path.lstrip("/")


def create(received: ReceivedRequest, service: EmulatedService) -> Answer:
    """Make a batch; a scripted `Reply` fails it as a whole, with its text for a reason."""
    request = validate(BatchRequest, fields_of(received))

    def usual(reply: Reply | None) -> Answer:
        batch = Batch(service, request, reply)
        service.batches[batch.id] = batch
        return json_answer(200, batch.as_json())

    return service.scripted(received, usual)


def list_page(received: ReceivedRequest, service: EmulatedService) -> Answer:
    """List batches, the latest first."""
    query = validate(PageRequest, dict(parse_qsl(received.query)))
    ids = [*reversed(service.batches)]
    start = ids.index(query.after) + 1 if query.after in ids else 0
    page = [service.batches[one] for one in ids[start : start + query.limit]]
    for batch in page:
        batch.advance()
    listed = {
        "object": "list",
        "data": [batch.as_json() for batch in page],
        "first_id": page[0].id if page else None,
        "last_id": page[-1].id if page else None,
        "has_more": len(ids) > start + len(page),
    }
    return service.scripted(received, lambda _reply: json_answer(200, listed), looks=True)


def _look_at(
    act: Callable[[Batch], object], received: ReceivedRequest, service: EmulatedService
) -> Answer:
    """Look at one batch, and do something with it."""
    batch_id = received.path.partition("/batches/")[2].partition("/")[0]
    batch = service.batches.get(batch_id)
    if batch is None:
        raise gateway_refusal(404, f"batch '{batch_id}' not found")

    def usual(_reply: Reply | None) -> Answer:
        batch.advance()
        act(batch)
        return json_answer(200, batch.as_json())

    return service.scripted(received, usual, looks=True)


retrieve = partial(_look_at, Batch.as_json)
cancel = partial(_look_at, Batch.cancel)
delete = partial(_look_at, Batch.forget)
