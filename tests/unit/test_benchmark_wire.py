"""The benchmarks' server sends what vLLM sent."""

import json

import pytest

from benchmarks.wire import RECORDINGS, replies, stream_of


@pytest.mark.parametrize("name", ["chat_stream_usage", "reasoning_stream", "tool_auto_stream"])
def test_a_stream_made_of_its_recorded_deltas_is_the_recording(name: str) -> None:
    recording = (RECORDINGS / f"{name}.response.http").read_bytes()
    events = [json.loads(line[6:]) for line in recording.splitlines() if line[:7] == b"data: {"]
    deltas = [event["choices"][0]["delta"] for event in events[1:-2]]
    assert b"".join(stream_of(name, deltas)) == recording


def test_the_short_reply_is_the_recording() -> None:
    assert replies()["short"].writes == ((RECORDINGS / "chat_plain.response.http").read_bytes(),)
