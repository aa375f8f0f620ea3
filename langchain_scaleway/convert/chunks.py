"""The pieces of a streamed reply, built without running pydantic's validators.

A stream yields one of these per token, and the validators are most of what a token costs.
What they would have set is set here by hand, in this one module, and
`tests/unit/test_chunks.py` holds every function to the object that the constructors make.
"""

from typing import Any

from langchain_core.messages import AIMessageChunk
from langchain_core.messages.base import TextAccessor
from langchain_core.messages.content import InvalidToolCall
from langchain_core.messages.tool import ToolCall, invalid_tool_call, tool_call, tool_call_chunk
from langchain_core.outputs import ChatGenerationChunk
from langchain_core.utils.json import parse_partial_json
from pydantic import BaseModel

MODEL_PROVIDER = "scaleway"
"""`response_metadata["model_provider"]`; LangChain finds our block translator by it."""

_new = object.__new__
_new_text = str.__new__

# The four slots of every pydantic model, set without a lookup of their names.
_set_fields = vars(BaseModel)["__dict__"].__set__
_set_fields_set = vars(BaseModel)["__pydantic_fields_set__"].__set__
_set_extra = vars(BaseModel)["__pydantic_extra__"].__set__
_set_private = vars(BaseModel)["__pydantic_private__"].__set__

_TEXT_FIELDS = frozenset({"content", "response_metadata"})
_REASONING_FIELDS = frozenset({"content", "additional_kwargs", "response_metadata"})
_TOOL_FIELDS = frozenset(
    {"content", "response_metadata", "tool_call_chunks", "tool_calls", "invalid_tool_calls"}
)
_GENERATION_FIELDS = frozenset({"message", "text"})


def text_chunk(text: str) -> ChatGenerationChunk:
    """A chunk of answer text."""
    return _generation(_message(text, {}, _TEXT_FIELDS), text)


def reasoning_chunk(reasoning: str) -> ChatGenerationChunk:
    """A chunk of reasoning text."""
    return _generation(_message("", {"reasoning_content": reasoning}, _REASONING_FIELDS), "")


def tool_chunk(
    name: str | None, arguments: str, call_id: str | None, index: int
) -> ChatGenerationChunk:
    """A chunk of one tool call.

    Args:
        name: The tool's name, in the call's first chunk only.
        arguments: The next fragment of the arguments' JSON.
        call_id: The call's id, in one of its chunks only.
        index: The call's position in the reply; core merges chunks by it.
    """
    message = _message("", {}, _TOOL_FIELDS)
    fields = message.__dict__
    fields["tool_call_chunks"] = [
        tool_call_chunk(name=name, args=arguments, id=call_id, index=index)
    ]
    parsed = _parse_fragment(arguments)
    if isinstance(parsed, dict):
        fields["tool_calls"] = [tool_call(name=name or "", args=parsed, id=call_id)]
    else:
        fields["invalid_tool_calls"] = [
            invalid_tool_call(name=name, args=arguments, id=call_id, error=None)
        ]
    return _generation(message, "")


def whole_call_chunk(call: ToolCall | InvalidToolCall, index: int) -> ChatGenerationChunk:
    """A chunk that takes the place of a call's fragments in `stream_events` (v3).

    There core parses the fragments' arguments in another way: it refuses a line break within a
    string, which it accepts everywhere else, and fails on JSON that is not an object.
    """
    block = {**call, "index": tool_block_index(index)}
    metadata = {"model_provider": MODEL_PROVIDER, "output_version": "v1"}
    message = AIMessageChunk(content=[block], response_metadata=metadata)
    return ChatGenerationChunk(message=message)


def tool_block_index(index: int) -> str:
    """The index of a call's content block; core merges blocks by indexes with this prefix."""
    return f"lc_tool_{index}"


def _parse_fragment(arguments: str) -> Any:
    """What core would read in a fragment of arguments: an object, or `None`."""
    if not arguments:
        return {}
    if not arguments.lstrip().startswith("{"):
        return None  # No fragment without an opening brace can be read as an object.
    try:
        return parse_partial_json(arguments)
    except (ValueError, RecursionError):
        return None


def _message(
    content: str, additional_kwargs: dict[str, Any], fields_set: frozenset[str]
) -> AIMessageChunk:
    message = _new(AIMessageChunk)
    _set_fields(
        message,
        {
            "content": content,
            "additional_kwargs": additional_kwargs,
            "response_metadata": {"model_provider": MODEL_PROVIDER},
            "type": "AIMessageChunk",
            "name": None,
            "id": None,
            "tool_calls": [],
            "invalid_tool_calls": [],
            "usage_metadata": None,
            "tool_call_chunks": [],
            "chunk_position": None,
        },
    )
    _set_fields_set(message, set(fields_set))
    _set_extra(message, {})
    _set_private(message, None)
    return message


def _generation(message: AIMessageChunk, text: str) -> ChatGenerationChunk:
    generation = _new(ChatGenerationChunk)
    _set_fields(
        generation,
        {
            "text": _new_text(TextAccessor, text),
            "generation_info": None,
            "type": "ChatGenerationChunk",
            "message": message,
        },
    )
    _set_fields_set(generation, set(_GENERATION_FIELDS))
    _set_extra(generation, None)
    _set_private(generation, None)
    return generation
