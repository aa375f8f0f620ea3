"""`python -m langchain_scaleway check`, against the emulator."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from langchain_scaleway import live
from langchain_scaleway.__main__ import main
from langchain_scaleway.live.questions import QUESTIONS
from langchain_scaleway.settings import load_settings
from langchain_scaleway.testing import HttpError, Quotas, RawReply, ScalewayEmulator
from tests.support import recordings
from tests.support.recordings import Recording

NOT_IMITATED = {
    "effort_ignored",  # It holds to Scaleway's page.
    "glm_streamed_call",  # It streams calls of every model.
}
"""What is believed of Scaleway, and is otherwise on the emulator."""


@pytest.fixture
def emulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScalewayEmulator]:
    with ScalewayEmulator(quotas=Quotas()) as emulator:
        monkeypatch.setenv("SCW_SECRET_KEY", str(emulator.api_key))
        monkeypatch.setenv("SCALEWAY_BASE_URL", emulator.project_url)
        yield emulator


def test_the_emulator_is_as_scaleway_is_believed_to_be(emulator: ScalewayEmulator) -> None:
    settings = load_settings(str(emulator.api_key), base_url=emulator.base_url)
    outcomes = list(live.check(settings))
    assert [outcome.question for outcome in outcomes] == list(QUESTIONS)
    different = {each.question.name: each.seen for each in outcomes if each.verdict == "different"}
    assert different.keys() == NOT_IMITATED, different
    assert not [each for each in outcomes if each.verdict == "unanswered"]
    assert 0 < sum(outcome.cost for outcome in outcomes) < 0.05


def test_fact_expected_and_seen_are_printed(
    emulator: ScalewayEmulator, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "n", "prefill"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("AS EXPECTED: n: `n` is honoured")
    assert lines[1] == "    expected: two choices"
    assert lines[2].startswith("    seen:     200 2 choices, stop, {'role': 'assistant'")
    assert lines[3].startswith("OPEN: prefill:")
    assert lines[-1].startswith("1 as expected, 1 open; about 0.0000")


def test_differences_and_silence_are_told(
    emulator: ScalewayEmulator, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = RawReply(body=b'{"choices": [{"logprobs": null}]}')
    emulator.script(HttpError(400, "no penalties here"), HttpError(500, "broken"), odd)
    assert main(["check", "penalties", "n", "top_logprobs"]) == 1
    printed = capsys.readouterr().out
    assert "DIFFERENT: top_logprobs" in printed
    assert "DIFFERENT: penalties" in printed
    assert "no penalties here" in printed
    assert "UNANSWERED: n" in printed
    assert "broken" in printed


def test_questions_are_listed_without_asking(
    emulator: ScalewayEmulator, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "--list"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(QUESTIONS)
    assert emulator.requests == []


def test_an_unknown_question_is_refused(
    emulator: ScalewayEmulator, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "the_weather"]) == 1
    assert "no questions named the_weather" in capsys.readouterr().err
    assert emulator.requests == []


def test_recordings_can_become_tests_and_hold_no_secret(
    emulator: ScalewayEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = str(emulator.api_key)
    project = emulator.project_url.split("/")[3]
    emulator.script(f"Your key is {key}.", f"And {project}.")
    folder = tmp_path / "emulated"
    options = ["--recordings", str(folder)]
    assert main(["check", "penalties", "vllm_fields", "stream_usage", *options]) == 0

    for file in folder.iterdir():
        content = file.read_text()
        assert key not in content
        assert project not in content
    request = json.loads((folder / "penalties.request.json").read_text())
    assert (request["method"], request["path"]) == ("POST", "/v1/chat/completions")
    monkeypatch.setattr(recordings, "DIRECTORY", tmp_path)
    recording = Recording("emulated", "penalties")
    assert (recording.status, recording.is_whole, recording.is_chat) == (200, True, True)
    assert b"Your key is sk-local-test." in recording.raw_response
    assert b"And 00000000-" in Recording("emulated", "vllm_fields").raw_response
    stream = Recording("emulated", "stream_usage")
    assert sum(stream.received_lengths) == len(stream.raw_response)
    assert stream.raw_response.rstrip().endswith(b"data: [DONE]")
