"""LangChain's content blocks -> the content parts of a chat request.

Scaleway takes four kinds of parts: `text`, `image_url`, `input_audio` and `video_url` (pages "Query
vision models" and "Query audio models"). Other keys of a block (`id`, `index`, `cache_control`, …)
are left out: servers of the Mistral family refuse them.
"""

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from langchain_core.messages import HumanMessage

from langchain_scaleway.convert.dialects import (
    Block,
    as_json,
    in_standard_form,
    whole_characters,
)

Part = dict[str, Any]

INPUTS = frozenset({"image", "video", "audio"})
"""What a model may read besides text."""

_STANDARD = ("text", "refusal", "reasoning", "tool_call", "invalid_tool_call", "tool_result")
"""Blocks that need no reading, which would cost as much as the rest of a long history."""

_NO_CONTENT = ("reasoning", "redacted_thinking", "tool_call", "invalid_tool_call", "cachePoint")

_WITH_DATA = ("text-plain", "file", "image", "audio", "video")

_PLACES = frozenset({"base64", "file_id", "id", "url"})
"""Keys of which such a block has one: its data, or where that is."""

_ROWS = ("", "document", "json", "search_result", "text")
"""What blocks call themselves that nobody can read and that are data, not content. LangChain takes
a tool's list of such rows for content."""

_BASE64 = re.compile("[A-Za-z0-9+/_-]{1000}")
"""What no language has for a word."""

_TEXTUAL_ENDINGS = ("/json", "+json", "/xml", "+xml", "/yaml", "/toml")
"""Endings of MIME types that are text although they do not begin with `text/`."""

_AUDIO_FORMATS = {"mp3": "mp3", "mpeg": "mp3", "vnd.wave": "wav", "wav": "wav", "wave": "wav"}
"""The formats that Scaleway names, by the subtype of their MIME types."""

_SIGNATURES = {
    "image": {"iVBORw0KGgo": "png", "/9j/": "jpeg", "R0lGOD": "gif", "UklGR": "webp"},
    "audio": {"UklGR": "wav", "SUQz": "mpeg", "//": "mpeg"},
    "video": {"": "mp4"},  # the one format in Scaleway's examples
    "text": {"": "plain"},
}
"""How data in base64 begins, for blocks that do not say what they hold."""

_LONGEST_NAME = 2000
"""Characters of an address or a file's name, in the line that takes its place."""


class UnsendableError(ValueError):
    """A content block that Scaleway cannot take.

    The text names the block by its type and keys. It never quotes values, which may be megabytes
    of base64 or a signed address.
    """

    def __init__(self, block: Block, reason: str) -> None:
        """Describe a standard block, and say why it cannot be sent, and what to do instead."""
        kind = _kind_of(block)
        keys = ", ".join(sorted(f"`{key}`" for key in block if key not in ("type", "extras")))
        article = "An" if kind.startswith(tuple("aeiou")) else "A"
        name = f"{article} `{kind}` block" if kind else "A block without a type"
        with_keys = f" (with {keys})" if keys else ""
        super().__init__(f"{name}{with_keys} cannot be sent: {reason}")


def standard_blocks(content: Any) -> Iterator[Block]:
    """Read the content of a message, in any dialect, as LangChain's standard (v1) blocks.

    Each block is read by itself, so that one that is malformed does not take others with it. What
    nobody can read is given as it is. Results of tools are `tool_result` blocks, as
    `in_standard_form` has them; a block's `extras` stand beside its other keys.
    """
    for block in content if isinstance(content, list | tuple) else [content]:
        if not isinstance(block, dict):
            yield {"type": "text", "text": joined(parts_of(block))}
            continue
        corrected = in_standard_form(block)
        if corrected is not block and "text" in corrected:  # It may consist of blocks in turn.
            corrected = {**corrected, "text": joined(parts_of(corrected["text"]))}
        if corrected.get("type") in _STANDARD:
            yield corrected
            continue
        try:
            read: Iterable[Any] = HumanMessage([corrected]).content_blocks
        except (AttributeError, LookupError, TypeError, ValueError):  # It is malformed.
            read = [corrected]
        yield from map(_unwrapped, read)


