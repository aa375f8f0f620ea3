"""LangChain's content blocks -> the content parts of a chat request.

Blocks come in many dialects: LangChain's current one (v1), its older one (v0), and what other
providers' integrations leave in a history. `content_blocks` of LangChain's own messages reads
most of them; `_corrected` is for what it does not read, or reads wrong, in langchain-core 1.7
to 1.8.3. Scaleway takes four kinds of parts: `text`, `image_url`, `input_audio` and `video_url`
(pages "Query vision models" and "Query audio models"). Other keys of a block (`id`, `index`,
`cache_control`, …) are left out: servers of the Mistral family refuse them.
"""

import base64
import binascii
import json
import reprlib
from collections.abc import Iterable, Iterator
from typing import Any

from langchain_core.messages import HumanMessage

Block = dict[str, Any]
Part = dict[str, Any]


class UnsendableError(ValueError):
    """A content block that Scaleway cannot take.

    The text names the block by its type and keys. It never quotes values, which may be megabytes
    of base64 or a signed address.
    """

    def __init__(self, block: Block, reason: str, way_out: str) -> None:
        """Describe the block.

        Args:
            block: One of `standard_blocks`.
            reason: Why it cannot be sent.
            way_out: What to do instead.
        """
        block, kind = _unwrapped(block), kind_of(block)
        keys = ", ".join(sorted(f"`{key}`" for key in block if key != "type"))
        article = "An" if kind.startswith(tuple("aeiou")) else "A"
        name = f"{article} `{kind}` block" if kind else "A block without a type"
        with_keys = f" (with {keys})" if keys else ""
        super().__init__(f"{name}{with_keys} cannot be sent: {reason}. {way_out}")


def standard_blocks(content: str | Iterable[str | Block]) -> Iterator[Block]:
    """Read the content of a message as LangChain's standard blocks.

    Each block is read by itself, so that one that is malformed does not take others with it.

    Args:
        content: A message's content, in any dialect.

    Yields:
        Standard (v1) blocks. What nobody can read is `non_standard`.
    """
    for block in [content] if isinstance(content, str) else content:
        if isinstance(block, str):
            yield {"type": "text", "text": block}
            continue
        corrected = _corrected(block)
        if corrected.get("type") in _STANDARD:
            yield corrected
            continue
        try:
            yield from map(dict, HumanMessage([corrected]).content_blocks)
        except (AttributeError, LookupError, TypeError, ValueError):  # It is malformed.
            yield {"type": "non_standard", "value": block}


def kind_of(block: Block) -> str:
    """What a standard block calls itself, "" if it has no name."""
    kind = _unwrapped(block).get("type")
    return kind if isinstance(kind, str) else ""


def part_of(block: Block) -> Part | None:
    """The part of a request for a standard block.

    Args:
        block: One of `standard_blocks`.

    Returns:
        `None` for a block without content: a mark for another provider's cache.

    Raises:
        UnsendableError: Scaleway takes no such block.
    """
    match block:
        case {"type": "text", "text": str(text)} | {"type": "refusal", "refusal": str(text)}:
            return {"type": "text", "text": text}
        case {"type": "text-plain", "text": str(text)}:
            return _titled(block, text)
        case {"type": "text-plain" | "file" | "image" | "audio" | "video"}:
            return _part_of_data(block)
        case {"type": "non_standard", "value": {"type": "audio_url", "audio_url": value}}:
            # vLLM knows it; Scaleway's pages do not.
            url = value.get("url") if isinstance(value, dict) else value
            return {"type": "audio_url", "audio_url": {"url": _address({**block, "url": url})}}
        case {"type": "non_standard", "value": {"cachePoint": _} | {"type": "cachePoint"}}:
            return None
    raise UnsendableError(
        block,
        "Scaleway knows no such content, or something in it is missing",
        "Use text, image, audio or video blocks, or take it out of the history.",
    )


