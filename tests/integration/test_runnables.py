"""What every Runnable can do, done with our model on the emulator."""

from typing import Any

import pytest
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.rate_limiters import InMemoryRateLimiter
from langchain_core.runnables import ConfigurableField, RunnableConfig, RunnableLambda
from langchain_core.runnables.schema import StreamEvent
from pydantic import BaseModel

from langchain_scaleway import errors
from langchain_scaleway.testing import HttpError, ReceivedRequest, ScalewayEmulator, rate_limited
from tests.support.models import PLAIN_MODEL, THINKING_MODEL, model_on
from tests.support.tools import get_weather


def asked(emulator: ScalewayEmulator, field: str) -> list[Any]:
    """A field of each request's body."""
    return [request.json.get(field) for request in emulator.requests]


# --- Other models in a model's place ----------------------------------------------------


class Booking(BaseModel):
    """A booking."""

    city: str


async def test_fallbacks(emulator: ScalewayEmulator) -> None:
    model = model_on(emulator).with_fallbacks(
        [model_on(emulator, THINKING_MODEL)],
        exceptions_to_handle=(errors.ScalewayRateLimitError,),
    )

    emulator.script(rate_limited(), "by invoke")
    assert model.invoke("Hello").text == "by invoke"
    emulator.script(rate_limited(), "by ainvoke")
    assert (await model.ainvoke("Hello")).text == "by ainvoke"
    emulator.script(rate_limited(), "by stream")
    assert "".join(chunk.text for chunk in model.stream("Hello")) == "by stream"
    emulator.script(rate_limited(), "by astream")
    assert "".join([chunk.text async for chunk in model.astream("Hello")]) == "by astream"
    assert asked(emulator, "model") == [PLAIN_MODEL, THINKING_MODEL] * 4

    emulator.script(HttpError(401))
    with pytest.raises(errors.ScalewayAuthenticationError):
        model.invoke("Hello")


def test_fallbacks_take_tools_and_schemas(emulator: ScalewayEmulator) -> None:
    """Core hands on to each model what is annotated to make a runnable."""
    both: Any = model_on(emulator).with_fallbacks([model_on(emulator, THINKING_MODEL)])
    for asking in (
        both.bind_tools([get_weather]),
        both.with_structured_output(Booking),
        both.with_structured_output(Booking, method="function_calling"),
    ):
        emulator.script(HttpError(503))
        answer = asking.invoke("What is the weather in Paris?")
        assert isinstance(answer, Booking) or answer.tool_calls[0]["name"] == "get_weather"


async def test_retry(emulator: ScalewayEmulator) -> None:
    model = model_on(emulator).with_retry(
        retry_if_exception_type=(errors.ScalewayRateLimitError, errors.ScalewayAPIError),
        stop_after_attempt=3,
        wait_exponential_jitter=False,
    )

    emulator.script(rate_limited(), HttpError(500), "at last")
    assert model.invoke("Hello").text == "at last"
    emulator.script(HttpError(401))
    with pytest.raises(errors.ScalewayAuthenticationError):
        await model.ainvoke("Hello")
    assert len(emulator.requests) == 4


async def test_configurable_alternatives(emulator: ScalewayEmulator) -> None:
    model = model_on(emulator).configurable_alternatives(
        ConfigurableField(id="model"),
        default_key="plain",
        thinking=model_on(emulator, THINKING_MODEL),
        # Made only when it is chosen.
        lazy=lambda: model_on(emulator, "gemma-4-26b-a4b-it"),
    )

    model.invoke("Hello")
    model.invoke("Hello", {"configurable": {"model": "thinking"}})
    await model.ainvoke("Hello", {"configurable": {"model": "lazy"}})

    assert asked(emulator, "model") == [PLAIN_MODEL, THINKING_MODEL, "gemma-4-26b-a4b-it"]


# --- Arguments and chains ---------------------------------------------------------------


async def test_chain_streams_from_prompt_to_parser(emulator: ScalewayEmulator) -> None:
    prompt = ChatPromptTemplate.from_messages([("system", "Be brief."), ("user", "{question}")])
    chain = prompt | model_on(emulator) | StrOutputParser()
    emulator.respond_with(lambda _: "One two three four.")

    pieces = list(chain.stream({"question": "Count."}))
    apieces = [piece async for piece in chain.astream({"question": "Count."})]

    assert pieces == apieces
    assert len([piece for piece in pieces if piece]) == 5
    assert "".join(pieces) == chain.invoke({"question": "Count."}) == "One two three four."
    assert chain.pipe(RunnableLambda(len)).invoke({"question": "Count."}) == 19


def fail_for_b(request: ReceivedRequest) -> Any:
    question = request.json["messages"][-1]["content"]
    return HttpError(503, "busy") if question == "b" else f"about {question}"


