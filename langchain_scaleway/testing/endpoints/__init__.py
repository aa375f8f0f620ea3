"""The endpoints that the emulator serves, one module each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from langchain_scaleway.testing.answers import json_answer
from langchain_scaleway.testing.endpoints.base import Endpoint, PlainEndpoint, Usual
from langchain_scaleway.testing.endpoints.batches import BATCH_ENDPOINTS
from langchain_scaleway.testing.endpoints.chat import CHAT_COMPLETIONS
from langchain_scaleway.testing.endpoints.embeddings import EMBEDDINGS, RERANK
from langchain_scaleway.testing.endpoints.responses import RESPONSES
from langchain_scaleway.testing.endpoints.transcriptions import TRANSCRIPTIONS

if TYPE_CHECKING:
    from langchain_scaleway.testing.received import ReceivedRequest
    from langchain_scaleway.testing.service import EmulatedService


def _list_models(_received: ReceivedRequest, service: EmulatedService) -> Usual:
    """List the models of all kinds; retired ones are not in it."""
    models = [
        {"id": model.id, "object": "model", "created": 1_795_357_352, "owned_by": "Scaleway"}
        for model in service.settings.models
        if model.answered_by is None
    ]
    return lambda _reply: json_answer(200, {"object": "list", "data": models})


ENDPOINTS: Final[tuple[Endpoint, ...]] = (
    CHAT_COMPLETIONS,
    RESPONSES,
    EMBEDDINGS,
    RERANK,
    TRANSCRIPTIONS,
    PlainEndpoint("GET", "/models", "models", _list_models),
    *BATCH_ENDPOINTS,
)
