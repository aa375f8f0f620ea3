"""Tool calls on the wire -> LangChain tool calls, whole or streamed.

Nothing is taken for granted. Fragments come with an index or without, ids and names come once
or in every delta, an index is used again for a second call, arguments are null, absent, empty
or an object already. Malformed arguments make an `invalid_tool_call`, which keeps their text.
"""

import json
from typing import Any, NamedTuple
from uuid import uuid4

from langchain_core.messages.content import InvalidToolCall
from langchain_core.messages.tool import ToolCall, invalid_tool_call, tool_call
from langchain_core.utils.json import parse_partial_json

from langchain_scaleway.convert.names import ToolNames
from langchain_scaleway.convert.unicode import HalfCharacters, whole_characters

_NO_IDS = frozenset({"", "null", "None"})
"""Placeholders that some servers send where they have no id."""

_NO_ARGUMENTS = frozenset({"", "{}"})


class Fragment(NamedTuple):
    """A piece of one tool call, ready to become a message chunk.

    Attributes:
        position: The call's position in the reply.
        id: The call's id, given once per call.
        name: The tool's name, given once per call.
        arguments: The next piece of the arguments' JSON text.
    """

    position: int
    id: str | None
    name: str | None
    arguments: str


def parse_tool_calls(
    wire_calls: Any, reply_id: str | None, *, is_cut_off: bool, names: ToolNames | None = None
) -> tuple[list[ToolCall], list[InvalidToolCall]]:
    """Read the tool calls of a whole reply.

    Args:
        wire_calls: The message's `tool_calls` as they came, or nothing.
        reply_id: The reply's id; calls without an id of their own get one made from it.
        is_cut_off: Whether the limit on output tokens ended the reply.
        names: The names of the request's tools.

    Returns:
        The calls, and those whose arguments are no JSON object or which name no tool.
    """
    calls: list[ToolCall] = []
    invalid: list[InvalidToolCall] = []
    wire_calls = _dicts(wire_calls)
    for position, wire_call in enumerate(wire_calls):
        function = _function(wire_call)
        arguments = whole_characters(arguments_text(function.get("arguments")))
        call_id = _id(wire_call) or make_call_id(reply_id, position)
        may_be_cut_off = is_cut_off and wire_call is wire_calls[-1]
        name = _name(function)
        name = names.from_wire(name) if names and name else name
        call = _whole_call(name, arguments, call_id, is_cut_off=may_be_cut_off)
        if call["type"] == "tool_call":
            calls.append(call)
        else:
            invalid.append(call)
    return calls, invalid


def _whole_call(
    name: str | None, arguments: str, call_id: str | None, *, is_cut_off: bool
) -> ToolCall | InvalidToolCall:
    parsed, error = _parse_arguments(arguments)
    if is_cut_off and arguments.strip() in _NO_ARGUMENTS:
        parsed, error = None, "The limit on output tokens cut the call off before its arguments."
    if parsed is not None and name is not None:
        return tool_call(name=name, args=parsed, id=call_id)
    error = error or "The call names no tool."
    return invalid_tool_call(name=name, args=arguments, id=call_id, error=error)


def make_call_id(reply_id: str | None, position: int) -> str:
    """An id for a call that came without one; tool messages cannot answer it otherwise."""
    return f"{reply_id or f'call-{uuid4().hex}'}-tool-{position}"


def arguments_text(arguments: Any) -> str:
    """The arguments as JSON text, whether they came as text, as an object or not at all."""
    if isinstance(arguments, str):
        return arguments
    return "" if arguments is None else json.dumps(arguments, ensure_ascii=False)


