"""The endpoints that the emulator serves, one module each."""

from __future__ import annotations

from typing import Final

from langchain_scaleway.testing.endpoints.base import Endpoint
from langchain_scaleway.testing.endpoints.chat import ChatCompletions
from langchain_scaleway.testing.endpoints.models import ModelList
from langchain_scaleway.testing.endpoints.responses import Responses

ENDPOINTS: Final[tuple[Endpoint, ...]] = (ChatCompletions(), Responses(), ModelList())
