"""Audio -> requests for its transcript, and answers -> documents and pieces of text."""

import mimetypes
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any
from urllib.parse import urlsplit

from langchain_core.documents import Document
from langchain_core.documents.base import Blob

from langchain_scaleway.errors import ScalewayError, ScalewayResponseError

MOST_BYTES = 25 * 1024 * 1024
"""The largest file that is taken (docs: query-audio-models, 2025-10-17)."""

_EXTENSIONS = ("flac", "m4a", "mp3", "mp4", "mpeg", "mpga", "oga", "ogg", "wav", "webm")
"""What the service tells a file's format by (docs: faq, 2025 and 2026, taken together)."""

_SUBTYPES = {"mpeg": "mp3", "mp4": "m4a", "wave": "wav", "vnd.wave": "wav"}
"""Of media types, where they are no extension, or another one's."""


def audio_file(blob: Blob) -> tuple[str, bytes, str]:
    """The name, the bytes and the media type of an audio file.

    The service reads the format from the extension of the file's name.

    Raises:
        ValueError: The file is empty or too large, or its format is not said.
    """
    content = blob.as_bytes()
    source = str(blob.source or "audio")
    if "://" in source:  # What follows the path may be a signature.
        source = urlsplit(source).path
    # Linux takes names that are no Unicode.
    name = PurePath(source).name.encode(errors="replace").decode() or "audio"
    suffix = PurePath(name).suffix
    if suffix.lower().lstrip(".") not in _EXTENSIONS:
        extension = _extension_of(blob.mimetype or "")
        if extension in _EXTENSIONS:
            name += f".{extension}"
        elif not suffix:
            raise ValueError(
                f"The format of the audio {name!r} is not known: give the blob a path with an "
                f"extension, or a `mime_type`, of {', '.join(_EXTENSIONS)}."
            )
    if not content:
        raise ValueError(f"The audio {name!r} is empty.")
    if len(content) > MOST_BYTES:
        raise ValueError(
            f"The audio {name!r} has {len(content):,} bytes; Scaleway takes {MOST_BYTES:,}. "
            "Compress it, for example with `ffmpeg -i in.wav -ac 1 -b:a 32k out.mp3`, which makes "
            "100 minutes fit, or cut it into files with `-f segment -segment_time 600`."
        )
    return name, content, blob.mimetype or mimetypes.guess_type(name)[0] or "audio/mpeg"


def _extension_of(media_type: str) -> str:
    """The extension for a media type, such as `audio/x-wav` or `audio/webm;codecs=opus`."""
    subtype = media_type.partition(";")[0].strip().lower().rpartition("/")[2].removeprefix("x-")
    return _SUBTYPES.get(subtype, subtype)


def documents_of(
    answer: Mapping[str, Any], blob: Blob, *, model: str, language: str | None
) -> Iterator[Document]:
    """The documents of an answer (`json` or `verbose_json`): one for each segment, or one for all.

    Which fields there are differs between Scaleway, which has no `duration`, and vLLM, which then
    has no `usage`; so none is relied on but the text.

    Yields:
        Documents with the blob's metadata and what is known of the audio. `usage` is in those of
        the first alone, so that it can be added up.

    Raises:
        ScalewayResponseError: There is no text.
    """
    text = answer.get("text")
    if not isinstance(text, str):
        raise ScalewayResponseError(
            f"The answer of model {model!r} holds no text. Try again; if it persists, check that "
            "the model transcribes audio.",
            model=model,
            body=answer,
        )
    segments = answer.get("segments")
    found = [one for one in segments if isinstance(one, dict)] if isinstance(segments, list) else []
    usage = answer.get("usage")
    usage = usage if isinstance(usage, Mapping) else {}
    durations = (
        answer.get("duration"),
        usage.get("seconds"),
        found[-1].get("end") if found else None,
    )
    known = {
        "source": blob.source,
        "model": model,
        "language": answer.get("language") or language,
        "duration": next((n for n in map(_number, durations) if n is not None), None),
    }
    shared = blob.metadata | {name: value for name, value in known.items() if value is not None}
    for segment in found or [{"text": text}]:
        times = {name: segment[name] for name in ("start", "end") if name in segment}
        content = str(segment.get("text") or "").strip()
        yield Document(content, metadata={**shared, **times, **({"usage": usage} if usage else {})})
        usage = {}


def _number(seconds: Any) -> float | None:
    """Seconds, which vLLM writes as text."""
    try:
        return float(seconds)
    except (TypeError, ValueError):
        return None


class TranscriptDecoder:
    """Reads the events of a stream in both known shapes, OpenAI's and vLLM's.

    Which of them Scaleway sends nobody has recorded.
    """

    usage: Mapping[str, Any] | None = None  # Not known before the end of a stream.

    def start(self) -> None:
        """Take the beginning of an answer, and forget one that broke off."""
        self._text = ""

    def feed(self, event: dict[str, Any]) -> Sequence[str]:
        """Take the next event; gives its piece of the text."""
        match event:
            case {"type": "transcript.text.delta", "delta": str(piece)}:
                return self._give(piece)
            case {"type": "transcript.text.done", "text": str(whole)}:
                return self._give(self._rest_of(whole))
            case {"type": str()}:  # Such as OpenAI's segments, whose text comes in pieces, too.
                return ()
            case {"text": str(whole)}:
                return self._give(self._rest_of(whole))
            case {"choices": [{"delta": {"content": str(piece)}}, *_]}:
                return self._give(piece)
        return ()

    def finish(self, headers: Mapping[str, str]) -> Sequence[str]:  # noqa: ARG002 -- the client's protocol
        """Take the end of the answer."""
        return ()

    def attach_partial_answer(self, error: ScalewayError) -> None:
        """Attach what has come to the error that broke the answer off."""
        error.partial_text = self._text

    def _rest_of(self, whole: str) -> str:
        """What a text holds beyond its pieces, of which the first may begin with a space."""
        given = self._text.strip()
        return whole.partition(given)[2] if given else whole

    def _give(self, piece: str) -> Sequence[str]:
        self._text += piece
        return [piece] if piece else []
