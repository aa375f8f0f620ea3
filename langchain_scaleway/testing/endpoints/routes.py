"""The endpoints that the emulator serves, as the server routes requests to them."""

from collections.abc import Callable
from typing import Final

from langchain_scaleway.testing.answers import Answer, json_answer
from langchain_scaleway.testing.endpoints import batches
from langchain_scaleway.testing.endpoints.chat import COMPLETIONS
from langchain_scaleway.testing.endpoints.embeddings import EMBEDDINGS, RERANK
from langchain_scaleway.testing.endpoints.responses import RESPONSES
from langchain_scaleway.testing.endpoints.transcriptions import TRANSCRIPTIONS
from langchain_scaleway.testing.received import ReceivedRequest
from langchain_scaleway.testing.replies import Queue
from langchain_scaleway.testing.service import EmulatedService

Serve = Callable[[ReceivedRequest, EmulatedService], Answer]


def _list_models(received: ReceivedRequest, service: EmulatedService) -> Answer:
    """List the models of all kinds; retired ones are not in it."""
    models = [
        {"id": model.id, "object": "model", "created": 1_795_357_352, "owned_by": "Scaleway"}
        for model in service.models
        if model.answered_by is None
    ]
    listed = {"object": "list", "data": models}
    return service.scripted(received, lambda _reply: json_answer(200, listed))


# Method, path behind `/v1`, the queue that requests take scripted steps from, what answers them.
ROUTES: Final[tuple[tuple[str, str, Queue, Serve], ...]] = (
    *(
        ("POST", endpoint.path, endpoint.queue, endpoint.serve)
        for endpoint in (COMPLETIONS, RESPONSES, EMBEDDINGS, RERANK, TRANSCRIPTIONS)
    ),
    ("GET", "/models", "models", _list_models),
    ("POST", "/batches", "batches", batches.create),
    ("GET", "/batches", "batches", batches.list_page),
    ("GET", "/batches/{id}", "batches", batches.retrieve),
    ("POST", "/batches/{id}/cancel", "batches", batches.cancel),
    ("DELETE", "/batches/{id}", "batches", batches.delete),
)
