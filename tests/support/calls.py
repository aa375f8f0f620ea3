"""The four ways to ask a model, as one."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args

from langchain_core.messages import BaseMessage

from langchain_scaleway import ChatScaleway
from langchain_scaleway.client.retry import RetryPolicy

Mode = Literal["invoke", "stream", "ainvoke", "astream"]

MODES: tuple[Mode, ...] = get_args(Mode)

EITHER: tuple[Mode, ...] = ("invoke", "astream")
"""One for threads and one for event loops, one whole and one streamed: enough for what is decided
above the connections, which all four ways share."""

_LAST_STEPS = 10
"""Steps of a loop in which it closes the generators that were dropped."""

ANSWER = "This is an emulated answer to “Hello”."
"""What the emulator says to the prompt of `call` and `ask_all`."""

Prompt = str | list[BaseMessage]


@dataclass
class Attempt:
    """What came of a call.

    Attributes:
        text: The text that the caller received, as far as it came.
        error: What was raised, if anything was.
    """

    text: str
    error: Exception | None


def streams(mode: Mode) -> bool:
    """Whether a way of asking gives its answer in pieces."""
    return mode in ("stream", "astream")


def is_async(mode: Mode) -> bool:
    """Whether a way of asking needs an event loop."""
    return mode in ("ainvoke", "astream")


STREAMING_MODES = [mode for mode in MODES if streams(mode)]


def call(model: ChatScaleway, mode: Mode, prompt: Prompt = "Hello") -> Attempt:
    """Ask a model; an asynchronous way runs in an event loop of its own.

    Raises:
        AssertionError: The call left tasks behind in its loop.
    """
    if mode == "invoke":
        return _collect(lambda: iter([str(model.invoke(prompt).text)]))
    if mode == "stream":
        return _collect(lambda: (str(chunk.text) for chunk in model.stream(prompt)))
    return asyncio.run(_alone(acall(model, mode, prompt)))


async def acall(model: ChatScaleway, mode: Mode, prompt: Prompt = "Hello") -> Attempt:
    """Ask a model in one of the asynchronous ways."""
    if mode == "ainvoke":
        return await _acollect(_one(model, prompt))
    return await _acollect(str(chunk.text) async for chunk in model.astream(prompt))


def call_in_a_row(
    model: ChatScaleway, mode: Mode, times: int, *, between: Callable[[], None] | None = None
) -> list[Attempt]:
    """Ask several times, one after the other; an asynchronous way in one event loop.

    Args:
        model: Whom to ask.
        mode: The way to ask.
        times: How often.
        between: What to do before each time but the first, on a thread of its own if an event
            loop is running.
    """

    async def ask() -> list[Attempt]:
        attempts = [await acall(model, mode)]
        for _ in range(times - 1):
            if between is not None:
                await asyncio.to_thread(between)
            attempts.append(await acall(model, mode))
        return attempts

    if is_async(mode):
        return asyncio.run(ask())
    attempts = [call(model, mode)]
    for _ in range(times - 1):
        if between is not None:
            between()
        attempts.append(call(model, mode))
    return attempts


def _collect(pieces: Callable[[], Iterator[str]]) -> Attempt:
    attempt = Attempt("", None)
    try:
        for piece in pieces():
            attempt.text += piece
    except Exception as error:  # noqa: BLE001 -- the test looks at what it is
        attempt.error = error
    return attempt


async def _one(model: ChatScaleway, prompt: Prompt) -> AsyncIterator[str]:
    yield str((await model.ainvoke(prompt)).text)


async def _acollect(pieces: AsyncIterator[str]) -> Attempt:
    attempt = Attempt("", None)
    try:
        async for piece in pieces:
            attempt.text += piece
    except Exception as error:  # noqa: BLE001 -- the test looks at what it is
        attempt.error = error
    return attempt


async def _alone(call: Coroutine[Any, Any, Attempt]) -> Attempt:
    attempt = await call
    for _ in range(_LAST_STEPS):
        await asyncio.sleep(0)
    others = asyncio.all_tasks() - {asyncio.current_task()}
    assert not others, f"the call left tasks behind: {others}"
    return attempt


async def ask_all(model: ChatScaleway) -> list[str]:
    """Ask in both asynchronous ways, at the same time."""

    async def stream() -> str:
        return "".join([str(chunk.text) async for chunk in model.astream("Hello")])

    async def invoke() -> str:
        return str((await model.ainvoke("Hello")).text)

    return list(await asyncio.gather(stream(), invoke(), stream(), invoke()))


def impatient(model: ChatScaleway) -> ChatScaleway:
    """The model, hardly waiting between two tries."""
    retry = RetryPolicy(model.max_retries, first_wait=0.01, first_quota_wait=0.01)
    model._client().endpoint.retry = retry
    return model
