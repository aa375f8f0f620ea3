"""The files of batches: where they end, and what their lines say."""

from typing import Any

import pytest

from langchain_scaleway.convert.batches import (
    InputFiles,
    Outcome,
    read_outcome,
    refusal,
    request_line,
    result_urls,
)

CHAT = "/v1/chat/completions"


@pytest.mark.parametrize(
    ("line", "times", "counts"),
    [(b"x\n", 100_001, [50_000, 50_000, 1]), (b"x" * 90_000_000, 3, [2, 1])],
    ids=["50,000 lines", "200 MB"],
)
def test_a_file_ends_where_the_service_would_refuse_it(
    line: bytes, times: int, counts: list[int]
) -> None:
    with InputFiles() as files:
        for _ in range(times):
            files.add(line, CHAT, "m")
        assert [file.count for file in files.files] == counts


def test_each_endpoint_and_model_has_a_file_of_its_own() -> None:
    with InputFiles() as files:
        for endpoint, model in [(CHAT, "a"), (CHAT, "b"), ("/v1/responses", "a"), (CHAT, "a")]:
            files.add(request_line(0, endpoint, b"{}"), endpoint, model)
        assert [file.count for file in files.files] == [2, 1, 1]
        with pytest.raises(ValueError, match=r"200,000,001 bytes; 200 MB"):
            files.add(b"x" * 200_000_001, CHAT, "a")


@pytest.mark.parametrize(
    ("line", "status", "error"),
    [
        # vLLM 0.32, `run_batch`; and its text alone
        (
            {"response": {"status_code": 400, "body": None}, "error": {"error": {"message": "x"}}},
            400,
            {"error": {"message": "x"}},
        ),
        ({"response": {"status_code": 400}, "error": "x"}, 400, "x"),
        # OpenAI: a request that failed, and one that came too late
        (
            {"response": {"status_code": 429, "body": {"error": {"message": "x"}}}, "error": None},
            429,
            {"error": {"message": "x"}},
        ),
        ({"response": None, "error": {"code": "batch_expired"}}, None, {"code": "batch_expired"}),
        ({"response": {"status_code": 200, "body": None}}, None, "no reason was given"),
        ({"response": {"status_code": "500", "body": "x"}}, 500, "x"),
        ({"response": "x"}, None, "no reason was given"),
    ],
)
def test_every_known_form_of_a_failure_is_read(line: Any, status: Any, error: Any) -> None:
    assert read_outcome({"custom_id": "a", **line}) == Outcome("a", None, status, error)


@pytest.mark.parametrize("status", [200, "200", 201, None])
def test_an_answer_is_read_whatever_success_is_called(status: Any) -> None:
    response = {"status_code": status, "body": {"choices": []}}
    line = {"custom_id": "a", "error": None, "response": response}
    assert read_outcome(line) == Outcome("a", {"choices": []})


@pytest.mark.parametrize(
    ("errors", "said", "code"),
    [
        ({"data": [{"message": "A.", "code": "x"}, {"message": "B."}]}, "A. B", "x"),
        ({"data": [{"message": None, "code": "no_access"}]}, "no_access", "no_access"),
        ({"data": ["A"]}, "A", None),
        ([{"message": "A"}], "A", None),
        ("A", "A", None),
        ({"data": []}, "no reason was given", None),
        (None, "no reason was given", None),
    ],
)
def test_a_batch_that_failed_as_a_whole_says_why_in_any_form(
    errors: Any, said: str, code: Any
) -> None:
    error = refusal({"id": "1", "status": "failed", "errors": errors})
    assert error.message.startswith(f"Batch 1 failed as a whole: {said}.")
    assert error.code == code


def test_result_files_are_looked_for_where_the_service_says_and_by_both_usual_names() -> None:
    record = {"input_file_id": "https://b/a.jsonl", "output_file_id": "https://b/x.jsonl"}
    assert [*result_urls(record)] == [
        ["https://b/x.jsonl", "https://b/a_output.jsonl", "https://b/a-output.jsonl"],
        ["https://b/a_error.jsonl", "https://b/a-error.jsonl"],
    ]


@pytest.mark.parametrize("line", [None, [], {}, {"custom_id": 5}])
def test_lines_about_no_request_are_passed_over(line: Any) -> None:
    assert read_outcome(line) is None