class ToolCallAssembler:
    """Works out which call each fragment of a stream belongs to.

    Example:
        >>> assembler = ToolCallAssembler()
        >>> delta = {"index": 0, "id": "a", "function": {"name": "add", "arguments": None}}
        >>> assembler.feed([delta])
        [Fragment(position=0, id='a', name='add', arguments='')]
        >>> assembler.feed([{"index": 0, "function": {"arguments": "{}"}}])
        [Fragment(position=0, id=None, name=None, arguments='{}')]
    """

    def __init__(self) -> None:
        """Start with no calls."""
        self._calls: list[_OpenCall] = []
        self._by_index: dict[int, _OpenCall] = {}

    def feed(self, wire_calls: Any) -> list[Fragment]:
        """Take the `tool_calls` of one delta.

        Args:
            wire_calls: The field as it came.

        Returns:
            A fragment for each of them that says something new.
        """
        fragments = []
        fed: list[_OpenCall] = []
        for wire_call in _dicts(wire_calls):
            function = _function(wire_call)
            name = _name(function)
            arguments = arguments_text(function.get("arguments"))
            call = self._find(wire_call, name, arguments, fed) or self._open(wire_call)
            fed.append(call)
            fragment = call.take(_id(wire_call), name, arguments)
            if fragment is not None:
                fragments.append(fragment)
        return fragments

    def rest(self, reply_id: str | None) -> list[Fragment]:
        """Give what is missing at the end of the stream.

        Args:
            reply_id: The reply's id; calls without an id of their own get one made from it.

        Returns:
            A fragment for each call that came without an id, or that ends in half a character.
        """
        rests = (call.rest(make_call_id(reply_id, call.position)) for call in self._calls)
        return [fragment for fragment in rests if fragment is not None]

    def endings(self, *, is_cut_off: bool) -> list[Fragment]:
        """Mark calls that must not be run: their arguments are broken, or they name no tool.

        Args:
            is_cut_off: Whether the limit on output tokens ended the reply.

        Returns:
            A fragment with an ending for each of these calls, see `unmistakable_ending`.
        """
        fragments = []
        for call in self._calls:
            end = unmistakable_ending(call.arguments)
            is_no_call = call.name is None or (is_cut_off and self._lacks_arguments(call))
            if not end and is_no_call:
                end = "]"  # It closes nothing, so core makes an `invalid_tool_call`.
            if end:
                fragments.append(Fragment(call.position, None, None, end))
        return fragments

    def misread_by_events(
        self, *, is_cut_off: bool
    ) -> list[tuple[int, ToolCall | InvalidToolCall]]:
        """The calls that `stream_events` (v3) cannot read itself, with their positions.

        They name no tool, or their arguments are no JSON object, or are one that Python's strict
        parser refuses: models leave line breaks within strings when they write code.

        Args:
            is_cut_off: Whether the limit on output tokens ended the reply.
        """
        misread = []
        for call in self._calls:
            lacks_arguments = is_cut_off and self._lacks_arguments(call)
            if call.name is None or lacks_arguments or not _is_strict_object(call.arguments):
                whole = _whole_call(call.name, call.arguments, call.id, is_cut_off=lacks_arguments)
                misread.append((call.position, whole))
        return misread

    def _lacks_arguments(self, call: "_OpenCall") -> bool:
        """Whether a stream that was cut off may have ended between a call's name and arguments.

        vLLM 0.32 sends the name as soon as it is written (recording `tool_truncated_stream`), and
        makes up the arguments `{}` if that is in the stream's last event. Such a call would pass
        for one without arguments, and be run. That a call which really has none ends exactly at
        the limit is much less likely.
        """
        return call is self._last() and call.arguments.strip() in _NO_ARGUMENTS

    def _find(
        self, wire_call: dict[str, Any], name: str | None, arguments: str, fed: list["_OpenCall"]
    ) -> "_OpenCall | None":
        """The call that a fragment continues, `None` where it begins a new one."""
        call_id = _id(wire_call)
        index = _index(wire_call)
        if index is not None:
            call = self._by_index.get(index)
        elif call_id is not None and name is None:
            call = next((c for c in self._calls if c.id == call_id), self._last())
        elif call_id is not None:
            return next((c for c in self._calls if c.id == call_id), None)
        else:
            call = self._last()
            if call in fed and name is not None:
                return None  # Two named fragments in one delta are two calls.
        return None if call is None or call.is_ended_by(call_id, name, arguments) else call

    def _open(self, wire_call: dict[str, Any]) -> "_OpenCall":
        call = _OpenCall(len(self._calls))
        self._calls.append(call)
        index = _index(wire_call)
        if index is not None:
            self._by_index[index] = call
        return call

    def _last(self) -> "_OpenCall | None":
        return self._calls[-1] if self._calls else None


