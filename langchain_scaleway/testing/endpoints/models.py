"""`GET /v1/models`."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from langchain_scaleway.testing.answers import Served, json_answer
from langchain_scaleway.testing.endpoints.base import Queue
from langchain_scaleway.testing.received import ReceivedRequest

if TYPE_CHECKING:
    from langchain_scaleway.testing.service import EmulatedService


class ModelList:
    """The list of models of all kinds; retired ones are not in it."""

    method: ClassVar[str] = "GET"
    path: ClassVar[str] = "/models"
    queue: ClassVar[Queue] = "models"

    def serve(self, received: ReceivedRequest, service: EmulatedService) -> Served:
        """List the models."""
        models = [
            {"id": model.id, "object": "model", "created": 1_795_357_352, "owned_by": "Scaleway"}
            for model in service.settings.models
            if model.answered_by is None
        ]
        listed = {"object": "list", "data": models}
        answer = service.scripted(received, self.queue, lambda _reply: json_answer(200, listed))
        return Served(answer)
