"""Models that ask the emulator."""

from typing import Any

from langchain_scaleway import ChatScaleway
from langchain_scaleway.testing import ScalewayEmulator

PLAIN_MODEL = "qwen3-235b-a22b-instruct-2507"
"""A model that does not think, and that nothing is known against."""

THINKING_MODEL = "qwen3.6-35b-a3b"
"""A model that thinks unless it is told not to."""


DEFAULTS: dict[str, Any] = {}
"""Fields of every model that `model_on` makes; the fixture `both_apis` sets one."""


def model_on(
    emulator: ScalewayEmulator, model: str = PLAIN_MODEL, /, **fields: Any
) -> ChatScaleway:
    """A model on the emulator that does not try again, so that a test sees each failure.

    Args:
        emulator: A running emulator.
        model: The model's id.
        **fields: Further fields of `ChatScaleway`.
    """
    settings: dict[str, Any] = {
        "base_url": emulator.base_url,
        "api_key": emulator.api_key,
        "max_retries": 0,
    }
    return ChatScaleway(model=model, **(settings | DEFAULTS | fields))