def _unwrapped(block: Block) -> Block:
    """A block without a wrapper around it, and with its `extras` beside its other keys."""
    value = block.get("value") if block.get("type") == "non_standard" else None
    block = value if isinstance(value, dict) else block
    extras = block.get("extras")
    return {**extras, **block} if isinstance(extras, dict) else block


def part_of(block: Block) -> Part | None:
    """The part for a standard block in a message that is not an assistant's.

    `None` for what is no content of one: what an assistant thought or called, which programs copy
    from message to message, and marks for another provider's cache.

    Raises:
        UnsendableError: Scaleway takes no such block.
    """
    match block:
        case {"type": "text", "text": str(text)} | {"type": "refusal", "refusal": str(text)}:
            return {"type": "text", "text": text}
        case {"type": "text-plain", "text": str(text)}:
            return _titled(block, text)
        case {"type": kind} if kind in _WITH_DATA:
            return _part_of_data(block)
        case {"type": "audio_url", "audio_url": {"url": url} | url}:
            # vLLM knows it; Scaleway's pages do not.
            return {"type": "audio_url", "audio_url": {"url": _address({**block, "url": url})}}
        case {"cachePoint": _}:
            return None
        case {"type": str(kind)} if kind in _NO_CONTENT:
            return None
    raise UnsendableError(
        block,
        "Scaleway knows no such content, or something in it is missing. "
        "Use text, image, audio or video blocks, or take it out of the history.",
    )


def shown(
    block: Block, inputs: frozenset[str], on_left_out: Callable[[str], None] | None = None
) -> Part | None:
    """The part for a standard block, or a line of text in its place if the model does not read it.

    A row of what a search found, or of a list of files, is no content block: it is data, and its
    text is JSON.

    Example:
        >>> shown({"type": "image", "url": "https://a.example/cat.png"}, frozenset())
        {'type': 'text', 'text': '[image https://a.example/cat.png: not shown]'}
    """
    kind = _kind_of(block)
    try:
        part = part_of(block)
    except UnsendableError:
        if kind in _ROWS or (kind in _WITH_DATA and not _PLACES & block.keys()):
            row = as_json(block)
            if _BASE64.search(row.replace("\\n", "")) is None:
                return _text_part(row)
    else:
        if part is None or part["type"].removeprefix("input_").removesuffix("_url") in inputs:
            return part
        if part["type"] == "text":
            return _text_part(part["text"])
    if on_left_out is not None:
        on_left_out(kind)
    names = (block.get(key) for key in ("url", "uri", "filename", "title", "name", "file_id"))
    name = next((n for n in names if _is_name(n)), "")
    mime_type = block.get("mime_type") or block.get("mimeType")
    with_type = f", {mime_type}" if isinstance(mime_type, str) else ""
    described = " ".join(filter(None, (kind or "block", name)))
    return _text_part(f"[{described}{with_type}: not shown]")


def _text_part(text: str) -> Part:
    return {"type": "text", "text": whole_characters(text)}


def _is_name(value: Any) -> bool:
    """Whether a value names something; it may also be the thing itself, in base64."""
    is_short = isinstance(value, str) and 0 < len(value) <= _LONGEST_NAME
    return is_short and not value.startswith("data:")


def parts_of(
    content: Any,
    inputs: frozenset[str] = frozenset(),
    on_left_out: Callable[[str], None] | None = None,
) -> list[Part]:
    """The parts for what a tool or a search returned: a string, blocks, or any other value."""
    if content is None:
        return []
    if not isinstance(content, list):
        return [_text_part(content if isinstance(content, str) else as_json(content))]
    parts: list[Part] = []
    for block in standard_blocks(content):
        if block.get("type") == "tool_result":
            parts += parts_of(block["content"], inputs, on_left_out)
        elif part := shown(block, inputs, on_left_out):
            parts.append(part)
    return parts


def joined(parts: Iterable[Part]) -> str:
    """The texts, with a line break between them, as vLLM joins them for templates that take text.

    Lists are not sent: some templates, vLLM's `tool_chat_template_mistral3` for one, show the
    model nothing but the first block of a system message.
    """
    return "\n".join(part["text"] for part in parts if part["type"] == "text")


