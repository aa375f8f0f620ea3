"""The emulator's answers beside recorded and documented ones, so that it stays no fiction.

For each recording of vLLM the emulator gets the recorded request and says what the recorded
model said. What it puts on the wire must then have the same keys and types, the same finish
reasons and the same order of events. Words and numbers are its own.
"""

import itertools
import re
from collections.abc import Iterator
from typing import Any

import httpx
import orjson
import pytest

from langchain_scaleway.testing import Quotas, Reply, ScalewayEmulator, ServedModel, ToolCall
from tests.support.outcomes import expected_outcome
from tests.support.recordings import SERVED_MODELS, VLLM_QWEN, VLLM_SMOLLM, Recording
from tests.support.recordings import all_recordings as every_recording

KEY = "sk-local-test"  # the dummy key of the recordings
NOT_EMULATED = {
    "chat_stream_continuous_usage": "an option of vLLM that Scaleway does not document",
    "client_disconnect_stream": "cut by the recorder",
    "err_context_sum_overflow": "the emulator counts tokens otherwise than the model",
    "reasoning_include_false": "an option of vLLM",
    "reasoning_include_false_stream": "an option of vLLM",
    "reasoning_logprobs_stream": "vLLM shows the token <think>, which the emulator has not",
    "tool_truncated_stream": "what comes out of half a call depends on the tool parser",
}
# Where Scaleway's gateway answers before the engine can, or nobody has seen what it does.
GATEWAY_DECIDES = {
    "err_unknown_model": 422,
    "err_unknown_model_stream": 422,
    "err_wrong_key": 403,
    "err_no_auth": 401,
    "err_max_tokens_too_large": 400,
    "err_temperature_range": 400,
}
# Wordings that quote Pydantic at length, of fields that the emulator does not read.
NOT_CHECKED = {
    "err_response_format_bad_schema",
    "err_response_format_unknown",
    "err_tools_bad_schema",
    "err_unknown_content_part",
}


def is_emulated(recording: Recording) -> bool:
    """Whether a recording is of vLLM's chat completions, asked as LangChain would ask."""
    return (
        recording.folder in {VLLM_QWEN, VLLM_SMOLLM}
        and recording.is_chat
        and not recording.case.startswith("vx_")
        and recording.case not in NOT_EMULATED
    )


VLLM = [recording for recording in every_recording() if is_emulated(recording)]
ANSWERS = [recording for recording in VLLM if recording.status == 200]
REFUSALS = [recording for recording in VLLM if recording.status != 200]


def emulator_like(folder: str) -> ScalewayEmulator:
    """An emulator that serves the recorded model, with its context of 2048 tokens.

    The engine with a reasoning parser breaks out reasoning tokens, the other does not.
    """
    model = ServedModel(
        id=SERVED_MODELS[folder],
        context_window=2048,
        max_output_tokens=2048,
        efforts=("none",),
        lenient_efforts=True,
    )
    return ScalewayEmulator(
        api_key=KEY, models=(model,), reasoning_usage=folder == VLLM_QWEN, project_id="p"
    )


@pytest.fixture(scope="module")
def emulators() -> Iterator[dict[str, ScalewayEmulator]]:
    with emulator_like(VLLM_QWEN) as qwen, emulator_like(VLLM_SMOLLM) as smollm:
        yield {VLLM_QWEN: qwen, VLLM_SMOLLM: smollm}


def ask_again(emulator: ScalewayEmulator, recording: Recording) -> httpx.Response:
    """Send the recorded request, with those of its headers that mean something."""
    request = recording.request
    body = request["raw_body"].encode() if "raw_body" in request else _body(recording)
    names = ("Authorization", "Content-Type")
    headers = {name: value for name, value in request["headers"].items() if name in names}
    origin = emulator.base_url.removesuffix("/v1")
    return httpx.request(request["method"], origin + request["path"], content=body, headers=headers)


def _body(recording: Recording) -> bytes:
    """The recorded body, without the bound that the recorded model did not reach.

    The emulator has another tokenizer and might reach it.
    """
    body = dict(recording.request["body"])
    if recording.status == 200 and "length" not in finish_reasons(recording):
        body.pop("max_tokens", None)
    return orjson.dumps(body)


