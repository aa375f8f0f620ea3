"""The default responder: what the emulated model says when a test has not scripted it.

It understands nothing, and obeys the request's form, always in the same way. A response schema
suppresses tool calls, as on Scaleway; `tool_choice` `auto` calls the tools whose names share a word
with the last user message. Arguments and JSON use that message's numbers, quoted phrases and names.
"""

import random
import re
from typing import Final

import orjson

from langchain_scaleway.testing.chat_request import ChatRequest, Function, content_text
from langchain_scaleway.testing.models import ServedModel
from langchain_scaleway.testing.refusals import engine_refusal
from langchain_scaleway.testing.replies import Reply, ToolCall
from langchain_scaleway.testing.schema_instance import Hints, SchemaError, instance_of

_OPENINGS: Final = (
    "This is an emulated answer to",
    "The emulator has read",
    "No model, but an emulator, replies to",
    "Here would stand an answer to",
)
_QUOTED_CHARACTERS: Final = 120
_WORD: Final = re.compile(r"[^\W_]+")
_IDENTIFIER: Final = re.compile(r"['\"`]([A-Za-z_]\w*)['\"`]")
# Words of tool names that say nothing about what the tool is for.
_COMMON_WORDS: Final = frozenset(
    {"a", "an", "and", "by", "do", "for", "get", "in", "of", "on", "or", "set", "the", "to"}
    | {"function", "my", "run", "tool", "use"}
)


def respond(request: ChatRequest, model: ServedModel, *, choice: int = 0) -> Reply:
    """Reply to a request, or refuse a schema that an engine's grammar compiler would refuse.

    Each `choice` of the `n` that were asked for is another.
    """
    reasoning = None
    if model.reasons and request.reasoning_effort != "none":
        kind = "a tool's result" if request.last_message["role"] == "tool" else "a message"
        reasoning = f"There is {kind} to answer. An emulator need not think about it for long."
    try:
        if request.answer_schema is not None:
            hints = Hints(request.last_user_text)
            value = instance_of(request.answer_schema, hints)
            return Reply(orjson.dumps(value).decode(), reasoning)
        calls = _tool_calls(request)
    except SchemaError as error:
        raise engine_refusal(f"Grammar error: {error}") from error
    if calls:
        return Reply(None, reasoning, calls)
    if request.response_format and request.response_format["type"] == "json_object":
        return Reply(orjson.dumps(_quoted_object(request)).decode(), reasoning)
    return Reply(_sentence(request, choice), reasoning)


def _sentence(request: ChatRequest, choice: int) -> str:
    last = request.last_message
    text = content_text(last).strip()[:_QUOTED_CHARACTERS]
    if last["role"] == "tool":
        return f"The tool answered: {text}"
    # Without a seed the first opening, so that tests may rely on it.
    chance = random.Random(request.seed)  # noqa: S311 -- repeatable, not secret
    first = 0 if request.seed is None else chance.randrange(len(_OPENINGS))
    opening = _OPENINGS[(first + choice) % len(_OPENINGS)]
    return f"{opening} “{text}”." if text else f"{opening} a message without text."


def _quoted_object(request: ChatRequest) -> dict[str, str]:
    """Return an object with the names that the conversation quotes, such as 'title'."""
    texts = [content_text(message) for message in request.messages]
    names = dict.fromkeys(name for text in texts for name in _IDENTIFIER.findall(text))
    return {name: f"emulated {name}" for name in names or ("answer",)}


def _tool_calls(request: ChatRequest) -> list[ToolCall]:
    functions, text = request.functions, request.last_user_text
    chosen: list[Function] = []
    if name := request.named_function:
        chosen = [one for one in functions if one["name"] == name]
    elif request.tool_choice == "required":
        chosen = _mentioned(functions, text) or functions[:1]
    elif request.tool_choice != "none" and request.last_message["role"] == "user":
        chosen = _mentioned(functions, text)
    return [_call(one, text) for one in chosen]


def _mentioned(functions: list[Function], text: str) -> list[Function]:
    """Return the functions whose names the text mentions: whole names win over single words."""
    named = [one for one in functions if re.search(rf"\b{re.escape(one['name'])}\b", text)]
    if named:
        return named
    words = {word.lower() for word in _WORD.findall(text)} - _COMMON_WORDS
    return [one for one in functions if words & _name_words(one["name"])]


def _name_words(name: str) -> set[str]:
    """Divide a name at underscores, hyphens and capitals: `getWeather` is get, weather."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return {word.lower() for word in _WORD.findall(spaced)} - _COMMON_WORDS


def _call(function: Function, text: str) -> ToolCall:
    parameters = function.get("parameters") or {"type": "object", "properties": {}}
    return ToolCall(function["name"], instance_of(parameters, Hints(text)))
