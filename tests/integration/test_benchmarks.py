"""The benchmarks run, and what is compared does the same work. Nothing is timed here."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import reduce
from operator import add

import pytest
from langchain_core.messages import AIMessageChunk

from benchmarks.models import BASELINE, SCALEWAY, Measured
from benchmarks.rows import BY_NAME
from benchmarks.runner import Plan, run
from benchmarks.server import Server
from benchmarks.wire import CHUNKS, TOKEN

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="They count what /proc shows.")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


def test_each_model_gives_a_sample_of_each_row_and_one_that_fails_is_told_of(
    server: Server,
) -> None:
    turns = {"import": 1, "construct": 2, "stream-object": 1, "invoke-tls": 1}
    rows = [replace(BY_NAME[name], turns=n, only=()) for name, n in turns.items()]
    broken = Measured("Broken", "no_such_module")
    samples = [*run(rows, [BASELINE, SCALEWAY, broken], Plan(rounds=1, turns=1), server)]
    found = {(one.row, one.model): one.error for one in samples}
    for name in turns:
        assert found[name, "baseline"] == found[name, "ChatScaleway"] == ""
        assert "No module named 'no_such_module'" in found[name, "Broken"]
    assert sum(one.model == "Broken" for one in samples) == 4, "it is not asked again"


def test_baseline_and_chat_scaleway_stream_the_same_text(server: Server) -> None:
    for measured in (BASELINE, SCALEWAY):
        assert whole(measured, server, "content").text == TOKEN * CHUNKS


def test_chat_scaleway_gets_the_reasoning_and_the_tool_call(server: Server) -> None:
    message = whole(SCALEWAY, server, "reasoning")
    assert message.additional_kwargs["reasoning_content"] == TOKEN * CHUNKS
    [call] = whole(SCALEWAY, server, "tool-tokens").tool_calls
    assert call["args"] == {"text": TOKEN * (CHUNKS - 2)}


def whole(measured: Measured, server: Server, reply: str) -> AIMessageChunk:
    chunks = [*measured.make(server.url, reply).stream("What is the capital of France?")]
    assert len(chunks) >= CHUNKS
    return reduce(add, chunks)
