"""The models that the emulator serves, with the limits that Scaleway enforces."""

from dataclasses import dataclass
from typing import Final

from langchain_scaleway.data import known_models
from langchain_scaleway.data.facts import Kind

_USUAL_CONTEXT_WINDOW: Final = 128_000
_USUAL_OUTPUT_CAP: Final = 16_384
_USUAL_DIMENSIONS: Final = 64
# Models that take any effort the engine knows, beyond their own list (a third party's test,
# 2026-08 to 2026-10).
_LENIENT_ABOUT_EFFORTS: Final = frozenset({"deepseek-v4-flash-0731", "qwen3.6-35b-a3b"})
# Models that refuse the Responses API with 422 (live, 2026-08 and 2026-10).
_WITHOUT_RESPONSES: Final = frozenset({"glm-5.2", "mistral-medium-3.5-128b"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedModel:
    """What the emulator must know of a model to accept and refuse as Scaleway does.

    Attributes:
        id: The name requests use; for a dedicated deployment `vendor/name:quantisation`. It
            also tells which chat template the model has.
        kinds: What it serves: `chat`, `embedding`, `rerank`, `transcription`.
        context_window: Prompt and output together, in tokens.
        max_output_tokens: A larger `max_tokens` is refused with status 400.
        images: Whether image parts are accepted.
        efforts: The accepted values of `reasoning_effort`; empty for a model that does
            not reason, which refuses the field.
        lenient_efforts: Whether efforts outside the list are taken silently.
        responses_api: Whether a chat model serves `/v1/responses`, too.
        dimensions: The length of an embedding model's vectors.
        reports_cached_tokens: Whether usage breaks out tokens read from the prompt cache.
        answered_by: After its end of life, the model that answers in its place.
    """

    id: str
    kinds: tuple[Kind, ...] = ("chat",)
    context_window: int = _USUAL_CONTEXT_WINDOW
    max_output_tokens: int = _USUAL_OUTPUT_CAP
    images: bool = False
    efforts: tuple[str, ...] = ()
    lenient_efforts: bool = False
    responses_api: bool = True
    dimensions: int = _USUAL_DIMENSIONS
    reports_cached_tokens: bool = False
    answered_by: str | None = None

    @property
    def reasons(self) -> bool:
        """Whether the model thinks before it answers: on Scaleway, if it can."""
        return bool(self.efforts)


def serverless_models() -> tuple[ServedModel, ...]:
    """Return the models that Scaleway answers for, retired ones with a successor too."""
    return tuple(
        ServedModel(
            id=facts.model,
            kinds=facts.kinds,
            context_window=facts.context_window or _USUAL_CONTEXT_WINDOW,
            max_output_tokens=facts.max_output_tokens or _USUAL_OUTPUT_CAP,
            images=bool(facts.accepts_images),
            efforts=facts.efforts or (),
            lenient_efforts=facts.model in _LENIENT_ABOUT_EFFORTS,
            responses_api=facts.model not in _WITHOUT_RESPONSES,
            dimensions=facts.embedding_dimensions or _USUAL_DIMENSIONS,
            # Breakdowns were seen where a price for cached tokens is listed.
            reports_cached_tokens=facts.cached_input_price is not None,
            answered_by=facts.successor if facts.status == "end_of_life" else None,
        )
        for facts in known_models()
        if "ocr" not in facts.kinds and (facts.status != "end_of_life" or facts.successor)
    )
