"""The emulator's Responses API beside vLLM's recordings, and what gpt-oss does otherwise.

For each recording the emulator gets the recorded request and says what the recorded model said.
What it puts on the wire must have the same keys and types, the same statuses and the same order of
events. Words and numbers are its own.
"""

import itertools
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from langchain_scaleway.testing import Reply, ScalewayEmulator, ServedModel, ToolCall
from tests.support.emulated import by_family, client_of, differences
from tests.support.recordings import VLLM_RESPONSES, Recording, recordings_of

NOT_EMULATED = (
    # The emulator counts tokens otherwise than the model, and has not its words.
    *("context_", "err_context_", "logprobs", "reasoning_logprobs", "tool_minimal"),
    # Options of vLLM, and what nothing here sends.
    *("text_stop", "reasoning_include_", "err_structured_outputs", "err_include_unknown"),
    *("text_continue_incomplete", "err_reasoning_continue_incomplete", "tool_custom"),
    *("err_custom_tool", "tool_mcp", "tool_web_search", "tool_choice_allowed_tools"),
    # The gateway answers before the engine does.
    *("err_temperature_range", "err_max_output_tokens_too_large", "err_no_model"),
    *("err_unknown_model", "err_no_auth", "err_wrong_key"),
    # Options that nothing here sends.
    *("err_background", "err_prompt_template"),
    # Pydantic's or the grammar's compiler's own words.
    *("err_tools_bad_schema", "err_body_is_list", "err_tools_unknown_type"),
    # What vLLM makes of half a call, of a call that was not to be, and of two nulls.
    *("tool_length_", "reasoning_tool_", "tool_none"),
    *("err_multiturn_empty_content", "err_multiturn_refusal_part", "err_multiturn_no_type"),
    *("err_truncation_null", "err_json_schema_bad_schema_stream"),
    # Cut by the recorder; not recorded as a reply.
    *("text_client_disconnect", "text_last_is_assistant"),
)
# Items that vLLM knows and refuses; here their types are unknown, and Pydantic does.
REFUSED_IN_OTHER_WORDS = {
    "err_item_reference",
    "err_known_item_not_supported",
    "err_reasoning_history_encrypted",
}
ECHOES = "_echo"  # with the prompt, an option of vLLM


def is_emulated(recording: Recording) -> bool:
    """Whether a recording is of what a client of Scaleway's may send."""
    return (
        recording.request["path"] == "/v1/responses"
        and recording.request["method"] == "POST"
        and ECHOES not in recording.case
        and not recording.case.startswith(NOT_EMULATED)
    )


RECORDINGS = [one for one in recordings_of(VLLM_RESPONSES) if is_emulated(one)]
ANSWERS = [one for one in RECORDINGS if one.status == 200]
REFUSALS = [one for one in RECORDINGS if one.status != 200]


@pytest.fixture(scope="module")
def recorded_model() -> Iterator[ScalewayEmulator]:
    """An emulator of the recorded model."""
    model = ServedModel(
        id="tiny-qwen3",
        context_window=2048,
        max_output_tokens=2048,
        efforts=("none",),
        lenient_efforts=True,
        reports_cached_tokens=True,
    )
    with ScalewayEmulator(api_key="sk-local-test", models=(model,)) as emulator:
        yield emulator


def ask(emulator: ScalewayEmulator, **body: Any) -> httpx.Response:
    with client_of(emulator) as client:
        return client.post("/responses", json=body)


def ask_again(emulator: ScalewayEmulator, recording: Recording) -> httpx.Response:
    """Send the recorded request, without the bound where the recorded model did not reach it."""
    request = recording.request
    if "raw_body" in request:
        names = ("Content-Type",)
        headers = {name: text for name, text in request["headers"].items() if name in names}
        with client_of(emulator) as client:
            return client.post("/responses", content=request["raw_body"], headers=headers)
    body = dict(request["body"])
    if recording.status == 200 and final(recording)["status"] == "completed":
        body.pop("max_output_tokens", None)
    content_type = request["headers"].get("Content-Type", "application/json")
    with client_of(emulator) as client:
        return client.post("/responses", json=body, headers={"Content-Type": content_type})


