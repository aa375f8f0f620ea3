"""What the emulated model says by itself, and how requests shape what it is told to say."""

import json
from typing import Any

import httpx
import pytest

from langchain_scaleway.testing import ScalewayEmulator
from tests.support.emulated import ask, events_of, message_of
from tests.support.models import THINKING_MODEL

WEATHER = {"type": "function", "function": {"name": "get_weather"}}
TIME = {"type": "function", "function": {"name": "get_time"}}


def calls_of(answer: httpx.Response) -> list[tuple[str, Any]]:
    """Names and arguments of an answer's tool calls."""
    functions = [call["function"] for call in message_of(answer).get("tool_calls", [])]
    return [(function["name"], json.loads(function["arguments"])) for function in functions]


# --- What it says by itself -------------------------------------------------------------


def test_same_request_same_answer_and_a_seed_decides(emulator: ScalewayEmulator) -> None:
    assert message_of(ask(emulator)) == message_of(ask(emulator))
    texts = [message_of(ask(emulator, seed=seed))["content"] for seed in range(8)]
    again = [message_of(ask(emulator, seed=seed))["content"] for seed in range(8)]
    assert texts == again
    assert len(set(texts)) > 1


@pytest.mark.parametrize("stream", [False, True])
def test_choices_differ(emulator: ScalewayEmulator, stream: bool) -> None:
    answer = ask(emulator, n=3, stream=stream)
    texts = {0: "", 1: "", 2: ""}
    if stream:
        for event in events_of(answer.content):
            [choice] = event["choices"]
            texts[choice["index"]] += choice["delta"].get("content", "")
    else:
        texts = {one["index"]: one["message"]["content"] for one in answer.json()["choices"]}
    assert len(set(texts.values())) == 3


def test_thinking_is_on_unless_switched_off(emulator: ScalewayEmulator) -> None:
    for effort in (None, "none", "high"):
        message = message_of(ask(emulator, model=THINKING_MODEL, reasoning_effort=effort))
        assert bool(message["reasoning"]) is (effort != "none")
        assert message["content"]


@pytest.mark.parametrize(
    ("field", "names"),
    [
        ("reasoning", {"reasoning"}),
        ("reasoning_content", {"reasoning_content"}),
        ("both", {"reasoning", "reasoning_content"}),
    ],
)
def test_thinking_under_either_name(field: Any, names: set[str]) -> None:
    with ScalewayEmulator(reasoning_field=field) as emulator:
        message = message_of(ask(emulator, model=THINKING_MODEL))
        stream = events_of(ask(emulator, model=THINKING_MODEL, stream=True).content)
    assert {name for name in message if "reasoning" in name} == names
    deltas = [event["choices"][0]["delta"] for event in stream]
    assert {name for delta in deltas for name in delta if "reasoning" in name} == names
    assert len({message[name] for name in names}) == 1


def test_max_tokens_bounds_the_answer(emulator: ScalewayEmulator) -> None:
    emulator.script("one two three four")
    answer = ask(emulator, max_tokens=100, max_completion_tokens=2).json()
    assert answer["choices"][0]["message"]["content"] == "one two"
    assert answer["choices"][0]["finish_reason"] == "length"
    assert answer["usage"]["completion_tokens"] == 2


@pytest.mark.parametrize("stop", ["three", ["x", "three", "four"]])
def test_stop_ends_the_answer(emulator: ScalewayEmulator, stop: Any) -> None:
    emulator.script("one two three four")
    [choice] = ask(emulator, stop=stop).json()["choices"]
    assert choice["message"]["content"] == "one two "
    assert (choice["finish_reason"], choice["stop_reason"]) == ("stop", "three")


def test_logprobs_belong_to_the_tokens(emulator: ScalewayEmulator) -> None:
    emulator.script("Ça va", "Ça va")
    [choice] = ask(emulator, logprobs=True, top_logprobs=20).json()["choices"]
    tokens = choice["logprobs"]["content"]
    assert [token["token"] for token in tokens] == ["Ça", " va"]
    for token in tokens:
        assert bytes(token["bytes"]).decode() == token["token"]
        logprobs = [alternative["logprob"] for alternative in token["top_logprobs"]]
        assert len(logprobs) == 20
        assert logprobs == sorted(logprobs, reverse=True)
        assert token["top_logprobs"][0]["token"] == token["token"]
    streamed = events_of(ask(emulator, logprobs=True, stream=True).content)
    entries = [event["choices"][0]["logprobs"] for event in streamed]
    assert [entry["content"][0]["token"] for entry in entries if entry] == ["Ça", " va"]


def test_usage_counts_what_was_sent(emulator: ScalewayEmulator) -> None:
    emulator.script("one two three")
    usage = ask(emulator, "x" * 400).json()["usage"]
    assert usage["prompt_tokens"] == 100 + 4
    assert usage["completion_tokens"] == 3 + 1, "the fourth ends the text"
    assert usage["total_tokens"] == 108


def test_cached_tokens_of_a_repeated_prompt(emulator: ScalewayEmulator) -> None:
    long, model = "a long question " * 50, "deepseek-v4-flash-0731"
    first = ask(emulator, long, model=model).json()["usage"]
    second = ask(emulator, long, model=model).json()["usage"]
    assert first["prompt_tokens_details"] == {"cached_tokens": 0}
    assert 0 < second["prompt_tokens_details"]["cached_tokens"] <= second["prompt_tokens"]
    assert ask(emulator, long).json()["usage"]["prompt_tokens_details"] is None


# --- Tools and schemas ------------------------------------------------------------------


def test_tool_choice_is_obeyed(emulator: ScalewayEmulator) -> None:
    named = {"type": "function", "function": {"name": "get_time"}}
    choices: list[tuple[Any, str, list[str]]] = [
        ("none", "weather in Paris", []),
        (None, "What is the weather in Paris?", ["get_weather"]),
        ("auto", "What is the weather in Paris?", ["get_weather"]),
        ("auto", "What is the capital of France?", []),
        ("auto", "The time and the weather, please", ["get_weather", "get_time"]),
        ("auto", "Use get_time to get the weather's time", ["get_time"]),
        ("required", "What is the time?", ["get_time"]),
        ("required", "Hello!", ["get_weather"]),
        (named, "the weather?", ["get_time"]),
    ]
    for choice, prompt, expected in choices:
        answer = ask(emulator, prompt, tools=[WEATHER, TIME], tool_choice=choice)
        assert [name for name, _ in calls_of(answer)] == expected
        assert expected or message_of(answer)["content"]


def test_parallel_tool_calls_is_ignored_as_on_scaleway(emulator: ScalewayEmulator) -> None:
    fields = {"tools": [WEATHER, TIME], "parallel_tool_calls": False}
    assert len(calls_of(ask(emulator, "time and weather", **fields))) == 2
    with ScalewayEmulator(framing="dedicated") as dedicated:
        assert len(calls_of(ask(dedicated, "time and weather", **fields))) == 1


def test_json_object_has_the_names_that_were_asked_for(emulator: ScalewayEmulator) -> None:
    prompt = "Answer in JSON with the keys 'setup' and `punchline`."
    answer = ask(emulator, prompt, response_format={"type": "json_object"})
    assert set(json.loads(message_of(answer)["content"])) == {"setup", "punchline"}
    answer = ask(emulator, "JSON, please", response_format={"type": "json_object"})
    assert set(json.loads(message_of(answer)["content"])) == {"answer"}
