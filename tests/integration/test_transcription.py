"""`ScalewayTranscriptionParser` on the emulator."""

import asyncio
import io
import json
import wave
from pathlib import Path
from typing import Any, Literal

import pytest
from blockbuster import blockbuster_ctx
from hypothesis import given
from hypothesis import strategies as st
from langchain_community.document_loaders.generic import GenericLoader
from langchain_core.documents import Document
from langchain_core.documents.base import Blob

from langchain_scaleway import ScalewayTranscriptionParser, usage_cost
from langchain_scaleway.convert.transcripts import documents_of
from langchain_scaleway.errors import ScalewayError, ScalewayStreamInterruptedError
from langchain_scaleway.testing import CutStream, RawReply, Reply, ScalewayEmulator
from tests.support.leftovers import nothing_left

TEXT = "Hello there. This is a test."


def tone(seconds: int = 3) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as recording:
        recording.setnchannels(1)
        recording.setsampwidth(2)
        recording.setframerate(8_000)
        recording.writeframes(bytes(16_000 * seconds))
    return file.getvalue()


def parser_of(emulator: ScalewayEmulator, **fields: Any) -> ScalewayTranscriptionParser:
    return ScalewayTranscriptionParser(
        base_url=emulator.base_url, api_key=emulator.api_key, max_retries=0, **fields
    )


def parse(parser: ScalewayTranscriptionParser, blob: Blob, is_async: bool) -> list[Document]:
    async def collect() -> list[Document]:
        return [document async for document in parser.alazy_parse(blob)]

    return asyncio.run(collect()) if is_async else parser.parse(blob)


def pieces_of(parser: ScalewayTranscriptionParser, blob: Blob, is_async: bool) -> list[str]:
    async def collect() -> list[str]:
        return [piece async for piece in parser.astream(blob)]

    return asyncio.run(collect()) if is_async else list(parser.stream(blob))


both = pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])


def test_a_folder_of_recordings_is_loaded(emulator: ScalewayEmulator, tmp_path: Path) -> None:
    for name in ("b.wav", "a.wav", "notes.txt"):
        (tmp_path / name).write_bytes(tone())
    emulator.script("First.", "Second.", endpoint="transcriptions")
    loader = GenericLoader.from_filesystem(tmp_path, suffixes=[".wav"], parser=parser_of(emulator))
    documents = loader.load()
    assert [document.page_content for document in documents] == ["First.", "Second."]
    sources = {Path(document.metadata["source"]).name for document in documents}
    assert sources == {"a.wav", "b.wav"}


@both
def test_a_file_is_one_document(emulator: ScalewayEmulator, is_async: bool, tmp_path: Path) -> None:
    path = tmp_path / "hello.wav"
    path.write_bytes(tone())
    emulator.script(TEXT, endpoint="transcriptions")
    parser = parser_of(emulator, language="en", prompt="Names: Ada.", temperature=0.2)
    [document] = parse(parser, Blob.from_path(path), is_async)
    assert document.page_content == TEXT
    assert document.metadata == {
        "source": str(path),
        "model": "whisper-large-v3",
        "language": "en",
        "duration": 3,
        "usage": {"type": "duration", "seconds": 3},
    }
    form = emulator.requests[-1].form
    assert form["language"] == "en"
    assert form["prompt"] == "Names: Ada."
    assert form["temperature"] == "0.2"
    assert usage_cost(document.metadata["usage"], model="whisper-large-v3") == pytest.approx(
        0.003 * 3 / 60
    )


@both
def test_segments_are_documents_with_their_times(
    emulator: ScalewayEmulator, is_async: bool
) -> None:
    emulator.script(TEXT, endpoint="transcriptions")
    blob = Blob.from_data(tone(), mime_type="audio/wav", metadata={"speaker": "Ada"})
    first, second = parse(parser_of(emulator, response_format="verbose_json"), blob, is_async)
    assert (first.page_content, second.page_content) == ("Hello there.", "This is a test.")
    assert (first.metadata["start"], first.metadata["end"]) == (0, 1.5)
    assert second.metadata["speaker"] == "Ada"
    assert "usage" in first.metadata
    assert "usage" not in second.metadata
    file = emulator.requests[-1].form["file"]
    assert not isinstance(file, str)
    assert file.name == "audio.wav"


@both
@pytest.mark.parametrize("shape", ["openai", "vllm"])
def test_text_is_streamed_in_both_known_shapes(
    shape: Literal["openai", "vllm"], is_async: bool
) -> None:
    with ScalewayEmulator(transcription_stream=shape) as emulator:
        emulator.script(TEXT, endpoint="transcriptions")
        blob = Blob.from_data(tone(70), mime_type="audio/wav")
        pieces = pieces_of(parser_of(emulator), blob, is_async)
    assert "".join(pieces) == TEXT
    assert len(pieces) > 2


def test_a_streamed_text_is_given_once(emulator: ScalewayEmulator) -> None:
    """OpenAI repeats all of it at the end, and segments in between, maybe with other spaces."""
    events: list[Any] = [
        {"type": "transcript.text.delta", "delta": " Hello"},
        {"type": "transcript.text.segment", "text": "Hello there.", "start": 0, "end": 1},
        {"type": "transcript.text.done", "text": "Hello there."},
    ]
    body = "".join(f"data: {json.dumps(event)}\n\n" for event in events).encode()
    answer = RawReply(headers={"content-type": "text/event-stream"}, body=body)
    emulator.script(answer, endpoint="transcriptions")
    blob = Blob.from_data(tone(), mime_type="audio/wav")
    assert [*parser_of(emulator).stream(blob)] == [" Hello", " there."]


