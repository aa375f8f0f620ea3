"""`POST /v1/embeddings`."""

from __future__ import annotations

import base64
import sys
import time
import uuid
from typing import ClassVar, Final, Literal

from langchain_scaleway.data.facts import Kind
from langchain_scaleway.testing.answers import Answer, json_answer
from langchain_scaleway.testing.bodies import RequestModel
from langchain_scaleway.testing.endpoints.base import Call, ModelEndpoint, Queue
from langchain_scaleway.testing.lengths import check_length
from langchain_scaleway.testing.models import ServedModel
from langchain_scaleway.testing.refusals import engine_refusal
from langchain_scaleway.testing.vectors import embed
from langchain_scaleway.tokens import text_tokens

_MOST_TEXTS: Final = 2048  # API reference, "embeddings"


class EmbeddingRequest(RequestModel):
    """The body; token ids are taken as vLLM takes them, and never sent by LangChain."""

    model: str
    input: str | list[str] | list[int] | list[list[int]]
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = None

    @property
    def texts(self) -> list[str]:
        """The inputs, one a vector; token ids as their digits."""
        if isinstance(self.input, str):
            return [self.input]
        if self.input and isinstance(self.input[0], int):
            return [str(self.input)]
        return [one if isinstance(one, str) else str(one) for one in self.input]


class Embeddings(ModelEndpoint[EmbeddingRequest]):
    """Vectors of texts, as numbers or as base64 of little-endian floats."""

    path: ClassVar[str] = "/embeddings"
    queue: ClassVar[Queue] = "embeddings"
    kind: ClassVar[Kind] = "embedding"
    request_model = EmbeddingRequest

    def check(self, request: EmbeddingRequest, model: ServedModel) -> None:
        """Check what one bad text spoils for all: number, emptiness, length."""
        if request.dimensions is not None:
            raise engine_refusal(
                f"Model '{model.id}' does not support Matryoshka embeddings; dimensions must be "
                f"unset (received dimensions={request.dimensions})."
            )
        texts = request.texts
        if not texts:
            raise engine_refusal("You must pass at least one prompt")
        if len(texts) > _MOST_TEXTS:
            # The limit is documented, its sentence is not.
            raise engine_refusal(f"At most {_MOST_TEXTS} inputs are allowed, got {len(texts)}.")
        for text in texts:
            if not text:
                raise engine_refusal("The decoder prompt cannot be empty")
            check_length(len(text), text_tokens(text), model.context_window)

    def prompt_tokens(self, request: EmbeddingRequest) -> int:
        """Count all texts."""
        return sum(map(text_tokens, request.texts))

    def answer(self, call: Call[EmbeddingRequest]) -> Answer:
        """Answer with the vectors, in the order of the texts."""
        request, tokens = call.request, self.prompt_tokens(call.request)
        vectors = (embed(text, call.model.dimensions) for text in request.texts)
        body = {
            "id": f"embd-{uuid.uuid4().hex[:16]}",
            "object": "list",
            "created": int(time.time()),
            "model": call.model.id,
            "data": [
                {
                    "index": index,
                    "object": "embedding",
                    "embedding": vector.tolist()
                    if request.encoding_format == "float"
                    else _base64(vector.tobytes()),
                }
                for index, vector in enumerate(vectors)
            ],
            "usage": {
                "prompt_tokens": tokens,
                "total_tokens": tokens,
                "completion_tokens": 0,
                "prompt_tokens_details": None,
                "completion_tokens_details": None,
            },
        }
        answer = json_answer(200, body)
        answer.delay = call.service.settings.latency
        return answer


def _base64(native: bytes) -> str:
    if sys.byteorder == "big":
        native = b"".join(native[place : place + 4][::-1] for place in range(0, len(native), 4))
    return base64.b64encode(native).decode()
