"""Reads `tests/recordings`: what was asked, and every byte that was answered.

Deliberately plain and apart from the package: it takes HTTP and server-sent events to pieces
with `bytes.partition` and `split`, so that a mistake in the package's own decoders cannot
hide in the expected values.
"""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

DIRECTORY = Path(__file__).parent.parent / "recordings"

VLLM_QWEN = "vllm-0.32.0-cpu-tiny-qwen3"
VLLM_SMOLLM = "vllm-0.32.0-cpu-smollm2-135m"
LLAMACPP = "llamacpp-xllamacpp-2026.10.11549-tiny-qwen3"
VLLM_RESPONSES = "vllm-0.32.0-cpu-tiny-qwen3-responses"
"""The Responses API; not in `FOLDERS`, which hold chats."""

VLLM_EMBED = "vllm-0.32.0-cpu-tiny-embed"
"""Embeddings and rerank; not in `FOLDERS`, which hold chats."""

LLAMACPP_EMBED = "llamacpp-xllamacpp-2026.10.11549-tiny-embed"
"""The same of llama.cpp's server."""

FOLDERS = (VLLM_QWEN, VLLM_SMOLLM, LLAMACPP)

SERVED_MODELS = {
    VLLM_QWEN: "tiny-qwen3",
    VLLM_SMOLLM: "smollm2-135m-instruct",
    LLAMACPP: "tiny-qwen3",
    VLLM_EMBED: "tiny-embed",
    LLAMACPP_EMBED: "tiny-embed",
    VLLM_RESPONSES: "tiny-qwen3",
}

CHAT_PATH = "/v1/chat/completions"


@dataclass(frozen=True)
class Recording:
    """One recorded exchange.

    Attributes:
        folder: The server and model it was recorded from.
        case: What was tried.
    """

    folder: str
    case: str

    def __str__(self) -> str:
        """The name that pytest shows."""
        return f"{self.folder.split('-')[0]}-{SERVED_MODELS[self.folder]}/{self.case}"

    @cached_property
    def request(self) -> dict[str, Any]:
        """What was sent: `method`, `path`, `headers`, `body` or `raw_body`."""
        request: dict[str, Any] = json.loads(self._path("request.json").read_text("utf-8"))
        return request

    @cached_property
    def raw_response(self) -> bytes:
        """Every byte the server sent."""
        return self._path("response.http").read_bytes()

    @cached_property
    def received_lengths(self) -> list[int]:
        """How many bytes each of the recorder's `recv()` calls returned."""
        return [length for _, _, length in self._timing["recv"]]

    @property
    def is_whole(self) -> bool:
        """Whether the server got to the end of its answer."""
        return self._timing["end"] in ("content-length", "chunked-end")

    @property
    def is_chat(self) -> bool:
        """Whether the chat completions endpoint was asked."""
        return (self.request["method"], self.request["path"]) == ("POST", CHAT_PATH)

    @property
    def status(self) -> int:
        """The HTTP status of the answer."""
        return int(self.raw_response.split(b" ", 2)[1])

    @property
    def is_streamed(self) -> bool:
        """Whether the answer is a stream of events."""
        return b"content-type: text/event-stream" in self._head.lower()

    @property
    def requested_model(self) -> str:
        """The model that was asked for; the served one where the request named none."""
        model = self.request.get("body", {}).get("model", SERVED_MODELS[self.folder])
        assert isinstance(model, str)
        return model

    @property
    def content(self) -> bytes:
        """The body of the answer, without HTTP's chunked framing."""
        body = self.raw_response.partition(b"\r\n\r\n")[2]
        return _dechunk(body) if b"transfer-encoding: chunked" in self._head.lower() else body

    @property
    def json_body(self) -> Any:
        """The body of an answer that is one JSON document."""
        return json.loads(self.content)

    @property
    def events(self) -> list[Any]:
        """The JSON of every event of a streamed answer, without the closing `[DONE]`."""
        blocks = [block for block in self.content.decode().split("\n\n") if block]
        payloads = [block.rpartition("data: ")[2] for block in blocks]
        return [json.loads(payload) for payload in payloads if payload != "[DONE]"]

    @property
    def shape(self) -> str:
        """The engine and the shape of its answer."""
        engine = self.folder.split("-")[0]
        said = [self.json_body] if not self.is_streamed else self.events if self.is_whole else []
        return f"{engine} {self.status} {self.is_streamed} {self.is_whole} {_shape(said)}"

    @property
    def _head(self) -> bytes:
        return self.raw_response.partition(b"\r\n\r\n")[0]

    @cached_property
    def _timing(self) -> dict[str, Any]:
        timing: dict[str, Any] = json.loads(self._path("timing.json").read_text("utf-8"))
        return timing

    def _path(self, ending: str) -> Path:
        return DIRECTORY / self.folder / f"{self.case}.{ending}"


def _dechunk(body: bytes) -> bytes:
    """Take HTTP's chunked framing off; a body that was cut short gives what there is."""
    content = b""
    while body:
        length, _, rest = body.partition(b"\r\n")
        content += rest[: int(length, 16)]
        body = rest[int(length, 16) + len(b"\r\n") :]
    return content


def all_recordings() -> list[Recording]:
    """Every recording of every folder, in the order of their names."""
    return [recording for folder in FOLDERS for recording in recordings_of(folder)]


def recordings_of(folder: str) -> list[Recording]:
    """Every recording of one folder, in the order of their names."""
    return [
        Recording(folder, path.name.removesuffix(".request.json"))
        for path in sorted((DIRECTORY / folder).glob("*.request.json"))
    ]


def distinct_recordings() -> list[Recording]:
    """One chat recording for each shape that an engine's answers have, whatever their words."""
    chats = [recording for recording in all_recordings() if recording.is_chat]
    by_shape = {recording.shape: recording for recording in reversed(chats)}
    return [recording for recording in chats if by_shape[recording.shape] is recording]


def _shape(value: Any) -> str:
    """Names and types of a JSON value; empty texts and lists are shapes of their own."""
    if isinstance(value, dict):
        return str({name: _shape(value[name]) for name in sorted(value)})
    if isinstance(value, list):
        return str(sorted({_shape(item) for item in value}))
    return type(value).__name__ + ("" if value else " (empty)")
