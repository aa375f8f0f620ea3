"""`/v1/batches`: create, list, get, cancel, delete."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal
from urllib.parse import parse_qs

from langchain_scaleway.testing.answers import Answer, Served, json_answer
from langchain_scaleway.testing.batches import BadInputError, Batch
from langchain_scaleway.testing.bodies import RequestModel, json_object, validate
from langchain_scaleway.testing.endpoints.base import ModelEndpoint, Queue
from langchain_scaleway.testing.endpoints.chat import ChatCompletions
from langchain_scaleway.testing.endpoints.embeddings import Embeddings
from langchain_scaleway.testing.endpoints.responses import Responses
from langchain_scaleway.testing.endpoints.transcriptions import Transcriptions
from langchain_scaleway.testing.received import ReceivedRequest
from langchain_scaleway.testing.refusals import gateway_refusal
from langchain_scaleway.testing.replies import Reply

if TYPE_CHECKING:
    from langchain_scaleway.testing.service import EmulatedService

_USUAL_LIMIT: Final = 20
_MOST: Final = 100
_OF_LINES: Final[dict[str, ModelEndpoint[Any]]] = {
    f"/v1{one.path}": one
    for one in (ChatCompletions(), Responses(), Embeddings(), Transcriptions())
}


class BatchRequest(RequestModel):
    """The body of a request for a batch (OpenAPI, 2026-09)."""

    input_file_id: str
    endpoint: Literal[
        "/v1/chat/completions", "/v1/responses", "/v1/embeddings", "/v1/audio/transcriptions"
    ]
    completion_window: Literal["24h"]
    output_expires_after: dict[str, Any] | None = None


class CreateBatch:
    """Make a batch; a scripted `Reply` fails it as a whole, with its text for a reason."""

    method: ClassVar[str] = "POST"
    path: ClassVar[str] = "/batches"
    queue: ClassVar[Queue] = "batches"

    def serve(self, received: ReceivedRequest, service: EmulatedService) -> Served:
        """Answer with the new batch, which is looked at only later."""
        media_type = received.headers.get("content-type", "application/json")
        request = validate(BatchRequest, json_object(received.body, media_type))

        def create(reply: Reply | None) -> Answer:
            failure = BadInputError(reply.text) if reply and reply.text is not None else None
            now = service.clock.now()
            batch = Batch(request.input_file_id, _OF_LINES[request.endpoint], now, failure)
            return json_answer(200, service.batches.add(batch).as_json(service.batches.epoch))

        return Served(service.scripted(received, self.queue, create))


class ListBatches:
    """List batches, the latest first."""

    method: ClassVar[str] = "GET"
    path: ClassVar[str] = "/batches"
    queue: ClassVar[Queue] = "batches"

    def serve(self, received: ReceivedRequest, service: EmulatedService) -> Served:
        """Answer with a page of the list."""
        query = {name: values[-1] for name, values in parse_qs(received.query).items()}
        limit = query.get("limit", str(_USUAL_LIMIT))
        if not limit.isdecimal() or int(limit) > _MOST:
            raise gateway_refusal(400, f"limit must be from 0 to {_MOST}, got {limit}")
        found = [*islice(service.batches.after(query.get("after")), int(limit) + 1)]
        page = found[: int(limit)]
        for batch in page:
            batch.advance(service)
        listed = {
            "object": "list",
            "data": [batch.as_json(service.batches.epoch) for batch in page],
            "first_id": page[0].id if page else None,
            "last_id": page[-1].id if page else None,
            "has_more": len(found) > len(page),
        }
        return Served(
            service.scripted(received, self.queue, lambda _reply: json_answer(200, listed))
        )


@dataclass(frozen=True)
class OneBatch:
    """Look at one batch, and do something with it.

    Attributes:
        method: The HTTP method.
        path: The path, with the batch's id.
        action: What is done.
    """

    method: str
    path: str
    action: Callable[[EmulatedService, Batch], None]
    queue: ClassVar[Queue] = "batches"

    def serve(self, received: ReceivedRequest, service: EmulatedService) -> Served:
        """Answer with the batch as it is then."""
        batch_id = received.parameters.get("id", "")
        batch = service.batches.find(batch_id)
        if batch is None:
            raise gateway_refusal(404, f"batch '{batch_id}' not found")

        def do(_reply: Reply | None) -> Answer:
            batch.advance(service)
            self.action(service, batch)
            return json_answer(200, batch.as_json(service.batches.epoch))

        return Served(service.scripted(received, self.queue, do))


def _look(service: EmulatedService, batch: Batch) -> None:
    """Do nothing more."""


def _cancel(service: EmulatedService, batch: Batch) -> None:
    batch.cancel(service.clock.now())


def _delete(service: EmulatedService, batch: Batch) -> None:
    service.batches.forget(batch)


BATCH_ENDPOINTS = (
    CreateBatch(),
    ListBatches(),
    OneBatch("GET", "/batches/{id}", _look),
    OneBatch("POST", "/batches/{id}/cancel", _cancel),
    OneBatch("DELETE", "/batches/{id}", _delete),
)
