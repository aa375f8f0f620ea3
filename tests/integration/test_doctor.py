"""`python -m langchain_scaleway doctor`, against the emulator."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from obstore.exceptions import PermissionDeniedError
from obstore.store import LocalStore

from langchain_scaleway.__main__ import main
from langchain_scaleway.doctor import examine
from langchain_scaleway.testing import (
    HttpError,
    Quotas,
    RawReply,
    ScalewayEmulator,
    ServedModel,
    serverless_models,
)

PROJECT = "33333333-cccc-4ccc-8ccc-000000000003"


@pytest.fixture
def emulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScalewayEmulator]:
    with ScalewayEmulator(quotas=Quotas()) as emulator:
        monkeypatch.setenv("SCW_SECRET_KEY", str(emulator.api_key))
        monkeypatch.setenv("SCALEWAY_BASE_URL", emulator.base_url)
        yield emulator


def report(capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, list[str]]:
    status = main(["doctor", *options])
    return status, capsys.readouterr().out.splitlines()


def test_all_is_well(emulator: ScalewayEmulator, capsys: pytest.CaptureFixture[str]) -> None:
    status, lines = report(capsys)
    assert status == 0
    assert [line[:3] for line in lines] == ["ok "] * len(lines)
    key, url, models, *_, answers, quotas = lines
    assert "The key comes from the environment variable SCW_SECRET_KEY." in key
    assert f"Requests go to {emulator.base_url}, from the environment variable SCALEW" in url
    assert "is accepted" in models
    assert "glm-5.2, gpt-oss-120b" in models
    assert "mistral-small-3.2-24b-instruct-2506 answers" in answers
    assert "limit-requests 300" in quotas
    assert str(emulator.api_key) not in "".join(lines)
    assert emulator.requests[-1].json["max_tokens"] == 1


def test_without_a_request_it_costs_nothing(
    emulator: ScalewayEmulator, capsys: pytest.CaptureFixture[str]
) -> None:
    status, lines = report(capsys, "--no-request")
    assert (status, lines[-1]) == (0, "ok  No model was asked, so the quotas are not known.")
    assert not any(request.path.endswith("/chat/completions") for request in emulator.requests)


def test_a_model_can_be_named(
    emulator: ScalewayEmulator, capsys: pytest.CaptureFixture[str]
) -> None:
    status, lines = report(capsys, "--model", "glm-52")
    assert status == 1
    assert lines[-1].startswith("NO ")
    assert "'glm-52'" in lines[-1]


def test_no_key(capsys: pytest.CaptureFixture[str]) -> None:
    status, lines = report(capsys)
    assert status == 1
    [line] = lines
    assert line.startswith("NO  No Scaleway API key was found.")


def test_a_refused_key(
    emulator: ScalewayEmulator,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SCW_SECRET_KEY", "not-the-key")
    status, lines = report(capsys)
    assert status == 1
    assert "The key is unknown" in lines[-1]
    assert "not-the-key" not in "".join(lines)


def test_an_address_of_something_else(
    emulator: ScalewayEmulator, capsys: pytest.CaptureFixture[str]
) -> None:
    emulator.script(RawReply(body=b"<html>Hi"), endpoint="models")
    status, lines = report(capsys)
    assert status == 1
    assert lines[-1].startswith("NO  Scaleway answered 200, but the body is not a JSON object")
    without_v1 = emulator.base_url.removesuffix("/v1")
    status, lines = report(capsys, "--base-url", without_v1)
    assert status == 1
    assert "Check `base_url`: it is the API's address up to and including /v1." in lines[-1]


def test_a_dedicated_deployment(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with ScalewayEmulator(models=(ServedModel(id="my-own-model"),)) as emulator:
        monkeypatch.setenv("SCW_SECRET_KEY", str(emulator.api_key))
        status, lines = report(capsys, "--base-url", emulator.base_url)
    assert status == 0
    assert [line[4:] for line in lines[2:]] == [
        "The key is accepted and can use 1 model: my-own-model.",
        "my-own-model answers.",
        "It tells no quotas.",
    ]


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("active_profile: work\n", "has no profile 'work'"),
        ("secret_key: [", "is not valid YAML (line 1)"),
        ("secret_key: SCWXXXXXXXXXXXXXXXXX\n", "holds an access key (SCW…)"),
    ],
)
def test_a_config_file_that_does_not_do(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    config: str,
    said: str,
) -> None:
    (tmp_path / "config.yaml").write_text(config)
    monkeypatch.setenv("SCW_CONFIG_PATH", str(tmp_path / "config.yaml"))
    status, [line] = report(capsys)
    assert (status, line[:4]) == (1, "NO  ")
    assert said in line


def test_the_project_and_its_place_are_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of Scaleway itself, which cannot be reached from here."""
    monkeypatch.setenv("SCW_SECRET_KEY", "11111111-aaaa-4aaa-8aaa-000000000001")
    monkeypatch.setenv("SCW_DEFAULT_PROJECT_ID", PROJECT)
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    status, lines = report(capsys)
    assert status == 1
    assert lines[1] == (
        f"ok  The project is {PROJECT}, from the environment variable SCW_DEFAULT_PROJECT_ID."
    )
    assert lines[2].endswith(f"{PROJECT}/v1, from this package.")
    assert lines[3].startswith("NO ")
    monkeypatch.delenv("SCW_DEFAULT_PROJECT_ID")
    _, lines = report(capsys)
    assert lines[1] == "ok  No project is set: the key's default project counts."


