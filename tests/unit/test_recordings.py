"""Every recorded chat answer through the real client, over a real connection.

What should come out is worked out from the recording in `tests.support.outcomes`, which
`test_recording_reader.py` anchors by hand.
"""

import functools
import operator
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk

from langchain_scaleway import ChatScaleway
from langchain_scaleway.errors import ScalewayError, ScalewayStreamInterruptedError
from tests.support.outcomes import (
    CUT_OFF_CALLS,
    ExpectedError,
    Outcome,
    expected_error,
    expected_outcome,
    outcome_of,
)
from tests.support.recordings import LLAMACPP, VLLM_QWEN, VLLM_SMOLLM, Recording, all_recordings
from tests.support.replay import Pace, ReplayServer
from tests.unit.conftest import ModelFactory

PROMPT = "What is the capital of France?"

Replay = Callable[..., ChatScaleway]

NO_CHAT = {
    "audio_transcriptions": "transcription",
    "completions_legacy": "completions before chat",
    "embeddings": "embeddings",
    "err_method_not_allowed": "a GET on the chat endpoint",
    "err_models_no_auth": "the list of models",
    "err_unknown_path": "no endpoint at all",
    "models_list": "the list of models",
    "models_retrieve": "the list of models",
    "rerank": "reranking",
    "vx_health": "vLLM's health check",
    "vx_responses": "OpenAI's Responses API",
    "vx_responses_stream": "OpenAI's Responses API",
    "vx_tokenize": "vLLM's tokenizer",
    "vx_version": "vLLM's version",
}
"""Recordings that ask no chat completion, and what they ask."""

ACCEPTED = {
    VLLM_QWEN: {
        "err_bad_role",
        "err_tool_calls_bad_arguments",
        "err_tool_message_without_id",
    },
    VLLM_SMOLLM: {
        "err_bad_role",
        "err_context_sum_overflow",
        "err_tool_calls_bad_arguments",
        "err_tool_message_without_id",
    },
    LLAMACPP: {
        "err_bad_role",
        "err_max_tokens_negative",
        "err_max_tokens_too_large",
        "err_max_tokens_zero",
        "err_reasoning_effort_bad",
        "err_response_format_no_schema",
        "err_stream_options_without_stream",
        "err_temperature_range",
        "err_tool_choice_unknown_name",
        "err_tool_choice_without_tools",
        "err_tool_message_without_id",
        "err_top_logprobs_too_many",
        "err_top_p_range",
        "err_unknown_model",
        "err_unknown_model_stream",
        "err_wrong_content_type",
    },
}
"""Requests with a mistake in them that the server answered all the same."""

CHATS = [recording for recording in all_recordings() if recording.case not in NO_CHAT]
ERRORS = [recording for recording in CHATS if recording.status != 200]
WHOLE = [r for r in CHATS if r.status == 200 and not r.is_streamed]
STREAMED = [r for r in CHATS if r.status == 200 and r.is_streamed and r.is_whole]
CUT = [recording for recording in CHATS if not recording.is_whole]


def expected_sum(recording: Recording) -> Outcome:
    """What the chunks of a recorded stream should add up to.

    Core completes JSON that breaks off when it adds chunks up, and would take a call that was
    cut off for a whole one. A bracket that core cannot repair is put behind it, so that it is
    as invalid as in the recording's whole reply.
    """
    expected = expected_outcome(recording)
    if recording not in CUT_OFF_CALLS:
        return expected
    [(name, arguments, call_id)] = expected.invalid_calls
    return replace(expected, invalid_calls=[(name, arguments + "]", call_id)])


def test_every_recording_has_its_place() -> None:
    assert {r for r in all_recordings() if not r.is_chat} == {
        r for r in all_recordings() if r.case in NO_CHAT
    }
    assert len(ERRORS) + len(WHOLE) + len(STREAMED) + len(CUT) == len(CHATS)
    assert len(all_recordings()) == 348
    assert len(CHATS) == 316


def test_bad_requests_that_were_accepted() -> None:
    found: dict[str, set[str]] = {VLLM_QWEN: set(), VLLM_SMOLLM: set(), LLAMACPP: set()}
    for recording in CHATS:
        if recording.case.startswith("err_") and recording.status == 200:
            found[recording.folder].add(recording.case)
    assert found == ACCEPTED


@pytest.fixture
def replay(replay_server: ReplayServer, model_at: ModelFactory) -> Replay:
    """Makes a model that is answered with a recording."""

    def make(recording: Recording, pace: Pace = Pace.AT_ONCE, **fields: Any) -> ChatScaleway:
        base_url = replay_server.base_url(recording, pace)
        return model_at(base_url, recording.requested_model, **fields)

    return make


def aggregate(chunks: Iterable[AIMessageChunk]) -> AIMessageChunk:
    return functools.reduce(operator.add, chunks)


async def collect(stream: AsyncIterator[AIMessageChunk], chunks: list[AIMessageChunk]) -> None:
    """Keep the chunks of a stream, also of one that raises in the end."""
    async for chunk in stream:
        chunks.append(chunk)  # noqa: PERF401 -- a comprehension would keep none of them


def finished(message: AIMessage) -> Outcome:
    """What a message says, once it has been seen to have an id."""
    assert message.id
    return outcome_of(message)


