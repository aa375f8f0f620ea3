"""Scaleway's Generative APIs for LangChain."""

from langchain_scaleway._version import __version__
from langchain_scaleway.advice import ScalewayWarning
from langchain_scaleway.chat_models import ChatScaleway
from langchain_scaleway.costs import usage_cost
from langchain_scaleway.errors import ScalewayError

__all__ = ["ChatScaleway", "ScalewayError", "ScalewayWarning", "__version__", "usage_cost"]
