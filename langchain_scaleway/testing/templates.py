"""What the chat templates of the model families refuse, with the engines' words."""

from __future__ import annotations

from typing import Final

from langchain_scaleway.testing.chat_request import ChatRequest, Message
from langchain_scaleway.testing.models import ServedModel
from langchain_scaleway.testing.refusals import engine_refusal

_MISTRAL_NAMES: Final = (
    "mistral",
    "ministral",
    "magistral",
    "devstral",
    "codestral",
    "pixtral",
    "voxtral",
)
_ALTERNATION: Final = (
    "After the optional system message, conversation roles must alternate "
    "user/assistant/user/assistant/..."
)


def check_template(request: ChatRequest, model: ServedModel) -> None:
    """Check a conversation as the model's chat template does.

    Raises:
        Refusal: The template raises an exception about it.
    """
    if not request.messages:
        raise engine_refusal(
            "Cannot apply chat template to an empty conversation. Provide at least one message."
        )
    name = model.id.lower()
    if any(word in name for word in _MISTRAL_NAMES) and not _alternates(request.messages):
        raise engine_refusal(_ALTERNATION, shape="legacy")


def _alternates(messages: list[Message]) -> bool:
    """Apply Mistral's chat template: users and answering assistants take turns.

    Assistant messages that only call tools, and the tools' results, do not count.
    """
    turns = [
        message["role"]
        for message in messages
        if message["role"] == "user"
        or (message["role"] == "assistant" and not message.get("tool_calls"))
    ]
    return all(role == ("user", "assistant")[turn % 2] for turn, role in enumerate(turns))
