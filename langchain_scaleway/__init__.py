"""Scaleway's Generative APIs for LangChain."""

from langchain_scaleway._version import __version__
from langchain_scaleway.chat_models import ChatScaleway

__all__ = ["ChatScaleway", "__version__"]