@pytest.mark.parametrize("recording", WHOLE, ids=str)
class TestWholeReplies:
    def test_invoke(self, recording: Recording, replay: Replay) -> None:
        assert finished(replay(recording).invoke(PROMPT)) == expected_outcome(recording)

    async def test_ainvoke(self, recording: Recording, replay: Replay) -> None:
        message = await replay(recording).ainvoke(PROMPT)
        assert finished(message) == expected_outcome(recording)


@pytest.mark.parametrize("recording", STREAMED, ids=str)
class TestStreams:
    @pytest.mark.parametrize("pace", Pace)
    def test_stream(self, recording: Recording, pace: Pace, replay: Replay) -> None:
        chunks = list(replay(recording, pace).stream(PROMPT))
        assert finished(aggregate(chunks)) == expected_sum(recording)

    @pytest.mark.parametrize("pace", [Pace.AT_ONCE, Pace.AS_RECEIVED])
    async def test_astream(self, recording: Recording, pace: Pace, replay: Replay) -> None:
        chunks = [chunk async for chunk in replay(recording, pace).astream(PROMPT)]
        assert finished(aggregate(chunks)) == expected_sum(recording)

    def test_streamed_invoke(self, recording: Recording, replay: Replay) -> None:
        message = replay(recording, streaming=True).invoke(PROMPT)
        assert finished(message) == expected_sum(recording)

    async def test_streamed_ainvoke(self, recording: Recording, replay: Replay) -> None:
        message = await replay(recording, streaming=True).ainvoke(PROMPT)
        assert finished(message) == expected_sum(recording)

    def test_metadata_stand_on_the_last_chunk_alone(
        self, recording: Recording, replay: Replay
    ) -> None:
        *chunks, last = replay(recording).stream(PROMPT)
        assert last.chunk_position == "last"
        assert last.response_metadata == expected_outcome(recording).metadata
        for chunk in chunks:
            assert chunk.chunk_position is None
            assert chunk.usage_metadata is None
            assert chunk.response_metadata == {"model_provider": "scaleway"}


def check_error(error: ScalewayError, recording: Recording) -> None:
    expected = expected_error(recording)
    assert error.response is not None
    assert error.response.status_code == expected.status
    assert error.response.json() == expected.body
    assert expected.message.strip() in str(error)
    assert recording.requested_model in str(error)
    assert error.model == recording.requested_model
    assert "sk-local-test" not in f"{error}{error!r}{vars(error)}"
    found = ExpectedError(
        error_class=type(error),
        status=error.status_code or 0,
        code=error.code,
        type=error.type,
        param=error.param,
        message=expected.message,
        body=error.body,
    )
    assert found == expected


@pytest.mark.parametrize("recording", ERRORS, ids=str)
class TestErrors:
    def test_invoke(self, recording: Recording, replay: Replay) -> None:
        with pytest.raises(ScalewayError) as caught:
            replay(recording).invoke(PROMPT)
        check_error(caught.value, recording)

    async def test_ainvoke(self, recording: Recording, replay: Replay) -> None:
        with pytest.raises(ScalewayError) as caught:
            await replay(recording).ainvoke(PROMPT)
        check_error(caught.value, recording)

    def test_stream(self, recording: Recording, replay: Replay) -> None:
        with pytest.raises(ScalewayError) as caught:
            list(replay(recording).stream(PROMPT))
        check_error(caught.value, recording)

    async def test_astream(self, recording: Recording, replay: Replay) -> None:
        with pytest.raises(ScalewayError) as caught:
            [chunk async for chunk in replay(recording).astream(PROMPT)]
        check_error(caught.value, recording)


def check_cut(error: ScalewayStreamInterruptedError, recording: Recording) -> None:
    assert error.partial_text == expected_outcome(recording).content
    assert error.partial_reasoning == ""
    assert error.model == recording.requested_model
    assert recording.requested_model in str(error)


@pytest.mark.parametrize("recording", CUT, ids=str)
class TestCutStreams:
    def test_stream(self, recording: Recording, replay: Replay) -> None:
        chunks: list[AIMessageChunk] = []
        with pytest.raises(ScalewayStreamInterruptedError) as caught:
            chunks.extend(replay(recording).stream(PROMPT))
        check_cut(caught.value, recording)
        assert aggregate(chunks).content == expected_outcome(recording).content
        assert all(chunk.chunk_position is None for chunk in chunks)

    async def test_astream(self, recording: Recording, replay: Replay) -> None:
        chunks: list[AIMessageChunk] = []
        with pytest.raises(ScalewayStreamInterruptedError) as caught:
            await collect(replay(recording).astream(PROMPT), chunks)
        check_cut(caught.value, recording)
        assert aggregate(chunks).content == expected_outcome(recording).content

    def test_streamed_invoke(self, recording: Recording, replay: Replay) -> None:
        with pytest.raises(ScalewayStreamInterruptedError) as caught:
            replay(recording, streaming=True).invoke(PROMPT)
        check_cut(caught.value, recording)

    async def test_streamed_ainvoke(self, recording: Recording, replay: Replay) -> None:
        with pytest.raises(ScalewayStreamInterruptedError) as caught:
            await replay(recording, streaming=True).ainvoke(PROMPT)
        check_cut(caught.value, recording)
