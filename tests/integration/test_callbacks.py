"""What callback handlers are told of a call, and how often; on the emulator."""

import functools
import operator
from contextlib import suppress
from itertools import groupby
from typing import Any

import pytest
from langchain_core.callbacks import (
    AsyncCallbackHandler,
    BaseCallbackHandler,
    get_usage_metadata_callback,
)
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk, LLMResult
from langchain_core.runnables import RunnableConfig

from langchain_scaleway import ChatScaleway, errors
from langchain_scaleway.testing import CutStream, HttpError, ScalewayEmulator
from tests.support.calls import impatient
from tests.support.models import PLAIN_MODEL, THINKING_MODEL, model_on

QUESTION = "What is the weather in Paris?"


class Notes(BaseCallbackHandler):
    """Notes what it is told."""

    raise_error = True

    def __init__(self) -> None:
        self.events: list[str] = []
        self.tokens: list[Any] = []
        self.chunks: list[AIMessageChunk] = []
        self.metadata: dict[str, Any] = {}
        self.results: list[LLMResult] = []

    def on_chat_model_start(self, *_: Any, **kwargs: Any) -> None:
        self.events.append("start")
        self.metadata = kwargs.get("metadata") or {}

    def on_llm_new_token(self, token: Any, *, chunk: Any = None, **_: Any) -> None:
        assert isinstance(chunk, ChatGenerationChunk)
        assert isinstance(chunk.message, AIMessageChunk)
        self.events.append("token")
        self.tokens.append(token)
        self.chunks.append(chunk.message)

    def on_llm_end(self, response: LLMResult, **_: Any) -> None:
        self.events.append("end")
        self.results.append(response)

    def on_llm_error(self, error: BaseException, **_: Any) -> None:
        self.events.append(type(error).__name__)

    def on_retry(self, retry_state: Any, **_: Any) -> None:
        self.events.append("retry")

    @property
    def order(self) -> list[str]:
        """The kinds of events, each run of equal ones as one."""
        return [kind for kind, _ in groupby(self.events)]


class AsyncHandler(AsyncCallbackHandler):
    """The same in coroutines."""

    raise_error = True

    def __init__(self) -> None:
        self.notes = Notes()

    async def on_chat_model_start(self, *args: Any, **kwargs: Any) -> None:
        self.notes.on_chat_model_start(*args, **kwargs)

    async def on_llm_new_token(self, *args: Any, **kwargs: Any) -> None:
        self.notes.on_llm_new_token(*args, **kwargs)

    async def on_llm_end(self, *args: Any, **kwargs: Any) -> None:
        self.notes.on_llm_end(*args, **kwargs)

    async def on_llm_error(self, *args: Any, **kwargs: Any) -> None:
        self.notes.on_llm_error(*args, **kwargs)

    async def on_retry(self, *args: Any, **kwargs: Any) -> None:
        self.notes.on_retry(*args, **kwargs)


async def told(model: ChatScaleway, *steps: Any, emulator: ScalewayEmulator) -> list[Notes]:
    """What the handlers of a call hear, and those of an asynchronous one; each gets the steps."""
    handler, ahandler = Notes(), AsyncHandler()
    emulator.script(*steps)
    with suppress(errors.ScalewayError):
        model.invoke(QUESTION, {"callbacks": [handler]})
    emulator.script(*steps)
    with suppress(errors.ScalewayError):
        await model.ainvoke(QUESTION, {"callbacks": [ahandler]})
    return [handler, ahandler.notes]


def added(chunks: list[AIMessageChunk]) -> AIMessageChunk:
    return functools.reduce(operator.add, chunks)


# --- Tokens -----------------------------------------------------------------------------


@pytest.mark.parametrize("output_version", ["v0", "v1"])
@pytest.mark.parametrize("model_name", [PLAIN_MODEL, THINKING_MODEL])
async def test_each_chunk_of_a_stream_is_told_once(
    emulator: ScalewayEmulator, output_version: str, model_name: str
) -> None:
    model = model_on(emulator, model_name, output_version=output_version)
    handler, ahandler = Notes(), AsyncHandler()

    chunks = list(model.stream(QUESTION, {"callbacks": [handler]}))
    achunks = [chunk async for chunk in model.astream(QUESTION, {"callbacks": [ahandler]})]

    for notes, received in ((handler, chunks), (ahandler.notes, achunks)):
        assert notes.order == ["start", "token", "end"]
        assert notes.events.count("token") == len(received)
        assert [chunk.content for chunk in notes.chunks] == [chunk.content for chunk in received]
        assert notes.tokens == [chunk.content for chunk in received]
        [[generation]] = notes.results[0].generations
        assert generation.text == "".join(chunk.text for chunk in received)


