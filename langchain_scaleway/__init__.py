"""Scaleway's Generative APIs for LangChain."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from langchain_scaleway._version import __version__

if TYPE_CHECKING:
    from langchain_scaleway.batches import Batch, ScalewayBatches
    from langchain_scaleway.chat_models import ChatScaleway
    from langchain_scaleway.costs import usage_cost
    from langchain_scaleway.embeddings import ScalewayEmbeddings
    from langchain_scaleway.errors import ScalewayError, ScalewayWarning
    from langchain_scaleway.rate_limiter import ScalewayRateLimiter
    from langchain_scaleway.rerank import ScalewayRerank
    from langchain_scaleway.transcription import ScalewayTranscriptionParser

__all__ = [
    "Batch",
    "ChatScaleway",
    "ScalewayBatches",
    "ScalewayEmbeddings",
    "ScalewayError",
    "ScalewayRateLimiter",
    "ScalewayRerank",
    "ScalewayTranscriptionParser",
    "ScalewayWarning",
    "__version__",
    "usage_cost",
]

_MODULES = {
    "Batch": "batches",
    "ChatScaleway": "chat_models",
    "ScalewayBatches": "batches",
    "ScalewayEmbeddings": "embeddings",
    "ScalewayError": "errors",
    "ScalewayRateLimiter": "rate_limiter",
    "ScalewayRerank": "rerank",
    "ScalewayTranscriptionParser": "transcription",
    "ScalewayWarning": "errors",
    "usage_cost": "costs",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used.

    pytest loads this package for its plugin in every run, where LangChain would cost a second, and
    a program pays only for the classes that it uses.
    """
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
