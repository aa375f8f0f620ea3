"""What the chat templates of the model families refuse, with the engines' words.

A template that raises an exception makes vLLM answer 400 with the exception's text. What a template
drops or takes without a word is not checked here.
"""

import re
from collections.abc import Callable
from typing import Final

from langchain_scaleway.testing.chat_request import ChatRequest, Message
from langchain_scaleway.testing.models import ServedModel
from langchain_scaleway.testing.refusals import engine_refusal

_TOOL_NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}")
# vLLM keeps the last nine characters of an id for Mistral's tokenizer.
_CALL_ID: Final = re.compile(r"[a-zA-Z0-9]{9}")


def check_template(request: ChatRequest, model: ServedModel) -> None:
    """Check a conversation as the model's chat template does."""
    if not request.messages:
        raise engine_refusal(
            "Cannot apply chat template to an empty conversation. Provide at least one message."
        )
    for names, check in _CHECKS:
        if re.match(names, _plain_name(model)) and (sentence := check(request)):
            # The one that was captured, Mistral's alternation, had the older shape.
            raise engine_refusal(sentence, shape="legacy" if check is _mistral else "recent")


def is_gpt_oss(model: ServedModel) -> bool:
    """Return whether a model is a gpt-oss, for which vLLM has a path of its own."""
    return _plain_name(model).startswith("gpt-oss")


def _plain_name(model: ServedModel) -> str:
    """Return a model's name without its vendor, in lower case."""
    return model.id.lower().rpartition("/")[2]


def _mistral(request: ChatRequest) -> str | None:
    """Apply Mistral's template, then the checks of mistral-common 1.13.1.

    The sentence about turns was captured (public issue reports); assistant messages that only call
    tools, and the tools' results, do not count in it.
    """
    messages = request.messages
    if any(message["role"] == "system" for message in messages[1:]):
        return (
            "Only user and assistant roles are supported, with the exception of an initial "
            "optional system message!"
        )
    turns = [
        message["role"]
        for message in messages
        if message["role"] == "user"
        or (message["role"] == "assistant" and not message.get("tool_calls"))
    ]
    if any(role != ("user", "assistant")[turn % 2] for turn, role in enumerate(turns)):
        return (
            "After the optional system message, conversation roles must alternate "
            "user/assistant/user/assistant/..."
        )
    last = messages[-1]["role"]
    if last == "assistant":  # vLLM's own check (vllm/tokenizers/mistral.py, 2026-11)
        return (
            "Cannot set `add_generation_prompt` to True when the last message is from the "
            "assistant. Consider using `continue_final_message` instead."
        )
    if last == "system":
        return (
            "Expected last role User or Tool (or Assistant with prefix) for serving but got system"
        )
    return _mistral_tools(request)


def _mistral_tools(request: ChatRequest) -> str | None:
    """Check names and ids, and that each call has one result, before anybody else speaks."""
    names = [function["name"] for function in request.functions]
    open_calls: set[str] = set()
    for message in request.messages:
        names += [call["function"]["name"] for call in message.get("tool_calls") or ()]
        if message["role"] == "tool":
            call_id = message.get("tool_call_id") or ""
            if call_id not in open_calls:
                return f"Unexpected tool call id {call_id} in tool results"
            open_calls.remove(call_id)
        elif open_calls:
            break
        open_calls |= {call.get("id") or "" for call in message.get("tool_calls") or ()}
        for call_id in open_calls:
            if not _CALL_ID.fullmatch(call_id[-9:]):
                return (
                    f"Tool call id was {call_id[-9:]} but must be a-z, A-Z, 0-9, "
                    "with a length of 9."
                )
    if open_calls:
        return "Not the same number of function calls and responses"
    for name in names:
        if not _TOOL_NAME.fullmatch(name):
            return (
                f"Function name was {name} but must be a-z, A-Z, 0-9, or contain underscores and "
                "dashes, with a maximum length of 64."
            )
    return None


def _qwen(request: ChatRequest) -> str | None:
    """Apply the template of Qwen 3.5 to 3.8 (Qwen/Qwen3.6-35B-A3B-FP8, read 2026-11)."""
    if any(message["role"] == "system" for message in request.messages[1:]):
        return "System message must be at the beginning."
    return None if _has_user(request.messages) else "No user query found in messages."


def _llama(request: ChatRequest) -> str | None:
    """Apply the template of Llama 3 (vLLM's example for 3.1, 2026-11)."""
    if request.tools and not _has_user(request.messages):
        return "Cannot put tools in the first user message when there's no first user message!"
    if any(len(message.get("tool_calls") or ()) > 1 for message in request.messages):
        return "This model only supports single tool-calls at once!"
    return None


def _has_user(messages: list[Message]) -> bool:
    return any(message["role"] == "user" for message in messages)


_CHECKS: Final[tuple[tuple[str, Callable[[ChatRequest], str | None]], ...]] = (
    ("(mistral|ministral|magistral|devstral|codestral|pixtral|voxtral|mixtral)", _mistral),
    (r"qwen-?(3\.[5-9]|[4-9])", _qwen),
    ("(meta-)?llama-?3", _llama),
)
