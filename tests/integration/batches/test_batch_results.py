"""What became of the requests of batches: results, failures, and files in every state."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from langchain_scaleway import (
    ChatScaleway,
    ScalewayError,
    ScalewayWarning,
)
from langchain_scaleway.errors import (
    ScalewayAPIError,
    ScalewayInvalidRequestError,
    ScalewayPermissionDeniedError,
)
from langchain_scaleway.testing import HttpError, RawReply, Reply, ScalewayEmulator
from tests.support.batches import MODEL, SOON, Make, echo

DAY = 24 * 60 * 60


@pytest.mark.parametrize(
    "settings", [{"batch_seconds": 0.02, "batch_error_lines": form} for form in ("vllm", "openai")]
)
def test_only_what_failed_is_sent_again(
    emulator: ScalewayEmulator, model: ChatScaleway, batches_of: Make
) -> None:
    emulator.script("first", HttpError(500, "It broke"), HttpError(400, "Too odd"))
    batches = batches_of(model)
    batch = batches.submit(["one", "two", "three"]).wait(poll=SOON)
    first, broken, refused = batch.results()
    assert first.text == "first"
    assert isinstance(broken, ScalewayAPIError)
    assert "It broke" in broken.message
    assert isinstance(refused, ScalewayInvalidRequestError)
    emulator.script("second", "third")
    again = batch.failed().submit().wait(poll=SOON)
    assert [one.text for one in again.results()] == ["first", "second", "third"]
    assert [one.text for one in batches.resume(again.id).results()] == ["first", "second", "third"]
    assert again.count == 5
    assert not again.failed()
    assert again.failed().submit().id == again.id, "nothing is sent"


def test_when_all_failed_it_says_why(
    emulator: ScalewayEmulator, model: ChatScaleway, batches_of: Make, tmp_path: Path
) -> None:
    emulator.script(*[HttpError(400, "Too odd")] * 2, HttpError(400, "Other"))
    batch = batches_of(model).submit(["a", "b", "c"]).wait(poll=SOON)
    with pytest.warns(ScalewayWarning, match=r"^3 of 3 failed: .*Too odd.* \(2 times\)$"):
        assert len(batch.results()) == 3
    [written] = [one.stat().st_mtime_ns for one in tmp_path.rglob("*[0-9a-f].jsonl")]
    assert batches_of(model).submit(["a", "b", "c"]).id != batch.id, "nothing was answered"
    [file] = tmp_path.rglob("*[0-9a-f].jsonl")
    assert file.stat().st_mtime_ns == written, "what is there is not written again"


@pytest.mark.parametrize("settings", [{"batch_seconds": 2 * DAY, "time_scale": 2_000_000}])
def test_what_was_answered_before_the_end_is_there(
    model: ChatScaleway, batches_of: Make, emulator: ScalewayEmulator
) -> None:
    batch = batches_of(model).submit(map(str, range(10))).wait(poll=SOON)
    answers = batch.results()
    assert batch.status == "expired"
    late = [one for one in answers if isinstance(one, ScalewayError)]
    assert 0 < len(late) < 10
    assert {error.code for error in late} == {"batch_expired"}
    assert [int(one.partition("-")[0]) for one in batch.failed().custom_ids] == [
        *range(10 - len(late), 10)
    ]
    other = batches_of(model).submit(["Hello?"])
    other.cancel()
    assert other.wait(poll=SOON).status == "cancelled"
    with pytest.warns(ScalewayWarning, match=r"1 of 1 failed: .* is cancelled, and neither"):
        other.results()
    other.cancel()
    assert sum(one.path.endswith("/cancel") for one in emulator.requests) == 1, "it has ended"


def test_lines_that_are_missing_or_broken_are_named(
    tmp_path: Path, model: ChatScaleway, batches_of: Make
) -> None:
    """The result file has the name of an older page, and somebody has spoilt it."""
    batch = batches_of(model).submit(["a", "b", "c", "d"]).wait(poll=SOON)
    [output] = tmp_path.rglob("*_output.jsonl")
    lines = {json.loads(line)["custom_id"][0]: line for line in output.read_text().splitlines()}
    no_answer = json.loads(lines["3"])
    no_answer["response"]["body"]["choices"] = []
    nobodys = lines["0"].replace('"0-', '"9-')
    spoilt = [lines["0"], "", "[]", nobodys, lines["1"][:-9], json.dumps(no_answer)]
    output.with_name(output.name.replace("_output", "-output")).write_text("\n".join(spoilt))
    output.unlink()
    good, cut, missing, unreadable = batch.results()
    assert good.text
    assert "neither of its result files names the request 1-" in str(cut)
    assert "neither of its result files names the request 2-" in str(missing)
    assert "no `choices`" in str(unreadable)
    [request] = tmp_path.rglob("*[0-9a-f].jsonl")
    request.unlink()
    without_requests = batch.results()
    assert without_requests[0].text == good.text, "what is paid for is read without the requests"
    assert "nor a result file names inputs[2]" in str(without_requests[2]), "and in its place"
    with pytest.raises(ScalewayAPIError, match="8 requests are in no input file any more: submit"):
        batch.failed().submit()
    output.with_name(output.name.replace("_output", "-output")).unlink()
    with pytest.raises(ScalewayAPIError, match="None of the files is in the bucket my-bucket any"):
        batch.results()


def test_half_an_answer_in_a_result_file_is_an_error_and_is_sent_again(
    tmp_path: Path, model: ChatScaleway, batches_of: Make
) -> None:
    """The server broke the answer off, and counts its request as completed nevertheless."""
    batch = batches_of(model).submit(["a", "b"]).wait(poll=SOON)
    [output] = tmp_path.rglob("*_output.jsonl")
    lines = [json.loads(line) for line in output.read_text().splitlines()]
    [half] = [line for line in lines if line["custom_id"].startswith("0-")]
    half["response"]["body"]["choices"][0]["finish_reason"] = "abort"
    output.write_text("\n".join(map(json.dumps, lines)))
    broken, whole = batch.results()
    assert isinstance(broken, ScalewayError)
    assert "broke the answer off" in broken.message
    assert whole.text
    assert batch.failed().custom_ids == [half["custom_id"]]


def test_a_batch_that_other_software_has_made_keeps_its_order(
    emulator: ScalewayEmulator, model: ChatScaleway, batches_of: Make, tmp_path: Path
) -> None:
    echo(emulator)
    ids = ["20261128-2", "10", "9-é"]
    bodies = [{"model": MODEL, "messages": [{"role": "user", "content": one}]} for one in ids]
    url = "/v1/chat/completions"
    lines = [
        json.dumps({"custom_id": one, "method": "POST", "url": url, "body": body})
        for one, body in zip(ids, bodies, strict=True)
    ]
    (tmp_path / "theirs.jsonl").write_text("\n".join(lines))
    made = httpx.post(
        f"{emulator.base_url}/batches",
        headers={"authorization": f"Bearer {emulator.api_key}"},
        json={
            "input_file_id": "https://my-bucket.s3.fr-par.scw.cloud/theirs.jsonl",
            "endpoint": url,
            "completion_window": "24h",
        },
    )
    batch = batches_of(model).resume(made.json()["id"]).wait(poll=SOON)
    assert [message.text for message in batch.results()] == ids
    (tmp_path / "theirs.jsonl").unlink()
    assert {message.text for message in batch.results()} == {*ids}


@pytest.mark.parametrize(
    "address",
    ["https://s3.fr-par.scw.cloud/my-bucket/", "s3://my-bucket/"],
    ids=["path-style", "s3"],
)
def test_objects_are_found_by_each_form_of_their_address(
    emulator: ScalewayEmulator, model: ChatScaleway, batches_of: Make, address: str
) -> None:
    batch = batches_of(model).submit(["Hello?"]).wait(poll=SOON)
    record = httpx.get(
        f"{emulator.base_url}/batches/{batch.id}",
        headers={"authorization": f"Bearer {emulator.api_key}"},
    ).text.replace("https://my-bucket.s3.fr-par.scw.cloud/", address)
    emulator.script(RawReply(200, body=record.encode()), endpoint="batches")
    assert batches_of(model).resume(batch.id).results()[0].text


@pytest.mark.parametrize(
    "odd",
    [
        {"usage": None, "request_counts": None},
        {"usage": [1], "request_counts": [3]},
        {"usage": {"input_tokens": "12", "input_tokens_details": [1]}},
        {"usage": {"input_tokens": 12, "input_tokens_details": {"cached_tokens": "7"}}},
        {"request_counts": {"total": "3", "completed": "3", "failed": None}},
        {"output_file_id": 5, "error_file_id": ["x"]},
    ],
)
def test_answers_are_read_whatever_else_the_service_says(
    emulator: ScalewayEmulator, model: ChatScaleway, batches_of: Make, odd: Any
) -> None:
    batch = batches_of(model).submit(["Hello?"]).wait(poll=SOON)
    record = httpx.get(
        f"{emulator.base_url}/batches/{batch.id}",
        headers={"authorization": f"Bearer {emulator.api_key}"},
    ).json()
    emulator.script(RawReply(200, body=json.dumps(record | odd).encode()), endpoint="batches")
    resumed = batches_of(model).resume(batch.id)
    assert resumed.wait(progress=True).results()[0].text
    assert resumed.cost is None or resumed.cost >= 0
    assert resumed.count in (0, 1)


@pytest.mark.parametrize("nothing", ["", " ", " , "])
def test_an_empty_id_is_refused(model: ChatScaleway, batches_of: Make, nothing: str) -> None:
    with pytest.raises(ValueError, match=r"takes the id of a batch, as `Batch\.id` has it"):
        batches_of(model).resume(nothing)


def test_a_batch_that_fails_as_a_whole_carries_the_services_words(
    emulator: ScalewayEmulator, model: ChatScaleway, batches_of: Make
) -> None:
    batches = batches_of(model)
    emulator.respond_with(lambda _: Reply("Access to my-bucket denied"), endpoint="batches")
    batch = batches.submit(["Hello?"])
    emulator.respond_with(None, endpoint="batches")
    with pytest.raises(ScalewayInvalidRequestError) as caught:
        batch.wait(poll=SOON)
    assert "failed as a whole: Access to my-bucket denied. Scaleway's app" in caught.value.message
    assert "bucket_policy" in caught.value.message
    second = batches.submit(["Hello?"])
    assert second.wait(poll=SOON).results()[0].text
    assert second.id != batch.id


def test_a_batch_is_deleted_whatever_the_service_says_of_it(
    emulator: ScalewayEmulator, model: ChatScaleway, batches_of: Make, tmp_path: Path
) -> None:
    batch = batches_of(model).submit(["Hello?"]).wait(poll=SOON)
    emulator.script(HttpError(403), RawReply(204), endpoint="batches")
    with pytest.raises(ScalewayPermissionDeniedError):
        batch.delete_files()
    assert [*tmp_path.rglob("*.jsonl")]
    batch.delete_files()
    assert not [*tmp_path.rglob("*.jsonl")]
