"""The benchmarks run, and the floor does the same work as ChatScaleway. Nothing is timed here."""

from collections.abc import Iterator
from dataclasses import replace
from functools import reduce
from operator import add

import pytest
from langchain_core.messages import AIMessageChunk

from benchmarks.cases import ROWS, named
from benchmarks.contestants import FLOOR, SCALEWAY, SCALEWAY_AIOHTTP, Contestant
from benchmarks.runner import Plan, Runner
from benchmarks.sampling import QUESTION
from benchmarks.server import Server
from benchmarks.wire import CHUNKS, LONG_FRAGMENT, TOKEN

PLAN = Plan(rounds=1, turns=1, fresh_turns=1, budget=0.001, full=False)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


def test_every_row_gives_a_sample_of_each_contestant(server: Server) -> None:
    rows = [row for row in ROWS if row.quick]
    samples = [*Runner(rows, [FLOOR, SCALEWAY], PLAN, server).run()]
    assert [one for one in samples if one.error] == []
    assert {(one.row, one.contestant) for one in samples if one.value} == {
        (row.name, contestant.name) for row in rows for contestant in (FLOOR, SCALEWAY)
    }


def whole(contestant: Contestant, server: Server, reply: str) -> AIMessageChunk:
    chunks = [*contestant.make(server.url, reply, QUESTION).stream(QUESTION)]
    assert len(chunks) >= CHUNKS
    return reduce(add, chunks)


def test_floor_and_chat_scaleway_give_the_same_reply(server: Server) -> None:
    models = [one.make(server.url, "short", QUESTION) for one in (FLOOR, SCALEWAY)]
    assert [model.invoke(QUESTION).text for model in models] == [
        "The capital of France is Paris."
    ] * 2


def test_floor_and_chat_scaleway_stream_the_same_text(server: Server) -> None:
    texts = {whole(one, server, "content").text for one in (FLOOR, SCALEWAY)}
    assert texts == {TOKEN * CHUNKS}


def test_chat_scaleway_gets_the_reasoning(server: Server) -> None:
    message = whole(SCALEWAY, server, "reasoning")
    assert message.additional_kwargs["reasoning_content"] == TOKEN * CHUNKS


@pytest.mark.parametrize(
    ("reply", "fragment"), [("tool-tokens", TOKEN), ("tool-fragments", LONG_FRAGMENT)]
)
def test_chat_scaleway_gets_the_tool_call(reply: str, fragment: str, server: Server) -> None:
    [call] = whole(SCALEWAY, server, reply).tool_calls
    assert call["args"] == {"text": fragment * (CHUNKS - 2)}


def test_a_contestant_that_fails_is_told_of_and_not_asked_again(server: Server) -> None:
    broken = Contestant("Broken", "no_such_module")
    twice = replace(PLAN, turns=2)
    samples = [*Runner([named("invoke")], [FLOOR, broken], twice, server).run()]
    assert [one.error for one in samples if one.contestant == "Broken"] == ["its process ended"]
    assert len([one for one in samples if one.contestant == "floor"]) == twice.turns


def test_a_row_of_latencies_takes_more_turns(server: Server) -> None:
    row = named("latency-first")
    samples = [*Runner([row], [FLOOR], PLAN, server).run()]
    assert row.turns_multiplied_by > 1
    assert [one.turn for one in samples] == [*range(row.turns_multiplied_by)]


def test_a_peer_takes_part_in_every_third_fresh_turn(server: Server) -> None:
    peer = Contestant("Peer", "no_such_module")
    plan = replace(PLAN, fresh_turns=4)
    samples = [*Runner([named("import")], [FLOOR, peer, SCALEWAY_AIOHTTP], plan, server).run()]
    turns = [(one.contestant, one.turn) for one in samples]
    assert sorted(turns) == [("Peer", 0), ("Peer", 3), *(("floor", turn) for turn in range(4))]
