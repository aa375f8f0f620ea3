"""The endpoints that the emulator serves, one module each."""

from __future__ import annotations

from typing import Final

from langchain_scaleway.testing.endpoints.base import Endpoint
from langchain_scaleway.testing.endpoints.batches import BATCH_ENDPOINTS
from langchain_scaleway.testing.endpoints.chat import ChatCompletions
from langchain_scaleway.testing.endpoints.embeddings import Embeddings
from langchain_scaleway.testing.endpoints.models import ModelList
from langchain_scaleway.testing.endpoints.rerank import Rerank
from langchain_scaleway.testing.endpoints.responses import Responses
from langchain_scaleway.testing.endpoints.transcriptions import Transcriptions

ENDPOINTS: Final[tuple[Endpoint, ...]] = (
    ChatCompletions(),
    Responses(),
    Embeddings(),
    Rerank(),
    Transcriptions(),
    ModelList(),
    *BATCH_ENDPOINTS,
)
