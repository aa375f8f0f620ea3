"""A program that forks between two uses of a model; its arguments are model, URL and key."""

import asyncio
import os
import sys
import traceback

from langchain_scaleway import ChatScaleway


def main() -> None:
    """Use a model, fork, and use it again in the parent and in its child."""
    name, base_url, api_key = sys.argv[1:]
    model = ChatScaleway(model=name, base_url=base_url, api_key=api_key, max_retries=0)
    ask(model)
    in_child(model)
    ask(model)
    asyncio.run(between_awaits(model))


def ask(model: ChatScaleway) -> None:
    """Ask outside an event loop."""
    assert model.invoke("Hello").text


async def ask_async(model: ChatScaleway) -> None:
    """Ask inside one."""
    assert (await model.ainvoke("Hello")).text


async def between_awaits(model: ChatScaleway) -> None:
    """Fork inside a running event loop that has connections."""
    await ask_async(model)
    in_child(model)
    await ask_async(model)


def in_child(model: ChatScaleway) -> None:
    """Use the model in a child, in both ways."""
    child = os.fork()
    if child == 0:
        try:
            ask(model)
            asyncio.run(ask_async(model))
        except BaseException:  # noqa: BLE001 -- nothing must go on in the child
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert status == 0, "the child has failed"


if __name__ == "__main__":
    main()
