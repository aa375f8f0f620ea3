"""What Scaleway refuses, and the words it refuses it with."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from langchain_scaleway.testing import ScalewayEmulator, ServedModel
from tests.support.emulated import ask, body_of, send

MISTRAL = "mistral-small-3.2-24b-instruct-2506"
LEGACY = "llama-3.3-70b-instruct"
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}


@pytest.fixture(scope="module")
def emulator() -> Iterator[ScalewayEmulator]:
    with ScalewayEmulator() as emulator:
        yield emulator


def ask_with_key(url: str, key: str | None) -> httpx.Response:
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    return send("POST", f"{url}/chat/completions", json=body_of(), headers=headers)


def message_with(*parts: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"role": "user", "content": [{"type": "text", "text": "Look"}, *parts]}]


def error_message(answer: httpx.Response) -> str:
    """The sentence, whichever shape the error has."""
    body = answer.json()
    found = body["error"]["message"] if isinstance(body.get("error"), dict) else body["message"]
    assert isinstance(found, str)
    return found


# --- Keys and projects ------------------------------------------------------------------


def test_no_key_and_a_wrong_one_are_refused(emulator: ScalewayEmulator) -> None:
    for url in (emulator.base_url, emulator.project_url):
        for key, status in ((None, 401), ("wrong", 403)):
            answer = ask_with_key(url, key)
            assert answer.status_code == answer.json()["status"] == status
    assert send("GET", f"{emulator.base_url}/models").status_code == 401


def test_key_is_good_for_its_project_alone(emulator: ScalewayEmulator) -> None:
    right, wrong = emulator.project_url, emulator.project_url.replace("0001/", "0002/")
    assert right != wrong
    assert ask_with_key(right, emulator.api_key).status_code == 200
    assert ask_with_key(wrong, emulator.api_key).status_code == 403


def test_key_without_rights_on_its_default_project() -> None:
    with ScalewayEmulator(default_project_allowed=False) as emulator:
        assert ask_with_key(emulator.base_url, emulator.api_key).status_code == 403
        assert ask_with_key(emulator.project_url, emulator.api_key).status_code == 200


# --- Models -----------------------------------------------------------------------------


def test_unknown_model(emulator: ScalewayEmulator) -> None:
    statuses = {
        "no-such-model": 422,
        "mistralai/mistral-medium-3.5-128b": 404,
        "": 422,
        None: 422,
        "voxtral-small-24b-2507": 422,
    }
    for model, status in statuses.items():
        answer = ask(emulator, model=model)
        assert answer.status_code == status
        assert (model or "model") in error_message(answer)


def test_model_that_answers(emulator: ScalewayEmulator) -> None:
    for asked, served in {
        "devstral-2-123b-instruct-2512": "qwen3.5-397b-a17b",
        "qwen/qwen3.6-35b-a3b": "qwen3.6-35b-a3b",
        "glm-5.2": "glm-5.2",
    }.items():
        assert ask(emulator, model=asked).json()["model"] == served


def test_models_of_a_deployment() -> None:
    model = ServedModel(id="mistral/mistral-small-3.2-24b-instruct-2506:fp8", context_window=10)
    with ScalewayEmulator(models=(model,)) as emulator:
        assert ask(emulator, model=model.id).json()["model"] == model.id
        assert ask(emulator, model=MISTRAL).status_code == 422


# --- Bounds -----------------------------------------------------------------------------


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
def test_output_cap_is_exact(emulator: ScalewayEmulator, field: str) -> None:
    assert ask(emulator, model="glm-5.2", **{field: 16_384}).status_code == 200
    answer = ask(emulator, model="glm-5.2", **{field: 16_385})
    assert answer.status_code == 400
    assert error_message(answer) == (
        "payload validation: max_completion_tokens is limited to 16384 for glm-5.2"
    )


def test_prompt_and_output_longer_than_the_context(emulator: ScalewayEmulator) -> None:
    long = ask(emulator, "word " * 160_000, model=MISTRAL)
    assert long.status_code == 400
    assert long.json()["error"]["param"] == "input_tokens"
    assert error_message(long).startswith(
        "This model's maximum context length is 128000 tokens. However, your prompt contains at "
        "least 128001 input tokens, which exceeds this limit even without any output tokens."
    )
    assert ask(emulator, "word " * 80_000, model=MISTRAL).status_code == 200
    both = ask(emulator, "word " * 80_000, model=MISTRAL, max_tokens=32_000)
    assert both.status_code == 400
    assert "you requested 32000 output tokens" in error_message(both)
    assert "for a total of at least 132004 tokens" in error_message(both)


SCHEMA = {"name": "x", "schema": {"type": "objekt"}}
OUT_OF_RANGE: list[tuple[dict[str, Any], str]] = [
    ({"model": LEGACY, "top_p": 2}, "top_p must be in (0, 1], got 2.0."),
    ({"response_format": {"type": "json_schema", "json_schema": SCHEMA}}, "Grammar error: "),
    ({"temperature": 2.1}, "temperature must be in [0, 2], got 2.1."),
    ({"max_tokens": 0}, "max_tokens must be at least 1, got 0."),
    ({"top_p": 0}, "top_p must be in (0, 1], got 0.0."),
    ({"n": 0}, "n must be at least 1, got 0."),
    ({"n": 129}, "n must be at most 128, got 129."),
    ({"logprobs": True, "top_logprobs": 21}, "Requested sample logprobs of 21"),
    ({"reasoning_effort": "high"}, "reasoning_effort is not supported by"),
    ({"model": "mistral-medium-3.5-128b", "reasoning_effort": "low"}, "'none' or 'high'"),
    ({"model": "gpt-oss-120b", "reasoning_effort": "none"}, "'low', 'medium' or 'high'"),
    ({"model": "qwen3.6-35b-a3b", "reasoning_effort": "huge"}, "'xhigh' or 'max'"),
    ({"response_format": {"type": "xml"}}, "'text', 'json_object' or 'json_schema'"),
]


def test_values_out_of_range(emulator: ScalewayEmulator) -> None:
    for fields, sentence in OUT_OF_RANGE:
        answer = ask(emulator, **fields)
        assert answer.status_code == 400, fields
        assert sentence in error_message(answer)


# --- Messages ---------------------------------------------------------------------------


def test_pictures_and_files(emulator: ScalewayEmulator) -> None:
    assert ask(emulator, messages=message_with(*[PICTURE] * 12), model=MISTRAL).status_code == 200
    file = {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:;base64,AAAA"}}
    for model, parts, sentence in (
        (MISTRAL, [PICTURE] * 13, "At most 12 image(s) may be provided in one prompt."),
        ("glm-5.2", [PICTURE], "glm-5.2 is not a multimodal model"),
        (
            MISTRAL,
            [file],
            "Unsupported chat content part type: 'file'. Supported types: audio_embeds, audio_url",
        ),
    ):
        answer = ask(emulator, messages=message_with(*parts), model=model)
        assert answer.status_code == 400
        assert error_message(answer).startswith(sentence)


def test_bodies_that_are_no_object(emulator: ScalewayEmulator) -> None:
    headers = {"Authorization": f"Bearer {emulator.api_key}", "Content-Type": "application/json"}
    nested = b'{"a":' * 2000 + b"1" + b"}" * 2000
    for body in (b"", b"{", b"[]", b"7", b'{"model": "\xff"}', nested):
        answer = send(
            "POST", f"{emulator.base_url}/chat/completions", content=body, headers=headers
        )
        assert answer.status_code == 400
        assert "1 validation error" in error_message(answer)


BROKEN: list[dict[str, Any]] = [
    {"messages": None},
    {"messages": [{"role": None, "content": "x"}]},
    {"messages": [{"role": "user", "content": [{"type": "text", "text": {}}]}]},
    {"messages": [{"role": "assistant", "tool_calls": [{"function": {"arguments": "x"}}]}]},
    {"tools": [{"type": "function", "function": {"name": "f", "parameters": []}}]},
    {"tool_choice": {"type": "function", "function": "x"}},
    {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": "x"}}},
    {"stream_options": "x"},
    {"stop": [5]},
    {"n": 1.5},
]


def test_malformed_bodies_are_refused_in_vllms_words(emulator: ScalewayEmulator) -> None:
    for fields in BROKEN:
        answer = ask(emulator, **fields)
        assert answer.status_code == 400, fields
        error = answer.json()["error"]
        assert error["type"] == "Bad Request"
        assert "validation error" in error["message"]
        assert error["param"].startswith(f"body.{next(iter(fields))}")


def test_other_routes_are_refused(emulator: ScalewayEmulator) -> None:
    origin = emulator.base_url.removesuffix("/v1")
    headers = {"Authorization": f"Bearer {emulator.api_key}"}
    for method, path, status in (
        ("GET", "/v1/chat/completions", 405),
        ("POST", "/v1/completions", 404),
        ("GET", "/v1/models/glm-5.2", 404),
        ("POST", "/chat/completions", 404),
    ):
        answer = send(method, origin + path, headers=headers)
        assert answer.status_code == answer.json()["status"] == status
