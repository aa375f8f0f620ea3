"""`POST /v1/rerank`."""

from __future__ import annotations

import uuid
from typing import ClassVar

from langchain_scaleway.data.facts import Kind
from langchain_scaleway.testing.answers import Answer, json_answer
from langchain_scaleway.testing.bodies import RequestModel
from langchain_scaleway.testing.endpoints.base import Call, ModelEndpoint, Queue
from langchain_scaleway.testing.lengths import check_length
from langchain_scaleway.testing.models import ServedModel
from langchain_scaleway.testing.refusals import bad_parameter, engine_refusal
from langchain_scaleway.testing.vectors import cosine, embed
from langchain_scaleway.tokens import text_tokens


class RerankRequest(RequestModel):
    """The body; without `top_n`, or with 0, all documents come back."""

    model: str
    query: str
    documents: list[str]
    top_n: int | None = None


class Rerank(ModelEndpoint[RerankRequest]):
    """Documents by the cosine of their vector and the query's, the nearest first.

    That is what Scaleway does, too: its models here are embedding models.
    """

    path: ClassVar[str] = "/rerank"
    queue: ClassVar[Queue] = "rerank"
    kind: ClassVar[Kind] = "rerank"
    request_model = RerankRequest

    def check(self, request: RerankRequest, model: ServedModel) -> None:
        """Check that there are documents, none of them too long."""
        if not request.documents:
            raise engine_refusal("At least one text_pair element must be given")  # vLLM's source
        if (request.top_n or 0) < 0:
            raise bad_parameter("top_n must not be negative.", "top_n", request.top_n)
        for text in (request.query, *request.documents):
            check_length(len(text), text_tokens(text), model.context_window)

    def prompt_tokens(self, request: RerankRequest) -> int:
        """Count the query once and every document."""
        return sum(map(text_tokens, (request.query, *request.documents)))

    def answer(self, call: Call[RerankRequest]) -> Answer:
        """Answer with the sample's shape on Scaleway's page "query reranking models"."""
        request, dimensions = call.request, call.model.dimensions
        query = embed(request.query, dimensions)
        scores = [cosine(query, embed(text, dimensions)) for text in request.documents]
        nearest = sorted(range(len(scores)), key=scores.__getitem__, reverse=True)
        results = [
            {
                "index": index,
                "document": {"text": request.documents[index], "multi_modal": None},
                "relevance_score": scores[index],
            }
            for index in nearest
        ]
        body = {
            "id": f"rerank-{uuid.uuid4().hex}",
            "model": call.model.id,
            "usage": {"total_tokens": self.prompt_tokens(request)},
            "results": results[: request.top_n or None],
        }
        answer = json_answer(200, body)
        answer.delay = call.service.settings.latency
        return answer
