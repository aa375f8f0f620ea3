"""LangGraph: tokens from within a graph in every version of streaming, and nothing that blocks.

All on the emulator.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.messages import AIMessage, AIMessageChunk, AnyMessage, HumanMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.graph.state import CompiledStateGraph

from langchain_scaleway import ChatScaleway
from langchain_scaleway.testing import Reply, ScalewayEmulator, ToolCall
from tests.support.calls import ANSWER
from tests.support.local_scaleway import LocalScaleway
from tests.support.models import THINKING_MODEL, model_on
from tests.support.tls import TlsFront

# LangGraph calls the third version experimental each time it is used.
pytestmark = pytest.mark.filterwarnings("ignore::langchain_core._api.LangChainBetaWarning")

ROOT = Path(__file__).parents[2]
INPUT: Any = {"messages": [HumanMessage("What is the weather in Paris?")]}
CALL = ToolCall("get_weather", {"city": "Paris"}, id="1")
REPLY = Reply("Let me see.", "Where is Paris? In France.", [CALL])

Graph = CompiledStateGraph[MessagesState, None, MessagesState, MessagesState]


@pytest.fixture
def emulator() -> Iterator[ScalewayEmulator]:
    with ScalewayEmulator() as emulator:
        emulator.respond_with(lambda _: REPLY)
        yield emulator


def sync_graph(model: ChatScaleway) -> Graph:
    """A graph of one node that asks the model, and does not stream itself."""

    def answer(state: MessagesState) -> dict[str, list[AnyMessage]]:
        return {"messages": [model.invoke(state["messages"])]}

    return StateGraph(MessagesState).add_node(answer).add_edge(START, "answer").compile()


def async_graph(model: ChatScaleway) -> Graph:
    """The same with a coroutine for a node."""

    async def answer(state: MessagesState) -> dict[str, list[AnyMessage]]:
        return {"messages": [await model.ainvoke(state["messages"])]}

    return StateGraph(MessagesState).add_node(answer).add_edge(START, "answer").compile()


def check(reply: AIMessage) -> None:
    """See to it that a reply is whole, in either version of content."""
    assert reply.text == "Let me see."
    reasoning = [b["reasoning"] for b in reply.content_blocks if b["type"] == "reasoning"]
    assert reasoning == ["Where is Paris? In France."]
    assert [(call["name"], call["args"]) for call in reply.tool_calls] == [
        ("get_weather", {"city": "Paris"})
    ]
    assert reply.usage_metadata is not None
    assert reply.usage_metadata["output_tokens"] > 0


def check_tokens(pairs: list[Any]) -> None:
    """See to it that the `messages` mode gave a reply in pieces, each with its node."""
    chunks = [message for message, _ in pairs]
    assert len(chunks) > 10
    assert all(isinstance(chunk, AIMessageChunk) for chunk in chunks)
    assert len({chunk.id for chunk in chunks}) == 1, "nothing comes a second time as a whole"
    assert {metadata["langgraph_node"] for _, metadata in pairs} == {"answer"}
    assert {metadata["ls_provider"] for _, metadata in pairs} == {"scaleway"}
    check(sum(chunks[1:], chunks[0]))


# --- Tokens -----------------------------------------------------------------------------


@pytest.mark.usefixtures("both_apis")
@pytest.mark.parametrize("output_version", ["v0", "v1"])
async def test_graph_streams_tokens_in_messages_mode(
    emulator: ScalewayEmulator, output_version: str
) -> None:
    model = model_on(emulator, THINKING_MODEL, output_version=output_version)
    sync, asynchronous = sync_graph(model), async_graph(model)

    check_tokens(list(sync.stream(INPUT, stream_mode="messages")))
    check_tokens([pair async for pair in asynchronous.astream(INPUT, stream_mode="messages")])
    # LangGraph's own second version of `stream` names the mode of each part.
    parts: list[Any] = list(sync.stream(INPUT, stream_mode=["messages"], version="v2"))
    assert {part["type"] for part in parts} == {"messages"}
    check_tokens([part["data"] for part in parts])


@pytest.mark.usefixtures("both_apis")
@pytest.mark.parametrize("output_version", ["v0", "v1"])
async def test_graph_streams_events_of_version_3(
    emulator: ScalewayEmulator, output_version: str
) -> None:
    model = model_on(emulator, THINKING_MODEL, output_version=output_version)

    run = sync_graph(model).stream_events(INPUT, version="v3")
    [stream] = run.messages
    assert len(list(stream.text)) > 2, "token by token"
    check(stream.output)
    state = run.output
    assert state is not None
    check(state["messages"][-1])

    arun = await async_graph(model).astream_events(INPUT, version="v3")
    async for astream in arun.messages:
        assert len([piece async for piece in astream.text]) > 2
        check(await astream.output)
    astate = await arun.output()
    assert astate is not None
    check(astate["messages"][-1])


@pytest.mark.usefixtures("both_apis")
@pytest.mark.parametrize("make_graph", [sync_graph, async_graph])
async def test_cached_reply_comes_as_the_same_events(
    emulator: ScalewayEmulator, make_graph: Callable[[ChatScaleway], Graph]
) -> None:
    """Core replays what is in the cache, whole blocks at a time."""
    model = model_on(emulator, THINKING_MODEL, cache=InMemoryCache())
    graph = make_graph(model)

    for _ in range(2):
        arun = await graph.astream_events(INPUT, version="v3")
        async for stream in arun.messages:
            check(await stream.output)

    assert len(emulator.requests) == 1


# --- Nothing blocks ---------------------------------------------------------------------


def run(*arguments: str, **environment: str) -> list[str]:
    """The lines that a program writes which fails if it blocks its event loop."""
    program = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert program.returncode == 0, program.stderr
    return program.stdout.splitlines()


def test_nothing_blocks_the_event_loop(tmp_path: Path) -> None:
    """Neither the first call, which loads certificates in a thread, nor later ones."""
    with ScalewayEmulator() as emulator, TlsFront(emulator, tmp_path) as front:
        answers = run(
            *("-m", "tests.support.unblocked_graph", front.base_url),
            SCW_SECRET_KEY=emulator.api_key or "",
            SSL_CERT_FILE=str(front.certificate),
        )

    assert answers == [ANSWER] * 12


ASKS_SCALEWAY = """
import asyncio
import os