class _OpenCall:
    """A call whose fragments are coming in."""

    def __init__(self, position: int) -> None:
        self.position = position
        self.id: str | None = None
        self.name: str | None = None
        self._names_each = True
        self._arguments: list[str] = []
        self._white_space = ""
        self._halves = HalfCharacters()

    def is_ended_by(self, call_id: str | None, name: str | None, arguments: str) -> bool:
        """Whether a fragment begins another call instead of continuing this one.

        A new call always has a name. Some servers repeat the name in every delta, and some of
        these make up a new id each time, so neither name nor id decides alone.
        """
        if name is None:
            return False
        if call_id is not None and self.id is not None:
            if call_id == self.id:
                return False
            is_told = name != self.name or not self._names_each
            return is_told or not self._arguments or self._is_whole()
        if self.name is None:
            return False
        return name != self.name or (bool(arguments) and self._is_whole())

    def take(self, call_id: str | None, name: str | None, arguments: str) -> Fragment | None:
        """Add a fragment.

        Returns:
            What is new in it, `None` where nothing is.
        """
        self._names_each = self._names_each and name is not None
        return self._add(call_id, name, self._halves.join(arguments))

    def rest(self, spare_id: str) -> Fragment | None:
        """Take the end, and an id in case that none came.

        Returns:
            What is still to be passed on, `None` where nothing is.
        """
        return self._add(spare_id, None, self._halves.end())

    def _add(self, call_id: str | None, name: str | None, arguments: str) -> Fragment | None:
        if not self._arguments:
            # White space alone means no arguments, but LangChain would take it for broken JSON.
            arguments = self._white_space + arguments
            if arguments.isspace():
                self._white_space, arguments = arguments, ""
        new_id = call_id if self.id is None else None
        new_name = name if self.name is None else None
        self.id = self.id or new_id
        self.name = self.name or new_name
        if arguments:
            self._arguments.append(arguments)
        if not arguments and new_id is None and new_name is None:
            return None
        return Fragment(self.position, new_id, new_name, arguments)

    @property
    def arguments(self) -> str:
        return "".join(self._arguments)

    def _is_whole(self) -> bool:
        # Where a server repeats the name, this is asked for each fragment; parsing would be slow.
        if not self._arguments or self._arguments[-1].rstrip()[-1:] not in ("", "}"):
            return False
        return _parse_arguments(self.arguments)[0] is not None


def unmistakable_ending(arguments: str) -> str:
    """What to append to broken arguments, so that they cannot pass for whole ones.

    When core adds chunks up it completes JSON that breaks off, and drops what it cannot
    read: `{"path": "/tmp` would become a valid call with half a path, and be run. A bracket
    that closes nothing is something that core does not repair: it makes an
    `invalid_tool_call` of the call.

    Returns:
        The ending; empty if core makes no mistake without one.
    """
    if _parse_arguments(arguments)[0] is not None or not _passes_for_an_object(arguments):
        return ""
    endings = ("]", "}", '"]', '"}', '\\"]', '\\"}')
    return next((end for end in endings if not _passes_for_an_object(arguments + end)), "")


def _passes_for_an_object(arguments: str) -> bool:
    """Whether core finds an object in the arguments, if need be by completing them."""
    try:
        return isinstance(parse_partial_json(arguments), dict)
    except (ValueError, RecursionError):
        return False


def _is_strict_object(arguments: str) -> bool:
    try:
        return not arguments or isinstance(json.loads(arguments), dict)
    except (ValueError, RecursionError):
        return False


def _parse_arguments(arguments: str) -> tuple[dict[str, Any] | None, str | None]:
    """Parse arguments into an object, or say why that cannot be done."""
    if not arguments.strip():
        return {}, None
    try:
        parsed = json.loads(arguments, strict=False)
    except ValueError as error:
        return None, f"The arguments are not valid JSON: {error}"
    except RecursionError:
        return None, "The arguments are nested too deeply to be read."
    if not isinstance(parsed, dict):
        return None, f"The arguments are JSON, but a {type(parsed).__name__}, not an object."
    return parsed, None


def _dicts(wire_calls: Any) -> list[dict[str, Any]]:
    """The calls in a list, or the single call that a server sends in place of a list."""
    if isinstance(wire_calls, dict):
        return [wire_calls]
    return [c for c in wire_calls if isinstance(c, dict)] if isinstance(wire_calls, list) else []


def _function(wire_call: dict[str, Any]) -> dict[str, Any]:
    function = wire_call.get("function")
    return function if isinstance(function, dict) else {}


def _name(function: dict[str, Any]) -> str | None:
    name = function.get("name")
    return whole_characters(name) if name and isinstance(name, str) else None


def _id(wire_call: dict[str, Any]) -> str | None:
    call_id = wire_call.get("id")
    return None if call_id is None or str(call_id) in _NO_IDS else whole_characters(str(call_id))


def _index(wire_call: dict[str, Any]) -> int | None:
    index = wire_call.get("index")
    if isinstance(index, str) and index.isdecimal():
        return int(index)
    return index if isinstance(index, int) else None
