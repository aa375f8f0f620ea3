"""Warnings: helpful, told once, never in the way."""

import re
import warnings
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_scaleway import ScalewayWarning
from langchain_scaleway.advice import (
    request_advice,
    warn_about_reply,
    warn_about_request,
)
from langchain_scaleway.data import ModelFacts, known_models, model_facts

pytestmark = pytest.mark.usefixtures("nothing_told_yet")

MISTRAL_SMALL = "mistral-small-3.2-24b-instruct-2506"
TOOLS = [{"type": "function", "function": {"name": "look_up"}}]
SCHEMA = {"type": "json_schema", "json_schema": {"name": "Answer", "schema": {}}}
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
ALL_AT_ONCE: dict[str, Any] = {
    "messages": [{"role": "user", "content": [IMAGE]}],
    "tools": TOOLS,
    "response_format": SCHEMA,
    "reasoning_effort": "extreme",
}


def request(**fields: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": "Hello"}], **fields}


def told(model: str, body: dict[str, Any]) -> list[str]:
    """The texts of the warnings about one request."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn_about_request(model, body)
    assert all(warning.category is ScalewayWarning for warning in caught)
    return [str(warning.message) for warning in caught]


LEFT_ALONE: list[tuple[str, dict[str, Any]]] = [
    *((model, {"tools": TOOLS}) for model in (MISTRAL_SMALL, "glm-5.2", "qwen/qwen3.6-35b-a3b")),
    *((model, {"response_format": SCHEMA}) for model in (MISTRAL_SMALL, "glm-5.2")),
    *(("glm-5.2", {"reasoning_effort": effort}) for effort in ("none", "high", "max", None)),
    ("gemma-4-26b-a4b-it", {"messages": [{"role": "user", "content": [IMAGE]}]}),
    ("glm-5.2", {"messages": [{"role": "assistant", "tool_calls": []}]}),
    ("glm-5.2", {"messages": []}),
    ("gpt-oss-120b", {"tools": []}),
    ("glm-5.2", {"stream": True}),
    ("qwen3.6-35b-a3b", {"tools": TOOLS, "stream": True}),
    ("glm-5.2", {"tools": TOOLS, "response_format": {"type": "text"}}),
    ("glm-5.2", {"tools": TOOLS, "response_format": SCHEMA, "tool_choice": "none"}),
    # A dedicated deployment of a retired model
    ("mistral/devstral-2-123b-instruct-2512:fp8", {"tools": TOOLS}),
    ("tomorrow", ALL_AT_ONCE),
]


@pytest.mark.parametrize(("model", "fields"), LEFT_ALONE)
def test_a_good_request_is_left_alone(model: str, fields: dict[str, Any]) -> None:
    assert told(model, request(**fields)) == []


def media(kind: str) -> dict[str, Any]:
    """Messages with two of a kind each, to be told of once."""
    content = [{"type": "text", "text": "What is this?"}, {"type": kind}, {"type": kind}]
    return {"messages": [{"role": "user", "content": content}] * 2}


PROBLEMS: list[tuple[str, dict[str, Any], str]] = [
    ("pixtral-12b-2409", {}, r"^pixtral-12b-2409 is deprecated since 2026-07-01.*supported-models"),
    (
        "llama-3.1-8b-instruct",
        {},
        f"reached its end of life on 2026-04-16.*successor is {MISTRAL_SMALL}",
    ),
    *(
        (model, {"reasoning_effort": effort}, f"{said}.*query-reasoning-models")
        for model, effort, said in (
            ("glm-5.2", "low", "knows reasoning_effort none, high, max; 'low' is refused"),
            ("gpt-oss-120b", "none", "knows reasoning_effort low, medium, high; 'none' is"),
            (MISTRAL_SMALL, "none", "does not reason and refuses reasoning_effort"),
        )
    ),
    *(
        ("glm-5.2", media(kind), "glm-5.2 reads text only")
        for kind in ("image_url", "video_url", "input_audio")
    ),
    ("holo2-30b-a3b", {"tools": TOOLS}, "holo2-30b-a3b does not call tools"),
    ("gpt-oss-120b", {"tools": TOOLS}, "Responses API only"),
    ("glm-5.2", {"tools": TOOLS, "stream": True}, 'disable_streaming="tool_calling"'),
    (
        "glm-5.2",
        {"tools": TOOLS, "response_format": SCHEMA},
        "keeps a model from calling the tools.*fixing-common-issues",
    ),
]


@pytest.mark.parametrize(("model", "fields", "said"), PROBLEMS)
def test_a_problem_is_told(model: str, fields: dict[str, Any], said: str) -> None:
    (text,) = [text for text in told(model, request(**fields)) if re.search(said, text)]
    assert "https://www.scaleway.com/en/docs/" in text


def test_a_guide_that_vllm_ignores_in_silence_is_told() -> None:
    """The answer would be free, and nobody would say so (vLLM 53975)."""
    (text,) = told("glm-5.2", request(guided_choice=["yes", "no"], guided_decoding_backend="auto"))
    assert "`extra_body={'structured_outputs': {'choice': …}}`" in text


def test_the_responses_api_is_not_recommended_to_who_uses_it() -> None:
    facts = model_facts("gpt-oss-120b")
    assert facts is not None
    body = request(tools=TOOLS, response_format=SCHEMA)
    assert [*request_advice(facts, body, on_responses=True)] == ["tools and schema"]


def test_each_problem_is_told_once_for_each_model() -> None:
    first = told("gpt-oss-120b", ALL_AT_ONCE)
    assert len(first) == 4
    assert told("gpt-oss-120b", ALL_AT_ONCE) == []
    assert told("openai/gpt-oss-120b", ALL_AT_ONCE) == []
    assert len(told("glm-5.2", ALL_AT_ONCE)) == 3


def test_it_can_be_silenced() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", category=ScalewayWarning)
        warn_about_request("gpt-oss-120b", ALL_AT_ONCE)


def test_another_model_answered() -> None:
    asked = "devstral-2-123b-instruct-2512"
    with pytest.warns(ScalewayWarning, match=rf"^qwen3.5-397b-a17b answered, although {asked}"):
        warn_about_reply(asked, "qwen3.5-397b-a17b")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_about_reply(asked, "qwen3.5-397b-a17b")


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        ("glm-5.2", "glm-5.2"),
        ("qwen/qwen3.6-35b-a3b", "qwen3.6-35b-a3b"),
        ("llama-3.3-70b-instruct", "meta/llama-3.3-70b-instruct:fp8"),
        ("tomorrow", "the day after"),
        *(("glm-5.2", odd) for odd in (None, "", 5, True, ["glm-5.2"], {"id": "glm-5.2"})),
    ],
)
def test_the_same_model_in_other_words_answered_or_none(asked: str, answered: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_about_reply(asked, answered)


JSON_VALUES = st.none() | st.booleans() | st.text(max_size=5) | st.just(TOOLS) | st.just(SCHEMA)


@given(
    facts=st.sampled_from(known_models()),
    body=st.fixed_dictionaries(
        {},
        optional={
            "reasoning_effort": JSON_VALUES,
            "tools": JSON_VALUES,
            "tool_choice": JSON_VALUES,
            "response_format": JSON_VALUES,
        },
    ),
)
def test_no_request_is_too_strange(facts: ModelFacts, body: dict[str, Any]) -> None:
    for text in request_advice(facts, body).values():
        assert facts.model in text
        assert "https://www.scaleway.com/en/docs/" in text
