"""The emulator's batches: their life, their files, and every way in which they fail."""

import time
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from langchain_scaleway.testing import HttpError, Quotas, ScalewayEmulator
from tests.support.emulated import body_of, client_of

BUCKET = "https://my-bucket.s3.fr-par.scw.cloud"
CHAT = "/v1/chat/completions"


def line(custom_id: str, **fields: Any) -> dict[str, Any]:
    body = fields.pop("body", None) or body_of(f"question {custom_id}")
    return {"custom_id": custom_id, "method": "POST", "url": CHAT, "body": body, **fields}


def put(folder: Path, *lines: Any) -> None:
    content = b"\n".join(one if isinstance(one, bytes) else orjson.dumps(one) for one in lines)
    (folder / "llm").mkdir(exist_ok=True)
    (folder / "llm/input.jsonl").write_bytes(content)


def create(client: httpx.Client, **fields: Any) -> httpx.Response:
    body = {
        "input_file_id": f"{BUCKET}/llm/input.jsonl",
        "endpoint": CHAT,
        "completion_window": "24h",
    }
    return client.post("/batches", json={**body, **fields})


def wait(client: httpx.Client, batch_id: str) -> dict[str, Any]:
    """Look at a batch until it has ended."""
    for _ in range(500):
        batch: dict[str, Any] = client.get(f"/batches/{batch_id}").json()
        if batch["status"] in {"completed", "failed", "expired", "cancelled"}:
            return batch
        time.sleep(0.005)
    raise AssertionError(f"The batch has not ended: {batch}")


def read(folder: Path, url: str | None) -> dict[str, dict[str, Any]]:
    """The lines of a file, by their custom id."""
    assert url is not None
    content = (folder / url.removeprefix(f"{BUCKET}/")).read_bytes()
    return {one["custom_id"]: one for one in map(orjson.loads, content.splitlines())}


def run(emulator: ScalewayEmulator) -> dict[str, Any]:
    """Create a batch and wait for its end."""
    with client_of(emulator) as client:
        return wait(client, create(client).json()["id"])


def test_life_of_a_batch(tmp_path: Path) -> None:
    put(tmp_path, *(line(str(number)) for number in range(20)))
    with (
        ScalewayEmulator(batch_storage=tmp_path, batch_seconds=100, time_scale=100) as emulator,
        client_of(emulator) as client,
    ):
        batch = create(client).json()
        seen = [batch["status"]]
        counts = []
        while seen[-1] != "completed":
            batch = client.get(f"/batches/{batch['id']}").json()
            seen.append(batch["status"])
            counts.append(batch["request_counts"]["completed"])
    order = ["validating", "in_progress", "finalizing", "completed"]
    # On a busy machine nobody may look while it is finalizing.
    assert list(dict.fromkeys(seen)) == [status for status in order if status in seen]
    assert "in_progress" in seen
    assert counts == sorted(counts)
    assert len(set(counts)) > 3, "it is seen on its way"
    assert batch["request_counts"] == {"total": 20, "completed": 20, "failed": 0}
    assert batch["created_at"] < batch["in_progress_at"] <= batch["completed_at"]
    assert batch["expires_at"] - batch["created_at"] == 24 * 60 * 60
    assert batch["error_file_id"] is None
    assert batch["output_file_id"] == f"{BUCKET}/llm/input_output.jsonl"
    answers = read(tmp_path, batch["output_file_id"])
    assert {*answers} == {str(number) for number in range(20)}
    assert [*answers] != sorted(answers, key=int), "the order is not promised"
    body = answers["7"]["response"]["body"]
    assert "question 7" in body["choices"][0]["message"]["content"]
    assert answers["7"]["id"] == batch["id"]
    total = sum(one["response"]["body"]["usage"]["total_tokens"] for one in answers.values())
    assert batch["usage"]["total_tokens"] == total


@pytest.mark.parametrize("form", ["vllm", "openai"])
def test_lines_that_fail(tmp_path: Path, form: Any) -> None:
    put(tmp_path, line("a"), line("b", body=body_of("x", temperature=9)), line("c"), line("d"))
    with ScalewayEmulator(
        batch_storage=tmp_path, batch_error_lines=form, time_scale=20
    ) as emulator:
        emulator.script("scripted", HttpError(500, "It broke"))
        batch = run(emulator)
    assert batch["status"] == "completed"
    assert batch["request_counts"] == {"total": 4, "completed": 2, "failed": 2}
    answers, errors = (
        read(tmp_path, batch["output_file_id"]),
        read(tmp_path, batch["error_file_id"]),
    )
    assert answers["a"]["response"]["body"]["choices"][0]["message"]["content"] == "scripted"
    assert {*answers, *errors} == {"a", "b", "c", "d"}
    refused, broken = errors["b"], errors["c"]
    assert (refused["response"]["status_code"], broken["response"]["status_code"]) == (400, 500)
    if form == "vllm":
        assert refused["response"]["body"] is None
        assert "temperature must be in [0, 2]" in refused["error"]["error"]["message"]
        assert broken["error"]["message"] == "It broke"
    else:
        assert refused["error"] is None
        assert "temperature must be" in refused["response"]["body"]["error"]["message"]


