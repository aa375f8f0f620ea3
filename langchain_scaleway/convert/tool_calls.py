"""Tool calls on the wire -> LangChain's, whole or streamed.

Arguments that are no whole JSON object never pass for a call: they make an `invalid_tool_call`,
which keeps their text, so that the model can be shown its mistake.
"""

import json
import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

from langchain_core.messages.content import InvalidToolCall
from langchain_core.messages.tool import ToolCall, invalid_tool_call, tool_call
from langchain_core.outputs import ChatGenerationChunk
from langchain_core.utils.json import parse_partial_json

from langchain_scaleway.convert.chunks import tool_chunk
from langchain_scaleway.convert.json_text import escaped
from langchain_scaleway.convert.names import ToolNames

_CONTROL = re.compile(r"[\x00-\x1f]")

_MARKUP = "<tool_call>"
_MARKUP_END = "</tool_call>"
_WRITTEN_NAME = re.compile(r'"name":\s*"([^"]+)"')

_CUT_OFF = "The limit on output tokens cut the call off."

_ENDINGS = ("", "]", "}", '"]', '"}', '\\"]', '\\"}')
"""A bracket that closes nothing, behind the end of a string if need be."""


def read_tool_calls(
    wire_calls: Any, reply_id: str | None, names: ToolNames, *, is_cut_off: bool, text: str
) -> tuple[list[ToolCall], list[InvalidToolCall]]:
    """Read the tool calls of a whole reply.

    Args:
        wire_calls: The message's `tool_calls` as they came, or nothing.
        reply_id: The reply's id; calls without an id of their own get one made from it.
        names: The names of the request's tools.
        is_cut_off: Whether the limit on output tokens ended the reply.
        text: The text of a reply that may hold a call, as models write calls.

    Returns:
        The calls, and those whose arguments are no JSON object or which name no tool.
    """
    calls: list[ToolCall] = []
    invalid: list[InvalidToolCall] = []
    parts = list(_parts(wire_calls, names))
    for position, (_, given_id, name, arguments) in enumerate(parts):
        call_id = given_id or _made_up_id(reply_id, position)
        args, error = _parse(arguments)
        if is_cut_off and position == len(parts) - 1 and not args:
            args, error = None, _CUT_OFF
        if args is not None and name is not None:
            calls.append(tool_call(name=name, args=args, id=call_id))
        else:
            error = error or "The call names no tool."
            invalid.append(invalid_tool_call(name=name, args=arguments, id=call_id, error=error))
    if is_cut_off and (written := _written_call(text)):
        name, call_id = _written_name(written, names), _made_up_id(reply_id, len(parts))
        invalid.append(invalid_tool_call(name=name, args=written, id=call_id, error=_CUT_OFF))
    return calls, invalid


class ToolCallAssembler:
    """Works out which call each fragment of a stream belongs to.

    It belongs to its index, else to its id, else a name begins a call. A call is given from the
    brace on that opens its arguments: what is no object shall not look like a call that becomes
    one.

    Attributes:
        all_whole: Whether all calls may be run; known at the end.
    """

    def __init__(self, names: ToolNames) -> None:
        """Start with no calls.

        Args:
            names: The names of the request's tools.
        """
        self._names = names
        self._calls: list[_Call] = []
        self._by_index: dict[int | str, _Call] = {}
        self._begun = 0
        self.all_whole = True

    @property
    def has_calls(self) -> bool:
        """Whether any call has come."""
        return bool(self._calls)

    def feed(self, wire_calls: Any) -> list[ChatGenerationChunk]:
        """Take the `tool_calls` of one delta, as they came."""
        chunks: list[ChatGenerationChunk] = []
        for index, call_id, name, piece in _parts(wire_calls, self._names):
            call = self._find(index, call_id, name)
            call.id = call.id or call_id
            arguments = call.add(piece)
            if call.position < self._begun:
                if arguments:
                    chunks.append(tool_chunk(None, arguments, None, call.position))
                continue
            call.name = call.name or name
            if call.arguments.lstrip().startswith("{"):
                chunks += self._begin(call.position + 1)
        return chunks

    def finish(
        self, reply_id: str | None, *, is_cut_off: bool, text: str
    ) -> list[ChatGenerationChunk]:
        """Take the end of the stream.

        Args:
            reply_id: The reply's id; calls without an id of their own get one made from it.
            is_cut_off: Whether the limit on output tokens ended the reply.
            text: The text of a reply that may hold a call, as models write calls.

        Returns:
            The calls that had been held back, ids for those without one, and endings for those
            that must not be run: their arguments are no object, or they name no tool.
        """
        chunks = self._begin(len(self._calls))
        for call in self._calls:
            may_be_cut_off = is_cut_off and call is self._calls[-1]
            call_id = None if call.has_given_id else call.id or _made_up_id(reply_id, call.position)
            is_whole = call.is_whole(may_be_cut_off=may_be_cut_off)
            end = "" if is_whole else call.ending()
            self.all_whole = self.all_whole and is_whole
            if end or call_id:
                chunks.append(tool_chunk(None, end, call_id, call.position))
        if is_cut_off and (written := _written_call(text)):
            self.all_whole = False
            name, position = _written_name(written, self._names), len(self._calls)
            chunks.append(tool_chunk(name, written, _made_up_id(reply_id, position), position))
        return chunks

    def _find(self, index: int | str | None, call_id: str | None, name: str | None) -> "_Call":
        if index is not None:
            call = self._by_index.get(index)
            # Some servers give every call the index 0.
            if call and not (name and call_id and call.id and call_id != call.id):
                return call
        else:
            call = next((c for c in self._calls if call_id and c.id == call_id), None)
            if call is None and name is None and self._calls:
                call = self._calls[-1]
            if call is not None:
                return call
        call = _Call(len(self._calls))
        self._calls.append(call)
        if index is not None:
            self._by_index[index] = call
        return call

    def _begin(self, end: int) -> list[ChatGenerationChunk]:
        """Give the calls before a position that have not been given: the order is kept."""
        calls, self._begun = self._calls[self._begun : end], end
        return [call.begin() for call in calls]


