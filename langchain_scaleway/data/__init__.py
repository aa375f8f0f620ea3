"""What is known about Scaleway's models, as of the dates in the table behind it.

The table is generated from `scripts/models.toml` by `make profiles`; see
`docs/maintaining-models.md`. It restricts nothing: a model that is not in it is simply unknown.
"""

import difflib
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, cast

from langchain_scaleway.data.facts import ModelFacts

if TYPE_CHECKING:
    # Only a type: importing it would load all of langchain_core's language models.
    from langchain_core.language_models.model_profile import ModelProfile

__all__ = ["ModelFacts", "known_models", "model_facts", "model_profile", "similar_model"]


def known_models() -> tuple[ModelFacts, ...]:
    """Everything in the table, retired models included."""
    return tuple(_table().values())


@lru_cache(maxsize=256)
def model_facts(model: str) -> ModelFacts | None:
    """What is known about a model.

    Args:
        model: A serverless id, with or without the vendor before it; or the name of a dedicated
            deployment's model, such as `mistral/mistral-small-3.2-24b-instruct-2506:fp8`, or of
            the weights on a hub, such as `Qwen/Qwen3.6-35B-A3B`.

    Returns:
        The facts, `None` for an unknown model.

    Example:
        >>> model_facts("glm-5.2").efforts
        ('none', 'high', 'max')
    """
    name = model.rpartition("/")[2].partition(":")[0]
    facts = _table().get(name.lower())
    # A quantisation or a capital is in no serverless id (docs: openai-compatibility).
    is_serverless = ":" not in model and name.islower()
    return facts if facts is None or is_serverless else facts.on_dedicated_deployment()


def model_profile(model: str) -> "ModelProfile | None":
    """LangChain's profile of a chat model.

    It never claims `structured_output`, although Scaleway's models do write JSON by a schema:
    where a profile claims it, LangChain's `create_agent` sends the schema together with the
    tools, and on Scaleway a `json_schema` response format suppresses tool calls (docs:
    fixing-common-issues, about 2026-09). Without the claim, `create_agent` asks for its
    structured answer through a tool, which works.

    Args:
        model: As for `model_facts`.

    Returns:
        The profile as far as it is known and the installed langchain-core has names for it;
        `None` for an unknown model and for one that does not chat.
    """
    from langchain_core.language_models.model_profile import ModelProfile  # noqa: PLC0415 -- slow

    facts = model_facts(model)
    if facts is None or "chat" not in facts.kinds:
        return None
    inputs = facts.inputs or ("text",)
    reads_images = "image" in inputs
    calls_tools = None
    if facts.tool_calling is not None:
        calls_tools = facts.tool_calling != "no"
    profile: dict[str, Any] = {
        "name": facts.name,
        "status": facts.status,
        "max_input_tokens": facts.context_window,
        "max_output_tokens": facts.max_output_tokens,
        "text_inputs": "text" in inputs,
        "image_inputs": reads_images,
        "image_url_inputs": reads_images,
        "audio_inputs": "audio" in inputs,
        "pdf_inputs": False,
        "video_inputs": "video" in inputs,
        # Nobody has recorded what Scaleway does with an image in a tool's message.
        "image_tool_message": None if reads_images else False,
        "pdf_tool_message": False,
        "attachment": reads_images,
        "text_outputs": True,
        "image_outputs": False,
        "audio_outputs": False,
        "video_outputs": False,
        "reasoning_output": None if facts.efforts is None else bool(facts.efforts),
        "reasoning_effort_levels": list(facts.efforts) if facts.efforts else None,
        "reasoning_effort_default": facts.default_effort,
        "tool_calling": calls_tools,
        "tool_choice": calls_tools,
        "tool_call_streaming": facts.tool_call_streaming,
        # Some chat templates refuse a system message that is not the first.
        "mid_conversation_system_messages": False,
        "mid_conversation_tools": False,
        "temperature": True,
    }
    known = ModelProfile.__annotations__
    return cast(
        "ModelProfile",
        {key: value for key, value in profile.items() if value is not None and key in known},
    )


def similar_model(model: str) -> str | None:
    """The model on offer that is meant by a wrong or a retired id; `None` if none is like it.

    Example:
        >>> similar_model("mistral-small-3.2")
        'mistral-small-3.2-24b-instruct-2506'
    """
    if (facts := model_facts(model)) and facts.successor:
        return facts.successor
    name = model.rpartition("/")[2].partition(":")[0].lower()
    offered = [facts.model for facts in known_models() if facts.status != "end_of_life"]
    longer = [known for known in offered if name and known.startswith(name)]
    close = longer or difflib.get_close_matches(name, offered, n=1)
    return close[0] if close and close[0] != model else None


@cache
def _table() -> dict[str, ModelFacts]:
    # Imported when it is first needed, so that the program that writes it can import this package
    # without it.
    from langchain_scaleway.data._models import MODELS  # noqa: PLC0415 -- see above

    return MODELS