def finish_reasons(recording: Recording) -> set[str]:
    """The reasons for which the choices of a recording ended."""
    objects = recording.events if recording.is_streamed else [recording.json_body]
    choices = [choice for one in objects for choice in one["choices"]]
    return {choice["finish_reason"] for choice in choices} - {None}


def recorded_reply(recording: Recording) -> Reply:
    """What the recorded model said, or would have said had it not been cut."""
    outcome = expected_outcome(recording)
    calls = [ToolCall(name, arguments) for name, arguments, _ in outcome.calls]
    calls += [ToolCall(name, arguments) for name, arguments, _ in outcome.invalid_calls]
    text: str | None = outcome.content
    reasoning = outcome.reasoning or None
    if stop := outcome.metadata.get("stop_reason"):
        text = f"{text}{stop} and more"
    elif outcome.metadata["finish_reason"] == "length":
        if calls or "<tool_call>" in outcome.content:
            text, calls = None, [ToolCall("get_weather", {"city": "Paris " * 100})]
        elif reasoning and not text:
            reasoning += " more" * 2000
        else:
            text = f"{text}{' more' * 2000}"
    elif calls and not text:
        text = None
    return Reply(text, reasoning, calls)


def differences(mine: Any, recorded: Any, place: str = "") -> Iterator[str]:
    """What keys and types differ; null may stand for anything."""
    if mine is None or recorded is None:
        return
    if isinstance(mine, dict) and isinstance(recorded, dict):
        if mine.keys() != recorded.keys():
            yield f"{place}: {sorted(mine.keys() ^ recorded.keys())} only on one side"
        for key in mine.keys() & recorded.keys():
            yield from differences(mine[key], recorded[key], f"{place}.{key}")
    elif isinstance(mine, list) and isinstance(recorded, list):
        for item in mine[: len(recorded)]:
            yield from differences(item, recorded[0], f"{place}[]")
    elif type(mine) is not type(recorded):
        yield f"{place}: {type(mine).__name__} here, {type(recorded).__name__} recorded"


def events_of(stream: bytes) -> list[Any]:
    """The JSON of a stream's events; that it ends well is asserted."""
    *events, done, nothing = stream.split(b"\n\n")
    assert (done, nothing) == (b"data: [DONE]", b"")
    return [orjson.loads(event.removeprefix(b"data: ")) for event in events]


def kind_of(event: dict[str, Any]) -> str:
    """What an event is for, with `!` where it has the finish reason."""
    if not event["choices"]:
        return "usage"
    [choice] = event["choices"]
    delta = choice["delta"]
    if calls := delta.get("tool_calls"):
        kind = "call" if "id" in calls[0] else "arguments"
    elif "role" in delta:
        kind = "role"
    else:
        kind = next((key for key in ("reasoning", "content") if delta.get(key)), "nothing")
    return f"{choice['index']} {kind}{'!' if choice['finish_reason'] else ''}"


def in_order(events: list[dict[str, Any]]) -> list[str]:
    """The kinds of events choice by choice, each run of equal ones as one."""
    kinds = sorted(map(kind_of, events), key=lambda kind: kind.partition(" ")[0])
    return [kind for kind, _ in itertools.groupby(kinds)]


@pytest.mark.parametrize("recording", [one for one in ANSWERS if not one.is_streamed], ids=str)
def test_completion_has_the_recorded_shape(
    emulators: dict[str, ScalewayEmulator], recording: Recording
) -> None:
    emulator = emulators[recording.folder]
    reply = recorded_reply(recording)
    emulator.respond_with(lambda _: reply)
    answer = ask_again(emulator, recording)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    mine, recorded = answer.json(), recording.json_body
    assert list(differences(mine, recorded)) == []
    if len(finish_reasons(recording)) == 1:  # else choices that differ, which cannot be scripted
        for mine_one, recorded_one in zip(mine["choices"], recorded["choices"], strict=True):
            assert mine_one["finish_reason"] == recorded_one["finish_reason"]
            assert mine_one["stop_reason"] == recorded_one["stop_reason"]