def test_other_models_than_in_the_table(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tuple(each for each in serverless_models() if each.id != "glm-5.2")
    with ScalewayEmulator(models=(*kept, ServedModel(id="glm-6"))) as emulator:
        monkeypatch.setenv("SCW_SECRET_KEY", str(emulator.api_key))
        status, lines = report(capsys, "--base-url", emulator.base_url, "--no-request")
    assert status == 0
    assert "ok  These models are in this package's table and not served: glm-5.2." in lines
    assert any("not in this package's table" in line and "glm-6" in line for line in lines)
    assert any("pixtral-12b-2409 will reach its end of life" in line for line in lines)


def test_a_key_that_can_use_little(
    emulator: ScalewayEmulator, capsys: pytest.CaptureFixture[str]
) -> None:
    nothing = "NO  None of these models chats: name one to be asked."
    for names, said in (
        ([], "NO  The key is accepted and can use no model at all."),
        (
            ["qwen3-embedding-8b"],
            "ok  The key is accepted and can use 1 model: qwen3-embedding-8b.",
        ),
    ):
        body = json.dumps({"data": [{"id": name} for name in names]}).encode()
        emulator.script(RawReply(body=body), endpoint="models")
        status, lines = report(capsys)
        assert (status, lines[2], lines[-1]) == (1, said, nothing)


def test_a_model_that_fails(emulator: ScalewayEmulator, capsys: pytest.CaptureFixture[str]) -> None:
    emulator.respond_with(lambda _: HttpError(500, "broken"))
    status, lines = report(capsys)
    assert status == 1
    assert "broken" in lines[-1]


class Closed:
    """A store to which the key has no right."""

    def get(self, path: str) -> None:
        raise PermissionDeniedError("AccessDenied")


def test_a_bucket_for_batches(emulator: ScalewayEmulator, tmp_path: Path) -> None:
    fine, closed, odd = (
        [*examine(send_request=False, bucket=bucket, store=store)]
        for bucket, store in (
            ("s3://pile/folder", LocalStore(tmp_path)),
            ("s3://pile", Closed()),
            ("pile", None),
        )
    )
    assert fine[-2].text == "The Batch API answers."
    assert "The bucket pile can be read" in fine[-1].text
    assert "scw-managed-genapi-batch" in fine[-1].text
    assert "ObjectStorageObjectsRead" in closed[-1].text
    assert "must look like s3://" in odd[-1].text
    assert [each[-1].is_fine for each in (fine, closed, odd)] == [True, False, False]
    assert not any(request.method == "POST" for request in emulator.requests)
    assert [*tmp_path.iterdir()] == []


def test_it_is_a_program(emulator: ScalewayEmulator) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "langchain_scaleway", "doctor"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "The key comes from" in done.stdout
