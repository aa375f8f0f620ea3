"""LangChain content blocks -> the content parts of a chat request.

Blocks come in many dialects: LangChain's current one (v1), its older one (v0), and what other
providers' integrations leave in a history. Scaleway takes four kinds of parts: `text`,
`image_url`, `input_audio` and `video_url`.

Extra keys (`id`, `index`, `annotations`, `cache_control`, …) are left out: servers of the
Mistral family refuse them.
"""

import base64
import binascii
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from langchain_scaleway.convert import media
from langchain_scaleway.convert.media import Block, Part
from langchain_scaleway.convert.unsendable import UnsendableBlockError, json_text, string_of


def content_parts(content: Iterable[str | Block]) -> list[Part]:
    """The parts for a list of content blocks, in their order.

    Args:
        content: The content blocks, in any dialect.

    Raises:
        UnsendableError: Scaleway takes no such block.
    """
    return [part for block in content if (part := _part(block)) is not None]


def content_text(content: Iterable[str | Block], role: str) -> str:
    r"""The text of a list of content blocks, for a role that speaks in text only.

    The blocks are joined with a line break, as vLLM itself does for chat templates that
    take text. Lists are not sent: some templates, vLLM's `tool_chat_template_mistral3` for
    one, show the model nothing but the first block of a system message.

    Args:
        content: The content blocks.
        role: The message's role, for the error.

    Raises:
        UnsendableError: A block is not text.

    Example:
        >>> content_text(["Be brief.", {"type": "text", "text": "Be kind."}], "system")
        'Be brief.\nBe kind.'
    """
    texts = []
    for block in content:
        part = _part(block)
        if part is None:
            continue
        if part["type"] != "text":
            raise UnsendableBlockError(
                block,
                f"on Scaleway the content of a {role} message is text",
                "Put it into a human message, after the tool messages if there are any.",
            )
        texts.append(part["text"])
    return "\n".join(texts)


def tool_output_text(output: Any) -> str:
    """What a tool returned, as text.

    Args:
        output: A string, a list of content blocks, or any JSON value.

    Raises:
        UnsendableError: A block is not text, or the value is not JSON.
    """
    if isinstance(output, str):
        return output
    if isinstance(output, list):
        return content_text(output, "tool")
    return "" if output is None else json_text(output, "A tool's output")


def unwrap(block: Block) -> Block:
    """The block itself, with a `type`: out of LangChain's `non_standard` wrapper if it is in one.

    Raises:
        UnsendableBlockError: There is no block in the wrapper, or nothing says what it is.
    """
    kind = block.get("type")
    if kind == "non_standard":
        value = block.get("value")
        if not isinstance(value, dict):
            raise UnsendableBlockError(block, "its `value` is no block", _USE_KNOWN_BLOCKS)
        return unwrap(value)
    return block if isinstance(kind, str) else _from_converse(block)


def _part(block: str | Block) -> Part | None:
    """The part for one block, `None` for one that is only a hint to another provider."""
    if isinstance(block, str):
        return {"type": "text", "text": block}
    if not isinstance(block, dict):
        raise UnsendableBlockError(block, "it is neither text nor a dict", _USE_KNOWN_BLOCKS)
    block = unwrap(block)
    if block["type"] in HINTS:
        return None
    to_part = _TO_PART.get(block["type"])
    if to_part is None:
        raise UnsendableBlockError(block, "Scaleway knows no such content", _USE_KNOWN_BLOCKS)
    return to_part(block)


def _text(block: Block) -> Part:
    return {"type": "text", "text": string_of(block, "text")}


def _refusal(block: Block) -> Part:
    return {"type": "text", "text": string_of(block, "refusal")}


def _json(block: Block) -> Part:
    return {"type": "text", "text": json_text(block.get("json"), "A `json` block")}


def _tool_output(block: Block) -> Part:
    return {"type": "text", "text": tool_output_text(block.get("output"))}


def _search_result(block: Block) -> Part:
    found = tool_output_text(block.get("content"))
    return _titled(found, block.get("title"), block.get("source"))


