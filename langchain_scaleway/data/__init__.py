"""What is known about Scaleway's models, as of the dates in the table behind it.

The tables are generated from `scripts/models.toml` by `make profiles`; see
`docs/maintaining-models.md`. They restrict nothing: a model that is not in them is simply unknown.
"""

from copy import deepcopy
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, cast

from langchain_scaleway.data.facts import ModelFacts

if TYPE_CHECKING:
    # Only a type: importing it would load all of langchain_core's language models.
    from langchain_core.language_models.model_profile import ModelProfile

__all__ = ["ModelFacts", "known_models", "model_facts", "model_profile"]


def known_models() -> tuple[ModelFacts, ...]:
    """Everything in the table, retired models included."""
    return tuple(_load_facts().values())


def model_profile(model: str) -> "ModelProfile | None":
    """LangChain's profile of a chat model.

    It never claims `structured_output`, although Scaleway's models do write JSON by a schema:
    where a profile claims it, LangChain's `create_agent` sends the schema together with the
    tools, and on Scaleway a `json_schema` response format suppresses tool calls (docs:
    fixing-common-issues, about 2026-09). Without the claim, `create_agent` asks for its
    structured answer through a tool, which works.

    Args:
        model: A serverless id, with or without the vendor before it, or the name of a dedicated
            deployment's model such as `mistral/mistral-small-3.2-24b-instruct-2506:fp8`.

    Returns:
        A fresh copy, `None` for an unknown model. The profile of a dedicated deployment has no
        life cycle and no output cap, since those are of the serverless API.
    """
    profile = _load_profiles().get(_serverless_id(model))
    if profile is None:
        return None
    profile = deepcopy(profile)
    if _is_dedicated(model):
        profile.pop("status", None)
        profile.pop("max_output_tokens", None)
        if (facts := model_facts(model)) and facts.context_window:
            profile["max_input_tokens"] = facts.context_window
    return cast("ModelProfile", profile)


@lru_cache(maxsize=256)
def model_facts(model: str) -> ModelFacts | None:
    """What the client must know about a model.

    Args:
        model: As for `model_profile`, of any kind.

    Returns:
        The facts, `None` for an unknown model. A dedicated deployment has no life cycle, no
        output cap and no price per token; its context window is the model's own.

    Example:
        >>> model_facts("glm-5.2").efforts
        ('none', 'high', 'max')
    """
    facts = _load_facts().get(_serverless_id(model))
    if facts is None or not _is_dedicated(model):
        return facts
    return facts._replace(
        status=None,
        deprecated=None,
        end_of_life=None,
        successor=None,
        context_window=facts.dedicated_context_window or facts.context_window,
        max_output_tokens=None,
        input_price=None,
        cached_input_price=None,
        output_price=None,
        audio_minute_price=None,
        prices_as_of=None,
    )


# The generated modules are imported when they are first needed, so that the program that writes
# them can import this package without them.
@cache
def _load_profiles() -> dict[str, dict[str, Any]]:
    from langchain_scaleway.data._profiles import _PROFILES  # noqa: PLC0415 -- see above

    return _PROFILES


@cache
def _load_facts() -> dict[str, ModelFacts]:
    from langchain_scaleway.data._facts import FACTS  # noqa: PLC0415 -- see above

    return FACTS


def _serverless_id(model: str) -> str:
    """`vendor/name:quantisation` without vendor and quantisation (docs: openai-compatibility)."""
    return model.rpartition("/")[2].partition(":")[0]


def _is_dedicated(model: str) -> bool:
    """Whether the name has a quantisation, as a dedicated deployment's models have."""
    return ":" in model
