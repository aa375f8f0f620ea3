"""The chunks of a stream, made without pydantic's validators.

A stream yields one chunk per token, and the validators are most of what a token costs. What they
would have set is set here by hand, in this one module; `tests/unit/test_chunks.py` holds every
function to the object that LangChain's constructors make.
"""

from typing import Any

from langchain_core.messages import AIMessageChunk
from langchain_core.messages.base import TextAccessor
from langchain_core.messages.tool import invalid_tool_call, tool_call, tool_call_chunk
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

_TEXT_FIELDS = ("content", "response_metadata")
_REASONING_FIELDS = (*_TEXT_FIELDS, "additional_kwargs")
_TOOL_FIELDS = (*_TEXT_FIELDS, "tool_call_chunks", "tool_calls", "invalid_tool_calls")


def text_chunk(text: str) -> ChatGenerationChunk:
    """A chunk of answer text."""
    return _chunk(text, {}, _TEXT_FIELDS)


def reasoning_chunk(reasoning: str) -> ChatGenerationChunk:
    """A chunk of reasoning text."""
    return _chunk("", {"reasoning_content": reasoning}, _REASONING_FIELDS)


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
    chunk = _chunk("", {}, _TOOL_FIELDS)
    fields = chunk.message.__dict__
    fields["tool_call_chunks"] = [
        tool_call_chunk(name=name, args=arguments, id=call_id, index=index)
    ]
    if (parsed := _parsed(arguments)) is not None:
        fields["tool_calls"] = [tool_call(name=name or "", args=parsed, id=call_id)]
    else:
        call = invalid_tool_call(name=name, args=arguments, id=call_id, error=None)
        fields["invalid_tool_calls"] = [call]
    return chunk


def _parsed(arguments: str) -> dict[str, Any] | None:
    """The object that core would read in a fragment of arguments."""
    if not arguments:
        return {}
    if not arguments.lstrip().startswith("{"):
        return None  # No fragment without an opening brace can be read as an object.
    try:
        parsed = parse_partial_json(arguments)
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None


def _chunk(
    content: str, additional_kwargs: dict[str, Any], fields_set: tuple[str, ...]
) -> ChatGenerationChunk:
    message = _new(AIMessageChunk)
    fields: dict[str, Any] = {
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
    }
    _set_fields(message, fields)
    _set_fields_set(message, set(fields_set))
    _set_extra(message, {})
    _set_private(message, None)
    chunk = _new(ChatGenerationChunk)
    fields = {
        "text": _new_text(TextAccessor, content),
        "generation_info": None,
        "type": "ChatGenerationChunk",
        "message": message,
    }
    _set_fields(chunk, fields)
    _set_fields_set(chunk, {"message", "text"})
    _set_extra(chunk, None)
    _set_private(chunk, None)
    return chunk
