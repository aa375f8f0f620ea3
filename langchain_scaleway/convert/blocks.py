"""The content-block view of our messages, registered for `model_provider` "scaleway".

Core asks the registered translator for `message.content_blocks`, and builds
`output_version="v1"` and `stream_events(version="v3")` from it. Without one it numbers the
blocks of a stream itself, and merges a tool call with index 0 into the text before it. So
each block of a chunk gets an index of its own here, a string that starts with `lc_`: core
merges blocks whose indexes are equal, and leaves strings of this form as they are.
"""

from typing import Any, cast

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.block_translators import register_translator
from langchain_core.messages.content import ContentBlock
from langchain_core.messages.tool import ToolCallChunk

from langchain_scaleway.convert.chunks import MODEL_PROVIDER
from langchain_scaleway.convert.tool_calls import is_no_object


def register() -> None:
    """Tell core about the translator. Registering twice does no harm."""
    register_translator(MODEL_PROVIDER, _message_blocks, _chunk_blocks)


def _message_blocks(message: AIMessage) -> list[ContentBlock]:
    """Reasoning, text, refusal and tool calls.

    Invalid tool calls are left out, as core leaves them out: when it replays a whole message as
    events, after a hit in a cache, it adds them itself.
    """
    calls = [dict(call) for call in message.tool_calls]
    return cast("list[ContentBlock]", _said(message) + calls)


def _chunk_blocks(chunk: AIMessageChunk) -> list[ContentBlock]:
    """The blocks of a chunk, or of chunks added up."""
    blocks = [{**block, "index": f"lc_{block['type']}"} for block in _said(chunk)]
    if chunk.chunk_position == "last":
        blocks += [dict(call) for call in (*chunk.tool_calls, *chunk.invalid_tool_calls)]
    else:
        blocks += map(_fragment_block, chunk.tool_call_chunks)
    return cast("list[ContentBlock]", blocks)


def _said(message: AIMessage) -> list[dict[str, Any]]:
    if not isinstance(message.content, str):  # Not from this package: core reads it.
        raise NotImplementedError
    said = (
        ("reasoning", message.additional_kwargs.get("reasoning_content")),
        ("text", message.content),
        ("refusal", message.additional_kwargs.get("refusal")),
    )
    return [{"type": kind, kind: text} for kind, text in said if text]


def _fragment_block(call: ToolCallChunk) -> dict[str, Any]:
    block = {**call, "index": f"lc_tool_{call['index'] or 0}"}
    if call["id"] and is_no_object(call["args"] or ""):
        # `stream_events` (v3) takes any JSON for arguments, and fails on what is no object.
        block.update(type="invalid_tool_call", error="The arguments are no JSON object.")
    return block
