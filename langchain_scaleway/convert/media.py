"""Images, audio and video: blocks of every dialect -> the parts that Scaleway takes.

A block holds an address, or data in base64, or the id of a file that its provider keeps.
Scaleway takes addresses, and data in the form of `data:` URLs (page "Query vision models").
Audio it takes only as base64 (page "Query audio models"). It keeps no files.
"""

import base64
from typing import Any

from langchain_scaleway.convert.unsendable import UnsendableBlockError, string_of

Block = dict[str, Any]
Part = dict[str, Any]


def image(block: Block) -> Part:
    """An image block: LangChain's v1 and v0, Anthropic's, Amazon's, Google's."""
    return _url_part("image_url", _media_url(block, "image"))


def video(block: Block) -> Part:
    """A video block, in the same dialects."""
    return _url_part("video_url", _media_url(block, "video"))


def audio(block: Block) -> Part:
    """An audio block, in the same dialects.

    Raises:
        UnsendableBlockError: It holds an address, or a format other than MP3 or WAV.
    """
    header, _, data = _media_url(block, "audio").partition(",")
    mime_type = header.removeprefix("data:").partition(";")[0].lower()
    if not data or mime_type not in _AUDIO_FORMATS:
        raise UnsendableBlockError(
            block,
            "Scaleway takes audio as MP3 or WAV in base64",
            "Read the file, convert it if need be, and give `base64` and `mime_type`.",
        )
    return {
        "type": "input_audio",
        "input_audio": {"data": data, "format": _AUDIO_FORMATS[mime_type]},
    }


def url_part(block: Block) -> Part:
    """An `image_url`, `video_url` or `audio_url` part in the API's own form.

    The address may stand in an object, or alone as older LangChain code wrote it. vLLM
    knows `audio_url`, Scaleway's pages do not: it goes out as the user wrote it.
    """
    kind = block["type"]
    return _url_part(kind, *_url_and_detail(block, block.get(kind)))


def responses_image(block: Block) -> Part:
    """An `input_image` of OpenAI's Responses API."""
    url, _ = _url_and_detail(block, block.get("image_url"))
    return _url_part("image_url", url, block.get("detail"))


def input_audio(block: Block) -> Part:
    """An `input_audio` part in the API's own form; its format is the user's choice."""
    value = block.get("input_audio")
    if not isinstance(value, dict) or not {"data", "format"} <= value.keys():
        raise UnsendableBlockError(
            block, "`input_audio` needs `data` and `format`", "Give it both."
        )
    return {
        "type": "input_audio",
        "input_audio": {
            "data": string_of(value, "data"),
            "format": string_of(value, "format"),
        },
    }


def source_of(block: Block) -> Block:
    """Where a block keeps its data: in itself, or in Anthropic's and Amazon's `source`."""
    source = block.get("source")
    return source if isinstance(source, dict) else block


def base64_of(source: Block) -> str | None:
    """The data of a block: `base64` in v1, `data` in v0, Anthropic and Google, or bytes."""
    data = source.get("base64") or source.get("data") or source.get("bytes")
    if isinstance(data, bytes | bytearray):
        return base64.b64encode(data).decode("ascii")
    return data if isinstance(data, str) else None


def mime_type_of(block: Block) -> str | None:
    """The MIME type of a block; Anthropic calls it `media_type`."""
    source = source_of(block)
    mime_type = source.get("media_type") or source.get("mime_type") or block.get("mime_type")
    return mime_type if isinstance(mime_type, str) else None


def _media_url(block: Block, kind: str) -> str:
    """The address of a block's data, a `data:` URL where the block holds the data itself."""
    source = source_of(block)
    url = source.get("url") or source.get("file_uri")
    if isinstance(url, str):
        return _checked_url(block, url)
    data = base64_of(source)
    if data is None:
        raise UnsendableBlockError(
            block,
            "it holds neither an address nor data, and Scaleway keeps no files with ids",
            f"Give the {kind}'s `url`, or its `base64` and `mime_type`.",
        )
    if data.startswith("data:"):
        return data
    mime_type = mime_type_of(block) or _guessed_mime_type(data, kind)
    if mime_type is None:
        raise UnsendableBlockError(
            block, "its data has no MIME type", f'Add `mime_type`, such as "{kind}/…".'
        )
    return f"data:{mime_type};base64,{data}"


def _guessed_mime_type(data: str, kind: str) -> str | None:
    signatures = _SIGNATURES[kind]
    return next((m for prefix, m in signatures.items() if data.startswith(prefix)), None)


def _url_and_detail(block: Block, value: Any) -> tuple[str, Any]:
    if not isinstance(value, dict):
        value = {"url": value}
    url = value.get("url")
    if not isinstance(url, str):
        raise UnsendableBlockError(block, "it holds no address", "Give it a URL.")
    return _checked_url(block, url), value.get("detail")


def _checked_url(block: Block, url: str) -> str:
    if not url[:8].lower().startswith(_URL_SCHEMES):
        raise UnsendableBlockError(
            block,
            "its address is no http, https or data URL, so Scaleway cannot fetch it",
            "Give an address on the web, or the data itself as `base64` with its `mime_type`.",
        )
    return url


def _url_part(kind: str, url: str, detail: Any = None) -> Part:
    return {"type": kind, kind: {"url": url, "detail": detail} if detail else {"url": url}}


_URL_SCHEMES = ("http://", "https://", "data:")

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
}
"""How data in base64 begins, for blocks that do not say what they hold."""
