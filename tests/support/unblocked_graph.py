"""A program: runs graphs with our model where every blocking call in a coroutine raises.

`langgraph dev` runs graphs so. It is a process of its own, so that everything that happens once
in a process happens here: imports, certificates, connections. It takes the base URL, or nothing
for Scaleway's, finds the key in the environment, and prints what the model said.
"""

import asyncio
import sys
import time
from collections.abc import Callable
from typing import Any

from blockbuster import BlockBuster, BlockingError
from langchain_core.messages import AIMessageChunk, HumanMessage
from langgraph.graph import START, MessagesState, StateGraph

from langchain_scaleway import ChatScaleway
from tests.support.models import THINKING_MODEL

INPUT: Any = {"messages": [HumanMessage("Hello")]}


async def run(get_model: Callable[[], ChatScaleway]) -> list[str]:
    """Run a graph in every asynchronous way, twice: there is a first time for everything."""

    async def answer(state: MessagesState) -> MessagesState:
        return {"messages": [await get_model().ainvoke(state["messages"])]}

    graph = StateGraph(MessagesState).add_node(answer).add_edge(START, "answer").compile()
    texts = []
    for _ in range(2):
        texts.append((await graph.ainvoke(INPUT))["messages"][-1].text)
        pairs = [pair async for pair in graph.astream(INPUT, stream_mode="messages")]
        texts.append("".join(m.text for m, _ in pairs if isinstance(m, AIMessageChunk)))
        stream = await graph.astream_events(INPUT, version="v3")
        texts += [(await message.output).text async for message in stream.messages]
    return texts


async def main() -> None:
    """Run where nothing may block, and see to it that it is so."""
    address = {"base_url": sys.argv[1]} if sys.argv[1:] else {}
    model = ChatScaleway(model=THINKING_MODEL, **address)
    blockbuster = BlockBuster()
    blockbuster.activate()
    try:
        time.sleep(0)  # noqa: ASYNC251 -- that it raises is the point
    except BlockingError:
        texts = await run(lambda: model)
        # Many applications make their models in the nodes, for each request.
        texts += await run(lambda: ChatScaleway(model=THINKING_MODEL, **address))
        print("\n".join(texts))  # noqa: T201 -- it is a program
    else:
        sys.exit("Blocking calls are not noticed.")
    finally:
        blockbuster.deactivate()


if __name__ == "__main__":
    asyncio.run(main())
