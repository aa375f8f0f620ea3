"""Warnings: helpful, told once, never in the way."""

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
from langchain_scaleway.data import ModelFacts, known_models

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


@pytest.mark.parametrize("model", [MISTRAL_SMALL, "glm-5.2", "qwen/qwen3.6-35b-a3b"])
def test_a_good_request_is_left_alone(model: str) -> None:
    assert told(model, request(tools=TOOLS)) == []
    assert told(model, request(response_format=SCHEMA)) == []


def test_a_deprecated_model() -> None:
    (text,) = told("pixtral-12b-2409", request())
    assert text.startswith("pixtral-12b-2409 is deprecated since 2026-07-01")
    assert "supported-models" in text


def test_a_retired_model_names_its_successor() -> None:
    (text,) = told("llama-3.1-8b-instruct", request())
    assert "reached its end of life on 2026-04-16" in text
    assert f"successor is {MISTRAL_SMALL}" in text


def test_a_dedicated_deployment_of_a_retired_model_is_fine() -> None:
    assert told("mistral/devstral-2-123b-instruct-2512:fp8", request(tools=TOOLS)) == []


@pytest.mark.parametrize("effort", ["none", "high", "max", None])
def test_known_efforts(effort: str | None) -> None:
    assert told("glm-5.2", request(reasoning_effort=effort)) == []


@pytest.mark.parametrize(
    ("model", "effort", "expected"),
    [
        ("glm-5.2", "low", "knows reasoning_effort none, high, max; 'low' is refused"),
        ("gpt-oss-120b", "none", "knows reasoning_effort low, medium, high; 'none' is"),
        (MISTRAL_SMALL, "none", "does not reason and refuses reasoning_effort"),
    ],
)
def test_unknown_efforts(model: str, effort: str, expected: str) -> None:
    (text,) = told(model, request(reasoning_effort=effort))
    assert expected in text
    assert "query-reasoning-models" in text


@pytest.mark.parametrize("kind", ["image_url", "video_url", "input_audio"])
def test_a_text_model_cannot_see_or_hear(kind: str) -> None:
    content = [{"type": "text", "text": "What is this?"}, {"type": kind}, {"type": kind}]
    body = request(messages=[{"role": "user", "content": content}] * 2)
    (text,) = told("glm-5.2", body)
    assert "glm-5.2 reads text only" in text


def test_a_vision_model_can_see() -> None:
    body = request(messages=[{"role": "user", "content": [IMAGE]}])
    assert told("gemma-4-26b-a4b-it", body) == []


def test_messages_without_content_are_no_problem() -> None:
    assert told("glm-5.2", request(messages=[{"role": "assistant", "tool_calls": []}])) == []
    assert told("glm-5.2", {}) == []


def test_tools_for_a_model_without_them() -> None:
    texts = told("holo2-30b-a3b", request(tools=TOOLS))
    assert any("holo2-30b-a3b does not call tools" in text for text in texts)


def test_tools_for_gpt_oss() -> None:
    (text,) = told("gpt-oss-120b", request(tools=TOOLS))
    assert "Responses API only" in text
    assert told("gpt-oss-120b", request(tools=[])) == []


def test_streamed_tools_of_a_model_that_drops_them() -> None:
    assert told("glm-5.2", request(stream=True)) == []
    assert told("qwen3.6-35b-a3b", request(tools=TOOLS, stream=True)) == []
    (text,) = told("glm-5.2", request(tools=TOOLS, stream=True))
    assert 'disable_streaming="tool_calling"' in text


def test_tools_beside_a_schema() -> None:
    (text,) = told("glm-5.2", request(tools=TOOLS, response_format=SCHEMA))
    assert "keeps a model from calling the tools" in text
    assert "fixing-common-issues" in text


@pytest.mark.parametrize(
    "fields",
    [
        {"tools": TOOLS, "response_format": {"type": "text"}},
        {"tools": TOOLS, "response_format": SCHEMA, "tool_choice": "none"},
    ],
)
def test_tools_beside_something_else(fields: dict[str, Any]) -> None:
    assert told("glm-5.2", request(**fields)) == []


def test_each_problem_is_told_once_for_each_model() -> None:
    first = told("gpt-oss-120b", ALL_AT_ONCE)
    assert len(first) == 4
    assert told("gpt-oss-120b", ALL_AT_ONCE) == []
    assert told("openai/gpt-oss-120b", ALL_AT_ONCE) == []
    assert len(told("glm-5.2", ALL_AT_ONCE)) == 3


def test_an_unknown_model_gets_no_advice() -> None:
    assert told("tomorrow", ALL_AT_ONCE) == []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_about_reply("tomorrow", "the day after")


@pytest.mark.parametrize("answered", [None, "", 5, True, ["glm-5.2"], {"id": "glm-5.2"}])
def test_an_answer_without_a_model_is_fine(answered: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_about_reply("glm-5.2", answered)


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
    ],
)
def test_the_same_model_in_other_words_answered(asked: str, answered: str) -> None:
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
