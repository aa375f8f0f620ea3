"""The warnings that calls bring, each once in a process; on the emulator."""

import asyncio
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import HumanMessage
from langchain_core.runnables import Runnable, RunnableLambda

from langchain_scaleway import ChatScaleway, ScalewayWarning
from langchain_scaleway.testing import Reply, ScalewayEmulator, ServedModel
from tests.support.models import model_on
from tests.support.tools import get_weather

pytestmark = pytest.mark.usefixtures("nothing_told_yet")

PICTURE = {"type": "image", "base64": "iVBORw0KGgo=", "mime_type": "image/png"}
QUESTION = [HumanMessage([{"type": "text", "text": "What is this?"}, PICTURE])]


async def told_by_calls(runnable: Runnable[Any, Any], question: Any) -> list[str]:
    """The warnings of many calls of every kind, answered or refused."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        runnable.batch([question] * 3, return_exceptions=True)
        await runnable.abatch([question] * 3, return_exceptions=True)
    assert all(warning.category is ScalewayWarning for warning in caught)
    return [str(warning.message) for warning in caught]


Made = Callable[[ChatScaleway], Runnable[Any, Any]]

SURPRISES: dict[str, tuple[str, Made, Any, str]] = {
    "deprecated": ("pixtral-12b-2409", lambda model: model, "Hello", "is deprecated since"),
    "effort": (
        "gpt-oss-120b",
        lambda model: model.bind(reasoning_effort="none"),
        "Hello",
        "knows reasoning_effort low, medium, high",
    ),
    "picture": ("glm-5.2", lambda model: model, QUESTION, "reads text only"),
    "tools": (
        "gpt-oss-120b",
        lambda model: model.model_copy(update={"use_responses_api": False}).bind_tools(
            [get_weather]
        ),
        "Hello",
        "on Scaleway's Responses API only",
    ),
}
"""The model, what is made of it, what it is asked, and what is said about that."""


@pytest.mark.parametrize(
    ("name", "make", "question", "expected"), SURPRISES.values(), ids=SURPRISES
)
@pytest.mark.parametrize("streaming", [False, True])
async def test_what_will_surprise_is_told_once(
    name: str, make: Made, question: Any, expected: str, *, streaming: bool
) -> None:
    with ScalewayEmulator() as emulator:
        runnable = make(model_on(emulator, name, streaming=streaming))
        [text] = await told_by_calls(runnable, question)

    assert text.startswith(name)
    assert expected in text
    assert "https://www.scaleway.com/en/docs/" in text


@pytest.mark.parametrize("streaming", [False, True])
async def test_retired_model_names_its_successor_and_who_answered(*, streaming: bool) -> None:
    asked, successor = "devstral-2-123b-instruct-2512", "qwen3.5-397b-a17b"
    with ScalewayEmulator() as emulator:
        emulator.respond_with(lambda _: Reply("Hello.", model=successor))
        model = model_on(emulator, asked, streaming=streaming)
        retired, replaced = await told_by_calls(model, "Hello")
        reply = model.invoke("Hello")

    assert f"Its successor is {successor}" in retired
    assert replaced.startswith(f"{successor} answered, although {asked} was asked")
    assert reply.response_metadata["model_name"] == successor
    assert reply.response_metadata["requested_model"] == asked


@pytest.mark.parametrize("case", SURPRISES)
async def test_unknown_model_brings_none(case: str) -> None:
    _, make, question, _ = SURPRISES[case]
    unknown = ServedModel(id="tomorrow", images=False, efforts=())
    with ScalewayEmulator(models=(unknown,)) as emulator:
        emulator.respond_with(lambda _: Reply("Hello.", model="the-day-after"))
        assert await told_by_calls(make(model_on(emulator, "tomorrow")), question) == []
        assert emulator.requests


async def read(model: ChatScaleway) -> None:
    async for _ in model.astream("Hello"):
        pass


CALLS: dict[str, Callable[[ChatScaleway], object]] = {
    "invoke": lambda model: model.invoke("Hello"),
    "ainvoke": lambda model: asyncio.run(model.ainvoke("Hello")),
    "stream": lambda model: list(model.stream("Hello")),
    "astream": lambda model: asyncio.run(read(model)),
    "chain": lambda model: (RunnableLambda(str) | model).invoke("Hello"),
    "agent": lambda model: create_agent(model).invoke({"messages": [HumanMessage("Hello")]}),
}


@pytest.mark.parametrize("call", CALLS)
def test_the_line_that_asked_is_shown(call: str) -> None:
    with ScalewayEmulator() as emulator, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ScalewayWarning)
        CALLS[call](model_on(emulator, "pixtral-12b-2409"))
    [told] = [warning for warning in caught if warning.category is ScalewayWarning]
    assert told.filename == __file__
