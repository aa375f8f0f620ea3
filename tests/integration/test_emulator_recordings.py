"""Record and replay: what a real service answers is kept without the key, and served again."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from langchain_scaleway.testing import (
    CutStream,
    EmptyAnswer,
    HttpError,
    RawReply,
    Reply,
    ScalewayEmulator,
    ToolCall,
)
from tests.support.emulated import ask, body_of, client_of, message_of, send
from tests.support.recordings import VLLM_QWEN, recordings_of

ROOT = Path(__file__).parents[2]
KEY = "the-real-key-of-somebody"


def between(service: ScalewayEmulator, directory: Path) -> ScalewayEmulator:
    """An emulator that hands requests on to a service, which is an emulator, too."""
    return ScalewayEmulator(api_key=KEY, upstream=service.base_url, recordings=directory)


def transcribe(emulator: ScalewayEmulator, name: str) -> httpx.Response:
    with client_of(emulator) as client:
        return client.post(
            "/audio/transcriptions",
            data={"model": "whisper-large-v3"},
            files={"file": (f"{name}.wav", name.encode())},
        )


def respond(emulator: ScalewayEmulator) -> httpx.Response:
    with client_of(emulator) as client:
        body = {"model": "gpt-oss-120b", "input": "Hello", "stream": True}
        return client.post("/responses", json=body)


def embed(emulator: ScalewayEmulator) -> httpx.Response:
    with client_of(emulator) as client:
        body = {"model": "qwen3-embedding-8b", "input": ["a", "b"], "encoding_format": "base64"}
        return client.post("/embeddings", json=body)


# Each is answered by the service as its steps say, and then by the recordings.
EXCHANGES: list[Callable[[ScalewayEmulator], httpx.Response]] = [
    lambda it: ask(it, "Hello"),
    lambda it: ask(it, "Hello"),
    lambda it: ask(it, "Stream", stream=True),
    lambda it: ask(it, "Fail"),
    lambda it: transcribe(it, "one"),
    lambda it: transcribe(it, "two"),
    embed,
    respond,
]


@pytest.fixture
def recorded(tmp_path: Path) -> tuple[Path, list[httpx.Response]]:
    """A directory with recordings, and what was answered."""
    with ScalewayEmulator(api_key=KEY) as service, between(service, tmp_path) as emulator:
        service.script(
            Reply("from the service", tool_calls=[ToolCall("f")]),
            "again",
            "streamed text",
            HttpError(503),
        )
        answers = [exchange(emulator) for exchange in EXCHANGES]
        assert [request.status for request in emulator.requests] == [200, 200, 200, 503, *[200] * 4]
        with client_of(emulator) as client:
            wrong = {"Authorization": "Bearer wrong"}
            assert client.get("/models", headers=wrong).status_code == 403, "the service decides"
    return tmp_path, answers


def test_recordings_are_served_again(recorded: tuple[Path, list[httpx.Response]]) -> None:
    directory, answers = recorded
    assert message_of(answers[0])["content"] == "from the service"
    assert "one.wav" in answers[4].text
    with ScalewayEmulator(recordings=directory, api_key="any") as replay:
        for exchange, answer in zip(EXCHANGES, answers, strict=True):
            again = exchange(replay)
            assert (again.status_code, again.content) == (answer.status_code, answer.content)
            assert again.headers["content-type"] == answer.headers["content-type"]
        assert message_of(ask(replay, "Hello"))["content"] == "again", "the last stays"
        assert "one.wav" in transcribe(replay, "one").text, "whatever the order"
        replay.reset()
        assert message_of(ask(replay, "Hello"))["content"] == "from the service"


def test_what_this_project_has_recorded_is_served() -> None:
    folder = ROOT / "tests/recordings" / VLLM_QWEN
    recordings = [one for one in recordings_of(VLLM_QWEN) if one.is_chat and "body" in one.request]
    with ScalewayEmulator(recordings=folder) as replay, client_of(replay) as client:
        for recording in recordings:
            path = recording.request["path"].removeprefix("/v1")
            answer = client.post(path, json=recording.request["body"])
            assert answer.status_code == recording.status, recording
        replay.verify()


def test_tests_that_record_to_one_directory_keep_what_others_have(tmp_path: Path) -> None:
    with ScalewayEmulator(api_key=KEY) as service:
        for number in range(2):
            with between(service, tmp_path) as emulator:
                service.script(f"take {number}", "other")
                ask(emulator, "asked by both")
                ask(emulator, f"asked by {number}")
    with ScalewayEmulator(recordings=tmp_path) as replay:
        assert message_of(ask(replay, "asked by both"))["content"] == "take 1", "the later one"
        assert [ask(replay, f"asked by {number}").status_code for number in range(2)] == [200, 200]


def test_what_was_not_recorded_fails_the_test(
    recorded: tuple[Path, list[httpx.Response]],
) -> None:
    replay = ScalewayEmulator(recordings=recorded[0]).start()
    assert ask(replay, "Something else").status_code == 400
    replay.stop()
    with pytest.raises(ExceptionGroup) as caught:
        replay.verify()
    assert "No recording in" in str(caught.value.exceptions[0])


def test_service_that_cannot_be_asked_or_breaks_off_fails_the_test(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with ScalewayEmulator(api_key=KEY) as service:
        emulator = between(service, tmp_path).start()
        service.script(CutStream(ending="closed"))
        with pytest.raises(httpx.RemoteProtocolError):
            ask(emulator, stream=True)
    assert ask(emulator).status_code == 400
    emulator.stop()
    with pytest.raises(ExceptionGroup) as caught:
        emulator.verify()
    broken_off, unreachable = caught.value.exceptions
    assert "payload is not completed" in str(broken_off)
    assert "Cannot connect to host 127.0.0.1" in str(unreachable)
    assert [request.status for request in emulator.requests] == [200, 400]
    assert emulator.statuses == {200: 1, 400: 1}
    assert [*tmp_path.iterdir()] == [], "half an answer is none"
    assert caplog.records == []


def test_no_file_holds_a_key(tmp_path: Path) -> None:
    """Whether it is sent, under whatever name, or repeated by the service."""
    headers = {"X-Auth-Token": KEY, "My-Api-Key": "a-gateway-s-key", "Cookie": "id=of-mine-too"}
    with ScalewayEmulator(api_key=KEY) as service, between(service, tmp_path) as emulator:
        told = {"message": f"{KEY} or a-gateway-s-key is not valid"}
        service.script(RawReply(403, {"Set-Cookie": "of=mine"}, json.dumps(told).encode()))
        with client_of(emulator) as client:
            answer = client.post(f"/chat/completions?key={KEY}", json=body_of(), headers=headers)
        assert answer.json() == told
    files = {file.name.partition(".")[2]: file.read_text("utf-8") for file in tmp_path.iterdir()}
    assert files.keys() == {"request.json", "response.http", "timing.json"}
    for text in files.values():
        for secret in ("uthorization", KEY, "gateway", "ookie", "mine"):
            assert secret not in text
    assert f"{'*' * len(KEY)} or {'*' * 15} is not valid" in files["response.http"]
    with ScalewayEmulator(recordings=tmp_path) as replay:
        assert ask(replay).status_code == 403


def test_answer_without_a_body_is_passed_on_and_served_again(tmp_path: Path) -> None:
    with ScalewayEmulator(api_key=KEY) as service, between(service, tmp_path) as emulator:
        service.script(EmptyAnswer(204), "whole")
        with client_of(emulator) as client:
            answers = [client.post("/chat/completions", json=body_of(text)) for text in "ab"]
    assert [answer.status_code for answer in answers] == [204, 200]
    with ScalewayEmulator(recordings=tmp_path) as replay, client_of(replay) as client:
        again = [client.post("/chat/completions", json=body_of(text)) for text in "ab"]
    assert [answer.content for answer in again] == [answer.content for answer in answers]


def test_directory_without_recordings_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="There is no recording in"):
        ScalewayEmulator(recordings=tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signal for Ctrl-C.")
def test_program_records_for_other_languages(tmp_path: Path) -> None:
    with ScalewayEmulator(api_key=KEY) as service:
        command = [sys.executable, "-m", "langchain_scaleway.testing", "--port", "0"]
        options = ["--upstream", service.base_url, "--recordings", str(tmp_path)]
        with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True) as program:
            assert program.stdout is not None
            head, base_url, *_ = (program.stdout.readline() for _ in range(4))
            assert head == (
                f"Hands requests on to {service.base_url} with their own keys, and records them.\n"
            )
            headers = {"Authorization": f"Bearer {KEY}"}
            url = f"{base_url.split()[1]}/chat/completions"
            assert message_of(send("POST", url, json=body_of(), headers=headers))
            program.send_signal(signal.SIGINT)
    with ScalewayEmulator(recordings=tmp_path) as replay:
        assert message_of(ask(replay))
