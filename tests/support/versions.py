"""One answer by every method and in every version in which LangChain hands it on."""

import functools
import operator
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from langchain_core.messages import AIMessage

from langchain_scaleway import ChatScaleway

PROMPT = "What is the capital of France?"

MakeModel = Callable[..., ChatScaleway]
"""Makes a model that is asked for one answer, with further fields."""


async def streamed_versions(make_model: MakeModel) -> Mapping[str, AIMessage]:
    """The messages that a streamed answer comes to: v0, v1 and v3, sync and async."""
    v0, v1 = make_model(), make_model(output_version="v1")
    streaming_v0 = make_model(streaming=True)
    streaming_v1 = make_model(streaming=True, output_version="v1")
    return {
        "stream": _stream(v0),
        "astream": await _astream(v0),
        "stream, v1": _stream(v1),
        "astream, v1": await _astream(v1),
        "streaming invoke": streaming_v0.invoke(PROMPT),
        "streaming ainvoke": await streaming_v0.ainvoke(PROMPT),
        "streaming invoke, v1": streaming_v1.invoke(PROMPT),
        "streaming ainvoke, v1": await streaming_v1.ainvoke(PROMPT),
        "stream_events, v3": v0.stream_events(PROMPT, version="v3").output,
        "astream_events, v3": await (await v0.astream_events(PROMPT, version="v3")),
    }


async def whole_versions(make_model: MakeModel) -> Mapping[str, AIMessage]:
    """The messages that a whole answer comes to: v0 and v1, sync and async."""
    v0, v1 = make_model(), make_model(output_version="v1")
    return {
        "invoke": v0.invoke(PROMPT),
        "ainvoke": await v0.ainvoke(PROMPT),
        "invoke, v1": v1.invoke(PROMPT),
        "ainvoke, v1": await v1.ainvoke(PROMPT),
    }


def every_call(make_model: MakeModel) -> Mapping[str, Callable[[], Awaitable[Any]]]:
    """Every method of asking, to be called; for answers that are errors."""
    v0, streaming = make_model(), make_model(streaming=True)

    async def invoke() -> AIMessage:
        return v0.invoke(PROMPT)

    async def stream() -> AIMessage:
        return _stream(v0)

    async def streaming_invoke() -> AIMessage:
        return streaming.invoke(PROMPT)

    return {
        "invoke": invoke,
        "ainvoke": lambda: v0.ainvoke(PROMPT),
        "stream": stream,
        "astream": lambda: _astream(v0),
        "streaming invoke": streaming_invoke,
        "streaming ainvoke": lambda: streaming.ainvoke(PROMPT),
    }


def _stream(model: ChatScaleway) -> AIMessage:
    return functools.reduce(operator.add, list(model.stream(PROMPT)))


async def _astream(model: ChatScaleway) -> AIMessage:
    return functools.reduce(operator.add, [chunk async for chunk in model.astream(PROMPT)])
