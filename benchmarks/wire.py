"""The replies of the loopback server, as bytes: vLLM's own framing, multiplied.

Every reply is made of a recording of vLLM 0.32 under `tests/recordings`: its head, its first
and last events and the shape of each event between them are the recorded ones. Only the text
of a delta and the number of events are ours, so that a stream is as long as a measurement needs.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RECORDINGS = Path(__file__).parent.parent / "tests" / "recordings" / "vllm-0.32.0-cpu-tiny-qwen3"

CHUNKS = 200
"""Deltas in each stream that is sent in one go."""

TOKEN = " word"  # noqa: S105 -- a model's token, not a key
"""The text of a delta: about one token, as vLLM sends it."""

LONG_FRAGMENT = "some more words which are longer " * 2
"""A fragment of tool arguments of 66 characters, as servers send that batch their tokens."""

PACED_CHUNKS = 10
"""Deltas in the stream whose deltas carry the time of their writing."""

PACE = 0.005
"""Seconds between two writes of a paced stream."""

DELAY = 0.05
"""Seconds that the delayed reply takes, about what a small model takes to answer."""

STAMP_DIGITS = 18
"""Enough for 31 years of nanoseconds, and too few for an integer beyond 64 bits: no real token
looks like one, and some clients read those with more care."""

STAMP = "#" * STAMP_DIGITS
"""Stands in a stamped delta where the server writes `time.monotonic_ns()`."""


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


def _recorded(name: str) -> tuple[bytes, bytes]:
    """Return the head (with its empty line) and the body of a recorded response."""
    raw = (RECORDINGS / f"{name}.response.http").read_bytes()
    head, _, body = raw.partition(b"\r\n\r\n")
    return head + b"\r\n\r\n", body


def _recorded_events(name: str) -> tuple[bytes, list[dict[str, Any]]]:
    """Return the head and the parsed events of a recorded stream, without its `[DONE]`."""
    head, body = _recorded(name)
    payloads = (line[6:] for line in body.splitlines() if line.startswith(b"data: {"))
    return head, [json.loads(payload) for payload in payloads]


def _http_chunk(payload: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(payload), payload)


def _event(event: dict[str, Any]) -> bytes:
    data = json.dumps(event, separators=(",", ":"), ensure_ascii=False)
    return _http_chunk(b"data: " + data.encode() + b"\n\n")


def _with_delta(event: dict[str, Any], delta: dict[str, Any]) -> dict[str, Any]:
    [choice] = event["choices"]
    return {**event, "choices": [{**choice, "delta": delta}]}


_END = _http_chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n"


def stream_of(recording: str, deltas: Iterable[dict[str, Any]]) -> list[bytes]:
    """Return a recorded stream with other deltas, one item for each write to the socket.

    Args:
        recording: The name of a recorded stream, without its suffix.
        deltas: What stands between its first event and the one that says why it ended.
    """
    head, events = _recorded_events(recording)
    role, shape, finish, usage = events[0], events[1], events[-2], events[-1]
    return [
        head + _event(role),
        *(_event(_with_delta(shape, delta)) for delta in deltas),
        _event(finish) + _event(usage) + _END,
    ]


def _tool_call_deltas(fragment: str) -> Iterable[dict[str, Any]]:
    """Yield the deltas of one tool call whose arguments come in `CHUNKS` fragments."""
    _, events = _recorded_events("tool_auto_stream")
    yield events[1]["choices"][0]["delta"]  # id and name, no arguments yet
    for text in ('{"text": "', *[fragment] * (CHUNKS - 2), '"}'):
        yield {
            "content": None,
            "tool_calls": [{"index": 0, "function": {"arguments": text}}],
        }


def _at_once(writes: list[bytes]) -> Reply:
    return Reply((b"".join(writes),))


def replies() -> dict[str, Reply]:
    """Return every reply by the name under which a request asks for it."""
    short = b"".join(_recorded("chat_plain"))
    token = {"content": TOKEN}
    return {
        "short": Reply((short,)),
        "delayed": Reply((short,), delay=DELAY),
        "content": _at_once(stream_of("chat_stream_usage", [token] * CHUNKS)),
        "reasoning": _at_once(stream_of("reasoning_stream", [{"reasoning": TOKEN}] * CHUNKS)),
        "tool-tokens": _at_once(stream_of("tool_auto_stream", _tool_call_deltas(TOKEN))),
        "tool-fragments": _at_once(stream_of("tool_auto_stream", _tool_call_deltas(LONG_FRAGMENT))),
        "paced": Reply(tuple(stream_of("chat_stream_usage", [token] * CHUNKS)), pace=2 * PACE),
        "stamped": Reply(
            tuple(stream_of("chat_stream_usage", [{"content": STAMP}] * PACED_CHUNKS)), pace=PACE
        ),
    }
