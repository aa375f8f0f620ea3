"""`POST /v1/audio/transcriptions`."""

from __future__ import annotations

import io
import math
import re
import time
import uuid
import wave
from collections.abc import Iterator
from typing import Any, Final

from pydantic import ConfigDict

from langchain_scaleway.testing.answers import Answer, event, event_stream, json_answer
from langchain_scaleway.testing.endpoints.base import Call, ModelEndpoint
from langchain_scaleway.testing.generation import tokens_of
from langchain_scaleway.testing.models import ServedModel
from langchain_scaleway.testing.received import ReceivedRequest, UploadedFile
from langchain_scaleway.testing.refusals import (
    RequestModel,
    bad_parameter,
    check_temperature,
    engine_refusal,
    gateway_refusal,
)

_MOST_BYTES: Final = 25 * 1024 * 1024
_FORMATS: Final = ("json", "text", "verbose_json", "diarized_json")
_EXTENSIONS: Final = frozenset(
    {"flac", "m4a", "mp3", "mp4", "mpeg", "mpga", "oga", "ogg", "wav", "webm"}
)
_CHUNK_SECONDS: Final = 30.0  # vLLM transcribes piece by piece
_BYTES_PER_SECOND: Final = 16_000  # of compressed audio at 128 kbit/s


class TranscriptionRequest(RequestModel):
    """The fields of the form."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    model: str
    file: UploadedFile
    language: str | None = None
    prompt: str | None = None
    response_format: str = "json"
    temperature: float | None = None
    stream: bool = False

    @property
    def seconds(self) -> float:
        """How long the recording is: as a WAV file says, else by its size."""
        try:
            with wave.open(io.BytesIO(self.file.content)) as recording:
                return float(recording.getnframes() / recording.getframerate())
        except (wave.Error, EOFError, ZeroDivisionError):
            return len(self.file.content) / _BYTES_PER_SECOND


def _form(received: ReceivedRequest) -> dict[str, Any]:
    """Read the form; a text in place of the file is refused by the gateway."""
    form = received.form
    if isinstance(form.get("file"), str):
        raise gateway_refusal(422, "file must be uploaded as multipart/form-data")
    return form


def _check(request: TranscriptionRequest, _model: ServedModel) -> None:
    """Check size, file type, format and temperature, in vLLM's words."""
    if len(request.file.content) > _MOST_BYTES:
        raise bad_parameter("Maximum file size exceeded", "audio_filesize_mb")
    extension = request.file.name.rpartition(".")[2].lower()
    if extension not in _EXTENSIONS or not request.file.content:
        raise engine_refusal("Invalid or unsupported audio file.")
    if request.response_format not in _FORMATS:
        listed = ", ".join(f"`{one}`" for one in _FORMATS)
        raise engine_refusal(f"Currently only support response_format: {listed}")
    if request.stream and request.response_format == "verbose_json":
        raise engine_refusal("verbose_json format doesn't support streaming case")
    check_temperature(request.temperature)


def _transcribe(call: Call[TranscriptionRequest]) -> Answer:
    """Answer with the scripted text, or one that names the file."""
    request = call.request
    text = call.reply.text if call.reply else None
    if text is None:
        text = f"An emulated transcription of {request.file.name}. Nobody has listened to it."
    call.received.text = text
    usage = {"type": "duration", "seconds": math.ceil(request.seconds)}
    if request.stream and call.service.settings.transcription_stream == "vllm":
        return event_stream(_vllm_events(call, text))
    if request.stream:
        deltas = ({"type": "transcript.text.delta", "delta": one} for one in tokens_of(text))
        done = {"type": "transcript.text.done", "text": text, "usage": usage}
        return event_stream(map(event, (*deltas, done)))
    body: dict[str, Any] = {"text": text, "usage": usage}
    if request.response_format == "verbose_json":
        body["segments"] = _segments(text, request)
    return json_answer(200, body)


def _segments(text: str, request: TranscriptionRequest) -> list[dict[str, Any]]:
    """Divide a text at its sentences, as if each took as long; live shape of 2026-09-03."""
    sentences = re.split(r"(?<=[.!?]) ", text)
    length = request.seconds / len(sentences)
    return [
        {
            "id": number,
            "seek": 0,
            "start": round(number * length, 2),
            "end": round((number + 1) * length, 2),
            "text": f" {sentence}",
            "tokens": [*range(len(tokens_of(sentence)))],
            "temperature": request.temperature or 0.0,
            "avg_logprob": -0.25,
            "compression_ratio": 1.2,
            "no_speech_prob": None,
        }
        for number, sentence in enumerate(sentences)
    ]


def _vllm_events(call: Call[TranscriptionRequest], text: str) -> Iterator[bytes]:
    """Yield vLLM's chunks; each piece of 30 seconds ends with a finish reason of its own."""
    tokens = tokens_of(text)
    pieces = max(1, math.ceil(call.request.seconds / _CHUNK_SECONDS))
    size = max(1, math.ceil(len(tokens) / pieces))
    head = {
        "id": f"transcribe-{uuid.uuid4().hex}",
        "object": "transcription.chunk",
        "created": int(time.time()),
        "model": call.model.id,
    }
    for number, token in enumerate(tokens, start=1):
        choice: dict[str, Any] = {"delta": {"content": token}}
        if number % size == 0 or number == len(tokens):
            choice["finish_reason"] = "stop"
        yield event({**head, "choices": [choice]})
    yield b"data: [DONE]\n\n"


TRANSCRIPTIONS: Final = ModelEndpoint(
    path="/audio/transcriptions",
    queue="transcriptions",
    served_by=lambda model: "transcription" in model.kinds,
    request_model=TranscriptionRequest,
    fields=_form,
    check=_check,
    prompt_tokens=lambda _: 0,  # audio has a quota of its own
    audio_seconds=lambda request: request.seconds,
    answer=_transcribe,
)
