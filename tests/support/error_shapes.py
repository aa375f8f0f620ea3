"""Scaleway's error bodies, in the three shapes that are known, and what becomes of them."""

import json
from typing import Any

import pytest

from langchain_scaleway.client.error_mapping import error_from
from langchain_scaleway.errors import ScalewayError

MODEL = "glm-5.2"
"""The model that was asked."""


def gateway(status: int, word: str, message: str) -> dict[str, Any]:
    """The gateway's flat shape (captured 2026-07 to 2026-09)."""
    return {"status": status, "error": word, "message": message}


def recent(code: Any, message: str, kind: str = "BadRequestError") -> dict[str, Any]:
    """The shape of recent models (Scaleway, "Understanding errors", 2025-10-07)."""
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def legacy(code: Any, message: str, kind: str = "BadRequestError") -> dict[str, Any]:
    """The shape of older models (the same page)."""
    return {"object": "error", "message": message, "type": kind, "param": None, "code": code}


def in_shape(shape: str, status: int, message: str) -> dict[str, Any]:
    """A message in the shape of this name."""
    if shape == "gateway":
        return gateway(status, "BAD REQUEST", message)
    return recent(status, message) if shape == "recent" else legacy(status, message)


every_shape = pytest.mark.parametrize("shape", ["gateway", "recent", "legacy"])


def error_of(status: int, body: Any, headers: dict[str, str] | None = None) -> ScalewayError:
    """The exception for an answer; a body that is no text is written as JSON."""
    text = body if isinstance(body, str) else json.dumps(body)
    return error_from(status, headers or {}, text, model=MODEL)
