"""Replies to structured output -> objects, whole and as they grow.

LangChain's parsers let answers pass for objects that are none: they complete JSON that was cut
off, give `None` where the model called no tool, and end a stream in silence if what came is not
an object. They validate what is Python already, which strict classes refuse, and read a growing
text anew with every chunk. The parsers here differ from them in these points alone.
"""

# ruff: noqa: A002 -- `input` is what LangChain calls it

import contextlib
import json
import re
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, cast

from langchain_core import output_parsers
from langchain_core.exceptions import OutputParserException
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.output_parsers.transform import BaseCumulativeTransformOutputParser
from langchain_core.outputs import ChatGeneration, Generation
from langchain_core.runnables.utils import AddableDict
from langchain_core.utils.pydantic import TBaseModel  # noqa: F401 -- mypy's plugin asks for it
from pydantic import BaseModel, TypeAdapter
from pydantic_core import from_json, to_json
from typing_extensions import TypedDict

from langchain_scaleway.convert.json_text import GrowingJson, escaped, fault_of, objects_in
from langchain_scaleway.errors import ScalewayTruncatedOutputError

_QUOTED_CHARACTERS = 200

_FENCED = re.compile(r"```\w*\s(.*?)(?:```|\Z)", re.DOTALL)

_ENDING = re.compile(r'(\\?")?[\]}]\Z')
"""What `ToolCalls.rest` puts behind the arguments of a streamed call that broke off."""

_REFUSALS = output_parsers.JsonOutputToolsParser()
"""LangChain's parser of calls, which raises its `ModelRefusalError` if the model refused; since
langchain-core 1.7.5."""


class RawAndParsed(TypedDict):
    """What `include_raw` gives."""

    raw: Any
    parsed: Any
    parsing_error: Any


