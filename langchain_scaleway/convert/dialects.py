"""Blocks in other dialects -> LangChain's standard (v1) blocks.

`content_blocks` of LangChain's own messages reads most dialects: LangChain's older one (v0), and
what other providers' integrations leave in a history. This is for what it does not read, or reads
wrong, in langchain-core 1.7 to 1.8.3.
"""

import json
import reprlib
from typing import Any

Block = dict[str, Any]

_REASONING_KEYS = (
    *("reasoning", "thinking"),  # LangChain; Anthropic and Mistral
    *("reasoning_content", "reasoningContent", "reasoningText"),  # Amazon
    *("summary", "content", "text"),  # OpenAI; open models on the Responses API
)

_TEXT_FORMATS = ("csv", "html", "md", "txt")
"""Amazon's names for formats that are text."""


def in_standard_form(block: Block) -> Block:  # noqa: C901, PLR0911, PLR0912 -- a table of dialects
    """The block as LangChain has it, or itself where `content_blocks` reads it, or nobody does.

    Results of tools, for which there is no standard, are `tool_result` blocks with `tool_use_id`
    and `content`. A block's `text` may consist of blocks in turn.
    """
    match block:
        case {"type": "non_standard", "value": dict(value)}:
            return in_standard_form(value)
        case {"type": "text", "text": str()}:  # the most frequent
            return block
        # What assistants write, and what tools return to them
        case {"type": "reasoning" | "thinking" | "reasoning_content"} | {"reasoningContent": _}:
            return {"type": "reasoning", "reasoning": reasoning_text(block)}
        case {"type": "tool_use" | "function_call" | "custom_tool_call", **more}:
            args = next((more[key] for key in ("args", "arguments", "input") if key in more), "")
            call_id = more.get("call_id") or more.get("id")  # OpenAI's `id` is the block's.
            return {"type": "tool_call", "id": call_id, "name": more.get("name"), "args": args}
        case {"toolUse": {"toolUseId": call_id, **more}}:
            args = more.get("input")
            return {"type": "tool_call", "id": call_id, "name": more.get("name"), "args": args}
        case {"type": "tool_result", **more}:
            call_id, content = more.get("tool_use_id"), more.get("content")
            return {"type": "tool_result", "tool_use_id": call_id, "content": content}
        case {"type": str(kind), "output": output, **more} if kind.endswith("call_output"):
            # OpenAI's Responses API has one kind for each kind of call.
            content = [output] if isinstance(output, dict) and "type" in output else output
            return {"type": "tool_result", "tool_use_id": more.get("call_id"), "content": content}
        case {"toolResult": {"toolUseId": call_id, **more}}:
            return {"type": "tool_result", "tool_use_id": call_id, "content": more.get("content")}
        # Text
        case (
            {"type": "input_text" | "output_text", "text": str(text)}
            | {"guardContent": {"text": {"text": str(text)}}}
            | {"type": "guard_content", "text": str(text)}
            | {"type": "guard_content", "guard_content": {"text": str(text)}}
        ):
            return _text(text)
        case {"citationsContent": {"content": content}} | {"type": "text", "text": content}:
            return _text(content)
        case {"json": value}:
            return _text(as_json(value))
        case {"type": "search_result", "content": content, **more} | {
            "searchResult": {"content": content, **more}
        }:
            return _text(content, {"title": more.get("title"), "context": more.get("source")})
        case {"type": "document", "source": {"type": "content", "content": content}, **more}:
            return _text(content, more)
        case {"type": "file", "source_type": "text", "text": str(text), **more}:  # v0
            return _text(text, more)
        case {"type": "document", "document": {"data": data}}:  # Cohere
            lines = [f"{k}: {v}" for k, v in data.items()] if isinstance(data, dict) else data
            return _text(lines)
        # Pictures, recordings and resources of MCP
        case {"type": "image" | "audio" | "file" as kind, "data": data, "mimeType": mime_type} | {
            "type": "image" | "audio" | "video" as kind,
            "data": data,
            "mime_type": mime_type,
        } if "source_type" not in block:
            return {"type": kind, "base64": data, "mime_type": mime_type}
        case {"type": "resource", "resource": {"text": str(text), **more}}:
            return _text(text, {"title": more.get("uri")})
        case {"type": "resource", "resource": {"blob": data, **more}}:
            mime_type = more.get("mimeType")
            return {"type": "file", "base64": data, "mime_type": mime_type, "name": more.get("uri")}
        # Pictures and films of OpenAI, vLLM and Amazon
        case {"type": "image_url" | "video_url" as key}:
            value = block.get(key)
            value = value if isinstance(value, dict) else {"url": value}
            return {**value, "type": key.removesuffix("_url")}
        case {"type": "input_image" | "computer_screenshot", **more}:
            return {**more, "type": "image", "url": more.get("image_url")}
        case {"image": {"source": _}} | {"video": {"source": _}} | {"document": {"source": _}}:
            return _of_converse(block)
        # Files of OpenAI's Responses API and of Google
        case {"type": "input_file", **more}:
            return {**more, "type": "file", "url": more.get("file_data") or more.get("file_url")}
        case {"type": "media", "mime_type": str(mime_type), **more}:
            data, url = more.get("data"), more.get("file_uri")
            return {"type": "file", "mime_type": mime_type, "base64": data, "url": url}
        case {"inlineData": {"data": data, **more}} | {"inline_data": {"data": data, **more}}:
            mime_type = more.get("mimeType") or more.get("mime_type")
            return {"type": "file", "mime_type": mime_type, "base64": data}
    return block


def _text(content: Any, more: Block | None = None) -> Block:
    """A block of text, with what is known of it."""
    block = {"type": "text"} if more is None else {**more, "type": "text-plain"}
    return {**block, "text": content}


def _of_converse(block: Block) -> Block:
    """A picture, film or document of Amazon's Converse API as a file or its text."""
    kinds = ("image", "video", "document")
    kind = next(one for one in kinds if isinstance(block.get(one), dict))
    value = block[kind]
    source, form = value.get("source"), value.get("format")
    source = source if isinstance(source, dict) else {}
    if "text" in source or "content" in source:
        return _text(source.get("text", source.get("content")), {"title": value.get("name")})
    family = {"document": "text" if form in _TEXT_FORMATS else "application"}.get(kind, kind)
    mime_type = f"{family}/{form}" if isinstance(form, str) else None
    block = {"base64": source.get("bytes"), "mime_type": mime_type, "title": value.get("name")}
    return {**block, "type": "file" if kind == "document" else kind}


def reasoning_text(value: Any, separator: str = "") -> str:
    """Reasoning in any provider's form as text, "" where the provider encrypted it."""
    if isinstance(value, dict):
        texts = (
            reasoning_text(value.get(key), "\n\n" if key == "summary" else "")
            for key in _REASONING_KEYS
        )
        return next(filter(None, texts), "")
    if isinstance(value, list):
        return separator.join(reasoning_text(item) for item in value)
    return value if isinstance(value, str) else ""


def as_json(value: Any) -> str:
    """Compact JSON that keeps unicode; what JSON has no form for is written as Python shows it."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
    except (TypeError, ValueError):  # Odd keys, or a value within itself
        return repr(value)
    except RecursionError:
        return reprlib.repr(value)


def whole_characters(text: str) -> str:
    """The text with U+FFFD in place of half of a character without its other half.

    Models escape half a character, and tools read files and their names that are not in UTF-8.
    Neither could be sent.
    """
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
