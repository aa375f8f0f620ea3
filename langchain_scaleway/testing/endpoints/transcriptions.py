"""`POST /v1/audio/transcriptions`."""

from __future__ import annotations

import io
import math
import re
import time
import uuid
import wave
from collections.abc import Iterator
from typing import Any, ClassVar, Final

import orjson
from pydantic import ConfigDict

from langchain_scaleway.data.facts import Kind
from langchain_scaleway.testing.answers import EVENT_STREAM_TYPE, Answer, json_answer
from langchain_scaleway.testing.bodies import RequestModel
from langchain_scaleway.testing.endpoints.base import Call, ModelEndpoint, Queue
from langchain_scaleway.testing.generation import tokens_of
from langchain_scaleway.testing.models import ServedModel
from langchain_scaleway.testing.received import ReceivedRequest, UploadedFile
from langchain_scaleway.testing.refusals import bad_parameter, engine_refusal, gateway_refusal

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


class Transcriptions(ModelEndpoint[TranscriptionRequest]):
    """Texts of recordings: as JSON, with segments, or streamed."""

    path: ClassVar[str] = "/audio/transcriptions"
    queue: ClassVar[Queue] = "transcriptions"
    kind: ClassVar[Kind] = "transcription"
    request_model = TranscriptionRequest

    def fields(self, received: ReceivedRequest) -> dict[str, Any]:
        """Read the form; a text in place of the file is refused by the gateway."""
        form = received.form
        if isinstance(form.get("file", UploadedFile()), str):
            raise gateway_refusal(422, "file must be uploaded as multipart/form-data")
        return form

    def check(self, request: TranscriptionRequest, model: ServedModel) -> None:  # noqa: ARG002 -- all models alike
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
        temperature = request.temperature
        if temperature is not None and not 0 <= temperature <= 2:  # noqa: PLR2004 -- its range
            sentence = f"temperature must be in [0, 2], got {temperature}."
            raise bad_parameter(sentence, "temperature", temperature)

    def prompt_tokens(self, request: TranscriptionRequest) -> int:  # noqa: ARG002 -- audio has its own quota
        """Take no tokens."""
        return 0

    def audio_seconds(self, request: TranscriptionRequest) -> float:
        """Take the recording's length."""
        return request.seconds

    def answer(self, call: Call[TranscriptionRequest]) -> Answer:
        """Answer with the scripted text, or one that names the file."""
        request, settings = call.request, call.service.settings
        text = call.reply.text if call.reply else None
        if text is None:
            text = f"An emulated transcription of {request.file.name}. Nobody has listened to it."
        call.received.text = text
        if request.stream:
            write = _vllm_events if settings.transcription_stream == "vllm" else _openai_events
            headers = [("content-type", EVENT_STREAM_TYPE)]
            return Answer(200, headers, write(call, text), delay=settings.latency)
        body: dict[str, Any] = {"text": text, "usage": _usage(request)}
        if request.response_format == "verbose_json":
            body["segments"] = _segments(text, request)
        answer = json_answer(200, body)
        answer.delay = settings.latency
        return answer


def _usage(request: TranscriptionRequest) -> dict[str, Any]:
    return {"type": "duration", "seconds": math.ceil(request.seconds)}


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


def _openai_events(call: Call[TranscriptionRequest], text: str) -> Iterator[bytes]:
    for token in tokens_of(text):
        yield _event({"type": "transcript.text.delta", "delta": token})
    done = {"type": "transcript.text.done", "text": text, "usage": _usage(call.request)}
    yield _event(done)


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
        yield _event({**head, "choices": [choice]})
    yield b"data: [DONE]\n\n"


def _event(value: dict[str, Any]) -> bytes:
    return b"data: " + orjson.dumps(value) + b"\n\n"