def not_shown(block: Block) -> str:
    """A line of text in the place of a block that a model cannot be shown.

    Args:
        block: One of `standard_blocks`.

    Example:
        >>> not_shown({"type": "file", "url": "docs://report", "mime_type": "text/markdown"})
        '[file docs://report, text/markdown: not shown]'
    """
    value = _unwrapped(block)
    extras = value.get("extras")
    known = {**extras, **value} if isinstance(extras, dict) else value
    names = (known.get(key) for key in ("url", "uri", "filename", "title", "name", "file_id"))
    name = next((n for n in names if isinstance(n, str) and n and not n.startswith("data:")), "")
    mime_type = known.get("mime_type") or known.get("mimeType")
    described = " ".join(filter(None, (kind_of(block) or "block", name)))
    with_type = f", {mime_type}" if isinstance(mime_type, str) else ""
    return f"[{described}{with_type}: not shown]"


def text_of(content: Any) -> str:
    """What a tool or a search returned as text: a string, content blocks, or any other value."""
    if content is None or isinstance(content, str):
        return content or ""
    if isinstance(content, list) and all(isinstance(block, str | dict) for block in content):
        return "\n".join(filter(None, map(_block_as_text, standard_blocks(content))))
    return as_json(content)


def _block_as_text(block: Block) -> str:
    try:
        part = part_of(block) or {"type": "text", "text": ""}
    except UnsendableError:
        return not_shown(block)
    return part["text"] if part["type"] == "text" else not_shown(block)


def as_json(value: Any) -> str:
    """Compact JSON that keeps unicode; what JSON has no form for is written as Python shows it."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
    except (TypeError, ValueError, RecursionError):  # Odd keys, or a value within itself
        return reprlib.repr(value)


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


# What `content_blocks` does not read, or reads wrong


def _corrected(block: Block) -> Block:  # noqa: C901, PLR0911, PLR0912 -- a table of dialects
    """The block in LangChain's standard form if `content_blocks` would not make it so."""
    match block:
        case {"type": "non_standard", "value": dict(value)}:
            return _corrected(value)
        # Text
        case {"type": "text" | "input_text" | "output_text", "text": str(text)}:
            return {"type": "text", "text": text}
        case (
            {"guardContent": {"text": {"text": str(text)}}}
            | {"type": "guard_content", "text": str(text)}
            | {"type": "guard_content", "guard_content": {"text": str(text)}}
        ):
            return {"type": "text", "text": text}
        case {"citationsContent": {"content": content}}:
            return {"type": "text", "text": text_of(content)}
        case {"json": value}:
            return {"type": "text", "text": as_json(value)}
        case {"type": "custom_tool_call_output", "output": output}:
            return {"type": "text", "text": text_of(output)}
        case {"type": "search_result", "content": content, **more}:
            text, source = text_of(content), more.get("source")
            return {**more, "type": "text-plain", "text": text, "source": None, "context": source}
        case {"type": "document", "source": {"type": "content", "content": content}, **more}:
            return {**more, "type": "text-plain", "text": text_of(content)}
        case {"type": "file", "source_type": "text", "text": str(text), **more}:  # v0
            return {**more, "type": "text-plain", "text": text}
        # Pictures, recordings and resources of MCP
        case {"type": "image" | "audio" as kind, "data": data, "mimeType": mime_type}:
            return {"type": kind, "base64": data, "mime_type": mime_type}
        case {"type": "resource", "resource": {"text": str(text), **more}}:
            return {"type": "text-plain", "text": text, "title": more.get("uri")}
        case {"type": "resource", "resource": {"blob": data, **more}}:
            mime_type = more.get("mimeType")
            return {"type": "file", "base64": data, "mime_type": mime_type, "name": more.get("uri")}
        # Pictures and films of OpenAI, vLLM and Amazon
        case {"type": "image_url" | "video_url" as key}:
            value = block.get(key)
            value = value if isinstance(value, dict) else {"url": value}
            extras = {"detail": value["detail"]} if value.get("detail") else {}
            return {"type": key.removesuffix("_url"), "url": value.get("url"), "extras": extras}
        case {"type": "input_image", **more}:
            return {"type": "image", "url": more.get("image_url"), "extras": more}
        case {"image": dict(value)} | {"video": dict(value)} | {"document": dict(value)}:
            return _of_converse(next(iter(block)), value)
        # Files of OpenAI's Responses API and of Google
        case {"type": "input_file", **more}:
            return {**more, "type": "file", "url": more.get("file_data") or more.get("file_url")}
        case {"type": "media" | "file_data", "mime_type": str(mime_type), **more}:
            data, url = more.get("data"), more.get("file_uri")
            return {"type": "file", "mime_type": mime_type, "base64": data, "url": url}
        # What assistants write
        case {"type": "reasoning" | "thinking" | "reasoning_content"} | {"reasoningContent": _}:
            return {"type": "reasoning", "reasoning": reasoning_text(block)}
        case {"type": "tool_use" | "function_call" | "custom_tool_call", **more}:
            args = next((more[key] for key in ("args", "arguments", "input") if key in more), "")
            call_id = more.get("call_id") or more.get("id")  # OpenAI's `id` is the block's.
            return {"type": "tool_call", "id": call_id, "name": more.get("name"), "args": args}
    return block


