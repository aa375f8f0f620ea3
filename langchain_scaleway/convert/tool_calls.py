"""Tool calls on the wire -> LangChain's, whole or in fragments.

Arguments that are no whole JSON object never pass for a call: they make an `invalid_tool_call`,
which keeps their text, so that the model can be shown its mistake.
"""

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from langchain_core.messages.content import InvalidToolCall
from langchain_core.messages.tool import ToolCall, invalid_tool_call, tool_call
from langchain_core.outputs import ChatGenerationChunk
from langchain_core.utils.json import parse_partial_json

from langchain_scaleway.convert.chunks import tool_chunk
from langchain_scaleway.convert.json_text import escaped, open_string
from langchain_scaleway.convert.names import ToolNames

_decode = json.JSONDecoder(strict=False).decode
_CONTROL = re.compile(r"[\x00-\x1f]")

_OPENING = re.compile(
    r"<tool_call>|<\|tool_call>|<\uff5c+DSML\uff5c+ ?\w{0,20}calls>|\[TOOL_CALLS\]"
)
_CLOSING = re.compile(r"</tool_call>|<tool_call\|>|</\uff5c+DSML\uff5c+ ?\w{0,20}calls>")
"""What stands around calls as Qwen and GLM write them, Gemma 4, DeepSeek, and Mistral's models,
whose calls just end with their arguments."""

_MISTRALS = "[TOOL_CALLS]"

_WRITTEN_NAME = re.compile(
    r'"name":\s*"([^"]+)"|<function=([^>\s]+)|call:([^{\s]+)|invoke name="([^"]+)"'
    r"|^\s*([\w.-]+)\s*(?:<arg_key>|</tool_call>|\{|\[[A-Z])"
)
"""The tool's name in such a call, in each of their forms; the last is GLM's and Mistral's."""

_CUT_OFF = "The limit on output tokens cut the call off."

_ENDINGS = ("", "]", "}", '"]', '"}', '\\"]', '\\"}')
"""A bracket that closes nothing, behind the end of a string if need be."""


class ToolCalls:
    """The calls of one reply.

    A fragment belongs to its index, else to its id, else a name begins a call. In a stream a call
    is given from the brace on that opens its arguments: what is no object shall not look like a
    call that becomes one.

    Attributes:
        valid: At the end, the calls that may be run.
        invalid: At the end, those whose arguments are no JSON object or which name no tool.
    """

    def __init__(self, names: ToolNames) -> None:
        """Start with no calls, of tools with these names."""
        self._names = names
        self._calls: list[_Call] = []
        self._by_index: dict[int | str | None, _Call] = {}
        self._begun = 0
        self.valid: list[ToolCall] = []
        self.invalid: list[InvalidToolCall] = []

    def feed(self, wire_calls: Any, reply_id: Any) -> list[ChatGenerationChunk]:
        """Take the `tool_calls` of one delta, or of a whole message, as they came."""
        chunks: list[ChatGenerationChunk] = []
        for index, call_id, name, piece in _parts(wire_calls):
            call = self._find(index, call_id, name, piece)
            call.id = call.id or call_id
            given, new_name = call.add(piece), None
            if name and call.name is None:
                call.name = new_name = self._names.from_wire(name)
            if call.position < self._begun:
                if given or new_name:
                    chunks.append(tool_chunk(new_name, given, None, call.position))
            elif call.arguments.lstrip().startswith("{"):
                chunks += self._begin(call.position + 1, reply_id)
        return chunks

    def end(self, reply_id: str | None, *, is_cut_off: bool, text: str) -> None:
        """Take the end of the reply.

        Args:
            reply_id: The reply's id; calls without an id of their own get one made from it, since
                tool messages cannot answer them otherwise.
            is_cut_off: Whether the limit on output tokens ended the reply.
            text: The text of a reply that may end in a call, as models write calls. vLLM leaves it
                there if it was cut off (recording `tool_truncated`), and its parsers do if it is
                not quite as they want it (issues 22975, 39056, 44522, 54686 of 2025 and 2026).
        """
        if written := _written_call(text, is_cut_off=is_cut_off, is_only=not self._calls):
            found = _WRITTEN_NAME.search(written[1])
            name = self._names.from_wire(found[found.lastindex or 0]) if found else None
            self._calls.append(_Call(len(self._calls), name=name, pieces=[*written]))
        for call in self._calls:
            call.id = call.id or call.made_id(reply_id)
            arguments = call.arguments
            args, error = _parse(arguments)
            # vLLM makes up the arguments `{}` for a call that was cut off before them. That a call
            # which really has none ends exactly at the limit is much less likely.
            if is_cut_off and not args and call is self._calls[-1]:
                error = _CUT_OFF
            if call.name is not None and error is None:
                self.valid.append(tool_call(name=call.name, args=args, id=call.id))
                continue
            call.is_valid, error = False, error or "The call names no tool."
            bad = invalid_tool_call(name=call.name, args=arguments, id=call.id, error=error)
            self.invalid.append(bad)

    def rest(self) -> list[ChatGenerationChunk]:
        """What a stream has not given before its end.

        Calls that had been held back, ids for those without one, endings for those that must not
        be run.
        """
        chunks = self._begin(len(self._calls), None)
        for call in self._calls:
            if not call.has_given_id:
                chunks.append(tool_chunk(None, "", call.id, call.position))
            if not call.is_valid and (end := _ending(call.arguments)):
                chunks.append(tool_chunk(None, end, None, call.position))
        return chunks

    def _find(
        self, index: int | str | None, call_id: str | None, name: str | None, piece: str
    ) -> "_Call":
        if index is not None:
            call = self._by_index.get(index)
            # Some servers give every call the index 0, and some of these no ids.
            is_another = call_id and call and call.id not in {None, call_id}
            if name and (is_another or (call and not call_id and call.is_whole_before(piece))):
                call = None
        else:
            call = next((c for c in self._calls if call_id and c.id == call_id), None)
            if call is None and name is None and self._calls:
                call = self._calls[-1]
        if call is None:
            call = self._by_index[index] = _Call(len(self._calls))
            self._calls.append(call)
        return call

    def _begin(self, end: int, reply_id: Any) -> list[ChatGenerationChunk]:
        """Give the calls before a position that have not been given: the order is kept."""
        calls, self._begun = self._calls[self._begun : end], end
        for call in calls:
            if call.id is None and is_no_object(call.arguments):
                call.id = call.made_id(reply_id)  # Blocks of such a call are known by it.
        return [chunk for call in calls for chunk in call.begin()]


