"""The emulator's answers beside recorded and documented ones, so that it does not become fiction.

For each recording of vLLM the emulator gets the recorded request and says what the recorded
model said. What it puts on the wire must then have the same keys and types, the same finish
reasons and the same order of events. Words and numbers are its own.
"""

from collections.abc import Iterator

import httpx
import orjson
import pytest

from langchain_scaleway.testing import Reply, ScalewayEmulator, ServedModel, ToolCall
from tests.support.emulated import by_family, differences, events_of, in_order, kind_of, send
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
    "tool_truncated": "what comes out of half a call depends on the tool parser",
    "tool_truncated_stream": "the same",
}
# Where Scaleway's gateway answers before the engine can, or nobody has seen what it does.
GATEWAY_DECIDES = {
    "err_unknown_model": 422,
    "err_unknown_model_stream": 422,
    "err_wrong_key": 403,
    "err_no_auth": 401,
    "err_max_tokens_too_large": 400,
    "err_temperature_range": 400,
    "err_method_not_allowed": 405,
}
# Wordings of Python's JSON module, and of Pydantic at length about fields that nothing reads here.
NOT_CHECKED = {
    "err_invalid_json",
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
    return send(request["method"], origin + request["path"], content=body, headers=headers)


def answer_again(emulators: dict[str, ScalewayEmulator], recording: Recording) -> httpx.Response:
    """Ask as in the recording, with a model that says what the recorded one said."""
    emulator = emulators[recording.folder]
    reply = recorded_reply(recording)
    emulator.respond_with(lambda _: reply)
    return ask_again(emulator, recording)


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


@pytest.mark.parametrize(**by_family(one for one in ANSWERS if not one.is_streamed))
def test_completions_have_the_recorded_shapes(
    emulators: dict[str, ScalewayEmulator], recordings: list[Recording]
) -> None:
    for recording in recordings:
        answer = answer_again(emulators, recording)
        assert answer.status_code == 200, recording
        assert answer.headers["content-type"] == "application/json"
        mine, recorded = answer.json(), recording.json_body
        assert list(differences(mine, recorded)) == [], recording
        if len(finish_reasons(recording)) == 1:  # else choices differ, which cannot be scripted
            for name in ("finish_reason", "stop_reason"):
                said = [choice[name] for choice in mine["choices"]]
                assert said == [choice[name] for choice in recorded["choices"]], recording


@pytest.mark.parametrize(**by_family(one for one in ANSWERS if one.is_streamed))
def test_streams_have_the_recorded_events(
    emulators: dict[str, ScalewayEmulator], recordings: list[Recording]
) -> None:
    for recording in recordings:
        answer = answer_again(emulators, recording)
        assert answer.status_code == 200, recording
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        mine, recorded = events_of(answer.content), recording.events
        assert in_order(mine) == in_order(recorded), recording
        examples = {kind_of(event): event for event in recorded}
        for event in mine:
            assert list(differences(event, examples[kind_of(event)])) == [], recording


@pytest.mark.parametrize("folder", [VLLM_QWEN, VLLM_SMOLLM])
def test_refusals_are_the_recorded_ones(
    emulators: dict[str, ScalewayEmulator], folder: str
) -> None:
    emulator = emulators[folder]
    emulator.respond_with(None)
    for recording in [one for one in REFUSALS if one.folder == folder]:
        answer = ask_again(emulator, recording)
        status = GATEWAY_DECIDES.get(recording.case)
        assert answer.status_code == (status or recording.status), recording
        if status is None:
            mine, recorded = answer.json(), recording.json_body
            assert list(differences(mine, recorded)) == [], recording
            assert mine == recorded or recording.case in NOT_CHECKED, recording