async def test_batches_tell_failures_apart(emulator: ScalewayEmulator) -> None:
    emulator.respond_with(fail_for_b)
    model = model_on(emulator)

    replies = model.batch(["a", "b", "c"], return_exceptions=True)
    areplies = await model.abatch(["a", "b", "c"], return_exceptions=True)
    for found in (replies, areplies):
        assert [getattr(reply, "text", type(reply)) for reply in found] == [
            "about a",
            errors.ScalewayAPIError,
            "about c",
        ]
    with pytest.raises(errors.ScalewayAPIError):
        model.batch(["a", "b", "c"])

    completed = dict(model.batch_as_completed(["a", "c"]))
    acompleted = {i: reply async for i, reply in model.abatch_as_completed(["a", "c"])}
    for by_index in (completed, acompleted):
        assert {i: reply.text for i, reply in by_index.items()} == {0: "about a", 1: "about c"}


async def test_batches_keep_to_max_concurrency() -> None:
    with ScalewayEmulator(latency=0.05) as emulator:
        model = model_on(emulator)
        model.batch(["Hello"] * 8, {"max_concurrency": 3})
        assert emulator.peak_concurrent_requests <= 3
        await model.abatch(["Hello"] * 8, {"max_concurrency": 3})
        assert emulator.peak_concurrent_requests <= 3


class CountingLimiter(InMemoryRateLimiter):
    """Counts what it lets through."""

    def __init__(self) -> None:
        super().__init__(requests_per_second=10_000, max_bucket_size=10_000)
        self.let_through = 0

    def acquire(self, *, blocking: bool = True) -> bool:
        self.let_through += 1
        return super().acquire(blocking=blocking)

    async def aacquire(self, *, blocking: bool = True) -> bool:
        self.let_through += 1
        return await super().aacquire(blocking=blocking)


async def test_rate_limiter_is_asked_once_for_each_call(emulator: ScalewayEmulator) -> None:
    limiter = CountingLimiter()
    model = model_on(emulator, rate_limiter=limiter)

    model.invoke("Hello")
    await model.ainvoke("Hello")
    list(model.stream("Hello"))
    _ = [chunk async for chunk in model.astream("Hello")]
    _ = model.stream_events("Hello", version="v3").output
    await (await model.astream_events("Hello", version="v3"))

    assert limiter.let_through == len(emulator.requests) == 6


# --- Streaming switched off -------------------------------------------------------------


async def test_streaming_can_be_off_for_all_or_for_tools_alone(emulator: ScalewayEmulator) -> None:
    model = model_on(emulator, disable_streaming="tool_calling")
    for each in (model, model.bind_tools([get_weather])):
        list(each.stream("What is the weather in Paris?"))
        _ = [chunk async for chunk in each.astream("What is the weather in Paris?")]
    assert asked(emulator, "stream") == [True, True, None, None]

    list(model_on(emulator, disable_streaming=True).stream("Hello"))
    list(model_on(emulator, streaming=False).stream("Hello"))
    model_on(emulator, streaming=True).invoke("Hello")
    model_on(emulator).invoke("Hello", stream=True)
    assert asked(emulator, "stream")[4:] == [None, None, True, True]


# --- Events -----------------------------------------------------------------------------


async def test_events_of_version_2(emulator: ScalewayEmulator) -> None:
    chain = ChatPromptTemplate.from_template("{question}") | model_on(emulator)
    config: RunnableConfig = {"tags": ["mine"], "metadata": {"user": "ada"}, "run_name": "asking"}

    events: list[StreamEvent] = [
        event async for event in chain.astream_events({"question": "Hi"}, config, version="v2")
    ]

    of_model = [event for event in events if event["name"] == "ChatScaleway"]
    assert of_model[0]["event"] == "on_chat_model_start"
    assert of_model[-1]["event"] == "on_chat_model_end"
    chunks = [e["data"]["chunk"] for e in of_model if e["event"] == "on_chat_model_stream"]
    whole = of_model[-1]["data"]["output"]
    assert "".join(chunk.text for chunk in chunks) == whole.text
    assert whole.usage_metadata["total_tokens"] > 0
    for event in of_model:
        assert "mine" in event["tags"]
        assert event["metadata"]["user"] == "ada"
    assert events[0]["name"] == "asking"


async def test_projections_of_version_3(emulator: ScalewayEmulator) -> None:
    model = model_on(emulator, THINKING_MODEL).bind_tools([get_weather])

    stream: Any = model.stream_events("What is the weather in Paris?", version="v3")
    assert "".join(stream.reasoning)
    assert [call["name"] for call in stream.tool_calls.get()] == ["get_weather"]
    astream: Any = await model.astream_events("Hello", version="v3")
    text = "".join([piece async for piece in astream.text])

    assert text == (await astream.output).text