def _part_of_data(block: Block) -> Part:
    kind = block["type"]
    url = str(block.get("url"))
    declared = url[len("data:") :][:100] if url.startswith("data:") else ""
    mime_type = _essence(block.get("mime_type") or declared)
    if mime_type.endswith(_TEXTUAL_ENDINGS):
        kind = "file"  # Also an image, if it is SVG.
    elif kind == "file":
        kind = mime_type.partition("/")[0]
    if kind in ("image", "video"):
        address = {"url": _address(block, kind)}
        if detail := block.get("detail"):
            address["detail"] = detail
        return {"type": f"{kind}_url", f"{kind}_url": address}
    if kind == "audio":
        header, _, data = _address(block, "audio").partition(",")
        subtype = _essence(header).removeprefix("data:audio/").removeprefix("x-")
        if subtype not in _AUDIO_FORMATS:
            raise UnsendableError(
                block,
                "Scaleway takes audio as MP3 or WAV in base64. "
                "Read the file, convert it if need be, and give `base64` and `mime_type`.",
            )
        audio = {"data": data, "format": _AUDIO_FORMATS[subtype]}
        return {"type": "input_audio", "input_audio": audio}
    if (text := _text_in_file(block)) is None:
        raise UnsendableError(
            block,
            "Scaleway's chat models take no files. "
            "Send the document's text as a text block, or its pages as images.",
        )
    return _titled(block, text)


def _text_in_file(block: Block) -> str | None:
    """The text in a file, `None` if it holds something else."""
    try:
        header, _, data = _address(block, "text").partition(",")
        mime_type = _essence(header.removeprefix("data:"))
        # langchain-core calls all files in OpenAI's form PDFs; a real one begins with "%PDF".
        is_text = mime_type.startswith("text/") or mime_type.endswith(_TEXTUAL_ENDINGS)
        if not is_text and (mime_type != "application/pdf" or data.startswith("JVBER")):
            return None
        text = base64.b64decode(data, validate=True).decode()
    except (UnsendableError, binascii.Error, UnicodeDecodeError):
        return None
    return None if "\0" in text else text


def _titled(block: Block, text: str) -> Part:
    titles = (block.get(key) for key in ("title", "name", "context"))
    lines = [title for title in titles if isinstance(title, str) and title]
    return {"type": "text", "text": "\n".join([*lines, text])}


def _address(block: Block, kind: str = "") -> str:
    """The address of a block's data, a `data:` URL where the block holds the data itself."""
    url = block.get("url")
    if isinstance(url, str):
        if not url[:8].lower().startswith(("http://", "https://", "data:")):
            raise UnsendableError(
                block,
                "its address is no http, https or data URL, so Scaleway cannot fetch it. "
                "Give an address on the web, or the data itself as `base64` with its `mime_type`.",
            )
        return url if url[:4].lower() == "http" else _without_spaces(url)
    data = block.get("base64")
    if isinstance(data, bytes | bytearray):
        data = base64.b64encode(data).decode()
    if not isinstance(data, str) or not data:
        raise UnsendableError(
            block,
            "it holds neither an address nor data, and Scaleway keeps no files with ids. "
            f"Give the {kind}'s `url`, or its `base64` and `mime_type`.",
        )
    data = _without_spaces(data)
    if data.startswith("data:"):
        return data
    data = data.replace("-", "+").replace("_", "/")  # Pydantic writes bytes for use in URLs.
    signatures = _SIGNATURES.get(kind, {}).items()
    guesses = (f"{kind}/{form}" for begin, form in signatures if data.startswith(begin))
    mime_type = block.get("mime_type") or next(guesses, None)
    if not isinstance(mime_type, str):
        raise UnsendableError(
            block, f'its data has no MIME type. Add `mime_type`, such as "{kind}/…".'
        )
    return f"data:{mime_type};base64,{data}"


def _without_spaces(data: str) -> str:
    """Base64 without the line breaks that `base64.encodebytes` and the command `base64` write."""
    return "".join(data.split()) if any(space in data for space in "\n\r\t ") else data


def _essence(mime_type: Any) -> str:
    return mime_type.partition(";")[0].strip().lower() if isinstance(mime_type, str) else ""


def _kind_of(block: Block) -> str:
    """What a block calls itself, "" if it has no name."""
    kind = block.get("type")
    return kind if isinstance(kind, str) else ""
