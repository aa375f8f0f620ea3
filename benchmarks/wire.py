"""The replies of the benchmark's server, as bytes: vLLM's own framing, multiplied.

Every reply is made of a recording of vLLM under `tests/recordings`: its head, its first and last
events and the shape of each event between them are the recorded ones. Only the text of a delta and
the number of events are ours, so that a stream is as long as a measurement needs.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_RECORDINGS = Path(__file__).parent.parent / "tests" / "recordings" / "vllm-0.32.0-cpu-tiny-qwen3"

CHUNKS = 200
"""Deltas in each stream that is sent in one go."""
OBJECT_CHUNKS = 1_000
"""Deltas in the stream of one JSON object of 20 kB."""
TOKEN = " word"  # noqa: S105 -- a model's token, not a key
"""The text of a delta: about one token, as vLLM sends it."""
_FRAGMENT = "some more words which are longer " * 2
"""66 characters of a tool call's arguments, as servers send that batch their tokens."""
_STAMPED_CHUNKS = 10
_PACE = 0.005
"""Seconds between two writes of the stream whose tokens carry the time of their writing."""
_DELAY = 0.05
"""Seconds that the delayed reply takes, about what a small model takes to answer."""
STAMP_DIGITS = 18
"""Enough for 31 years of nanoseconds, and too few for an integer beyond 64 bits."""
STAMP = "#" * STAMP_DIGITS
"""Stands in a delta where the server writes `time.monotonic_ns()`."""


@dataclass(frozen=True)
class Reply:
    """What the server sends for one request.

    Attributes:
        writes: The bytes of each write to the socket, in order.
        delay: Seconds before the first write.
        pace: Seconds between two writes.
    """

    writes: tuple[bytes, ...]
    delay: float = 0
    pace: float = 0


def replies() -> dict[str, Reply]:
    """Every reply, by the name under which a request asks for it."""
    short = b"".join(_recorded("chat_plain"))
    text = [{"content": TOKEN}] * CHUNKS
    words = json.dumps({"text": TOKEN * 4 * OBJECT_CHUNKS})
    size = len(words) // OBJECT_CHUNKS + 1
    pieces = [{"content": words[at : at + size]} for at in range(0, len(words), size)]
    return {
        "short": Reply((short,)),
        "delayed": Reply((short,), delay=_DELAY),
        "content": _at_once("chat_stream_usage", text),
        "reasoning": _at_once("reasoning_stream", [{"reasoning": TOKEN}] * CHUNKS),
        "tool-tokens": _at_once("tool_auto_stream", _tool_call_deltas(TOKEN)),
        "tool-fragments": _at_once("tool_auto_stream", _tool_call_deltas(_FRAGMENT)),
        "object": _at_once("chat_stream_usage", pieces),
        "paced": Reply(tuple(_stream("chat_stream_usage", text)), pace=2 * _PACE),
        "stamped": Reply(
            tuple(_stream("chat_stream_usage", [{"content": STAMP}] * _STAMPED_CHUNKS)),
            pace=_PACE,
        ),
    }


def _recorded(name: str) -> tuple[bytes, bytes]:
    """The head (with its empty line) and the body of a recorded response."""
    raw = (_RECORDINGS / f"{name}.response.http").read_bytes()
    head, _, body = raw.partition(b"\r\n\r\n")
    return head + b"\r\n\r\n", body


def _recorded_events(name: str) -> tuple[bytes, list[dict[str, Any]]]:
    """The head and the parsed events of a recorded stream, without its `[DONE]`."""
    head, body = _recorded(name)
    return head, [json.loads(line[6:]) for line in body.splitlines() if line[:7] == b"data: {"]


def _http_chunk(payload: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(payload), payload)


def _event(event: dict[str, Any]) -> bytes:
    data = json.dumps(event, separators=(",", ":"), ensure_ascii=False)
    return _http_chunk(b"data: " + data.encode() + b"\n\n")


def _stream(recording: str, deltas: Iterable[dict[str, Any]]) -> list[bytes]:
    """A recorded stream with other deltas, one item for each write to the socket."""
    head, events = _recorded_events(recording)
    role, shape, finish, usage = events[0], events[1], events[-2], events[-1]
    [choice] = shape["choices"]
    return [
        head + _event(role),
        *(_event({**shape, "choices": [{**choice, "delta": delta}]}) for delta in deltas),
        _event(finish) + _event(usage) + _http_chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n",
    ]


def _at_once(recording: str, deltas: Iterable[dict[str, Any]]) -> Reply:
    return Reply((b"".join(_stream(recording, deltas)),))


def _tool_call_deltas(fragment: str) -> Iterable[dict[str, Any]]:
    """The deltas of one tool call whose arguments come in `CHUNKS` fragments."""
    _, events = _recorded_events("tool_auto_stream")
    yield events[1]["choices"][0]["delta"]  # id and name, no arguments yet
    for text in ('{"text": "', *[fragment] * (CHUNKS - 2), '"}'):
        call = {"index": 0, "function": {"arguments": text}}
        yield {"content": None, "tool_calls": [call]}