class _Call:
    """A call whose fragments are coming in."""

    def __init__(self, position: int) -> None:
        self.position = position
        self.id: str | None = None
        self.name: str | None = None
        self.has_given_id = False
        self._is_no_object = False
        self._arguments: list[str] = []

    @property
    def arguments(self) -> str:
        """The text so far; white space alone means no arguments, but core would not read it."""
        arguments = "".join(self._arguments)
        return "" if arguments.isspace() else arguments

    def add(self, arguments: str) -> str:
        """Take the next piece of the arguments, and return it as JSON.

        Models leave line breaks within strings when they write code. `invoke` reads them, and
        `stream_events` (v3) would not.
        """
        if _CONTROL.search(arguments):
            before = self.arguments
            text = before + arguments
            if not is_no_object(text):
                text = escaped(text)
            arguments = text[len(before) :]
        self._arguments.append(arguments)
        return arguments

    def begin(self) -> ChatGenerationChunk:
        arguments = self.arguments
        self.has_given_id = self.id is not None
        self._is_no_object = is_no_object(arguments)
        return tool_chunk(self.name, arguments, self.id, self.position)

    def is_whole(self, *, may_be_cut_off: bool) -> bool:
        """Whether the call may be run.

        vLLM makes up the arguments `{}` for a call that was cut off before them. That a call which
        really has none ends exactly at the limit is much less likely.
        """
        args, _ = _parse(self.arguments)
        return bool(args is not None and self.name and (args or not may_be_cut_off))

    def ending(self) -> str:
        """What to append to arguments, so that they cannot pass for whole ones.

        When core adds chunks up it completes JSON that breaks off, and drops what it cannot
        read: `{"path": "/tmp` would become a valid call with half a path, and be run. A bracket
        that closes nothing is something that core does not repair: it makes an
        `invalid_tool_call` of the call.
        """
        if self._is_no_object:
            return ""
        arguments = self.arguments
        return next((end for end in _ENDINGS if not _is_read_by_core(arguments + end)), "")


def is_no_object(arguments: str) -> bool:
    """Whether arguments are something else than a JSON object from their first character on."""
    return bool(arguments) and not arguments.lstrip().startswith("{")


def _written_call(text: str) -> str | None:
    """The call that a text ends in, as models write calls.

    vLLM leaves it in the text of a whole reply that was cut off (recording `tool_truncated`).
    """
    start = text.rfind(_MARKUP)
    return text[start:] if start >= 0 and _MARKUP_END not in text[start:] else None


def _written_name(written: str, names: ToolNames) -> str | None:
    found = _WRITTEN_NAME.search(written)
    return names.from_wire(found[1]) if found else None


def _parts(
    wire_calls: Any, names: ToolNames
) -> Iterator[tuple[int | str | None, str | None, str | None, str]]:
    """The index, id, name and arguments of each call or fragment; odd values count as missing."""
    for wire_call in wire_calls if isinstance(wire_calls, list) else ():
        if not isinstance(wire_call, dict):
            continue
        function = wire_call.get("function")
        function = function if isinstance(function, dict) else {}
        index, call_id, name = wire_call.get("index"), wire_call.get("id"), function.get("name")
        arguments = function.get("arguments")
        if not isinstance(arguments, str):
            arguments = "" if arguments is None else json.dumps(arguments, ensure_ascii=False)
        yield (
            index if isinstance(index, (int, str)) else None,
            call_id if call_id and isinstance(call_id, str) else None,
            names.from_wire(name) if name and isinstance(name, str) else None,
            arguments,
        )


def _parse(arguments: str) -> tuple[dict[str, Any] | None, str | None]:
    """Parse arguments into an object, or say why that cannot be done."""
    try:
        parsed = json.loads(arguments.strip() or "{}", strict=False)
    except ValueError as error:
        return None, f"The arguments are not valid JSON: {error}"
    except RecursionError:
        return None, "The arguments are nested too deeply to be read."
    if not isinstance(parsed, dict):
        return None, f"The arguments are JSON, but a {type(parsed).__name__}, not an object."
    return parsed, None


def _is_read_by_core(arguments: str) -> bool:
    """Whether core takes arguments for whole ones, if need be by completing them."""
    try:
        return parse_partial_json(arguments or "{}") is not None
    except (ValueError, RecursionError):
        return False


def _made_up_id(reply_id: str | None, position: int) -> str:
    """An id for a call that came without one; tool messages cannot answer it otherwise."""
    return f"{reply_id or f'call-{uuid4().hex}'}-tool-{position}"
