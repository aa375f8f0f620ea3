"""`POST /v1/embeddings` and `POST /v1/rerank`: vectors of texts without a model.

Similar texts are near each other, always in the same way.
"""

import base64
import math
import operator
import re
import sys
import time
import uuid
from array import array
from typing import Final, Literal
from zlib import crc32

from langchain_scaleway.testing.answers import Answer, json_answer
from langchain_scaleway.testing.endpoints.base import ModelEndpoint, RequestModel
from langchain_scaleway.testing.models import ServedModel
from langchain_scaleway.testing.refusals import check_length, check_range, engine_refusal
from langchain_scaleway.testing.replies import Reply
from langchain_scaleway.testing.service import EmulatedService
from langchain_scaleway.tokens import text_tokens

_MOST_TEXTS: Final = 2048  # API reference, "embeddings"
_WORD: Final = re.compile(r"\w+|[^\w\s]")


class EmbeddingsRequest(RequestModel):
    """The body."""

    model: str
    input: str | list[str]
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = None

    @property
    def texts(self) -> list[str]:
        """The inputs, one a vector."""
        return [self.input] if isinstance(self.input, str) else self.input


class RerankRequest(RequestModel):
    """The body; without `top_n`, or with 0, all documents come back."""

    model: str
    query: str
    documents: list[str]
    top_n: int | None = None


def _check_texts(request: EmbeddingsRequest, model: ServedModel) -> None:
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
        check_length(text_tokens(text), model.context_window)


def _vectors(
    request: EmbeddingsRequest, model: ServedModel, _service: EmulatedService, _reply: Reply | None
) -> Answer:
    """Answer with the vectors, in the order of the texts: numbers, or base64 of floats."""
    written = array.tolist if request.encoding_format == "float" else _base64
    vectors = (embed(text, model.dimensions) for text in request.texts)
    tokens = request.prompt_tokens
    body = {
        "id": f"embd-{uuid.uuid4().hex[:16]}",
        "object": "list",
        "created": int(time.time()),
        "model": model.id,
        "data": [
            {"index": index, "object": "embedding", "embedding": written(vector)}
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
    return json_answer(200, body)


def _check_documents(request: RerankRequest, model: ServedModel) -> None:
    """Check that there are documents, and the length of each text."""
    if not request.documents:
        raise engine_refusal("At least one text_pair element must be given")  # vLLM's source
    check_range("top_n", request.top_n)
    for text in (request.query, *request.documents):
        check_length(text_tokens(text), model.context_window)


def _ranking(
    request: RerankRequest, model: ServedModel, _service: EmulatedService, _reply: Reply | None
) -> Answer:
    """Answer with the documents by the cosine of their vector and the query's, nearest first.

    That is what Scaleway does, too: its models here are embedding models. The shape is the
    sample's on Scaleway's page "query reranking models".
    """
    query = embed(request.query, model.dimensions)
    vectors = (embed(document, model.dimensions) for document in request.documents)
    results = [
        {
            "index": index,
            "document": {"text": request.documents[index], "multi_modal": None},
            "relevance_score": math.fsum(map(operator.mul, query, vector)),
        }
        for index, vector in enumerate(vectors)
    ]
    results.sort(key=operator.itemgetter("relevance_score"), reverse=True)
    body = {
        "id": f"rerank-{uuid.uuid4().hex}",
        "model": model.id,
        "usage": {"total_tokens": request.prompt_tokens},
        "results": results[: request.top_n or None],
    }
    return json_answer(200, body)


def embed(text: str, dimensions: int) -> "array[float]":
    """Return the unit vector of a text.

    Each word twice, and each run of three letters in it once, adds to or takes from one place of
    the vector, which its checksum tells (feature hashing: Weinberger et al., 2009). So texts are
    the nearer the more words, or parts of words, they share.
    """
    values = array("f", bytes(4 * dimensions))
    for word in _WORD.findall(text.lower()):
        padded = f"<{word}>"
        parts = (padded[start : start + 3] for start in range(len(padded) - 2))
        for feature in (word, word, *parts):
            checksum = crc32(feature.encode())
            values[checksum % dimensions] += 1.0 if checksum & 1 << 31 else -1.0
    length = math.hypot(*values)
    if not length:
        values[0] = length = 1.0
    return array("f", (value / length for value in values))


def _base64(vector: "array[float]") -> str:
    if sys.byteorder == "big":
        vector.byteswap()
    return base64.b64encode(vector.tobytes()).decode()


EMBEDDINGS: Final = ModelEndpoint(
    "/embeddings", "embeddings", "embedding", EmbeddingsRequest, _check_texts, _vectors
)
RERANK: Final = ModelEndpoint(
    "/rerank", "rerank", "rerank", RerankRequest, _check_documents, _ranking
)