def final(recording: Recording) -> dict[str, Any]:
    """The whole response object of a recording."""
    body: dict[str, Any] = (
        recording.events[-1]["response"] if recording.is_streamed else recording.json_body
    )
    return body


def recorded_reply(recording: Recording) -> Reply:
    """What the recorded model said, or would have said had it not been cut."""
    response = final(recording)
    text, reasoning, calls = "", "", []
    for item in response["output"]:
        if item["type"] == "function_call":
            calls.append(ToolCall(item["name"], item["arguments"]))
        elif item["type"] == "message":
            text += item["content"][0]["text"]
        else:
            reasoning += item["content"][0]["text"]
    if response["status"] == "incomplete" and reasoning and not text.strip():
        reasoning += " more" * 2000
    elif response["status"] == "incomplete":
        text += " more" * 2000
    text = "" if calls and not text.strip() else text
    return Reply(text or None, reasoning or None, calls)


def answer_again(emulator: ScalewayEmulator, recording: Recording) -> httpx.Response:
    reply = recorded_reply(recording)
    emulator.respond_with(lambda _: reply)
    return ask_again(emulator, recording)


def kinds(events: list[dict[str, Any]]) -> list[str]:
    """The kinds of events in order, each run of deltas as one.

    vLLM 0.32 says `response.completed` of an incomplete response, too.
    """
    kinds = [kind for kind, _ in itertools.groupby(event["type"] for event in events)]
    return [kind.replace("response.incomplete", "response.completed") for kind in kinds]


def form(event: dict[str, Any]) -> tuple[str, str]:
    """What tells events of different keys apart: their type, and that of the item or part."""
    return event["type"], (event.get("item") or event.get("part") or {}).get("type", "")


def events_of(stream: httpx.Response) -> list[dict[str, Any]]:
    """The events of a stream, whose names and types agree."""
    events = []
    for block in stream.text.removesuffix("\n\n").split("\n\n"):
        name, data = block.split("\n")
        event = httpx.Response(200, text=data.removeprefix("data: ")).json()
        assert name == f"event: {event['type']}"
        assert [*event][-1] == "type"
        events.append(event)
    assert [event["sequence_number"] for event in events] == [*range(len(events))]
    return events


@pytest.mark.parametrize(**by_family(one for one in ANSWERS if not one.is_streamed))
def test_responses_have_the_recorded_shapes(
    recorded_model: ScalewayEmulator, recordings: list[Recording]
) -> None:
    for recording in recordings:
        answer = answer_again(recorded_model, recording)
        assert answer.status_code == 200, (recording, answer.text)
        mine, recorded = answer.json(), recording.json_body
        for field in ("status", "incomplete_details", "tools", "tool_choice", "text", "reasoning"):
            assert mine.pop(field) == recorded.pop(field), (recording, field)
        assert items_differ(mine.pop("output"), recorded.pop("output")) == [], recording
        assert list(differences(mine, recorded)) == [], recording


@pytest.mark.parametrize(**by_family(one for one in ANSWERS if one.is_streamed))
def test_streams_have_the_recorded_events(
    recorded_model: ScalewayEmulator, recordings: list[Recording]
) -> None:
    for recording in recordings:
        answer = answer_again(recorded_model, recording)
        assert answer.status_code == 200, (recording, answer.text)
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        mine, recorded = events_of(answer), recording.events
        assert kinds(mine) == kinds(recorded), recording
        last, recorded_last = mine.pop()["response"], recorded.pop()["response"]
        for field in ("status", "tools"):
            assert last[field] == recorded_last[field], recording
        examples = {form(event): event for event in recorded}
        for event in mine:
            event.get("response", {}).pop("tools", None)
            examples[form(event)].get("response", {}).pop("tools", None)
            assert list(differences(event, examples[form(event)])) == [], recording
        assert items_differ(last["output"], recorded_last["output"]) == [], recording