def _of_converse(kind: str, value: Block) -> Block:
    """A picture, film or document of Amazon's Converse API as a file or its text."""
    source, form = value.get("source"), value.get("format")
    source = source if isinstance(source, dict) else {}
    if "text" in source or "content" in source:
        text = text_of(source.get("text", source.get("content")))
        return {"type": "text-plain", "text": text, "title": value.get("name")}
    family = {"document": "text" if form in _TEXT_FORMATS else "application"}.get(kind, kind)
    data, title = source.get("bytes"), value.get("name")
    return {"type": "file", "mime_type": f"{family}/{form}", "base64": data, "title": title}


# Data: in base64, in a `data:` URL, or at an address


def _part_of_data(block: Block) -> Part:
    kind, mime_type = block["type"], _essence(block.get("mime_type"))
    if kind == "file" and mime_type.partition("/")[0] in ("image", "audio", "video"):
        kind = mime_type.partition("/")[0]
    if kind in ("image", "video"):
        extras = block.get("extras")
        detail = extras.get("detail") if isinstance(extras, dict) else None
        url = {"url": _address(block, kind)}
        return {"type": f"{kind}_url", f"{kind}_url": {**url, "detail": detail} if detail else url}
    if kind == "audio":
        return _audio(block)
    if (text := _text_in_file(block)) is None:
        raise UnsendableError(
            block,
            "Scaleway's chat models take no files",
            "Send the document's text as a text block, or its pages as images.",
        )
    return _titled(block, text)


def _audio(block: Block) -> Part:
    header, _, data = _address(block, "audio").partition(",")
    audio_format = _AUDIO_FORMATS.get(_essence(header.removeprefix("data:")))
    if not data or audio_format is None:
        raise UnsendableError(
            block,
            "Scaleway takes audio as MP3 or WAV in base64",
            "Read the file, convert it if need be, and give `base64` and `mime_type`.",
        )
    return {"type": "input_audio", "input_audio": {"data": data, "format": audio_format}}


