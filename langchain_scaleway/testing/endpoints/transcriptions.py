"""`POST /v1/audio/transcriptions`."""

import io
import math
import re
import time
import uuid
import wave
from collections.abc import Iterator
from typing import Any, Final

from langchain_scaleway.testing.answers import DONE, Answer, event, event_stream, json_answer
from langchain_scaleway.testing.endpoints.base import ModelEndpoint, RequestModel
from langchain_scaleway.testing.generation import tokens_of
from langchain_scaleway.testing.models import ServedModel
from langchain_scaleway.testing.received import UploadedFile
from langchain_scaleway.testing.refusals import bad_parameter, check_range, engine_refusal
from langchain_scaleway.testing.replies import Reply
from langchain_scaleway.testing.service import EmulatedService

_MOST_BYTES: Final = 25 * 1024 * 1024
_FORMATS: Final = ("json", "text", "verbose_json", "diarized_json")
_EXTENSIONS: Final = frozenset(
    {"flac", "m4a", "mp3", "mp4", "mpeg", "mpga", "oga", "ogg", "wav", "webm"}
)
_CHUNK_SECONDS: Final = 30.0  # vLLM transcribes piece by piece
_BYTES_PER_SECOND: Final = 16_000  # of compressed audio at 128 kbit/s


class TranscriptionRequest(RequestModel):
    """The fields of the form; audio has a quota of its own."""

    model: str
    file: UploadedFile
    language: str | None = None
    prompt: str | None = None
    response_format: str = "json"
    temperature: float | None = None
    stream: bool = False

    @property
    def audio_seconds(self) -> float:
        """How long the recording is: as a WAV file says, else by its size."""
        try:
            with wave.open(io.BytesIO(self.file.content)) as recording:
                return float(recording.getnframes() / recording.getframerate())
        except (wave.Error, EOFError, ZeroDivisionError):
            return len(self.file.content) / _BYTES_PER_SECOND


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
    check_range("temperature", request.temperature)


def _answer(
    request: TranscriptionRequest,
    model: ServedModel,
    service: EmulatedService,
    reply: Reply | None,
) -> Answer:
    """Answer with the scripted text, or one that names the file."""
    text = reply.text if reply else None
    if text is None:
        text = f"An emulated transcription of {request.file.name}. Nobody has listened to it."
    seconds = request.audio_seconds
    whole = {"text": text, "usage": {"type": "duration", "seconds": math.ceil(seconds)}}
    if request.stream and service.transcription_stream == "vllm":
        answer = event_stream(_vllm_events(text, model, seconds))
    elif request.stream:
        deltas = [{"type": "transcript.text.delta", "delta": token} for token in tokens_of(text)]
        answer = event_stream(map(event, [*deltas, {"type": "transcript.text.done", **whole}]))
    elif request.response_format == "verbose_json":
        segments = _segments(text, seconds, request.temperature or 0.0)
        answer = json_answer(200, {**whole, "segments": segments})
    else:
        answer = json_answer(200, whole)
    answer.text = text
    return answer


def _segments(text: str, seconds: float, temperature: float) -> list[dict[str, Any]]:
    """Divide a text at its sentences, as if each took as long; live shape of 2026-09-03."""
    sentences = re.split(r"(?<=[.!?]) ", text)
    length = seconds / len(sentences)
    return [
        {
            "id": number,
            "seek": 0,
            "start": round(number * length, 2),
            "end": round((number + 1) * length, 2),
            "text": f" {sentence}",
            "tokens": [*range(len(tokens_of(sentence)))],
            "temperature": temperature,
            "avg_logprob": -0.25,
            "compression_ratio": 1.2,
            "no_speech_prob": None,
        }
        for number, sentence in enumerate(sentences)
    ]


def _vllm_events(text: str, model: ServedModel, seconds: float) -> Iterator[bytes]:
    """Yield vLLM's chunks; each piece of 30 seconds ends with a finish reason of its own."""
    tokens = tokens_of(text)
    pieces = max(1, math.ceil(seconds / _CHUNK_SECONDS))
    size = max(1, math.ceil(len(tokens) / pieces))
    head = {
        "id": f"transcribe-{uuid.uuid4().hex}",
        "object": "transcription.chunk",
        "created": int(time.time()),
        "model": model.id,
    }
    for number, token in enumerate(tokens, start=1):
        choice: dict[str, Any] = {"delta": {"content": token}}
        if number % size == 0 or number == len(tokens):
            choice["finish_reason"] = "stop"
        yield event({**head, "choices": [choice]})
    yield DONE


TRANSCRIPTIONS: Final = ModelEndpoint(
    "/audio/transcriptions",
    "transcriptions",
    "transcription",
    TranscriptionRequest,
    _check,
    _answer,
)