from blockbuster import BlockingError, blockbuster_ctx
from langchain_core.runnables import ConfigurableField

from langchain_scaleway import ChatScaleway

PROJECT = "11111111-2222-3333-4444-555555555555"
model = ChatScaleway(model="qwen3.6-35b-a3b")
configurable = model.configurable_fields(temperature=ConfigurableField("heat"))
del os.environ["SCW_SECRET_KEY"]
local = ChatScaleway(model="m", base_url="http://127.0.0.1:1/v1", max_retries=0)


async def node():
    print((await model.ainvoke("Hello")).text)
    print((await configurable.ainvoke("Hello", {"configurable": {"heat": 1}})).text)
    try:
        await local.ainvoke("Hello")
    except Exception as error:
        print(type(error).__name__)
    os.environ |= {"SCW_SECRET_KEY": "k", "SCW_DEFAULT_PROJECT_ID": PROJECT}
    ChatScaleway(model="m")
    del os.environ["SCW_DEFAULT_PROJECT_ID"]
    try:
        ChatScaleway(model="m")
    except BlockingError:
        print("searched")


with blockbuster_ctx():
    asyncio.run(node())
"""


def test_nothing_is_looked_up_again_in_the_event_loop(tmp_path: Path) -> None:
    """Neither a project for the serverless API nor a key for an endpoint without one.

    A model that is made there without a project has the config file searched for one, as
    docs/async.md says.
    """
    with (
        ScalewayEmulator() as emulator,
        LocalScaleway({"api.scaleway.ai": emulator}, tmp_path) as scaleway,
    ):
        said = run("-c", ASKS_SCALEWAY, **scaleway.environment)

    assert said == [ANSWER, ANSWER, "ScalewayConnectionError", "searched"]