def _text_in_file(block: Block) -> str | None:
    """The text in a file, `None` if it holds something else."""
    try:
        header, _, data = _address(block, "text").partition(",")
    except UnsendableError:
        return None
    mime_type = _essence(header.removeprefix("data:"))
    # langchain-core calls all files in OpenAI's form PDFs; a real one begins with "%PDF".
    is_text = mime_type.startswith("text/") or mime_type.endswith(_TEXTUAL_ENDINGS)
    if not is_text and (mime_type != "application/pdf" or data.startswith("JVBER")):
        return None
    try:
        text = base64.b64decode(data, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    return text if text and "\0" not in text else None


def _titled(block: Block, text: str) -> Part:
    extras = block.get("extras")
    known = {**extras, **block} if isinstance(extras, dict) else block
    titles = [known.get(key) for key in ("title", "name", "context")]
    lines = [title for title in titles if isinstance(title, str) and title]
    return {"type": "text", "text": "\n".join([*lines, text])}


def _address(block: Block, kind: str = "") -> str:
    """The address of a block's data, a `data:` URL where the block holds the data itself."""
    url = block.get("url")
    if isinstance(url, str):
        if not url[:8].lower().startswith(("http://", "https://", "data:")):
            raise UnsendableError(
                block,
                "its address is no http, https or data URL, so Scaleway cannot fetch it",
                "Give an address on the web, or the data itself as `base64` with its `mime_type`.",
            )
        return url if url[:4].lower() == "http" else _without_spaces(url)
    data = block.get("base64")
    if isinstance(data, bytes | bytearray):
        data = base64.b64encode(data).decode()
    if not isinstance(data, str) or not data:
        raise UnsendableError(
            block,
            "it holds neither an address nor data, and Scaleway keeps no files with ids",
            f"Give the {kind}'s `url`, or its `base64` and `mime_type`.",
        )
    data = _without_spaces(data)
    if data.startswith("data:"):
        return data
    mime_type = block.get("mime_type") or _guessed_mime_type(data, kind)
    if not isinstance(mime_type, str):
        raise UnsendableError(
            block, "its data has no MIME type", f'Add `mime_type`, such as "{kind}/…".'
        )
    return f"data:{mime_type};base64,{data}"


def _without_spaces(data: str) -> str:
    """Base64 without the line breaks that `base64.encodebytes` and the command `base64` write."""
    return "".join(data.split()) if any(space in data for space in "\n\r\t ") else data


def _guessed_mime_type(data: str, kind: str) -> str | None:
    signatures = _SIGNATURES.get(kind, {})
    return next((m for prefix, m in signatures.items() if data.startswith(prefix)), None)


def _essence(mime_type: Any) -> str:
    return mime_type.partition(";")[0].strip().lower() if isinstance(mime_type, str) else ""


def _unwrapped(block: Block) -> Block:
    value = block.get("value") if block.get("type") == "non_standard" else None
    return value if isinstance(value, dict) else block


_STANDARD = ("text", "refusal", "reasoning", "tool_call", "invalid_tool_call")
"""Blocks that need no reading; `content_blocks` knows refusals since langchain-core 1.7.5 only."""

_REASONING_KEYS = (
    "reasoning",  # LangChain
    "thinking",  # Anthropic, Mistral
    "reasoning_content",  # Amazon, as LangChain keeps it
    "reasoningContent",  # Amazon
    "reasoningText",
    "summary",  # OpenAI
    "content",  # open models on the Responses API
    "text",
)

_TEXT_FORMATS = ("csv", "html", "md", "txt")
"""Amazon's names for formats that are text."""

_TEXTUAL_ENDINGS = ("/json", "+json", "/xml", "+xml", "/yaml", "/toml")
"""Endings of MIME types that are text although they do not begin with `text/`."""

_AUDIO_FORMATS = {
    "audio/mp3": "mp3",
    "audio/mpeg": "mp3",
    "audio/vnd.wave": "wav",
    "audio/wav": "wav",
    "audio/wave": "wav",
    "audio/x-wav": "wav",
}
"""The formats that Scaleway names, by MIME type."""

_SIGNATURES: dict[str, dict[str, str]] = {
    "image": {
        "iVBORw0KGgo": "image/png",
        "/9j/": "image/jpeg",
        "R0lGOD": "image/gif",
        "UklGR": "image/webp",
    },
    "audio": {"UklGR": "audio/wav", "SUQz": "audio/mpeg", "//": "audio/mpeg"},
    "video": {"": "video/mp4"},  # the one format in Scaleway's examples
    "text": {"": "text/plain"},
}
"""How data in base64 begins, for blocks that do not say what they hold."""
