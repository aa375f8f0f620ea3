"""The chunks of a stream, made without pydantic's validators.

A stream yields one chunk per token, and the validators are most of what a token costs. So a chunk
is made as pickle makes one: from the state of one that LangChain's constructors have made, with all
in it that can be changed made anew. `tests/unit/test_chunks.py` holds every function to what the
constructors make.
"""

from typing import Any

from langchain_core.messages import AIMessageChunk
from langchain_core.messages.base import TextAccessor
from langchain_core.messages.tool import invalid_tool_call, tool_call, tool_call_chunk
from langchain_core.outputs import ChatGenerationChunk
from langchain_core.utils.json import parse_partial_json

MODEL_PROVIDER = "scaleway"
"""`response_metadata["model_provider"]`; LangChain finds our block translator by it."""


def _state(**fields: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The states of a chunk with these fields, and of the message in it."""
    metadata = {"model_provider": MODEL_PROVIDER}
    message = AIMessageChunk(content="", response_metadata=metadata, **fields)
    return ChatGenerationChunk(message=message).__getstate__(), message.__getstate__()


_TEXT = _state()
_REASONING = _state(additional_kwargs={"reasoning_content": ""})
_TOOL = _state(tool_call_chunks=[tool_call_chunk(args="")])

_new_text = str.__new__  # `TextAccessor(text)` would look for a deprecated way of calling it.


def text_chunk(text: str) -> ChatGenerationChunk:
    """A chunk of answer text."""
    return _made(_TEXT, text)


def reasoning_chunk(reasoning: str) -> ChatGenerationChunk:
    """A chunk of reasoning text."""
    return _made(_REASONING, additional_kwargs={"reasoning_content": reasoning})


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
        return _made(_TOOL, tool_call_chunks=[fragment], tool_calls=[call])
    invalid = invalid_tool_call(name=name, args=arguments, id=call_id, error=None)
    return _made(_TOOL, tool_call_chunks=[fragment], invalid_tool_calls=[invalid])


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


def _made(
    states: tuple[dict[str, Any], dict[str, Any]], text: str = "", **fields: Any
) -> ChatGenerationChunk:
    of_chunk, of_message = states
    message = AIMessageChunk.__new__(AIMessageChunk)
    message.__setstate__(
        {
            **of_message,
            "__pydantic_fields_set__": set(of_message["__pydantic_fields_set__"]),
            "__dict__": {
                **of_message["__dict__"],
                "content": text,
                "response_metadata": {"model_provider": MODEL_PROVIDER},
                "additional_kwargs": {},
                "tool_calls": [],
                "invalid_tool_calls": [],
                "tool_call_chunks": [],
                **fields,
            },
        }
    )
    accessor = _new_text(TextAccessor, text)
    chunk = ChatGenerationChunk.__new__(ChatGenerationChunk)
    chunk.__setstate__(
        {
            **of_chunk,
            "__pydantic_fields_set__": set(of_chunk["__pydantic_fields_set__"]),
            "__dict__": {**of_chunk["__dict__"], "text": accessor, "message": message},
        }
    )
    return chunk