def test_inputs_that_fail_as_a_whole(tmp_path: Path) -> None:
    path = f"{BUCKET}/llm/input.jsonl"
    inputs: list[tuple[list[Any], str, int | None, str]] = [
        ([line("a"), b"{"], "Line 2: ", 2, path),
        ([line("a"), b"[]"], "Line 2: ", 2, path),
        ([line("a"), line("a")], "custom_id 'a' is not unique", 2, path),
        ([line("a", url="/v1/embeddings")], "Line 1 must POST to /v1/chat/completions", 1, path),
        ([line("a"), line("b", body=body_of(model="glm-5.2"))], "the same model", None, path),
        ([line("a", body=body_of(model="nope"))], "model 'nope' not found", None, path),
        ([], "the same model", None, path),
        *(
            ([line("a")], url, None, url)
            for url in ("s3://b/input.jsonl", f"{path}?X-Amz-Signature=x", f"{path}x", "file-abc")
        ),
    ]
    with (
        ScalewayEmulator(batch_storage=tmp_path, time_scale=20) as emulator,
        client_of(emulator) as client,
    ):
        for lines, said, number, url in inputs:
            put(tmp_path, *lines)
            batch = wait(client, create(client, input_file_id=url).json()["id"])
            assert batch["status"] == "failed"
            assert (batch["output_file_id"], batch["error_file_id"]) == (None, None)
            [error] = batch["errors"]["data"]
            assert said in error["message"]
            assert error["line"] == number


@pytest.mark.parametrize("by_rule", [False, True])
def test_scripted_reason_is_for_the_next_batch_whoever_looks_before(
    tmp_path: Path, by_rule: bool
) -> None:
    put(tmp_path, line("a"))
    with (
        ScalewayEmulator(batch_storage=tmp_path, time_scale=20, strict=True) as emulator,
        client_of(emulator) as client,
    ):
        if by_rule:
            emulator.when(endpoint="batches").reply("Access denied", times=1)
        else:
            emulator.script(HttpError(503), "Access denied", endpoint="batches")
            assert client.get("/batches").status_code == 503, "faults strike whoever comes"
        assert client.get("/batches").json()["data"] == []
        batch = wait(client, create(client).json()["id"])
        emulator.verify()
    assert batch["errors"]["data"][0]["message"] == "Access denied"


def test_cancelled_batch_keeps_what_is_done(tmp_path: Path) -> None:
    put(tmp_path, *(line(str(number)) for number in range(10)))
    settings: dict[str, Any] = {"batch_seconds": 1000, "time_scale": 500}
    with (
        ScalewayEmulator(batch_storage=tmp_path, **settings) as emulator,
        client_of(emulator) as client,
    ):
        batch = create(client).json()
        while not batch["request_counts"]["completed"]:
            batch = client.get(f"/batches/{batch['id']}").json()
        cancelling = client.post(f"/batches/{batch['id']}/cancel").json()
        ended = wait(client, batch["id"])
    assert (cancelling["status"], ended["status"]) == ("cancelling", "cancelled")
    assert len(read(tmp_path, ended["output_file_id"])) == ended["request_counts"]["completed"] < 10


def test_list_of_batches_has_pages(tmp_path: Path) -> None:
    put(tmp_path, line("a"))
    with ScalewayEmulator(batch_storage=tmp_path) as emulator, client_of(emulator) as client:
        ids = [create(client).json()["id"] for _ in range(5)][::-1]
        first = client.get("/batches", params={"limit": 2}).json()
        rest = client.get("/batches", params={"after": first["last_id"]}).json()
        assert [one["id"] for one in first["data"]] == ids[:2]
        assert [one["id"] for one in rest["data"]] == ids[2:]
        assert (first["has_more"], rest["has_more"]) == (True, False)
        assert client.get("/batches", params={"limit": 101}).status_code == 400
        assert client.delete(f"/batches/{ids[0]}").json()["id"] == ids[0]
        assert client.get(f"/batches/{ids[0]}").status_code == 404
        assert len(client.get("/batches").json()["data"]) == 4


def test_requests_for_batches_that_are_refused(tmp_path: Path) -> None:
    with ScalewayEmulator(batch_storage=tmp_path) as emulator, client_of(emulator) as client:
        for fields in ({"completion_window": "1h"}, {"endpoint": "/v1/rerank"}):
            assert create(client, **fields).status_code == 400
        assert create(client, input_file_id=None).status_code == 400


def test_batches_take_from_no_quota(tmp_path: Path) -> None:
    put(tmp_path, *(line(str(number)) for number in range(10)))
    quotas = Quotas(requests_per_minute=1, tokens_per_minute=1)
    with ScalewayEmulator(batch_storage=tmp_path, quotas=quotas, batch_seconds=0.1) as emulator:
        assert run(emulator)["request_counts"]["completed"] == 10
