"""The chunks of a stream, made without pydantic's validators.

A stream yields one chunk per token, and the validators are most of what a token costs. So a chunk
is a copy of one that LangChain's constructors have made, with all in it that can be changed made
anew; `tests/unit/test_chunks.py` holds every function to what the constructors make.
"""

from copy import copy
from typing import Any

from langchain_core.messages import AIMessageChunk
from langchain_core.messages.base import TextAccessor
from langchain_core.messages.tool import invalid_tool_call, tool_call, tool_call_chunk
from langchain_core.outputs import ChatGenerationChunk
from langchain_core.utils.json import parse_partial_json

MODEL_PROVIDER = "scaleway"
"""`response_metadata["model_provider"]`; LangChain finds our block translator by it."""


def _constructed(**fields: Any) -> ChatGenerationChunk:
    metadata = {"model_provider": MODEL_PROVIDER}
    message = AIMessageChunk(content="", response_metadata=metadata, **fields)
    return ChatGenerationChunk(message=message)


_TEXT = _constructed()
_REASONING = _constructed(additional_kwargs={"reasoning_content": ""})
_TOOL = _constructed(tool_call_chunks=[tool_call_chunk(args="")])

_new_text = str.__new__  # `TextAccessor(text)` would look for a deprecated way of calling it.


def text_chunk(text: str) -> ChatGenerationChunk:
    """A chunk of answer text."""
    return _copied(_TEXT, text)


def reasoning_chunk(reasoning: str) -> ChatGenerationChunk:
    """A chunk of reasoning text."""
    return _copied(_REASONING, additional_kwargs={"reasoning_content": reasoning})


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
    fragment = tool_call_chunk(name=name, args=arguments, id=call_id, index=index)
    if (parsed := _parsed(arguments)) is not None:
        call = tool_call(name=name or "", args=parsed, id=call_id)
        return _copied(_TOOL, tool_call_chunks=[fragment], tool_calls=[call])
    invalid = invalid_tool_call(name=name, args=arguments, id=call_id, error=None)
    return _copied(_TOOL, tool_call_chunks=[fragment], invalid_tool_calls=[invalid])


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


def _copied(example: ChatGenerationChunk, text: str = "", **fields: Any) -> ChatGenerationChunk:
    chunk, message = copy(example), copy(example.message)
    message.__dict__.update(
        {
            "content": text,
            "response_metadata": {"model_provider": MODEL_PROVIDER},
            "additional_kwargs": {},
            "tool_calls": [],
            "invalid_tool_calls": [],
            "tool_call_chunks": [],
            **fields,
        }
    )
    chunk.__dict__.update(text=_new_text(TextAccessor, text), message=message)
    return chunk
