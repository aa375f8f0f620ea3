"""The emulator's transcriptions: forms, formats, both known streams, refusals, quotas."""

import io
import wave
from collections.abc import Iterator
from typing import Any

import httpx
import orjson
import pytest

from langchain_scaleway.testing import Quotas, ScalewayEmulator
from tests.support.emulated import client_of

TEXT = "Guten Morgen. Wie geht es dir?"


def recording_of(seconds: float) -> bytes:
    """A silent WAV file."""
    target = io.BytesIO()
    with wave.open(target, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(round(seconds * 16_000)))
    return target.getvalue()


def transcribe(
    emulator: ScalewayEmulator,
    content: bytes | None = None,
    name: str = "speech.wav",
    /,
    **fields: Any,
) -> httpx.Response:
    file = (name, recording_of(12.5) if content is None else content, "audio/wav")
    form = {"model": "whisper-large-v3", **fields}
    with client_of(emulator) as client:
        return client.post("/audio/transcriptions", data=form, files={"file": file})


@pytest.fixture(scope="module")
def emulator() -> Iterator[ScalewayEmulator]:
    with ScalewayEmulator() as emulator:
        yield emulator


@pytest.mark.parametrize("response_format", ["json", "text"])
def test_text_and_billed_seconds(emulator: ScalewayEmulator, response_format: str) -> None:
    emulator.script(TEXT, endpoint="transcriptions")
    answer = transcribe(emulator, response_format=response_format)
    assert answer.json() == {"text": TEXT, "usage": {"type": "duration", "seconds": 13}}
    form = emulator.requests[-1].form
    assert form["response_format"] == response_format
    assert form["file"].content == recording_of(12.5)  # type: ignore[union-attr]  # a file


def test_segments_as_captured(emulator: ScalewayEmulator) -> None:
    """Live, 2026-09-03: no duration, no probability of silence."""
    emulator.script(TEXT, endpoint="transcriptions")
    answer = transcribe(emulator, response_format="verbose_json").json()
    assert answer.keys() == {"text", "segments", "usage"}
    first, second = answer["segments"]
    assert [one["text"] for one in (first, second)] == [" Guten Morgen.", " Wie geht es dir?"]
    assert (first["start"], first["end"]) == (0, second["start"])
    assert second["end"] == 12.5
    assert first["no_speech_prob"] is None


def events(answer: httpx.Response) -> list[Any]:
    lines = [line for line in answer.text.split("\n\n") if line]
    return [
        line if line.endswith("[DONE]") else orjson.loads(line.removeprefix("data: "))
        for line in lines
    ]


def test_stream_of_vllms_chunks_has_a_reason_each_half_minute() -> None:
    with ScalewayEmulator(transcription_stream="vllm") as emulator:
        emulator.script(TEXT, endpoint="transcriptions")
        *chunks, done = events(transcribe(emulator, recording_of(61), stream="true"))
    assert done == "data: [DONE]"
    choices = [chunk["choices"][0] for chunk in chunks]
    assert "".join(choice["delta"]["content"] for choice in choices) == TEXT
    assert [choice.get("finish_reason") for choice in choices].count("stop") == 3
    assert {chunk["object"] for chunk in chunks} == {"transcription.chunk"}


def test_fields_and_files_that_are_refused(emulator: ScalewayEmulator) -> None:
    speech = recording_of(1)
    refused: list[tuple[str, bytes, str, dict[str, str]]] = [
        ("Currently only support response_format: ", speech, "a.wav", {"response_format": "srt"}),
        (
            "verbose_json format doesn't support streaming case",
            speech,
            "a.wav",
            {"stream": "true", "response_format": "verbose_json"},
        ),
        ("temperature must be in [0, 2], got 3.0.", speech, "a.wav", {"temperature": "3"}),
        ("Input should be a valid number", speech, "a.wav", {"temperature": "hot"}),
        ("Invalid or unsupported audio file.", b"text", "speech.txt", {}),
        ("Invalid or unsupported audio file.", b"", "speech.wav", {}),
        ("Maximum file size exceeded", bytes(25 * 1024 * 1024 + 1), "speech.mp3", {}),
    ]
    for sentence, content, name, fields in refused:
        answer = transcribe(emulator, content, name, **fields)
        assert answer.status_code == 400
        assert sentence in answer.json()["error"]["message"]


def test_form_without_a_file(emulator: ScalewayEmulator) -> None:
    form: dict[str, Any] = {"model": (None, "whisper-large-v3")}
    with client_of(emulator) as client:
        missing = client.post("/audio/transcriptions", files=form)
        form["file"] = (None, "https://example.com/a.wav")
        text = client.post("/audio/transcriptions", files=form)
    assert (missing.status_code, missing.json()["error"]["param"]) == (400, "body.file")
    assert (text.status_code, text.json()["error"]["param"]) == (400, "body.file")


def test_quota_of_audio() -> None:
    with ScalewayEmulator(quotas=Quotas(audio_seconds_per_minute=20)) as emulator:
        statuses = [transcribe(emulator).status_code for _ in range(2)]
    assert statuses == [200, 429]
    assert emulator.refused_by_quota == {"audio_seconds_per_minute": 1}