class _WholeObjects(BaseCumulativeTransformOutputParser[Any]):
    """Mixin for LangChain's parsers: an answer is a whole object, or an error says why not.

    Attributes:
        tool: The tool whose arguments are the object; `None` if it is the text of the answer.
        kind: The class of the objects; `None` for what JSON has.
        required: The keys that an object has at least; `None` for any JSON.
        include_raw: Whether to give dicts of `raw`, `parsed` and `parsing_error`, and raise
            nothing. A stream hands the reply on as it comes; LangChain's usual chain for this
            would hold it back until its end.
        on_text_around: Told the model that wrote text around an object, which is passed over.

    Raises:
        ScalewayTruncatedOutputError: The limit on output tokens cut the answer off.
        OutputParserException: The answer is not an object, or one of another kind.
        ModelRefusalError: The model refused (LangChain's, since langchain-core 1.7.5).
    """

    tool: str | None = None
    kind: Any = None
    required: tuple[str, ...] | None = None
    include_raw: bool = False
    on_text_around: Callable[[str], None] | None = None

    @property
    def OutputType(self) -> Any:  # noqa: N802 -- LangChain's name
        """What is given: as LangChain's parser says, or a dict with the reply."""
        return RawAndParsed if self.include_raw else super().OutputType

    def parse_result(self, result: list[Generation], *, partial: bool = False) -> Any:
        """Read a whole reply; or, if it is partial, what there is of the object so far."""
        message = cast("AIMessage", cast("ChatGeneration", result[0]).message)
        if partial:
            return next(_Growth(self).add(message), None)
        if not self.include_raw:
            return self._object_in(message)
        try:
            return {"raw": message, "parsed": self._object_in(message), "parsing_error": None}
        except Exception as error:  # noqa: BLE001 -- a schema's own validators raise anything
            return {"raw": message, "parsed": None, "parsing_error": error}

    def _transform(self, input: Iterator[Any]) -> Iterator[Any]:
        growth = _Growth(self)
        for message in input:
            yield from growth.add(message)
        yield from growth.end()

    async def _atransform(self, input: AsyncIterator[Any]) -> AsyncIterator[Any]:
        growth = _Growth(self)
        async for message in input:
            for found in growth.add(message):
                yield found
        for found in growth.end():
            yield found

    def _object_in(self, message: AIMessage) -> Any:
        _REFUSALS.parse_result([ChatGeneration(message=message)])
        text = message.text.strip()
        if self.tool is None:
            fenced = [inside for inside in _FENCED.findall(text) if not fault_of(inside)]
            whole = fenced[0] if len(fenced) == 1 and fault_of(text) else text
            is_whole = not fault_of(whole)
        else:
            calls = [call["args"] for call in message.tool_calls if call["name"] == self.tool]
            whole, is_whole = json.dumps(next(iter(calls), None)), bool(calls)
        if is_whole:
            try:
                return self.read(whole)
            except ValueError as error:
                raise OutputParserException(
                    f"The structured output of model {_model(message)!r} does not fit its "
                    f"schema: {error}. It says {_quoted(whole)}.",
                    llm_output=whole,
                ) from error
        fitting = []
        if self.tool is None:
            # vLLM's parser for Qwen (0.23 and later) may take the whole answer for reasoning.
            thoughts = _reasoning(message)
            for found in objects_in(text) if text else [thoughts] * thoughts.startswith("{"):
                with contextlib.suppress(ValueError):
                    if (one := self.read(found)) not in fitting:  # Models repeat themselves.
                        fitting.append(one)
                if len(fitting) > 1:
                    break
        if len(fitting) != 1:
            raise _no_object(message, called=self.tool is not None)
        if text and self.on_text_around is not None:
            self.on_text_around(str(_model(message)))
        return fitting[0]

    def read(self, text: str) -> Any:
        """Read JSON, of which alone strict classes take dates and enums.

        Raises:
            ValueError: It is not of the right kind.
        """
        text = escaped(text)
        if self.kind is not None:
            if hasattr(self.kind, "parse_raw") and not issubclass(self.kind, BaseModel):
                return self.kind.parse_raw(text)  # Pydantic 1
            return TypeAdapter(self.kind).validate_json(text)
        found = from_json(text)
        if self.required is not None:
            if not isinstance(found, dict):
                raise ValueError(f"it is no object, but a {type(found).__name__}")
            if missing := [key for key in self.required if key not in found]:
                raise ValueError(f"it has no {', '.join(map(repr, missing))}")
        return found


class JsonOutputParser(_WholeObjects, output_parsers.JsonOutputParser):
    """Reads the answer as JSON."""


class PydanticOutputParser(_WholeObjects, output_parsers.PydanticOutputParser[Any]):
    """Reads the answer as an object of a class."""


class JsonOutputKeyToolsParser(_WholeObjects, output_parsers.JsonOutputKeyToolsParser):
    """Reads the arguments of a tool call."""


class PydanticToolsParser(_WholeObjects, output_parsers.PydanticToolsParser):
    """Reads the arguments of a tool call as an object of a class."""


class _Growth:
    """What a stream has brought of its object, and shown."""

    def __init__(self, parser: _WholeObjects) -> None:
        self._parser = parser
        self._messages: list[Any] = []
        self._json = GrowingJson()
        self._call: int | str | None = None
        self._shown: list[Any] = []

    def add(self, message: AIMessage) -> Iterator[Any]:
        """Take the next chunk; give the object if there is more of it to show."""
        self._messages.append(message)
        if self._parser.include_raw:
            yield AddableDict(raw=message)
            return
        found = self._json.add(self._piece(message))
        if found is None or (self._parser.required is not None and not isinstance(found, dict)):
            return
        if self._parser.kind is not None:
            try:
                found = self._parser.read(to_json(found).decode())
            except ValueError:  # It is not yet of the right kind.
                return
        yield from self._new(found)

    def end(self) -> Iterator[Any]:
        """Take the end; give the whole object, or raise what is wrong with it."""
        first, *others = self._messages
        # One by one, adding them up would take quadratic time.
        reply = first + others if others else first
        found = self._parser.parse_result([ChatGeneration(message=reply)])
        if self._parser.include_raw:
            yield AddableDict(parsed=found["parsed"])
            yield AddableDict(parsing_error=found["parsing_error"])
        else:
            yield from self._new(found)

    def _new(self, found: Any) -> Iterator[Any]:
        if self._shown != [found]:
            self._shown = [found]
            yield found

    def _piece(self, message: AIMessage) -> str:
        """The next piece of the object's text."""
        if self._parser.tool is None:
            return str(message.text)
        # Not from the sum of the chunks: LangChain reads all arguments anew with each addition.
        fragments = getattr(message, "tool_call_chunks", ())
        for fragment in fragments:
            if self._call is None and fragment["name"] == self._parser.tool:
                self._call = fragment["index"]
        return "".join(f["args"] or "" for f in fragments if f["index"] == self._call)


