"""What LangSmith is told of a call: its own conventions, and no secret; on the emulator."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import pytest
from langchain.agents import create_agent
from langchain_core.caches import InMemoryCache
from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableConfig
from langsmith import configure
from langsmith.run_trees import validate_extracted_usage_metadata

from langchain_scaleway import ChatScaleway, errors
from langchain_scaleway.costs import usage_cost
from langchain_scaleway.testing import CutStream, Reply, ScalewayEmulator, Usage
from tests.support.models import PLAIN_MODEL, THINKING_MODEL, model_on
from tests.support.tools import Person, get_weather
from tests.support.traces import LocalLangSmith

QUESTION = "What is the weather in Paris?"


@pytest.fixture
def emulator() -> Iterator[ScalewayEmulator]:
    with ScalewayEmulator(reasoning_usage=True) as emulator:
        yield emulator


@pytest.fixture
def langsmith() -> Iterator[LocalLangSmith]:
    with LocalLangSmith() as langsmith:
        yield langsmith


def traced(langsmith: LocalLangSmith) -> RunnableConfig:
    """The config of a call that is traced."""
    return {"callbacks": [langsmith.tracer], "metadata": {"user": "ada"}, "tags": ["mine"]}


async def stream(model: ChatScaleway, config: RunnableConfig) -> None:
    list(model.stream(QUESTION, config))


async def astream(model: ChatScaleway, config: RunnableConfig) -> None:
    _ = [chunk async for chunk in model.astream(QUESTION, config)]


async def invoke(model: ChatScaleway, config: RunnableConfig) -> None:
    model.invoke(QUESTION, config)


async def ainvoke(model: ChatScaleway, config: RunnableConfig) -> None:
    await model.ainvoke(QUESTION, config)


async def stream_v3(model: ChatScaleway, config: RunnableConfig) -> None:
    _ = model.stream_events(QUESTION, config, version="v3").output


async def astream_v3(model: ChatScaleway, config: RunnableConfig) -> None:
    stream = await model.astream_events(QUESTION, config, version="v3")
    await stream
    # A task of core's fills the stream, and tells the tracer of its end.
    others = asyncio.all_tasks() - {asyncio.current_task()}
    await asyncio.gather(*others, return_exceptions=True)


CALLS = [invoke, ainvoke, stream, astream, stream_v3, astream_v3]
Call = Callable[[ChatScaleway, RunnableConfig], Awaitable[None]]


def message_of(run: dict[str, Any]) -> dict[str, Any]:
    """The reply in a run."""
    message: dict[str, Any] = run["outputs"]["generations"][0][0]["message"]["kwargs"]
    return message


# --- Conventions ------------------------------------------------------------------------


@pytest.mark.parametrize("call", CALLS)
async def test_run_tells_model_parameters_and_usage(
    emulator: ScalewayEmulator, langsmith: LocalLangSmith, call: Call
) -> None:
    model = model_on(emulator, THINKING_MODEL, temperature=0.5, max_tokens=200, stop=["END"])

    await call(model, traced(langsmith))

    run = langsmith.run()
    assert (run["name"], run["run_type"]) == ("ChatScaleway", "llm")
    assert "error" not in run
    metadata = run["extra"]["metadata"]
    expected = {
        "ls_provider": "scaleway",
        "ls_model_name": THINKING_MODEL,
        "ls_model_type": "chat",
        "ls_temperature": 0.5,
        "ls_max_tokens": 200,
        "ls_stop": ["END"],
        "ls_integration": "langchain_chat_model",
        "user": "ada",
    }
    assert {name: metadata[name] for name in expected} == expected
    assert "mine" in run["tags"]
    usage = metadata["usage_metadata"]
    assert validate_extracted_usage_metadata(usage) == usage
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"] > 0
    assert usage["output_token_details"]["reasoning"] > 0
    assert message_of(run)["response_metadata"]["model_name"] == THINKING_MODEL
    assert message_of(run)["usage_metadata"] == usage
    assert THINKING_MODEL in json.dumps(run["serialized"])
    assert (emulator.api_key or "").encode() not in langsmith.sent


async def test_run_tells_what_the_call_changed(
    emulator: ScalewayEmulator, langsmith: LocalLangSmith
) -> None:
    model = model_on(emulator, temperature=0, max_tokens=200, stop=["END"])

    model.bind(model=THINKING_MODEL, temperature=1).invoke(
        QUESTION, traced(langsmith), max_tokens=50, stop=["STOP"]
    )

    metadata = langsmith.run()["extra"]["metadata"]
    assert metadata["ls_model_name"] == THINKING_MODEL
    assert metadata["ls_temperature"] == 1
    assert metadata["ls_max_tokens"] == 50
    assert metadata["ls_stop"] == ["STOP"]


@pytest.mark.usefixtures("nothing_told_yet")
def test_cached_tokens_and_the_model_that_answered_are_told(
    emulator: ScalewayEmulator, langsmith: LocalLangSmith
) -> None:
    usage = Usage(prompt_tokens=1000, completion_tokens=10, cached_tokens=900)
    emulator.script(Reply("sunny", usage=usage, model="another-model"))

    with pytest.warns(UserWarning, match="another-model answered"):
        model_on(emulator, THINKING_MODEL).invoke(QUESTION, traced(langsmith))

    run = langsmith.run()
    metadata = run["extra"]["metadata"]
    assert metadata["usage_metadata"]["input_token_details"] == {"cache_read": 900}
    assert metadata["ls_model_name"] == THINKING_MODEL
    assert message_of(run)["response_metadata"]["model_name"] == "another-model"


class Weather(TypedDict):
    """The weather."""

    sky: str
    wind: NotRequired[int]


NUMBERS = {"type": "array", "items": {"type": "integer"}}


@pytest.mark.parametrize(
    ("schema", "title", "keys"),
    [
        (Person, "Person", {"name"}),
        (Weather, "Weather", {"sky", "wind"}),
        ({"title": "Numbers", **NUMBERS}, "Numbers", set()),
    ],
)
def test_schema_of_structured_output_is_told(
    emulator: ScalewayEmulator, langsmith: LocalLangSmith, schema: Any, title: str, keys: set[str]
) -> None:
    asking: Any = model_on(emulator).with_structured_output(schema)
    asking.invoke(QUESTION, traced(langsmith))

    [run] = langsmith.runs()
    found = run["extra"]["options"]["ls_structured_output_format"]
    assert found["kwargs"]["method"] == "json_schema"
    assert found["schema"]["title"] == title
    assert found["schema"].get("properties", {}).keys() == keys
    assert found["schema"].get("items") == (None if keys else NUMBERS["items"])
    bound = asking.first.kwargs["ls_structured_output_format"]
    assert bound["schema"]["name"] == title, "it is not converted anew with each call"


@pytest.mark.parametrize("call", [stream, astream])
async def test_failed_run_tells_the_error_and_what_had_come(
    emulator: ScalewayEmulator, langsmith: LocalLangSmith, call: Call
) -> None:
    emulator.script(CutStream(4))

    with pytest.raises(errors.ScalewayStreamInterruptedError):
        await call(model_on(emulator), traced(langsmith))

    run = langsmith.run()
    assert "ScalewayStreamInterruptedError" in run["error"]
    assert run["outputs"]["generations"][0][0]["text"]


def test_runs_of_an_agent(emulator: ScalewayEmulator, langsmith: LocalLangSmith) -> None:
    agent = create_agent(model_on(emulator), tools=[get_weather])

    agent.invoke({"messages": [HumanMessage(QUESTION)]}, traced(langsmith))

    calls = langsmith.runs()
    assert len(calls) == 2
    assert all(run["extra"]["metadata"]["ls_provider"] == "scaleway" for run in calls)
    [tool] = langsmith.runs("tool")
    assert tool["name"] == "get_weather"


# --- Costs ------------------------------------------------------------------------------


def test_no_costs_without_a_rate(emulator: ScalewayEmulator, langsmith: LocalLangSmith) -> None:
    """Euros where LangSmith counts dollars would be wrong by the rate between them."""
    model_on(emulator).invoke(QUESTION, traced(langsmith))

    assert "cost" not in langsmith.sent.decode()


@pytest.fixture
def with_cost() -> Callable[[dict[str, Any]], dict[str, Any]]:
    """The function on the page about tracing."""
    page = Path(__file__).parents[2] / "docs" / "tracing.md"
    code = re.search(
        r"```python\n(from langchain_scaleway.+?)```", page.read_text("utf-8"), re.DOTALL
    )
    assert code is not None
    names: dict[str, Any] = {}
    exec(code[1], names)  # noqa: S102 -- our own page
    function: Callable[[dict[str, Any]], dict[str, Any]] = names["with_cost"]
    return function


@pytest.mark.parametrize("call", [invoke, astream, stream_v3])
async def test_costs_are_told_in_dollars(
    emulator: ScalewayEmulator, call: Call, with_cost: Any
) -> None:
    model = model_on(emulator, cache=InMemoryCache())
    with LocalLangSmith(hide_metadata=with_cost) as langsmith:
        await call(model, traced(langsmith))
        await invoke(model, traced(langsmith))
        await invoke(model, traced(langsmith))

        paid, *_, free = langsmith.runs()
        usage = paid["extra"]["metadata"]["usage_metadata"]
        assert validate_extracted_usage_metadata(usage) == usage
        in_eur = usage_cost(message_of(paid)["usage_metadata"], model=PLAIN_MODEL)
        assert in_eur is not None
        assert usage["total_cost"] == pytest.approx(in_eur * 1.15)
        usage = free["extra"]["metadata"]["usage_metadata"]
        assert usage["total_cost"] == 0, "it came from the cache"


def test_client_that_is_configured_once_counts_for_all_calls(
    emulator: ScalewayEmulator, with_cost: Any
) -> None:
    with LocalLangSmith(hide_metadata=with_cost) as langsmith:
        configure(client=langsmith.client, enabled=True)
        try:
            model_on(emulator).invoke(QUESTION)
        finally:
            configure(client=None, enabled=None)

        assert langsmith.run()["extra"]["metadata"]["usage_metadata"]["total_cost"] > 0