@dataclass(eq=False, repr=False)
class _Call:
    position: int
    id: str | None = None
    name: str | None = None
    pieces: list[str] = field(default_factory=list)
    read: int = 0  # How many pieces `context` stands for.
    context: str = ""
    has_given_id: bool = False
    is_valid: bool = True

    @property
    def arguments(self) -> str:
        """The text so far, as core reads it: "" for the ways in which servers write none."""
        arguments = _decoded_once("".join(self.pieces))
        return "" if arguments.strip() in ("", "null") else arguments

    def add(self, piece: str) -> str:
        """Take the next piece of the arguments, and return it as it is given on.

        Models leave line breaks within strings of code. `invoke` reads them, and `stream_events`
        (v3) would not, so they are escaped.
        """
        self.pieces.append(piece)
        if _CONTROL.search(piece) is None:
            return piece
        before = self.context + "".join(self.pieces[self.read : -1])
        self.context, self.read = open_string(before + piece), len(self.pieces)
        return escaped(before + piece)[len(before) :]

    def is_whole_before(self, piece: str) -> bool:
        """Whether this piece begins arguments of its own behind whole ones."""
        before = self.arguments
        return piece.lstrip().startswith("{") and bool(before) and _parse(before)[1] is None

    def made_id(self, reply_id: Any) -> str:
        return f"{reply_id or f'call-{uuid4().hex}'}-tool-{self.position}"

    def begin(self) -> list[ChatGenerationChunk]:
        """Give the name, then the arguments: AG-UI reads none in the chunk that begins a call."""
        self.has_given_id = self.id is not None
        arguments = escaped(self.arguments)
        if not arguments or is_no_object(arguments):
            return [tool_chunk(self.name, arguments, self.id, self.position)]
        named = tool_chunk(self.name, "", self.id, self.position)
        return [named, tool_chunk(None, arguments, None, self.position)]


def is_no_object(arguments: str) -> bool:
    """Whether arguments are something else than a JSON object from their first character on."""
    return bool(arguments) and not arguments.lstrip().startswith("{")


def _written_call(text: str, *, is_cut_off: bool, is_only: bool) -> tuple[str, str] | None:
    """The last call that a text ends in, in two parts: the markup that opens it, and the rest.

    Whole ones count only where the reply has no other calls: else the text may just quote one.
    """
    openings = [*_OPENING.finditer(text)]
    if not openings:
        return None
    markup, written = openings[-1][0], text[openings[-1].end() :]
    closing = _CLOSING.search(written)
    is_closed = closing and not written[closing.end() :].strip()
    if markup == _MISTRALS:
        is_closed = written.rstrip().endswith(("}", "]"))
    is_call = (is_closed and is_only) or (is_cut_off and not (is_closed or closing))
    return (markup, written) if is_call else None


def _parts(wire_calls: Any) -> Iterator[tuple[int | str | None, str | None, str | None, str]]:
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
            name if name and isinstance(name, str) else None,
            arguments,
        )


def _decoded_once(arguments: str) -> str:
    """Arguments without a second encoding, as the text of a JSON string.

    vLLM's parser "hermes" writes those of Granite 4 so (pull request 54964, September 2026).
    """
    if arguments.lstrip().startswith('"') and arguments.rstrip().endswith('"'):
        with suppress(ValueError, RecursionError):
            decoded = _decode(arguments)
            if isinstance(_decode(decoded), dict):
                return str(decoded)
    return arguments


def _parse(arguments: str) -> tuple[dict[str, Any], str | None]:
    """Parse arguments into an object, or say why that cannot be done."""
    try:
        parsed = _decode(arguments or "{}")
    except ValueError as error:
        return {}, f"The arguments are not valid JSON: {error}"
    except RecursionError:
        return {}, "The arguments are nested too deeply to be read."
    if not isinstance(parsed, dict):
        return {}, f"The arguments are JSON, but a {type(parsed).__name__}, not an object."
    return parsed, None


def _ending(arguments: str) -> str:
    """What to append to arguments, so that they cannot pass for whole ones.

    When core adds chunks up it completes JSON that breaks off, and drops what it cannot read:
    `{"path": "/tmp` would become a valid call with half a path, and be run. A bracket that closes
    nothing is something that core does not repair: it makes an `invalid_tool_call` of the call.
    """
    if is_no_object(arguments):
        return ""
    return next((end for end in _ENDINGS if not _is_read_by_core(arguments + end)), "")


def _is_read_by_core(arguments: str) -> bool:
    """Whether core takes arguments for whole ones, if need be by completing them."""
    try:
        return parse_partial_json(arguments or "{}") is not None
    except (ValueError, RecursionError):
        return False
