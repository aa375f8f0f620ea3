"""Content blocks in every dialect -> the parts that Scaleway takes."""

import base64
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from langchain_core.messages.content import (
    create_audio_block,
    create_file_block,
    create_image_block,
    create_plaintext_block,
    create_video_block,
)

from tests.support.messages import wire_of

PNG_BYTES = b"\x89PNG\r\n\x1a\n a picture"
PNG = base64.b64encode(PNG_BYTES).decode()
DATA_URL = f"data:image/png;base64,{PNG}"
URL = "https://images.example/cat.png"
WAV = base64.b64encode(b"RIFF....WAVEfmt ").decode()
MP3 = base64.b64encode(b"ID3\x04 music").decode()
MP4 = base64.b64encode(b"....ftypisom").decode()
NOTE = base64.b64encode("déjà vu".encode()).decode()


def image_part(url: str, **more: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url, **more}}


def audio_part(data: str, audio_format: str) -> dict[str, Any]:
    return {"type": "input_audio", "input_audio": {"data": data, "format": audio_format}}


def video_part(url: str) -> dict[str, Any]:
    return {"type": "video_url", "video_url": {"url": url}}


def text_part(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def parts_of(block: Any) -> Any:
    return wire_of(HumanMessage([block]))["content"]


HI: dict[str, Any] = {
    "a plain string": "Hi!",
    "v1 text with extras": {
        "type": "text",
        "text": "Hi!",
        "id": "lc_1",
        "index": 0,
        "annotations": [],
        "extras": {},
    },
    "v0 text file": {
        "type": "file",
        "source_type": "text",
        "mime_type": "text/plain",
        "text": "Hi!",
    },
    "v0 text file, with the text where core reads it": {
        "type": "file",
        "source_type": "text",
        "mime_type": "text/plain",
        "url": "Hi!",
    },
    "Responses input": {"type": "input_text", "text": "Hi!"},
    "Responses output": {"type": "output_text", "text": "Hi!", "annotations": [], "logprobs": []},
    "Amazon text": {"text": "Hi!"},
    "Amazon document of blocks": {"document": {"source": {"content": [{"text": "Hi!"}]}}},
    "Cohere document of a text": {"type": "document", "document": {"data": "Hi!"}},
    "Amazon search result": {"searchResult": {"content": [{"text": "Hi!"}]}},
    "Amazon text document in bytes": {"document": {"format": "md", "source": {"bytes": b"Hi!"}}},
    "Anthropic text document": {
        "type": "document",
        "source": {"type": "text", "media_type": "text/plain", "data": "Hi!"},
    },
    "Anthropic document of blocks": {
        "type": "document",
        "source": {"type": "content", "content": [{"type": "text", "text": "Hi!"}]},
    },
    "a wrapped part": {"type": "non_standard", "value": {"type": "text", "text": "Hi!", "x": 1}},
    "Amazon guarded text": {"guardContent": {"text": {"text": "Hi!"}}},
    "langchain-aws guarded text": {"type": "guard_content", "text": "Hi!"},
    "langchain-aws guarded text of a reply": {
        "type": "guard_content",
        "guard_content": {"type": "text", "text": "Hi!"},
    },
    "Amazon text with citations": {
        "citationsContent": {"content": [{"text": "Hi!"}], "citations": []}
    },
}
NOTES: dict[str, Any] = {
    "v1 plain text in base64": {**create_plaintext_block(base64=NOTE)},
    "v1 text file in base64": {**create_file_block(base64=NOTE, mime_type="text/markdown")},
    "OpenAI text file": {"type": "file", "file": {"file_data": f"data:text/plain;base64,{NOTE}"}},
    "OpenAI text file, as langchain-core hands it on": {
        "type": "file",
        "base64": NOTE,
        "mime_type": "application/pdf",
    },
    "Responses text file": {"type": "input_file", "file_data": f"data:text/plain;base64,{NOTE}"},
    **{
        f"v1 file of {kind}": {"type": "file", "base64": NOTE, "mime_type": kind}
        for kind in ("application/json", "a/ld+json", "APPLICATION/XML; charset=utf-8")
    },
    "v1 image that is text": {"type": "image", "base64": NOTE, "mime_type": "image/svg+xml"},
    "Chat Completions image that is text": {
        "type": "image_url",
        "image_url": {"url": f"data:image/svg+xml;base64,{NOTE}"},
    },
}
PICTURE: dict[str, Any] = {
    "MCP resource with a picture": {
        "type": "resource",
        "resource": {"uri": "f:a", "mimeType": "image/png", "blob": PNG},
    },
    "MCP image": {"type": "image", "data": PNG, "mimeType": "image/png"},
    "file of deepagents in JavaScript": {"type": "file", "data": PNG, "mimeType": "image/png"},
    "v0 image without its source type": {"type": "image", "data": PNG, "mime_type": "image/png"},
    "v1 image in base64 with line breaks": {
        "type": "image",
        "base64": f"{PNG[:9]}\n{PNG[9:]}\n",
        "mime_type": "image/png",
    },
    "Chat Completions image in base64 with line breaks": {
        "type": "image_url",
        "image_url": {"url": DATA_URL[:40] + "\r\n" + DATA_URL[40:]},
    },
    "v1 image that does not say what it is": {"type": "image", "base64": PNG},
    "v1 image whose base64 is a data URL": {"type": "image", "base64": DATA_URL},
    "v0 image in base64": {
        "type": "image",
        "source_type": "base64",
        "mime_type": "image/png",
        "data": PNG,
    },
    "Anthropic image in base64": {
        "type": "image",
        "source": {"type": "base64", "media_type": "image/png", "data": PNG},
    },
    "Amazon image": {"image": {"format": "png", "source": {"bytes": PNG_BYTES}}},
    "Google image": {"type": "media", "mime_type": "image/png", "data": PNG_BYTES},
}
WAVE: dict[str, Any] = {
    "MCP audio": {"type": "audio", "data": WAV, "mimeType": "audio/wav"},
    "v0 audio without its source type": {"type": "audio", "data": WAV, "mime_type": "audio/wav"},
    "v1 audio, another name for WAV": {**create_audio_block(base64=WAV, mime_type="audio/x-wav")},
    "v1 audio that does not say what it is": {"type": "audio", "base64": WAV},
    "v1 audio in a data URL": {"type": "audio", "url": f"data:audio/wav;base64,{WAV}"},
    "Chat Completions audio": {
        "type": "input_audio",
        "input_audio": {"data": WAV, "format": "wav"},
        "index": 1,
    },
    "Google audio": {"type": "media", "mime_type": "audio/wav", "data": WAV},
}
PICTURE_BY_URL: dict[str, Any] = {
    "v1 image by URL": {**create_image_block(url=URL)},
    "v0 image by URL": {"type": "image", "source_type": "url", "url": URL},
    "Chat Completions image as a string": {"type": "image_url", "image_url": URL},
    "Anthropic image by URL": {"type": "image", "source": {"type": "url", "url": URL}},
    "Google image by address": {"type": "file_data", "mime_type": "image/png", "file_uri": URL},
}
FILM: dict[str, Any] = {
    "Google video": {"type": "media", "mime_type": "video/mp4", "data": MP4},
    "v1 video that does not say what it is": {"type": "video", "base64": MP4},
    "Amazon video": {"video": {"format": "mp4", "source": {"bytes": base64.b64decode(MP4)}}},
}
FILM_BY_URL: dict[str, Any] = {
    "v1 video by URL": {**create_video_block(url=URL)},
    "vLLM's video": {"type": "video_url", "video_url": {"url": URL}},
    "vLLM's video as a string": {"type": "video_url", "video_url": URL},
}
PARTS: dict[str, tuple[Any, dict[str, Any]]] = {
    "v1 plain text": (
        {**create_plaintext_block("Hi!", title="Letter", context="Found.")},
        text_part("Letter\nFound.\nHi!"),
    ),
    "an address in capitals": (
        {"type": "image", "url": URL.replace("https", "HTTPS")},
        image_part(URL.replace("https", "HTTPS")),
    ),
    "a refusal": ({"type": "refusal", "refusal": "No."}, text_part("No.")),
    "Amazon text document": (
        {"document": {"format": "txt", "name": "Letter", "source": {"text": "Hi!"}}},
        text_part("Letter\nHi!"),
    ),
    "Cohere document": (
        {"type": "document", "document": {"id": "1", "data": {"title": "Letter", "text": "Hi!"}}},
        text_part("title: Letter\ntext: Hi!"),
    ),
    "Amazon JSON": ({"json": {"a": 1}}, text_part('{"a":1}')),
    "MCP resource with a text": (
        {"type": "resource", "resource": {"uri": "docs://a", "mimeType": "a/b", "text": "Hi!"}},
        text_part("docs://a\nHi!"),
    ),
    "v1 image with a detail": (
        {"type": "image", "url": URL, "extras": {"detail": "low"}},
        image_part(URL, detail="low"),
    ),
    "Chat Completions image": (
        {"type": "image_url", "image_url": {"url": URL, "detail": "low", "x": 1}, "index": 0},
        image_part(URL, detail="low"),
    ),
    "Responses image": (
        {"type": "input_image", "image_url": DATA_URL, "detail": "high"},
        image_part(DATA_URL, detail="high"),
    ),
    "v1 audio": (
        {**create_audio_block(base64=MP3, mime_type="audio/mpeg")},
        audio_part(MP3, "mp3"),
    ),
    "v0 audio": (
        {"type": "audio", "source_type": "base64", "mime_type": "audio/mp3", "data": MP3},
        audio_part(MP3, "mp3"),
    ),
    **{
        f"vLLM's audio by URL, {value}": (
            {"type": "audio_url", "audio_url": value},
            {"type": "audio_url", "audio_url": {"url": URL}},
        )
        for value in (URL, {"url": URL})
    },
    "v1 video in base64": (
        {**create_video_block(base64=MP4, mime_type="video/webm")},
        video_part(f"data:video/webm;base64,{MP4}"),
    ),
    **{name: (block, text_part("Hi!")) for name, block in HI.items()},
    **{name: (block, text_part("déjà vu")) for name, block in NOTES.items()},
    **{name: (block, image_part(DATA_URL)) for name, block in PICTURE.items()},
    **{name: (block, audio_part(WAV, "wav")) for name, block in WAVE.items()},
    **{name: (block, image_part(URL)) for name, block in PICTURE_BY_URL.items()},
    **{name: (block, video_part(f"data:video/mp4;base64,{MP4}")) for name, block in FILM.items()},
    **{name: (block, video_part(URL)) for name, block in FILM_BY_URL.items()},
}


def test_base64_for_urls_goes_out_as_servers_read_it() -> None:
    """Pydantic writes the bytes of a message so, when a checkpoint or a cache keeps it."""
    picture = b"\x89PNG\xfb\xff\xbf"
    block = {"type": "image", "mime_type": "image/png"}
    written = base64.urlsafe_b64encode(picture).decode()
    url = f"data:image/png;base64,{base64.b64encode(picture).decode()}"
    assert parts_of({**block, "base64": written}) == [image_part(url)]


@pytest.mark.parametrize(("block", "part"), PARTS.values(), ids=PARTS)
def test_sent_as(block: Any, part: dict[str, Any]) -> None:
    assert parts_of(block) == [part]


@pytest.mark.parametrize("block", [{"cachePoint": {"type": "default"}}, {"type": "cachePoint"}])
def test_hints_to_another_provider_stay_behind(block: dict[str, Any]) -> None:
    assert [wire_of(HumanMessage([*more, block]))["content"] for more in ([], ["Hi!"])] == [
        "",
        [text_part("Hi!")],
    ]


REFUSED: dict[str, tuple[Any, str]] = {
    "an image by id": ({**create_image_block(file_id="file-1")}, "keeps no files.*`base64`"),
    "a v0 image by id": ({"type": "image", "source_type": "id", "id": "file-1"}, "keeps no files"),
    "an Anthropic image by id": (
        {"type": "image", "source": {"type": "file", "file_id": "file-1"}},
        "keeps no files",
    ),
    "a Responses image by id": ({"type": "input_image", "file_id": "file-1"}, "keeps no files"),
    "an image without data": ({"type": "image"}, "neither an address nor data"),
    "an image nobody knows": ({"type": "image", "base64": "AAAA"}, "Add `mime_type`"),
    "an image on this machine": ({"type": "image", "url": "file:///cat.png"}, "cannot fetch"),
    "an image in a bucket": ({"type": "image_url", "image_url": "gs://b/cat.png"}, "cannot fetch"),
    "an image at no address": ({"type": "image_url", "image_url": {}}, "neither an address"),
    "audio by URL": ({"type": "audio", "url": "https://a.example/a.wav"}, "MP3 or WAV in base64"),
    "audio in another format": (
        {"type": "audio", "base64": "AAAA", "mime_type": "audio/ogg"},
        "convert it",
    ),
    "audio without a format": ({"type": "input_audio", "input_audio": {"data": WAV}}, "is missing"),
    "a PDF": ({"type": "file", "base64": "JVBERi0=", "mime_type": "application/pdf"}, "as images"),
    "a file by URL": ({"type": "file", "url": "https://a.example/a.pdf"}, "take no files"),
    "a Chat Completions file": ({"type": "file", "file": {"file_id": "file-1"}}, "take no files"),
    "a Responses file": ({"type": "input_file", "file_id": "file-1"}, "take no files"),
    "an Anthropic PDF": (
        {
            "type": "document",
            "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="},
        },
        "take no files",
    ),
    "an Amazon PDF": (
        {"document": {"format": "pdf", "source": {"bytes": b"%PDF"}}},
        "take no files",
    ),
    "a document that does not say what it is": (
        {"document": {"source": {"bytes": b"\xff\xd8"}}},
        "take no files",
    ),
    "a Google PDF": ({"type": "media", "mime_type": "application/pdf"}, "take no files"),
    "a text file that is no text": (
        {"type": "file", "base64": "//79", "mime_type": "text/plain"},
        "take no files",
    ),
    "a text file that is a program": (
        {"type": "file", "base64": "ZWxmAGE=", "mime_type": "text/plain"},
        "take no files",
    ),
    "text without text": ({"type": "text"}, "is missing"),
    "an unknown block": ({"type": "smell", "smell": "rose"}, r"A `smell` block \(with `smell`\)"),
    "a block without a type": ({"smell": "rose"}, "A block without a type"),
    "a block of a strange type": ({"type": {"data": "c2VjcmV0"}}, "A block without a type"),
    "a format that is no text": (
        {"image": {"format": ["png"], "source": {}}},
        "neither an address nor data",
    ),
    "an unknown wrapped block": (
        {"type": "non_standard", "value": {"type": "smell"}},
        "A `smell` block",
    ),
    "an empty wrapper": ({"type": "non_standard", "value": None}, "A `non_standard` block"),
    "JSON that is missing": ({"type": "json"}, "A `json` block"),
}


@pytest.mark.parametrize(("block", "reason"), REFUSED.values(), ids=REFUSED)
def test_refused(block: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as raised:
        parts_of(block)
    assert str(raised.value).startswith("messages[0] (HumanMessage): ")
    assert "c2VjcmV0" not in str(raised.value)