@pytest.mark.parametrize("recording", [one for one in ANSWERS if one.is_streamed], ids=str)
def test_stream_has_the_recorded_events(
    emulators: dict[str, ScalewayEmulator], recording: Recording
) -> None:
    emulator = emulators[recording.folder]
    reply = recorded_reply(recording)
    emulator.respond_with(lambda _: reply)
    answer = ask_again(emulator, recording)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    mine, recorded = events_of(answer.content), recording.events
    assert in_order(mine) == in_order(recorded)
    examples = {kind_of(event): event for event in recorded}
    for event in mine:
        assert list(differences(event, examples[kind_of(event)])) == []


@pytest.mark.parametrize("recording", REFUSALS, ids=str)
def test_refusal_is_the_recorded_one(
    emulators: dict[str, ScalewayEmulator], recording: Recording
) -> None:
    emulator = emulators[recording.folder]
    emulator.respond_with(None)
    answer = ask_again(emulator, recording)
    if recording.case in GATEWAY_DECIDES:
        assert answer.status_code == GATEWAY_DECIDES[recording.case]
    elif recording.case == "err_method_not_allowed":
        assert answer.status_code == 405
    else:
        assert answer.status_code == recording.status
        mine, recorded = answer.json(), recording.json_body
        assert list(differences(mine, recorded)) == []
        if recording.case not in NOT_CHECKED:
            assert mine == recorded


# --- Documented and captured bodies: Scaleway's own, not vLLM's -------------------------


QUESTION: dict[str, Any] = {
    "model": "mistral-medium-3.5-128b",
    "messages": [{"role": "user", "content": "How far is it?"}],
}


def post(emulator: ScalewayEmulator, body: dict[str, Any], key: str | None = KEY) -> httpx.Response:
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    return httpx.post(f"{emulator.base_url}/chat/completions", json=body, headers=headers)


def test_missing_key_as_captured() -> None:
    """Live, 2026-09-29."""
    with ScalewayEmulator(api_key=KEY) as emulator:
        answer = post(emulator, QUESTION, key=None)
    assert answer.status_code == 401
    assert answer.json() == {
        "status": 401,
        "error": "UNAUTHORIZED",
        "message": "missing 'Authorization' header",
    }


def test_exhausted_quota_as_captured() -> None:
    """Live, 2026-07-30: the body, and neither `retry-after` nor quota headers."""
    with ScalewayEmulator(api_key=KEY, quotas=Quotas(tokens_per_minute=1)) as emulator:
        answer = post(emulator, QUESTION)
    assert answer.status_code == 429
    assert answer.json() == {
        "status": 429,
        "error": "INSUFFICIENT QUOTA",
        "message": "You exceeded your current quota of tokens per minute.",
    }
    assert set(answer.headers) == {"content-length", "content-type", "server"}


def test_output_cap_as_captured() -> None:
    """Live, many times in 2025 and 2026."""
    with ScalewayEmulator(api_key=KEY) as emulator:
        answer = post(emulator, QUESTION | {"model": "glm-5.2", "max_tokens": 16_385})
    assert answer.status_code == 400
    assert answer.json() == {
        "status": 400,
        "error": "BAD REQUEST",
        "message": "payload validation: max_completion_tokens is limited to 16384 for glm-5.2",
    }


def test_unsupported_route_as_captured() -> None:
    """Live, 2026-08."""
    with ScalewayEmulator(api_key=KEY) as emulator:
        answer = httpx.post(
            f"{emulator.base_url}/responses", headers={"Authorization": f"Bearer {KEY}"}
        )
    assert answer.status_code == 422
    assert answer.json() == {
        "status": 422,
        "error": "ROUTE NOT SUPPORTED",
        "message": "endpoint '/v1/responses' is not supported",
    }


