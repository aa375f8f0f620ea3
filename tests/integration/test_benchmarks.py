"""The benchmarks run, and what is compared does the same work. Nothing is timed here."""

import sys
from collections.abc import Iterator
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

PLAN = Plan(rounds=1, turns=1, fresh_turns=1)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


def test_each_kind_of_row_gives_a_sample_of_each_model(server: Server) -> None:
    names = ("import", "construct", "stream-object", "invoke-tls")
    rows = [BY_NAME[name] for name in names]
    samples = [*run(rows, [BASELINE, SCALEWAY], PLAN, server)]
    assert [one for one in samples if one.error] == []
    assert {(one.row, one.model) for one in samples if one.value} == {
        (name, measured.name) for name in names for measured in (BASELINE, SCALEWAY)
    }


def test_a_model_that_fails_is_told_of_and_not_asked_again(server: Server) -> None:
    broken = Measured("Broken", "no_such_module")
    samples = [*run([BY_NAME["latency-first"]], [BASELINE, broken], PLAN, server)]
    assert [one.error for one in samples if one.model == "Broken"] == ["its process ended"]
    assert len([one for one in samples if one.model == "baseline"]) > 1


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
