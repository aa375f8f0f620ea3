"""The expected outcomes of the replay tests, anchored by values written down by hand.

`tests.support.outcomes` works out what a recording should come to; these are the cases in
which somebody read the recording and wrote down what it says.
"""

from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.support.outcomes import Call, InvalidCall, expected_outcome
from tests.support.recordings import LLAMACPP, VLLM_QWEN, VLLM_SMOLLM, Recording


@dataclass(frozen=True)
class Says:
    """What a recorded 200 says; `tokens` are input, output, cached and reasoning tokens."""

    content: str
    finish: str
    tokens: tuple[int, int, int | None, int | None] | None
    reasoning: str = ""
    calls: list[Call] = field(default_factory=list)
    invalid: list[InvalidCall] = field(default_factory=list)
    stop: str | None = None


PARIS = "The capital of France is Paris."
WRITTEN_CALL = '<tool_call>\n{"name": "get_weather", "'
THREE_R = "\n\nThere are 3 r in strawberry."
SPELLED = (
    "\nLet me spell it: s t r a w b e r r y. The letter r is at places 3, 8 and 9."
    " So there are 3.\n"
)
PARIS_CELSIUS = {"city": "Paris", "unit": "celsius"}
LYON_CELSIUS = {"city": "Lyon", "unit": "celsius"}

REPLIES = {
    (VLLM_QWEN, "chat_plain"): Says(PARIS, "stop", (19, 8, None, 0)),
    (VLLM_QWEN, "chat_stop_stream"): Says(
        "The capital of France is ", "stop", (19, 6, None, 0), stop="Paris"
    ),
    (VLLM_QWEN, "chat_stream"): Says(PARIS, "stop", None),
    (VLLM_QWEN, "chat_unicode"): Says(
        "café ☕ 日本語 \U0001f469\u200d\U0001f680", "stop", (19, 5, None, 0)
    ),
    (VLLM_QWEN, "chat_n2_stream"): Says("Why did the cat sit on", "length", (17, 12, None, 0)),
    (VLLM_QWEN, "reasoning_stream"): Says(THREE_R, "stop", (15, 50, None, 38), SPELLED),
    (VLLM_QWEN, "reasoning_tool_parallel_stream"): Says(
        "\n\n",
        "tool_calls",
        (181, 69, None, 12),
        "\nI need two calls, for Paris and for Lyon.\n",
        [
            ("get_weather", PARIS_CELSIUS, "chatcmpl-tool-a809e882bddeb82e"),
            ("get_weather", LYON_CELSIUS, "chatcmpl-tool-80464fe08065ad8c"),
        ],
    ),
    (VLLM_QWEN, "tool_truncated"): Says(
        WRITTEN_CALL,
        "length",
        (192, 10, None, 0),
        invalid=[("get_weather", WRITTEN_CALL, "chatcmpl-90c0a7bf84b3839a-tool-0")],
    ),
    (VLLM_QWEN, "tool_truncated_stream"): Says(
        "",
        "length",
        (192, 10, None, 0),
        invalid=[("get_weather", "]", "chatcmpl-tool-973a38fa6a61325f")],
    ),
    (VLLM_QWEN, "vx_echo_continue_final"): Says(
        " France Paris.\n</think>\n\nThe capital of France is Paris.", "stop", (18, 13, None, 0)
    ),
    (VLLM_SMOLLM, "tool_named"): Says(
        "",
        "stop",
        (37, 49, None, None),
        invalid=[("get_time", '"gab"', "chatcmpl-tool-a002e7d13471132a")],
    ),
    (LLAMACPP, "chat_n2_stream"): Says('\n\n{"setup": "Why did', "length", (17, 6, 16, None)),
    (LLAMACPP, "tool_parallel"): Says(
        "\n\n",
        "tool_calls",
        (185, 54, 172, None),
        calls=[
            ("get_weather", PARIS_CELSIUS, "EWd1xVMWa5XuMqAhUOnt2ICpOwuyUsnZ"),
            ("get_weather", LYON_CELSIUS, "pIgVa5aJVUhKOHfTJQ0gSwXijHNCfuMz"),
        ],
    ),
    (LLAMACPP, "tool_truncated"): Says(
        "\n\n",
        "length",
        (182, 10, 172, None),
        invalid=[("get_weather", "{", "4GpF0zXY0AP0MKE8QeylWFwDUU1Qduah")],
    ),
}


def tokens_of(usage: dict[str, Any] | None) -> tuple[int | None, ...] | None:
    """Input, output, cached and reasoning tokens."""
    if usage is None:
        return None
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
    cached = usage.get("input_token_details", {}).get("cache_read")
    reasoning = usage.get("output_token_details", {}).get("reasoning")
    return usage["input_tokens"], usage["output_tokens"], cached, reasoning


@pytest.mark.parametrize(("name", "says"), REPLIES.items(), ids=map("/".join, REPLIES))
def test_a_recording_is_read_as_a_person_reads_it(name: tuple[str, str], says: Says) -> None:
    outcome = expected_outcome(Recording(*name))
    assert outcome.content == says.content
    assert outcome.reasoning == says.reasoning
    assert outcome.calls == says.calls
    assert outcome.invalid_calls == says.invalid
    assert tokens_of(outcome.usage) == says.tokens
    assert outcome.metadata["finish_reason"] == says.finish
    assert outcome.metadata.get("stop_reason") == says.stop
    assert outcome.metadata["model_provider"] == "scaleway"


def test_identity_of_a_whole_reply() -> None:
    assert expected_outcome(Recording(VLLM_QWEN, "chat_plain")).metadata == {
        "model_name": "tiny-qwen3",
        "model_provider": "scaleway",
        "id": "chatcmpl-b2653b7ad5dccb4e",
        "system_fingerprint": "vllm-0.32.0-9598cae6",
        "finish_reason": "stop",
        "normalized_finish_reason": "stop",
        "token_usage": {
            "prompt_tokens": 19,
            "completion_tokens": 8,
            "total_tokens": 27,
            "prompt_tokens_details": None,
            "completion_tokens_details": {"reasoning_tokens": 0},
        },
    }


def test_another_model_than_the_requested_one_answered() -> None:
    metadata = expected_outcome(Recording(LLAMACPP, "err_unknown_model")).metadata
    assert metadata["model_name"] == "tiny-qwen3"
    assert metadata["requested_model"] == "no-such-model"


def test_token_ids_are_read() -> None:
    metadata = expected_outcome(Recording(VLLM_QWEN, "vx_return_token_ids")).metadata
    assert metadata["token_ids"] == [407, 566, 416, 1279]
    assert len(metadata["prompt_token_ids"]) == 19


@pytest.mark.parametrize("case", ["logprobs", "logprobs_stream"])
def test_logprobs_are_read(case: str) -> None:
    logprobs = expected_outcome(Recording(VLLM_QWEN, case)).metadata["logprobs"]
    tokens = [token["token"] for token in logprobs["content"]]
    assert tokens == ["The", " capital", " of", " France", " is"]
    first = logprobs["content"][0]
    assert first["logprob"] == pytest.approx(-0.0002991705550812185)
    assert [token["token"] for token in first["top_logprobs"]] == ["The", "Hello", "Why"]
