"""Streams that break: tried again until their first chunk, and never after it."""

from collections.abc import AsyncGenerator, Generator, Iterator
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from langchain_scaleway import errors
from langchain_scaleway.testing import (
    CutStream,
    Reply,
    Reset,
    ScalewayEmulator,
    ServedModel,
    Stall,
    ToolCall,
)
from tests.support.calls import STREAMING_MODES, Mode, call, impatient
from tests.support.models import THINKING_MODEL, model_on


@pytest.mark.parametrize("mode", STREAMING_MODES)
@pytest.mark.parametrize(
    "fault", [Reset(after_events=1), CutStream(1), CutStream(0), Stall(1)], ids=repr
)
def test_a_stream_is_retried_until_its_first_piece(
    fault: Any, mode: Mode, emulator: ScalewayEmulator
) -> None:
    """But once: it may be the request that the server fails on, or a timeout that was paid for."""
    lost = Reply("lost", faults=[fault])
    emulator.script(lost, "Bonjour", lost, lost, "never asked for")
    with impatient(model_on(emulator, max_retries=2, timeout=0.5)) as model:
        attempt = call(model, mode)
        assert (attempt.text, attempt.error) == ("Bonjour", None)
        assert len(emulator.requests) == 2
        assert isinstance(call(model, mode).error, errors.ScalewayError)
        assert len(emulator.requests) == 4


FIRST_PIECES = {
    "text": Reply("One two three", faults=[Reset(after_events=2)]),
    "reasoning": Reply("One", "Let me think about it", faults=[Reset(after_events=2)]),
    "a tool call": Reply(
        None, None, [ToolCall("look", {"at": "me"})], faults=[Reset(after_events=3)]
    ),
}


@pytest.mark.parametrize("mode", STREAMING_MODES)
@pytest.mark.parametrize("reply", FIRST_PIECES.values(), ids=FIRST_PIECES)
def test_a_stream_is_not_retried_afterwards(
    reply: Reply, mode: Mode, emulator: ScalewayEmulator
) -> None:
    emulator.respond_with(lambda _: reply)
    with impatient(model_on(emulator, THINKING_MODEL, max_retries=5)) as model:
        error = call(model, mode).error
    assert type(error) is errors.ScalewayStreamInterruptedError
    assert len(emulator.requests) == 1


@pytest.mark.parametrize("mode", STREAMING_MODES)
def test_the_stream_of_a_retry_is_not_retried_afterwards_either(
    mode: Mode, emulator: ScalewayEmulator
) -> None:
    begun = Reply("One two three", faults=[Reset(after_events=3)])
    emulator.script(Reply("lost", faults=[CutStream(1)]), begun, "never asked for")
    with impatient(model_on(emulator, max_retries=5)) as model:
        error = call(model, mode).error
    assert isinstance(error, errors.ScalewayStreamInterruptedError)
    assert error.partial_text == "One two"
    assert len(emulator.requests) == 2


@pytest.mark.parametrize("mode", STREAMING_MODES)
def test_reasoning_that_had_come_is_on_the_error(mode: Mode, emulator: ScalewayEmulator) -> None:
    emulator.script(Reply("One", "Let me think", faults=[Reset(after_events=3)]))
    with model_on(emulator, THINKING_MODEL) as model:
        error = call(model, mode).error
    assert isinstance(error, errors.ScalewayStreamInterruptedError)
    assert error.partial_text == ""
    assert error.partial_reasoning
    assert "Let me think".startswith(error.partial_reasoning)


BEGINS_WITHIN_A_THINK_BLOCK = ServedModel(id="deepseek/deepseek-r1-distill-llama-8b:bf16")
HELD_BACK = Reply("Two and two make four", faults=[CutStream(3)])
"""Of such a model, whose text is held back until the block's end."""


@pytest.fixture
def deepseek() -> Iterator[ScalewayEmulator]:
    """An emulator of a dedicated deployment without a reasoning parser."""
    with ScalewayEmulator(models=(BEGINS_WITHIN_A_THINK_BLOCK,)) as emulator:
        yield emulator


@pytest.mark.parametrize("mode", STREAMING_MODES)
def test_what_was_held_back_nobody_has_seen(mode: Mode, deepseek: ScalewayEmulator) -> None:
    deepseek.script(HELD_BACK, Reply("Thought.\n</think>\n\nFour"))
    with impatient(model_on(deepseek, BEGINS_WITHIN_A_THINK_BLOCK.id, max_retries=5)) as model:
        attempt = call(model, mode)
    assert (attempt.text, attempt.error) == ("\n\nFour", None)
    assert len(deepseek.requests) == 2


@pytest.mark.parametrize("mode", STREAMING_MODES)
def test_what_was_held_back_is_on_the_last_error(mode: Mode, deepseek: ScalewayEmulator) -> None:
    deepseek.respond_with(lambda _: HELD_BACK)
    with impatient(model_on(deepseek, BEGINS_WITHIN_A_THINK_BLOCK.id, max_retries=1)) as model:
        error = call(model, mode).error
    assert isinstance(error, errors.ScalewayStreamInterruptedError)
    assert error.partial_text == "Two and"
    assert len(deepseek.requests) == 2


def test_streaming_behind_invoke_is_a_stream(emulator: ScalewayEmulator) -> None:
    """Nobody has seen a piece yet, but `streaming=True` means that callbacks may have."""
    emulator.script(Reply("lost", faults=[CutStream(1)]), Reply("One two", faults=[CutStream(2)]))
    with (
        impatient(model_on(emulator, max_retries=5, streaming=True)) as model,
        pytest.raises(errors.ScalewayStreamInterruptedError) as caught,
    ):
        model.invoke("Hello")
    assert caught.value.partial_text == "One"
    assert len(emulator.requests) == 2


async def test_an_error_that_the_caller_throws_in_is_not_retried(
    emulator: ScalewayEmulator,
) -> None:
    """It may come from another model, and the first piece has been seen."""
    error = errors.ScalewayConnectionError("The caller's own.")
    async with impatient(model_on(emulator, max_retries=5)) as model:
        chunks = model._stream([HumanMessage("Hello")])
        next(chunks)
        assert isinstance(chunks, Generator)
        with pytest.raises(errors.ScalewayConnectionError, match="own"):
            chunks.throw(error)
        achunks = model._astream([HumanMessage("Hello")])
        await anext(achunks)
        assert isinstance(achunks, AsyncGenerator)
        with pytest.raises(errors.ScalewayConnectionError, match="own"):
            await achunks.athrow(error)
    assert len(emulator.requests) == 2
