"""Record and replay: what a real service answers is kept without the key, and served again."""

from pathlib import Path

import pytest

from langchain_scaleway.testing import HttpError, Reply, ScalewayEmulator, ToolCall
from tests.support.emulated import ask, client_of, message_of

KEY = "the-real-key-of-somebody"


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """A directory with recordings of three exchanges with a service, which is an emulator, too."""
    with (
        ScalewayEmulator(api_key=KEY) as service,
        ScalewayEmulator(
            api_key=KEY, upstream=service.base_url.removesuffix("/v1"), recordings=tmp_path
        ) as between,
    ):
        service.script(
            Reply("from the service", tool_calls=[ToolCall("f")]),
            "again",
            "streamed text",
            HttpError(503),
        )
        assert message_of(ask(between, "Hello"))["content"] == "from the service"
        assert message_of(ask(between, "Hello"))["content"] == "again"
        assert "streamed" in ask(between, "Stream", stream=True).text
        assert ask(between, "Fail").status_code == 503
        assert [request.status for request in between.requests] == [200, 200, 200, 503]
        with client_of(between) as client:
            wrong = {"Authorization": "Bearer wrong"}
            assert client.get("/models", headers=wrong).status_code == 403, "the service decides"
    return tmp_path


def test_recordings_are_served_again(recorded: Path) -> None:
    with ScalewayEmulator(recordings=recorded, api_key="any") as replay:
        first, second = ask(replay, "Hello"), ask(replay, "Hello")
        assert message_of(first)["content"] == "from the service"
        assert message_of(first)["tool_calls"][0]["function"]["name"] == "f"
        assert message_of(second)["content"] == "again"
        assert message_of(ask(replay, "Hello"))["content"] == "again", "the last stays"
        stream = ask(replay, "Stream", stream=True)
        assert stream.headers["content-type"].startswith("text/event-stream")
        assert stream.text.endswith("data: [DONE]\n\n")
        assert ask(replay, "Fail").status_code == 503


def test_what_was_not_recorded_fails_the_test(recorded: Path) -> None:
    replay = ScalewayEmulator(recordings=recorded).start()
    assert ask(replay, "Something else").status_code == 400
    replay.stop()
    with pytest.raises(ExceptionGroup) as caught:
        replay.verify()
    assert "No recording in" in str(caught.value.exceptions[0])


def test_no_file_holds_the_key(recorded: Path) -> None:
    files = sorted(recorded.iterdir())
    assert [file.name for file in files][:3] == [
        "0001_chat_completions.request.json",
        "0001_chat_completions.response.http",
        "0001_chat_completions.timing.json",
    ]
    assert len(files) == 15
    for file in files:
        assert KEY not in file.read_text("utf-8")
        assert "uthorization" not in file.read_text("utf-8")


def test_directory_without_recordings_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="There is no recording in"):
        ScalewayEmulator(recordings=tmp_path)
