"""Every recorded chat answer through the real client, over a real connection.

What should come out is worked out from the recording in `tests.support.outcomes`, which
`test_recording_reader.py` anchors by hand.
"""

import functools
import operator
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import AIMessageChunk

from langchain_scaleway import ChatScaleway
from langchain_scaleway.errors import ScalewayError, ScalewayStreamInterruptedError
from tests.support.outcomes import ExpectedError, expected_error, expected_outcome, outcome_of
from tests.support.recordings import FOLDERS, Recording, all_recordings, distinct_recordings
from tests.support.replay import Pace, ReplayServer
from tests.support.versions import PROMPT, every_call, streamed_versions, whole_versions
from tests.unit.conftest import ModelFactory

Replay = Callable[..., ChatScaleway]

CHATS = [recording for recording in all_recordings() if recording.is_chat]
DISTINCT = distinct_recordings()


def one_of_each(
    *, is_error: bool = False, is_streamed: bool, is_whole: bool = True
) -> pytest.MarkDecorator:
    """A test for one recording of each shape."""
    found = [
        recording
        for recording in DISTINCT
        if (recording.status != 200) == is_error
        and recording.is_streamed == is_streamed
        and recording.is_whole == is_whole
    ]
    return pytest.mark.parametrize("recording", found, ids=str)


@pytest.fixture
def replay(replay_server: ReplayServer, model_at: ModelFactory) -> Replay:
    """Makes a model that sends what the recorder sent, and is answered with the recording."""

    def make(recording: Recording, pace: Pace = Pace.AT_ONCE, **fields: Any) -> ChatScaleway:
        if recording.status == 200 and not recording.case.startswith("err_"):
            sent = recording.request["body"]
            fields["max_tokens"] = sent.get("max_tokens")
            fields["extra_body"] = {k: sent[k] for k in ("tools", "tool_choice") if k in sent}
        base_url = replay_server.base_url(recording, pace)
        return model_at(base_url, recording.requested_model, **fields)

    return make


# --- All of them, by one method ---------------------------------------------------------


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_recorded_answer_is_read(
    folder: str, replay: Replay, subtests: pytest.Subtests
) -> None:
    recordings = [chat for chat in CHATS if chat.folder == folder]
    assert recordings
    for recording in recordings:
        with subtests.test(str(recording)):
            if recording.status != 200:
                with pytest.raises(ScalewayError) as caught:
                    replay(recording).invoke(PROMPT)
                check_error(caught.value, recording)
            elif not recording.is_whole:
                with pytest.raises(ScalewayStreamInterruptedError) as interrupted:
                    replay(recording, streaming=True).invoke(PROMPT)
                check_cut(interrupted.value, recording)
            else:
                message = replay(recording, streaming=recording.is_streamed).invoke(PROMPT)
                assert message.id
                assert outcome_of(message) == expected_outcome(recording)


# --- Each shape, by every method, in every version and at every pace --------------------


@one_of_each(is_streamed=False)
async def test_a_whole_reply_is_the_same_in_every_version(
    recording: Recording, replay: Replay
) -> None:
    expected = expected_outcome(recording)
    for version, message in (await whole_versions(functools.partial(replay, recording))).items():
        assert outcome_of(message) == expected, version
        # Core's `message_to_events` adds `invalid_tool_calls` to the blocks of a whole message;
        # if they were among them already, each would come twice.
        kinds = [block["type"] for block in message.content_blocks]
        assert "invalid_tool_call" not in kinds, version


@one_of_each(is_streamed=True)
async def test_a_stream_is_the_same_in_every_version(recording: Recording, replay: Replay) -> None:
    expected = expected_outcome(recording)
    make_model = functools.partial(replay, recording)
    for version, message in (await streamed_versions(make_model)).items():
        assert outcome_of(message) == expected, version


@pytest.mark.parametrize("pace", [Pace.BYTE_BY_BYTE, Pace.AS_RECEIVED])
@one_of_each(is_streamed=True)
async def test_a_stream_is_the_same_at_every_pace(
    recording: Recording, pace: Pace, replay: Replay
) -> None:
    model = replay(recording, pace)
    *chunks, last = model.stream(PROMPT)
    assert last.chunk_position == "last"
    assert last.response_metadata == expected_outcome(recording).metadata
    for chunk in chunks:
        assert chunk.chunk_position is None
        assert chunk.usage_metadata is None
        assert chunk.response_metadata == {"model_provider": "scaleway"}
    assert [chunk.content async for chunk in model.astream(PROMPT)][:-1] == [
        chunk.content for chunk in chunks
    ]


@one_of_each(is_error=True, is_streamed=False)
async def test_an_error_is_the_same_by_every_method(recording: Recording, replay: Replay) -> None:
    for ask in every_call(functools.partial(replay, recording)).values():
        with pytest.raises(ScalewayError) as caught:
            await ask()
        check_error(caught.value, recording)


@one_of_each(is_streamed=True, is_whole=False)
async def test_a_stream_that_was_cut_is_an_error_by_every_method(
    recording: Recording, replay: Replay
) -> None:
    calls = every_call(functools.partial(replay, recording))
    for method in ("stream", "astream", "streaming invoke", "streaming ainvoke"):
        with pytest.raises(ScalewayStreamInterruptedError) as caught:
            await calls[method]()
        check_cut(caught.value, recording)


def test_what_came_before_a_cut_was_given(replay: Replay) -> None:
    for recording in (chat for chat in CHATS if not chat.is_whole):
        chunks: list[AIMessageChunk] = []
        with pytest.raises(ScalewayStreamInterruptedError):
            chunks.extend(replay(recording).stream(PROMPT))
        said = functools.reduce(operator.add, chunks).content
        assert said == expected_outcome(recording).content
        assert all(chunk.chunk_position is None for chunk in chunks)


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


def check_cut(error: ScalewayStreamInterruptedError, recording: Recording) -> None:
    assert error.partial_text == expected_outcome(recording).content
    assert error.partial_reasoning == ""
    assert error.model == recording.requested_model
    assert recording.requested_model in str(error)
