"""Replies to structured output -> objects, whole and as they grow.

LangChain's parsers let answers pass for objects that are none: they complete JSON that was cut
off, give `None` where the model called no tool, and end a stream in silence if what came is not
an object. The readers here raise in all these cases.
"""

# ruff: noqa: A002 -- `input` is what LangChain calls it

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

from langchain_core.exceptions import OutputParserException
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.output_parsers import BaseOutputParser
from langchain_core.outputs import ChatGeneration
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.utils import AddableDict

from langchain_scaleway.errors import ScalewayTruncatedOutputError

_QUOTED_CHARACTERS = 200


class ObjectReader(Runnable[BaseMessage, Any]):
    """Reads an object from a reply, or raises an error that says why there is none.

    Raises:
        ScalewayTruncatedOutputError: The limit on output tokens cut the answer off.
        OutputParserException: The answer is not an object, or one of another kind.
        ValidationError: The arguments of a called tool are of another kind (Pydantic's).
    """

    def __init__(self, parser: BaseOutputParser[Any], *, may_be_null: bool) -> None:
        """Read with one of LangChain's parsers.

        Args:
            parser: The parser for the schema.
            may_be_null: Whether the parser's `None` is a result, as for JSON's `null`, or means
                that there is no object.
        """
        self._parser = parser
        self._may_be_null = may_be_null

    @property
    def OutputType(self) -> Any:  # noqa: N802 -- LangChain's name
        """What the parser makes."""
        return self._parser.OutputType

    def invoke(
        self, input: BaseMessage, config: RunnableConfig | None = None, **kwargs: Any
    ) -> Any:
        """Read a whole reply."""
        refuse_truncated(input)
        try:
            found = self._parser.invoke(input, config, **kwargs)
        except OutputParserException as error:
            raise self._explained(error, input) from error
        return self._checked(found, input)

    async def ainvoke(
        self, input: BaseMessage, config: RunnableConfig | None = None, **kwargs: Any
    ) -> Any:
        """Read a whole reply."""
        refuse_truncated(input)
        try:
            found = await self._parser.ainvoke(input, config, **kwargs)
        except OutputParserException as error:
            raise self._explained(error, input) from error
        return self._checked(found, input)

    def transform(
        self, input: Iterator[BaseMessage], config: RunnableConfig | None = None, **kwargs: Any
    ) -> Iterator[Any]:
        """Read a streamed reply, and raise at its end if it made no whole object."""
        chunks: list[BaseMessage] = []

        def noted() -> Iterator[BaseMessage]:
            for chunk in input:
                chunks.append(chunk)
                yield chunk

        growth = _Growth()
        for found in self._parser.transform(noted(), config, **kwargs):
            if growth.has_grown(found):
                yield found
        yield from growth.passed_over
        self._check_end(_joined(chunks))

    async def atransform(
        self,
        input: AsyncIterator[BaseMessage],
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[Any]:
        """Read a streamed reply, and raise at its end if it made no whole object."""
        chunks: list[BaseMessage] = []

        async def noted() -> AsyncIterator[BaseMessage]:
            async for chunk in input:
                chunks.append(chunk)
                yield chunk

        growth = _Growth()
        async for found in self._parser.atransform(noted(), config, **kwargs):
            if growth.has_grown(found):
                yield found
        for found in growth.passed_over:
            yield found
        self._check_end(_joined(chunks))

    def _check_end(self, message: BaseMessage) -> None:
        refuse_truncated(message)
        try:
            found = self._parser.parse_result([ChatGeneration(message=message)])
        except OutputParserException as error:
            raise self._explained(error, message) from error
        self._checked(found, message)

    def _checked(self, found: Any, message: BaseMessage) -> Any:
        if found is None and not self._may_be_null:
            raise _no_object(message)
        return found

    def _explained(
        self, error: OutputParserException, message: BaseMessage
    ) -> OutputParserException:
        """The parser's error, or a better one where it has nothing to quote."""
        # A parser of text puts the text there, and is no help where that is empty.
        return _no_object(message) if error.llm_output == "" else error


class RawAndObject(Runnable[BaseMessage, dict[str, Any]]):
    """Gives a dict of `raw`, `parsed` and `parsing_error`, and raises no parsing errors."""

    def __init__(self, reader: ObjectReader) -> None:
        """Read with a reader, and return its errors instead of raising them."""
        self._reader = reader

    def invoke(
        self, input: BaseMessage, config: RunnableConfig | None = None, **kwargs: Any
    ) -> dict[str, Any]:
        """Read a whole reply."""
        try:
            parsed = self._reader.invoke(input, config, **kwargs)
        except Exception as error:  # noqa: BLE001 -- a schema's own validators raise anything
            return {"raw": input, "parsed": None, "parsing_error": error}
        return {"raw": input, "parsed": parsed, "parsing_error": None}

    async def ainvoke(
        self, input: BaseMessage, config: RunnableConfig | None = None, **kwargs: Any
    ) -> dict[str, Any]:
        """Read a whole reply."""
        try:
            parsed = await self._reader.ainvoke(input, config, **kwargs)
        except Exception as error:  # noqa: BLE001 -- a schema's own validators raise anything
            return {"raw": input, "parsed": None, "parsing_error": error}
        return {"raw": input, "parsed": parsed, "parsing_error": None}

    def transform(
        self, input: Iterator[BaseMessage], config: RunnableConfig | None = None, **kwargs: Any
    ) -> Iterator[dict[str, Any]]:
        """Hand on a reply as it comes, then what was read in it."""
        chunks: list[BaseMessage] = []
        for chunk in input:
            chunks.append(chunk)
            yield AddableDict(raw=chunk)
        found = self.invoke(_joined(chunks), config, **kwargs)
        yield AddableDict(parsed=found["parsed"])
        yield AddableDict(parsing_error=found["parsing_error"])

    async def atransform(
        self,
        input: AsyncIterator[BaseMessage],
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[dict[str, Any]]:
        """Hand on a reply as it comes, then what was read in it."""
        chunks: list[BaseMessage] = []
        async for chunk in input:
            chunks.append(chunk)
            yield AddableDict(raw=chunk)
        found = await self.ainvoke(_joined(chunks), config, **kwargs)
        yield AddableDict(parsed=found["parsed"])
        yield AddableDict(parsing_error=found["parsing_error"])


class _Growth:
    r"""Passes over objects that are less than the one before, or end in half a character.

    Chunks may end within an escaped character, such as between `\u00` and `e9`. Until the rest
    comes, core's parser then leaves out the whole text, or gives half of an emoji.

    Attributes:
        passed_over: The object that was passed over last, if no other was shown since. At the end
            of a stream it is the whole object: one with a repeated key loses what it had before.
    """

    def __init__(self) -> None:
        self._before: Any = None
        self.passed_over: list[Any] = []

    def has_grown(self, found: Any) -> bool:
        """Take the next object, and say whether it is to be shown."""
        if _has_lost(self._before, found) or _ends_in_half_a_character(found):
            self.passed_over = [found]
            return False
        self._before, self.passed_over = found, []
        return True


def _has_lost(before: Any, after: Any) -> bool:
    if isinstance(before, dict) and isinstance(after, dict):
        return any(key not in after or _has_lost(before[key], after[key]) for key in before)
    if isinstance(before, list) and isinstance(after, list):
        return len(after) < len(before) or any(map(_has_lost, before, after))
    return isinstance(before, str) and isinstance(after, str) and len(after) < len(before)


def _ends_in_half_a_character(found: Any) -> bool:
    while isinstance(found, dict | list) and found:
        found = [*found.values()][-1] if isinstance(found, dict) else found[-1]
    return isinstance(found, str) and "\ud800" <= found[-1:] <= "\udbff"


def refuse_truncated(message: BaseMessage) -> None:
    """Refuse an object that the limit on output tokens cut off: core would complete it.

    Args:
        message: The whole reply.

    Raises:
        ScalewayTruncatedOutputError: It was cut off.
    """
    if message.response_metadata.get("finish_reason") != "length":
        return
    try:
        json.loads(message.text)  # The limit may have been reached just as the object ended.
    except ValueError as error:
        raise _truncated(message) from error


def _truncated(message: BaseMessage) -> ScalewayTruncatedOutputError:
    metadata = message.response_metadata
    usage = getattr(message, "usage_metadata", None) or {}
    spent = f" of {usage['output_tokens']} tokens" if usage.get("output_tokens") else ""
    reasoning = (usage.get("output_token_details") or {}).get("reasoning")
    if reasoning:
        spent += f", {reasoning} of them spent on reasoning"
    elif message.additional_kwargs.get("reasoning_content"):
        spent += ", a share of them spent on reasoning"
    text = (
        f"The structured output of model {metadata.get('model_name')!r} was cut off at the limit"
        f"{spent}. Raise `max_tokens`; a reasoning model's thoughts count towards it, so "
        '`reasoning_effort="none"` or a lower effort leaves more for the answer.'
    )
    return ScalewayTruncatedOutputError(text, model=metadata.get("model_name"))


def _no_object(message: BaseMessage) -> OutputParserException:
    """The error for a reply without an object; it says what is there instead."""
    metadata = message.response_metadata
    calls = getattr(message, "tool_calls", None)
    invalid_calls = getattr(message, "invalid_tool_calls", None)
    if refusal := message.additional_kwargs.get("refusal"):
        reason = f"It refused: {_quoted(refusal)}."
    elif invalid_calls:
        arguments = _quoted(invalid_calls[0]["args"])
        reason = f"The arguments of its tool call are not a JSON object: {arguments}."
    elif calls:
        reason = f"It called the tool {calls[0]['name']!r} instead."
    elif text := message.text.strip():
        reason = f"It called no tool for it, and answered {_quoted(text)}."
    else:
        reason = f"Its answer is empty (finish_reason {metadata.get('finish_reason')!r})."
    name = metadata.get("model_name")
    return OutputParserException(
        f"There is no structured output in the reply of model {name!r}. {reason}",
        llm_output=message.text,
    )


def _quoted(said: Any) -> str:
    text = str(said)
    return repr(text if len(text) <= _QUOTED_CHARACTERS else f"{text[:_QUOTED_CHARACTERS]}…")


def _joined(chunks: list[BaseMessage]) -> BaseMessage:
    """The sum of a reply's chunks, added up at once: one by one it would take quadratic time."""
    first, *others = chunks
    # A reply that is not streamed, such as one from a cache, is a message and not a chunk.
    return first + others if others and isinstance(first, AIMessageChunk) else first