def test_alternation_error_as_captured() -> None:
    """Public issue reports: the older shape, on Mistral models."""
    twice = QUESTION | {"messages": QUESTION["messages"] * 2}
    with ScalewayEmulator(api_key=KEY) as emulator:
        answer = post(emulator, twice)
    assert answer.status_code == 400
    assert answer.json() == {
        "object": "error",
        "message": "After the optional system message, conversation roles must alternate "
        "user/assistant/user/assistant/...",
        "type": "BadRequestError",
        "param": None,
        "code": 400,
    }


def test_older_completion_as_documented() -> None:
    """The sample of the batch page, 2026-02."""
    documented = {
        "id": "chatcmpl-0",
        "object": "chat.completion",
        "created": 0,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": "",
                    "refusal": None,
                    "annotations": None,
                    "audio": None,
                    "function_call": None,
                    "tool_calls": [],
                    "reasoning_content": None,
                },
                "logprobs": None,
                "finish_reason": "stop",
                "stop_reason": None,
                "token_ids": None,
            }
        ],
        "service_tier": None,
        "system_fingerprint": None,
        "usage": {
            "prompt_tokens": 0,
            "total_tokens": 0,
            "completion_tokens": 0,
            "prompt_tokens_details": None,
        },
        "prompt_logprobs": None,
        "prompt_token_ids": None,
        "kv_transfer_params": None,
    }
    with ScalewayEmulator(api_key=KEY, reasoning_field="reasoning_content") as emulator:
        mine = post(emulator, QUESTION).json()
    assert list(differences(mine, documented)) == []
    assert mine["choices"][0]["message"]["tool_calls"] == []


def test_stream_as_captured() -> None:
    """A mistral-medium stream, live, 2026-07-31: role, thinking, answer."""
    with ScalewayEmulator(api_key=KEY) as emulator:
        stream = post(emulator, QUESTION | {"stream": True})
    assert in_order(events_of(stream.content)) == [
        "0 role",
        "0 reasoning",
        "0 content",
        "0 nothing!",
    ]


def test_dedicated_stream_as_documented() -> None:
    """Page "OpenAI compatibility", 2026-04-24: cumulative usage, role and empty name everywhere."""
    with ScalewayEmulator(api_key=KEY, framing="dedicated") as emulator:
        events = events_of(post(emulator, QUESTION | {"stream": True}).content)
    counts = [event["usage"]["completion_tokens"] for event in events]
    assert counts == sorted(counts)
    assert counts[0] == 1
    for event in events:
        [choice] = event["choices"]
        assert choice["delta"]["role"] == "assistant"
        assert choice["delta"]["name"] == ""
    assert [event["choices"][0]["finish_reason"] for event in events][-1] == "stop"
    assert events[-1]["choices"][0]["delta"]["content"]


def test_models_as_documented() -> None:
    with ScalewayEmulator(api_key=KEY) as emulator:
        url = f"{emulator.base_url}/models"
        listed = httpx.get(url, headers={"Authorization": f"Bearer {KEY}"}).json()
    assert listed["object"] == "list"
    for model in listed["data"]:
        assert set(model) == {"id", "object", "created", "owned_by"}
        assert (model["object"], model["owned_by"]) == ("model", "Scaleway")
    names = {model["id"] for model in listed["data"]}
    assert "mistral-small-3.2-24b-instruct-2506" in names
    assert "devstral-2-123b-instruct-2512" not in names, "retired"


def test_quota_headers_as_documented() -> None:
    """Page "Rate limits", 2026-04-24: 600, 599, and a duration such as `250ms`."""
    quotas = Quotas(requests_per_minute=600, tokens_per_minute=200_000)
    with ScalewayEmulator(api_key=KEY, quotas=quotas) as emulator:
        headers = post(emulator, QUESTION).headers
    assert headers["x-ratelimit-limit-requests"] == "600"
    assert headers["x-ratelimit-remaining-requests"] == "599"
    assert re.fullmatch(r"\d+ms", headers["x-ratelimit-reset-requests"])
    assert headers["x-ratelimit-limit-tokens"] == "200000"
    assert int(headers["x-ratelimit-remaining-tokens"]) < 200_000
    assert re.fullmatch(r"\d+ms", headers["x-ratelimit-reset-tokens"])