def test_a_stream_that_is_left_ends_with_its_loop_in_silence(
    emulator: ScalewayEmulator, caplog: pytest.LogCaptureFixture
) -> None:
    parser, left = parser_of(emulator), []

    async def leave() -> None:
        left.append(parser.astream(Blob.from_data(tone(), mime_type="audio/wav")))
        await anext(left[0])

    with nothing_left():
        asyncio.run(leave())
    assert caplog.messages == []


async def test_a_file_is_read_beside_the_event_loop(
    emulator: ScalewayEmulator, tmp_path: Path
) -> None:
    path = tmp_path / "hello.wav"
    path.write_bytes(tone())
    emulator.script(TEXT, TEXT, endpoint="transcriptions")
    parser, blob = parser_of(emulator), Blob.from_path(path)
    with blockbuster_ctx():
        [document] = [document async for document in parser.alazy_parse(blob)]
        pieces = [piece async for piece in parser.astream(blob)]
    assert document.page_content == "".join(pieces) == TEXT


@both
def test_a_stream_that_breaks_off_is_an_error_with_what_had_come(
    emulator: ScalewayEmulator, is_async: bool
) -> None:
    emulator.script(Reply(TEXT, faults=[CutStream(after_events=2)]), endpoint="transcriptions")
    with pytest.raises(ScalewayStreamInterruptedError) as caught:
        pieces_of(parser_of(emulator), Blob.from_data(tone(), mime_type="audio/wav"), is_async)
    assert caught.value.partial_text
    assert TEXT.startswith(caught.value.partial_text)


@pytest.mark.parametrize(
    ("blob", "said"),
    [
        (Blob.from_data(b"x" * (25 * 1024 * 1024 + 1), mime_type="audio/mpeg"), "ffmpeg"),
        (Blob.from_data(b"", mime_type="audio/mpeg"), "empty"),
        (Blob.from_data(b"x"), "format"),
        (Blob.from_data(b"x", mime_type="application/octet-stream"), "format .* of flac, m4a"),
    ],
    ids=["too-large", "empty", "no-format", "unknown-format"],
)
def test_a_file_that_cannot_be_sent_is_refused_before(
    emulator: ScalewayEmulator, blob: Blob, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        parser_of(emulator).parse(blob)
    assert emulator.requests == []


def test_the_name_of_an_address_is_its_path_alone(emulator: ScalewayEmulator) -> None:
    """What follows may be a signature, and hides the extension."""
    source = "https://files.example/meeting.wav?signature=abc"
    [document] = parser_of(emulator).parse(Blob.from_data(tone(), metadata={"source": source}))
    assert b'filename="meeting.wav"' in emulator.requests[-1].body
    assert document.metadata["source"] == source


@pytest.mark.parametrize(
    ("path", "media_type", "name"),
    [
        (None, "audio/webm;codecs=opus", "audio.webm"),  # Browsers record it.
        (None, "audio/x-m4a", "audio.m4a"),
        (None, "audio/mp4", "audio.m4a"),
        (None, "audio/mpeg", "audio.mp3"),
        (None, "audio/vnd.wave", "audio.wav"),
        ("calls/2026.11", "audio/ogg", "2026.11.ogg"),
        ("TALK.MP3", "audio/mpeg", "TALK.MP3"),
        ("caf\udce9.mp3", "audio/mpeg", "caf?.mp3"),  # Latin-1 on a Linux disk.
    ],
)
def test_the_file_is_named_by_its_format(
    emulator: ScalewayEmulator, path: str | None, media_type: str, name: str
) -> None:
    parser_of(emulator).parse(Blob(data=tone(), path=path, mimetype=media_type))
    file = emulator.requests[-1].form["file"]
    assert not isinstance(file, str)
    assert (file.name, file.content_type) == (name, media_type.partition(";")[0])


def test_the_services_refusal_is_an_error(emulator: ScalewayEmulator) -> None:
    blob = Blob(data=b"no audio", path="notes.txt")
    with pytest.raises(ScalewayError, match="audio"):
        parser_of(emulator).parse(blob)


def test_an_answer_without_a_text_is_an_error(emulator: ScalewayEmulator) -> None:
    emulator.script(RawReply(body=json.dumps({"words": []}).encode()), endpoint="transcriptions")
    with pytest.raises(ScalewayError, match="holds no text"):
        parser_of(emulator).parse(Blob.from_data(tone(), mime_type="audio/wav"))


@given(
    st.dictionaries(
        st.sampled_from(["segments", "usage", "duration", "language"]),
        st.none()
        | st.floats(0, 10)
        | st.text()
        | st.lists(st.none() | st.dictionaries(st.sampled_from(["start", "text"]), st.text())),
    )
)
def test_no_answer_with_a_text_crashes(answer: dict[str, Any]) -> None:
    blob = Blob.from_data(b"x", mime_type="audio/wav")
    documents = [*documents_of({"text": "Hi", **answer}, blob, model="m", language=None)]
    assert documents
    assert all(isinstance(one.metadata.get("duration", 0.0), float | int) for one in documents)


def test_a_duration_written_as_text_is_a_number() -> None:
    """So vLLM has it in `verbose_json`."""
    blob = Blob.from_data(b"x", mime_type="audio/wav")
    answer = {"text": "Hi", "duration": "3.5", "segments": [{"text": None}]}
    [document] = documents_of(answer, blob, model="m", language=None)
    assert (document.page_content, document.metadata["duration"]) == ("", 3.5)


def test_what_a_segment_and_the_answer_tell_is_told() -> None:
    blob = Blob.from_data(b"x", mime_type="audio/wav")
    answer = {"text": "Hi", "language": "en", "segments": [{"text": "Hi", "end": 1.5}]}
    [document] = documents_of(answer, blob, model="m", language="fr")
    assert document.metadata == {"model": "m", "language": "en", "duration": 1.5, "end": 1.5}