def items_differ(mine: list[Any], recorded: list[Any]) -> list[str]:
    """What keys and types of output items differ."""
    assert len(mine) == len(recorded)
    pairs = zip(mine, recorded, strict=True)
    return [line for one, other in pairs for line in differences(one, other)]


def test_refusals_are_the_recorded_ones(recorded_model: ScalewayEmulator) -> None:
    recorded_model.respond_with(None)
    for recording in REFUSALS:
        answer = ask_again(recorded_model, recording)
        assert answer.status_code == recording.status, recording
        mine, recorded = answer.json(), recording.json_body
        assert list(differences(mine, recorded)) == [], recording
        # Pydantic's words about unions of items are its own.
        if recording.case not in REFUSED_IN_OTHER_WORDS:
            assert mine == recorded or recorded["error"]["type"] == "Bad Request", recording


# --- What no recording shows --------------------------------------------------------------

GPT_OSS = "gpt-oss-120b"
CALL = {
    "type": "function_call",
    "call_id": "call_1",
    "name": "get_time",
    "arguments": "{}",
    "status": "completed",
}
RESULT = {"type": "function_call_output", "call_id": "call_1", "output": "noon"}
QUESTION = {"role": "user", "content": "Call get_time"}
TOOL = {"type": "function", "name": "get_time", "parameters": {"type": "object", "properties": {}}}


@pytest.fixture(scope="module")
def emulator() -> Iterator[ScalewayEmulator]:
    with ScalewayEmulator() as emulator:
        yield emulator


def ask_gpt_oss(emulator: ScalewayEmulator, **body: Any) -> httpx.Response:
    return ask(emulator, **{"model": GPT_OSS, "input": "Hello", **body})


def test_what_gpt_oss_refuses(emulator: ScalewayEmulator) -> None:
    refused: dict[str, dict[str, Any]] = {
        "No call message found for call_1": {"input": [QUESTION, RESULT]},
        "logprobs are not supported with gpt-oss models": {
            "include": ["message.output_text.logprobs"]
        },
    }
    for sentence, body in refused.items():
        answer = ask_gpt_oss(emulator, **body)
        assert answer.status_code == 400
        assert sentence in answer.json()["error"]["message"]


def test_response_that_is_cut(emulator: ScalewayEmulator) -> None:
    emulator.script("one two three four", Reply(tool_calls=[ToolCall("get_time", {"a": 1})]))
    events = events_of(ask_gpt_oss(emulator, stream=True, max_output_tokens=2))
    assert events[-1]["type"] == "response.incomplete"
    assert events[-1]["response"]["output"][0]["content"][0]["text"] == "one two"
    cut = ask_gpt_oss(emulator, tools=[TOOL], max_output_tokens=3).json()
    assert (cut["status"], cut["output"][0]["arguments"]) == ("incomplete", '{"')


@pytest.mark.parametrize("stream", [False, True])
def test_log_probabilities_of_the_text(emulator: ScalewayEmulator, stream: bool) -> None:
    emulator.script("one two")
    answer = ask(
        emulator,
        model="llama-3.3-70b-instruct",
        input="Hello",
        include=["message.output_text.logprobs"],
        top_logprobs=2,
        stream=stream,
    )
    if stream:
        entries = [
            event["logprobs"][0]
            for event in events_of(answer)
            if event["type"] == "response.output_text.delta"
        ]
    else:
        entries = answer.json()["output"][0]["content"][0]["logprobs"]
    assert [entry["token"] for entry in entries] == ["one", " two"]
    assert [len(entry["top_logprobs"]) for entry in entries] == [2, 2]


def test_budget_is_lowered_to_what_is_left(emulator: ScalewayEmulator) -> None:
    """Recording `context_sum`: no refusal, and the object says what the bound was."""
    model = ServedModel(id="small", context_window=100)
    with ScalewayEmulator(models=(model,)) as small:
        answer = ask(small, model="small", input="Hello", max_output_tokens=1000).json()
    assert answer["max_output_tokens"] == 100 - answer["usage"]["input_tokens"]