@pytest.mark.parametrize("output_version", ["v0", "v1"])
async def test_each_chunk_of_a_streamed_invoke_is_told_once(
    emulator: ScalewayEmulator, output_version: str
) -> None:
    model = model_on(emulator, THINKING_MODEL, streaming=True, output_version=output_version)
    handler, ahandler = Notes(), AsyncHandler()

    reply = model.invoke(QUESTION, {"callbacks": [handler]})
    areply = await model.ainvoke(QUESTION, {"callbacks": [ahandler]})

    for notes, received in ((handler, reply), (ahandler.notes, areply)):
        assert notes.order == ["start", "token", "end"]
        whole = added(notes.chunks)
        assert whole.text == received.text
        assert whole.usage_metadata == received.usage_metadata
        assert [chunk.chunk_position for chunk in notes.chunks].count("last") == 1


async def test_events_of_version_3_are_no_tokens(emulator: ScalewayEmulator) -> None:
    """Whoever streams events is told events; tokens on top would tell everything twice."""
    handler, ahandler = Notes(), AsyncHandler()
    config: RunnableConfig = {"callbacks": [handler]}
    aconfig: RunnableConfig = {"callbacks": [ahandler]}

    _ = model_on(emulator).stream_events(QUESTION, config, version="v3").output
    await (await model_on(emulator).astream_events(QUESTION, aconfig, version="v3"))

    assert handler.events == ahandler.notes.events == ["start", "end"]


# --- Failures and retries ---------------------------------------------------------------


CALLS: dict[str, tuple[list[Any], list[str]]] = {
    "answered": ([], ["start", "end"]),
    "failed": ([HttpError(401)], ["start", "ScalewayAuthenticationError"]),
    "retried": ([HttpError(503), HttpError(503), "at last"], ["start", "retry", "retry", "end"]),
}


@pytest.mark.parametrize(("steps", "events"), CALLS.values(), ids=CALLS)
async def test_plain_invoke_tells_start_retries_and_end(
    emulator: ScalewayEmulator, steps: list[Any], events: list[str]
) -> None:
    model = impatient(model_on(emulator, max_retries=2))
    for notes in await told(model, *steps, emulator=emulator):
        assert notes.events == events


def test_cut_stream_is_told_after_its_tokens(emulator: ScalewayEmulator) -> None:
    handler = Notes()

    emulator.script(CutStream(3))
    with pytest.raises(errors.ScalewayStreamInterruptedError):
        list(model_on(emulator).stream(QUESTION, {"callbacks": [handler]}))

    assert handler.order == ["start", "token", "ScalewayStreamInterruptedError"]


# --- Usage and metadata -----------------------------------------------------------------


async def test_usage_is_counted_once_for_each_call(emulator: ScalewayEmulator) -> None:
    plain, thinking = model_on(emulator), model_on(emulator, THINKING_MODEL)

    with get_usage_metadata_callback() as usage:
        replies: list[AIMessage] = [
            plain.invoke(QUESTION),
            await plain.ainvoke(QUESTION),
            added(list(plain.stream(QUESTION))),
            added([chunk async for chunk in plain.astream(QUESTION)]),
            plain.stream_events(QUESTION, version="v3").output,
            await (await plain.astream_events(QUESTION, version="v3")),
        ]
        thought = thinking.invoke(QUESTION)

    totals = [reply.usage_metadata["total_tokens"] for reply in replies if reply.usage_metadata]
    assert len(set(totals)) == 1
    assert usage.usage_metadata[PLAIN_MODEL]["total_tokens"] == sum(totals) == 6 * totals[0]
    assert thought.usage_metadata is not None
    counted = usage.usage_metadata[THINKING_MODEL]
    assert counted["total_tokens"] == thought.usage_metadata["total_tokens"]


def test_metadata_tells_versions_and_what_the_caller_added(emulator: ScalewayEmulator) -> None:
    of_model, of_call = Notes(), Notes()
    model = ChatScaleway(
        model=PLAIN_MODEL,
        base_url=emulator.base_url,
        api_key=emulator.api_key,
        callbacks=[of_model],
        metadata={"team": "blue"},
        tags=["always"],
    )

    model.invoke(QUESTION, {"callbacks": [of_call], "metadata": {"user": "ada"}, "tags": ["now"]})

    for notes in (of_model, of_call):
        assert notes.events == ["start", "end"]
        assert notes.metadata["team"] == "blue"
        assert notes.metadata["user"] == "ada"
        assert "langchain-scaleway" in notes.metadata["lc_versions"]
