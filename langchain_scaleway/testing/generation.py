"""The emulated model: what it says, and the tokens that are generated of it.

It understands nothing, and obeys the request's form, always in the same way. A response schema
suppresses tool calls, as on Scaleway; `tool_choice` `auto` calls the tools whose names share a word
with the last user message. Arguments and JSON use that message's numbers, quoted phrases and names.
"""

import random
import re
import uuid
from dataclasses import dataclass
from typing import Any, Final

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
# Up to 20 alternatives to a token may be asked for.
_ALTERNATIVES: Final = tuple(f" {word}{sign}" for sign in ("", ".", ",") for word in "abcdefg")
# Every character falls into exactly one token, so joined tokens are the text.
_TOKEN: Final = re.compile(r"\s*\w{1,12}|\s*[^\w\s]|\s+")


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


@dataclass(slots=True)
class GeneratedCall:
    """A tool call as it is generated: the tokens of its arguments may be cut off."""

    id: str
    name: str
    arguments: list[str]


@dataclass(slots=True)
class Generation:
    """One choice of an answer in tokens, cut to what the request allows."""

    reasoning: list[str]
    content: list[str]
    calls: list[GeneratedCall]
    has_content: bool  # even if it is empty
    finish_reason: str
    stop_reason: str | None  # the stop text that was met
    alternatives: int | None  # to a token, where log probabilities are wanted
    cut: bool  # by `max_tokens` or `stop`
    completion_tokens: int  # with the one that ends it

    @property
    def text(self) -> str:
        """The answer's text."""
        return "".join(self.content)

    def logprobs(self, tokens: list[str]) -> dict[str, Any] | None:
        """Return made-up but well-formed log probabilities of tokens, where they are wanted."""
        if self.alternatives is None:
            return None
        listed = []
        for token in tokens:
            entries = [
                {"token": text, "logprob": -0.01 - 3.0 * rank, "bytes": list(text.encode())}
                for rank, text in enumerate(dict.fromkeys([token, *_ALTERNATIVES]))
            ]
            listed.append({**entries[0], "top_logprobs": entries[: self.alternatives]})
        return {"content": listed}


def tokens_of(text: str) -> list[str]:
    """Divide a text into the emulator's tokens: words, with the space before them, and signs.

    Example:
        >>> tokens_of("It is 21 °C.")
        ['It', ' is', ' 21', ' °', 'C', '.']
    """
    return _TOKEN.findall(text)


def generate(reply: Reply, request: ChatRequest, bound: int) -> Generation:
    """Generate a reply as the request wants it, in at most `bound` tokens."""
    stops = [request.stop] if isinstance(request.stop, str) else request.stop or []
    text, stop_reason = reply.text or "", None
    found = [(place, stop) for stop in stops if stop and (place := text.find(stop)) >= 0]
    if found:
        place, stop_reason = min(found)
        text = text[:place]
    spent, exceeded = 0, False

    def spend(tokens: list[str]) -> list[str]:
        """Return as many of the tokens as there is room for."""
        nonlocal spent, exceeded
        allowed = tokens[: bound - spent]
        spent += len(allowed)
        exceeded = exceeded or len(allowed) < len(tokens)
        return allowed

    reasoning = spend(tokens_of(reply.reasoning or ""))
    content = spend(tokens_of(text))
    calls: list[GeneratedCall] = []
    for call in () if stop_reason else reply.tool_calls:
        # One token stands for the head of the call, which names the function.
        if spend(["name"]):
            written = call.arguments
            if not isinstance(written, str):
                written = orjson.dumps(written).decode()
            call_id = call.id or f"chatcmpl-tool-{uuid.uuid4().hex[:16]}"
            calls.append(GeneratedCall(call_id, call.name, spend(tokens_of(written))))
    if stop_reason is None:
        spend(["end of text"])
    finish = "stop"
    if exceeded:
        finish = "length"
    elif calls and request.named_function is None:  # a named choice ends with `stop` (recorded)
        finish = "tool_calls"
    return Generation(
        reasoning=reasoning,
        content=content,
        calls=calls,
        has_content=reply.text is not None and (bool(content) or not exceeded),
        finish_reason=reply.finish_reason or finish,
        stop_reason=None if exceeded else stop_reason,
        alternatives=(request.top_logprobs or 0) if request.logprobs else None,
        cut=exceeded or stop_reason is not None,
        completion_tokens=spent,
    )
