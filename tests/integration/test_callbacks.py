"""What callback handlers are told of a call, and how often; on the emulator."""

import functools
import operator
from typing import Any
from uuid import UUID

import pytest
from langchain_core.callbacks import (
    AsyncCallbackHandler,
    BaseCallbackHandler,
    get_usage_metadata_callback,
)
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, LLMResult
from langchain_core.runnables import RunnableConfig

from langchain_scaleway import ChatScaleway, errors
from langchain_scaleway.testing import CutStream, HttpError, ScalewayEmulator
from tests.support.models import PLAIN_MODEL, THINKING_MODEL, model_on

QUESTION = "What is the weather in Paris?"


class Notes:
    """What handlers have noted."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.tokens: list[Any] = []
        self.chunks: list[AIMessageChunk] = []
        self.metadata: dict[str, Any] = {}
        self.results: list[LLMResult] = []

    def start(self, **kwargs: Any) -> None:
        self.events.append("start")
        self.metadata = kwargs.get("metadata") or {}

    def token(self, token: Any, chunk: Any) -> None:
        assert isinstance(chunk, ChatGenerationChunk)
        assert isinstance(chunk.message, AIMessageChunk)
        self.events.append("token")
        self.tokens.append(token)
        self.chunks.append(chunk.message)

    def end(self, result: LLMResult) -> None:
        self.events.append("end")
        self.results.append(result)

    @property
    def order(self) -> list[str]:
        """The kinds of events, each run of equal ones as one."""
        return [
            kind
            for kind, before in zip(self.events, [None, *self.events], strict=False)
            if kind != before
        ]


class Handler(BaseCallbackHandler):
    """Notes what it is told."""

    raise_error = True

    def __init__(self) -> None:
        self.notes = Notes()

    def on_chat_model_start(
        self,
        serialized: dict[str, Any],
        messages: list[list[BaseMessage]],
        *,
        run_id: UUID,
        **kwargs: Any,
    ) -> None:
        self.notes.start(**kwargs)

    def on_llm_new_token(self, token: Any, *, chunk: Any = None, **_: Any) -> None:
        self.notes.token(token, chunk)

    def on_llm_end(self, response: LLMResult, **_: Any) -> None:
        self.notes.end(response)

    def on_llm_error(self, error: BaseException, **_: Any) -> None:
        self.notes.events.append(type(error).__name__)

    def on_retry(self, retry_state: Any, **_: Any) -> None:
        self.notes.events.append("retry")


class AsyncHandler(AsyncCallbackHandler):
    """The same in coroutines."""

    raise_error = True

    def __init__(self) -> None:
        self.notes = Notes()

    async def on_chat_model_start(
        self,
        serialized: dict[str, Any],
        messages: list[list[BaseMessage]],
        *,
        run_id: UUID,
        **kwargs: Any,
    ) -> None:
        self.notes.start(**kwargs)

    async def on_llm_new_token(self, token: Any, *, chunk: Any = None, **_: Any) -> None:
        self.notes.token(token, chunk)

    async def on_llm_end(self, response: LLMResult, **_: Any) -> None:
        self.notes.end(response)

    async def on_llm_error(self, error: BaseException, **_: Any) -> None:
        self.notes.events.append(type(error).__name__)

    async def on_retry(self, retry_state: Any, **_: Any) -> None:
        self.notes.events.append("retry")


def added(chunks: list[AIMessageChunk]) -> AIMessageChunk:
    return functools.reduce(operator.add, chunks)


# --- Tokens -----------------------------------------------------------------------------


@pytest.mark.parametrize("output_version", ["v0", "v1"])
@pytest.mark.parametrize("model_name", [PLAIN_MODEL, THINKING_MODEL])
async def test_each_chunk_of_a_stream_is_told_once(
    emulator: ScalewayEmulator, output_version: str, model_name: str
) -> None:
    model = model_on(emulator, model_name, output_version=output_version)
    handler, ahandler = Handler(), AsyncHandler()

    chunks = list(model.stream(QUESTION, {"callbacks": [handler]}))
    achunks = [chunk async for chunk in model.astream(QUESTION, {"callbacks": [ahandler]})]

    for notes, received in ((handler.notes, chunks), (ahandler.notes, achunks)):
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
    handler, ahandler = Handler(), AsyncHandler()

    reply = model.invoke(QUESTION, {"callbacks": [handler]})
    areply = await model.ainvoke(QUESTION, {"callbacks": [ahandler]})

    for notes, received in ((handler.notes, reply), (ahandler.notes, areply)):
        assert notes.order == ["start", "token", "end"]
        whole = added(notes.chunks)
        assert whole.text == received.text
        assert whole.usage_metadata == received.usage_metadata
        assert [chunk.chunk_position for chunk in notes.chunks].count("last") == 1


async def test_plain_invoke_tells_no_tokens(emulator: ScalewayEmulator) -> None:
    handler, ahandler = Handler(), AsyncHandler()

    model_on(emulator).invoke(QUESTION, {"callbacks": [handler]})
    await model_on(emulator).ainvoke(QUESTION, {"callbacks": [ahandler]})

    assert handler.notes.events == ahandler.notes.events == ["start", "end"]


async def test_events_of_version_3_are_no_tokens(emulator: ScalewayEmulator) -> None:
    """Whoever streams events is told events; tokens on top would tell everything twice."""
    handler, ahandler = Handler(), AsyncHandler()
    config: RunnableConfig = {"callbacks": [handler]}
    aconfig: RunnableConfig = {"callbacks": [ahandler]}

    _ = model_on(emulator).stream_events(QUESTION, config, version="v3").output
    await (await model_on(emulator).astream_events(QUESTION, aconfig, version="v3"))

    assert handler.notes.events == ahandler.notes.events == ["start", "end"]


# --- Failures and retries ---------------------------------------------------------------


async def test_failure_is_told_once(emulator: ScalewayEmulator) -> None:
    handler, ahandler = Handler(), AsyncHandler()
    model = model_on(emulator)

    emulator.script(HttpError(503), HttpError(503))
    with pytest.raises(errors.ScalewayAPIError):
        model.invoke(QUESTION, {"callbacks": [handler]})
    with pytest.raises(errors.ScalewayAPIError):
        await model.ainvoke(QUESTION, {"callbacks": [ahandler]})

    assert handler.notes.events == ahandler.notes.events == ["start", "ScalewayAPIError"]


def test_cut_stream_is_told_after_its_tokens(emulator: ScalewayEmulator) -> None:
    handler = Handler()

    emulator.script(CutStream(3))
    with pytest.raises(errors.ScalewayStreamInterruptedError):
        list(model_on(emulator).stream(QUESTION, {"callbacks": [handler]}))

    assert handler.notes.order == ["start", "token", "ScalewayStreamInterruptedError"]


async def test_each_retry_is_told(emulator: ScalewayEmulator) -> None:
    model = model_on(emulator, max_retries=2)
    handler, ahandler = Handler(), AsyncHandler()

    emulator.script(HttpError(503), HttpError(503), "at last")
    model.invoke(QUESTION, {"callbacks": [handler]})
    emulator.script(HttpError(503), HttpError(503), "at last")
    await model.ainvoke(QUESTION, {"callbacks": [ahandler]})

    assert handler.notes.events == ahandler.notes.events == ["start", "retry", "retry", "end"]


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
    of_model, of_call = Handler(), Handler()
    model = ChatScaleway(
        model=PLAIN_MODEL,
        base_url=emulator.base_url,
        api_key=emulator.api_key,
        callbacks=[of_model],
        metadata={"team": "blue"},
        tags=["always"],
    )

    model.invoke(QUESTION, {"callbacks": [of_call], "metadata": {"user": "ada"}, "tags": ["now"]})

    for notes in (of_model.notes, of_call.notes):
        assert notes.events == ["start", "end"]
        assert notes.metadata["team"] == "blue"
        assert notes.metadata["user"] == "ada"
        assert "langchain-scaleway" in notes.metadata["lc_versions"]
