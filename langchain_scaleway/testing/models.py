"""The models the emulator serves, with the limits that Scaleway enforces.

Limits, efforts and inputs are those of Scaleway's supported-models page (2026-09-29) and of
validation errors measured in 2026-08 and 2026-09; see each field.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedModel:
    """What the emulator must know of a model to accept and refuse as Scaleway does.

    Attributes:
        id: The name requests use.
        context_window: Prompt and output together, in tokens.
        max_output_tokens: A larger ``max_tokens`` is refused with status 400.
        images: Whether image parts are accepted.
        efforts: The accepted values of ``reasoning_effort``; empty for a model that does
            not reason, which refuses the field.
        lenient_efforts: Whether efforts outside the list are taken silently, as observed on
            two models.
        alternating_roles: Whether two user messages in a row are refused (Mistral models).
        legacy_errors: Whether the engine's errors have the ``legacy`` shape.
        reports_cached_tokens: Whether usage breaks out tokens read from the prompt cache.
        answered_by: After its end of life, the model that answers in its place.
    """

    id: str
    context_window: int
    max_output_tokens: int
    images: bool = False
    efforts: tuple[str, ...] = ()
    lenient_efforts: bool = False
    alternating_roles: bool = False
    legacy_errors: bool = False
    reports_cached_tokens: bool = False
    answered_by: str | None = None

    @property
    def reasons(self) -> bool:
        """Whether the model thinks before it answers (Scaleway's default: yes if it can)."""
        return bool(self.efforts)


SERVERLESS_MODELS: Final[tuple[ServedModel, ...]] = (
    ServedModel(
        id="mistral-small-3.2-24b-instruct-2506",
        context_window=128_000,
        max_output_tokens=32_768,
        images=True,
        alternating_roles=True,
    ),
    ServedModel(
        id="mistral-medium-3.5-128b",
        context_window=180_000,
        max_output_tokens=16_384,
        images=True,
        efforts=("none", "high"),
        alternating_roles=True,
    ),
    ServedModel(
        id="llama-3.3-70b-instruct",
        context_window=100_000,
        max_output_tokens=16_384,
        legacy_errors=True,
    ),
    ServedModel(
        id="qwen3-235b-a22b-instruct-2507", context_window=250_000, max_output_tokens=16_384
    ),
    ServedModel(
        id="gemma-4-26b-a4b-it",
        context_window=256_000,
        max_output_tokens=32_768,
        images=True,
        efforts=("none", "low", "medium", "high"),
    ),
    ServedModel(
        id="qwen3.6-35b-a3b",
        context_window=262_144,
        max_output_tokens=32_768,
        images=True,
        efforts=("none", "low", "medium", "high"),
        lenient_efforts=True,
    ),
    ServedModel(
        id="qwen3.8-27b",
        context_window=256_000,
        max_output_tokens=32_000,
        images=True,
        efforts=("none", "low", "medium", "xhigh"),
        reports_cached_tokens=True,
    ),
    ServedModel(
        id="qwen3.5-397b-a17b",
        context_window=250_000,
        max_output_tokens=16_384,
        images=True,
        efforts=("none", "low", "medium", "high"),
    ),
    ServedModel(
        id="deepseek-v4-flash-0731",
        context_window=262_144,
        max_output_tokens=32_768,
        efforts=("none", "low", "high", "max"),
        lenient_efforts=True,
        reports_cached_tokens=True,
    ),
    ServedModel(
        id="glm-5.2",
        context_window=256_000,
        max_output_tokens=16_384,
        efforts=("none", "high", "max"),
    ),
    ServedModel(
        id="gpt-oss-120b",
        context_window=128_000,
        max_output_tokens=32_768,
        efforts=("low", "medium", "high"),
    ),
    ServedModel(
        id="devstral-2-123b-instruct-2512",
        context_window=200_000,
        max_output_tokens=16_384,
        alternating_roles=True,
        answered_by="qwen3.5-397b-a17b",
    ),
)
"""Scaleway's serverless chat models of autumn 2026, and one that is retired."""