def _no_object(message: AIMessage, *, called: bool) -> OutputParserException:
    """The error for a reply without an object; it says what is there instead."""
    finish_reason = message.response_metadata.get("finish_reason")
    if finish_reason == "length":
        return _truncated(message)
    invalid = [call["args"] or "" for call in message.invalid_tool_calls]
    said = (invalid or [message.text.strip()])[0]
    if invalid and isinstance(message, AIMessageChunk) and fault_of(said):
        before = _ENDING.sub("", said)
        said = before if fault_of(before).startswith("EOF") else said
    if _is_beginning(said):
        reason = f"It ends in the middle, the limit was not reached: {_quoted(said)}."
    elif refusal := message.additional_kwargs.get("refusal"):
        reason = f"It refused: {_quoted(refusal)}."
    elif invalid:
        reason = f"The arguments of its tool call are not JSON for an object: {_quoted(said)}."
    elif message.tool_calls:
        reason = f"It called the tool {message.tool_calls[0]['name']!r} instead."
    elif said:
        kind = "It called no tool for it, and answered" if called else "It is not JSON:"
        reason = f"{kind} {_quoted(said)}."
    elif reasoning := _reasoning(message):
        reason = f"Its answer is empty; all it wrote is in its reasoning: {_quoted(reasoning)}."
    else:
        reason = "Its answer is empty."
    return OutputParserException(
        f"There is no structured output in the reply of model {_model(message)!r} "
        f"(finish_reason {finish_reason!r}). {reason}",
        llm_output=message.text,
    )


def _is_beginning(text: str) -> bool:
    """Whether a text is, or ends in, the beginning of JSON."""
    return bool(text) and fault_of(text[max(text.find("{"), 0) :]).startswith("EOF")


def _truncated(message: AIMessage) -> ScalewayTruncatedOutputError:
    usage = message.usage_metadata
    tokens = usage["output_tokens"] if usage else 0
    limit = f"limit of {tokens} tokens" if tokens else "limit"
    thoughts: Any = usage and usage.get("output_token_details", {}).get("reasoning")
    thoughts = thoughts or (_reasoning(message) and "a share")
    spent = f" ({thoughts} of it spent on reasoning)" if thoughts else ""
    return ScalewayTruncatedOutputError(
        f"The structured output of model {_model(message)!r} ends in the middle, the {limit} was "
        f"reached{spent}. Raise `max_tokens`; a reasoning model's thoughts count towards it, so a "
        "lower `reasoning_effort` leaves more for the answer.",
        model=_model(message),
    )


def _model(message: AIMessage) -> Any:
    return message.response_metadata.get("model_name")


def _reasoning(message: AIMessage) -> str:
    blocks = message.content_blocks
    texts = [block.get("reasoning", "") for block in blocks if block["type"] == "reasoning"]
    return "".join(texts).strip()


def _quoted(text: str) -> str:
    return repr(text if len(text) <= _QUOTED_CHARACTERS else f"{text[:_QUOTED_CHARACTERS]}…")
