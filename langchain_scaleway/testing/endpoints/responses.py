"""`POST /v1/responses`."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NoReturn

from langchain_scaleway.testing.endpoints.base import Queue
from langchain_scaleway.testing.received import ReceivedRequest
from langchain_scaleway.testing.refusals import not_served

if TYPE_CHECKING:
    from langchain_scaleway.testing.service import EmulatedService


class Responses:
    """The Responses API, which no model serves yet."""

    method: ClassVar[str] = "POST"
    path: ClassVar[str] = "/responses"
    queue: ClassVar[Queue] = "chat"

    def serve(self, received: ReceivedRequest, service: EmulatedService) -> NoReturn:  # noqa: ARG002 -- yet
        """Refuse, as Scaleway does for several models (live, 2026-08)."""
        raise not_served(f"/v1{self.path}")
