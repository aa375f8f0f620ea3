"""What a reply cost."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.ai import UsageMetadata

from langchain_scaleway.costs import usage_cost
from langchain_scaleway.data import known_models

DEEPSEEK = "deepseek-v4-flash-0731"  # 0.4 EUR in, 0.08 from the cache, 0.8 out
ANSWERED_BY = {"model_name": DEEPSEEK, "model_provider": "scaleway"}
PRICED = [facts.model for facts in known_models() if facts.input_price is not None]


def reply(prompt: int, completion: int, *, cached: int | None = None, **metadata: Any) -> AIMessage:
    usage = UsageMetadata(
        input_tokens=prompt, output_tokens=completion, total_tokens=prompt + completion
    )
    if cached is not None:
        usage["input_token_details"] = {"cache_read": cached}
    return AIMessage("hi", usage_metadata=usage, response_metadata=ANSWERED_BY | metadata)


def test_input_and_output() -> None:
    assert usage_cost(reply(1_000_000, 1_000_000)) == pytest.approx(1.2)
    assert usage_cost(reply(1_000, 500)) == pytest.approx(0.0008)


def test_cached_input_is_cheaper() -> None:
    assert usage_cost(reply(11_620, 0, cached=11_520)) == pytest.approx(
        (100 * 0.4 + 11_520 * 0.08) / 1e6
    )


def test_no_more_than_the_prompt_can_come_from_the_cache() -> None:
    """Whatever a server counts, a reply does not earn money."""
    assert usage_cost(reply(10, 0, cached=50)) == pytest.approx(10 * 0.08 / 1e6)


def test_without_a_price_for_cached_input_it_costs_as_much() -> None:
    assert usage_cost(reply(1_000, 0, cached=900, model_name="glm-5.2")) == pytest.approx(0.0018)


def test_the_model_that_answered_counts() -> None:
    assert usage_cost(reply(0, 1_000_000, model_name="qwen/qwen3.5-397b-a17b")) == 3.6


def test_the_sum_of_a_stream() -> None:
    text = AIMessageChunk(content="hi")
    end = AIMessageChunk(
        content="",
        usage_metadata={"input_tokens": 1_000_000, "output_tokens": 0, "total_tokens": 1_000_000},
        response_metadata=ANSWERED_BY,
        chunk_position="last",
    )
    assert usage_cost(text) is None
    assert usage_cost(text + end) == pytest.approx(0.4)


@pytest.mark.parametrize(
    "message",
    [
        AIMessage("hi", response_metadata=ANSWERED_BY),
        reply(1, 1, model_name=None),
        reply(1, 1, model_name="tomorrow's model"),
        reply(1, 1, model_name="mistral/mistral-small-3.2-24b-instruct-2506:fp8"),
        reply(1, 1, model_name="llama-3.1-8b-instruct"),
        reply(1, 1, model_name="openai/gpt-oss-120b", model_provider="groq"),
    ],
    ids=["no usage", "no model", "unknown", "dedicated", "no price", "another provider"],
)
def test_what_nobody_can_know(message: AIMessage) -> None:
    assert usage_cost(message) is None


def test_a_reply_from_langchains_cache_is_free() -> None:
    """Core marks it with a total cost of 0."""
    paid = reply(1_000_000, 0)
    marked: Any = {**(paid.usage_metadata or {}), "total_cost": 0}
    assert usage_cost(paid.model_copy(update={"usage_metadata": marked})) == 0
    without_usage: Any = {"total_cost": 0}
    assert usage_cost(paid.model_copy(update={"usage_metadata": without_usage})) == 0


@given(
    model=st.sampled_from(PRICED),
    prompt=st.integers(0, 262_144),
    completion=st.integers(0, 32_768),
    data=st.data(),
)
def test_the_cache_never_makes_it_dearer(
    model: str, prompt: int, completion: int, data: st.DataObject
) -> None:
    cached = data.draw(st.integers(0, prompt))
    full = usage_cost(reply(prompt, completion, model_name=model))
    discounted = usage_cost(reply(prompt, completion, cached=cached, model_name=model))
    assert full is not None
    assert discounted is not None
    assert 0 <= discounted <= full or discounted == pytest.approx(full)


# --- Of other endpoints ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("usage", "model", "cost"),
    [
        ({"prompt_tokens": 10**6, "total_tokens": 10**6}, "qwen3-embedding-8b", 0.1),
        ({"total_tokens": 10**6}, "qwen3-embedding-8b", 0.1),
        ({"prompt_tokens": 10**6, "completion_tokens": 10**6}, DEEPSEEK, 1.2),
        (
            {"prompt_tokens": 10**6, "prompt_tokens_details": {"cached_tokens": 10**6}},
            DEEPSEEK,
            0.08,
        ),
        (
            {"input_tokens": 10**6, "input_tokens_details": {"cached_tokens": 10**6}},
            DEEPSEEK,
            0.08,
        ),
        ({"prompt_tokens": 10**6, "prompt_tokens_details": None}, DEEPSEEK, 0.4),
        ({"type": "duration", "seconds": 90}, "whisper-large-v3", 0.0045),
        ({"type": "duration", "seconds": "90"}, "whisper-large-v3", 0.0045),
        ({"type": "duration", "seconds": "a while"}, "whisper-large-v3", None),
        ({"prompt_tokens": float("nan")}, DEEPSEEK, None),
        ({"prompt_tokens": 10**6, "prompt_tokens_details": [1]}, DEEPSEEK, 0.4),
        ({"type": "duration", "seconds": 90}, "glm-5.2", None),
        ({"prompt_tokens": 10**6}, "whisper-large-v3", None),
        ({"prompt_tokens": 10**6}, None, None),
        ({}, DEEPSEEK, None),
    ],
    ids=[
        *("embedding", "rerank", "chat", "cached chat", "cached Responses", "no details"),
        *("transcription", "seconds as a text", "no seconds", "no number", "odd details"),
        *("audio of a chat model", "tokens of audio", "no model", "no usage"),
    ],
)
def test_usage_as_the_service_writes_it(
    usage: dict[str, Any], model: str | None, cost: float | None
) -> None:
    assert usage_cost(usage, model=model) == (None if cost is None else pytest.approx(cost))


def test_batches_cost_half() -> None:
    assert usage_cost(reply(1_000_000, 1_000_000), batch=True) == pytest.approx(0.6)