def _document(block: Block) -> Part:
    """A document, if it is text; Scaleway's models take no other files."""
    text = _document_text(block)
    if text is None:
        raise UnsendableBlockError(
            block,
            "Scaleway's chat models take no files",
            "Send the document's text as a text block, or its pages as images.",
        )
    return _titled(text, block.get("title"), block.get("context"))


def _document_text(block: Block) -> str | None:
    source = media.source_of(block)
    if isinstance(source.get("text"), str):
        return str(source["text"])
    kind = source.get("source_type") or source.get("type")
    if kind == "text":  # v0 keeps the text in `url`, Anthropic in `data`
        text = source.get("url") or source.get("data")
        return text if isinstance(text, str) else None
    if kind == "content":  # Anthropic's documents made of blocks
        return tool_output_text(source.get("content"))
    if _is_text(media.mime_type_of(block) or ""):
        return _decoded(media.base64_of(source))
    return None


def _is_text(mime_type: str) -> bool:
    essence = mime_type.partition(";")[0].strip().lower()
    return essence.startswith("text/") or essence.endswith(_TEXTUAL_ENDINGS)


def _decoded(data: str | None) -> str | None:
    """The text in base64 data, `None` where it is not UTF-8."""
    try:
        return base64.b64decode(data, validate=True).decode() if data else None
    except (binascii.Error, UnicodeDecodeError):
        return None


def _titled(text: str, *titles: Any) -> Part:
    lines = [title for title in titles if isinstance(title, str) and title]
    return {"type": "text", "text": "\n".join([*lines, text])}


def _google_media(block: Block) -> Part:
    """Google's `media` and `file_data` blocks, whose kind is in the MIME type."""
    kind = (media.mime_type_of(block) or "").partition("/")[0]
    return _MEDIA.get(kind, _document)(block)


def _from_converse(block: Block) -> Block:
    """A block of Amazon's Converse API, `{"image": {"format": …, "source": …}}`, with a type."""
    kind = next((kind for kind in _CONVERSE_KINDS if kind in block), None)
    if kind is None:
        raise UnsendableBlockError(block, "it has no `type`", _USE_KNOWN_BLOCKS)
    value = block[kind]
    if not isinstance(value, dict):
        return {"type": kind, "text": value}
    file_format = value.get("format")
    family = "text" if str(file_format) in _TEXT_FORMATS else kind
    return {
        "type": kind,
        "mime_type": f"{family}/{file_format}",
        "source": value.get("source"),
        "title": value.get("name"),
    }


HINTS = frozenset({"cachePoint", "cache_point"})
"""Blocks without content: they tell Amazon where to cut a prompt for its cache."""

_USE_KNOWN_BLOCKS = "Use text, image, audio or video blocks, or take it out of the history."

_CONVERSE_KINDS = ("text", "image", "video", "document", "cachePoint")

_TEXT_FORMATS = frozenset({"csv", "html", "md", "txt"})

_TEXTUAL_ENDINGS = ("/json", "+json", "/xml", "+xml", "/yaml", "/toml")
"""Endings of MIME types that are text although they do not begin with `text/`."""

_MEDIA: Mapping[str, Callable[[Block], Part]] = {
    "audio": media.audio,
    "image": media.image,
    "video": media.video,
}

_TO_PART: Mapping[str, Callable[[Block], Part]] = {
    # LangChain v1, and v0 with its `source_type`
    "file": _document,
    "text": _text,
    "text-plain": _document,
    **_MEDIA,
    # OpenAI Chat Completions and vLLM
    "audio_url": media.url_part,
    "image_url": media.url_part,
    "input_audio": media.input_audio,
    "refusal": _refusal,
    "video_url": media.url_part,
    # OpenAI Responses
    "custom_tool_call_output": _tool_output,
    "input_file": _document,
    "input_image": media.responses_image,
    "input_text": _text,
    "output_text": _text,
    # Anthropic and Amazon
    "document": _document,
    "json": _json,
    "search_result": _search_result,
    # Google
    "file_data": _google_media,
    "media": _google_media,
}
