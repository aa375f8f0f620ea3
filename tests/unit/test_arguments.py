"""Unknown arguments, and arguments that belong to the model alone."""

from typing import Any

import httpx
import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.language_models import BaseChatModel
from pydantic import ValidationError

from langchain_scaleway import ChatScaleway
from langchain_scaleway.arguments import check_arguments, check_call

MODEL = "mistral-small-3.2-24b-instruct-2506"
KEY = "11111111-aaaa-4aaa-8aaa-000000000001"
PROJECT = "33333333-cccc-4ccc-8ccc-000000000003"


def make(**fields: Any) -> ChatScaleway:
    return ChatScaleway(**{"model": MODEL, "api_key": KEY, **fields})


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("temprature", "temperature"),
        ("max_token", "max_tokens"),
        ("base_ur", "base_url"),
        ("model_name", "model"),
        ("max_completion_tokens", "max_tokens"),
        ("request_timeout", "timeout"),
        ("scaleway_api_key", "api_key"),
        ("scw_secret_key", "api_key"),
        ("openai_api_key", "api_key"),
        ("openai_api_base", "base_url"),
        ("api_base", "base_url"),
        ("stop_sequences", "stop"),
        ("model_kwargs", "extra_body"),
        ("reasoning", "reasoning_effort"),
        ("thinking", "reasoning_effort"),
        ("stream_options", "stream_usage"),
    ],
)
def test_an_unknown_argument_is_refused_with_what_was_meant(name: str, meant: str) -> None:
    with pytest.raises(ValidationError, match="is not an argument of ChatScaleway") as caught:
        make(**{name: "canary"})
    assert f"`{name}`" in str(caught.value)
    assert f"Did you mean `{meant}`?" in str(caught.value)


@pytest.mark.parametrize("name", ["qqqqqqq", "conversation"])
def test_what_nobody_can_guess_is_refused_with_the_way_out(name: str) -> None:
    with pytest.raises(ValidationError) as caught:
        make(**{name: 1})
    assert "Did you mean" not in str(caught.value)
    assert "go into `extra_body`" in str(caught.value)


@pytest.mark.parametrize("name", ["top_k", "min_p", "repetition_penalty"])
def test_fields_of_vllm_are_not_taken_for_misspelt_ones(name: str) -> None:
    with pytest.raises(ValidationError) as caught:
        make(**{name: 1})
    assert "Did you mean" not in str(caught.value)
    assert f"`extra_body={{'{name}': …}}`" in str(caught.value)


@pytest.mark.parametrize(
    "name",
    ["temperature", "max_tokens", "frequency_penalty", "seed", "top_logprobs", "timeout"],
)
@pytest.mark.parametrize("value", [True, False])
def test_a_bool_is_no_number(name: str, value: bool) -> None:
    with pytest.raises(ValidationError, match=f"`{name}` is a number, not {value}"):
        make(**{name: value})
    with pytest.raises(ValidationError, match="`max_retries` is a number"):
        make(max_retries=value)


def test_an_empty_effort_is_refused() -> None:
    with pytest.raises(ValidationError, match="at least 1 character"):
        make(reasoning_effort="")


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({"": "x"}, "is not a valid header name"),
        ({"X Team": "x"}, "is not a valid header name"),
        ({"X:Team": "x"}, "is not a valid header name"),
        ({"Größe": "x"}, "is not a valid header name"),
        ({"X-Team": " blue"}, "spaces around its value"),
        ({"X-Team": "blue\nX-Other: y"}, "line break"),
    ],
)
def test_headers_that_no_request_can_carry_are_refused(headers: dict[str, str], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        make(default_headers=headers)


@pytest.mark.parametrize("library", [httpx, httpx2])
async def test_clients_of_the_other_kind_are_refused(library: Any) -> None:
    with library.Client() as client:
        with pytest.raises(ValidationError, match="give it as `http_client`"):
            make(http_async_client=client)
        assert make(http_client=client).http_client is client
    async with library.AsyncClient() as client:
        with pytest.raises(ValidationError, match="give it as `http_async_client`"):
            make(http_client=client)
        assert make(http_async_client=client).http_async_client is client


@pytest.mark.parametrize(
    ("name", "why"), [("n", "`model.batch([prompt] * n)`"), ("user", "no such request field")]
)
def test_what_has_no_use_here_says_why(name: str, why: str) -> None:
    with pytest.raises(ValidationError) as caught:
        make(**{name: 1})
    assert why in str(caught.value)
    assert f"`extra_body={{'{name}': …}}`" in str(caught.value)


@given(st.text())
def test_any_other_name_is_refused(name: str) -> None:
    fields = ChatScaleway.model_fields
    if name in fields:
        check_arguments({name: None}, fields, "ChatScaleway")
    else:
        with pytest.raises(ValueError, match="is not an argument of ChatScaleway"):
            check_arguments({name: None}, fields, "ChatScaleway")


NOT_PER_CALL = {
    "api_key": KEY,
    "project_id": PROJECT,
    "base_url": "http://localhost:1/v1",
    "max_retries": 1,
    "default_headers": {"X-Trace": "1"},
    "http_client": None,
    "http_async_client": None,
    "include_response_headers": True,
    "replay_reasoning": True,
    "model_family": "mistral",
    "use_responses_api": True,
    "streaming": True,
    "stream_chunk_timeout": 5.0,
    "disable_streaming": True,
    "output_version": "v1",
}


@pytest.mark.parametrize("name", NOT_PER_CALL)
async def test_what_belongs_to_the_model_is_refused_in_a_call(name: str) -> None:
    model = make(base_url="http://127.0.0.1:9/v1")
    argument = {name: NOT_PER_CALL[name]}
    with pytest.raises(ValueError, match=f"`{name}` belongs to the model") as caught:
        model.invoke("Hello", **argument)  # type: ignore[arg-type]  # any of them
    assert f"`model.model_copy(update={{'{name}': …}})`" in str(caught.value)
    with pytest.raises(ValueError, match=f"`{name}` belongs to the model"):
        list(model.bind(**argument).stream("Hello"))
    with pytest.raises(ValueError, match=f"`{name}` belongs to the model"):
        await model.ainvoke("Hello", **argument)  # type: ignore[arg-type]  # any of them


def test_headers_do_not_go_into_the_body() -> None:
    headers = {"Authorization": "Bearer of-somebody"}
    model = make(base_url="http://127.0.0.1:9/v1")
    with pytest.raises(ValueError, match="use `extra_headers`") as caught:
        model.bind(headers=headers).invoke("Hello")
    assert "of-somebody" not in str(caught.value)
    for name in ("headers", "extra_headers"):
        with pytest.raises(ValueError, match="Did you mean `default_headers`"):
            make(**{name: headers})


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("temprature", "temperature"),
        ("max_token", "max_tokens"),
        ("reasoning_efort", "reasoning_effort"),
        ("tool_choices", "tool_choice"),
    ],
)
async def test_a_misspelt_argument_of_a_call_is_refused(name: str, meant: str) -> None:
    model = make(base_url="http://127.0.0.1:9/v1")
    argument: dict[str, Any] = {name: "canary"}
    with pytest.raises(ValueError, match=f"Did you mean `{meant}`") as caught:
        model.invoke("Hello", **argument)
    assert "canary" not in str(caught.value)
    assert f"`extra_body={{'{name}': …}}`" in str(caught.value)
    with pytest.raises(ValueError, match=f"Did you mean `{meant}`"):
        list(model.bind(**argument).stream("Hello"))
    with pytest.raises(ValueError, match=f"Did you mean `{meant}`"):
        await model.ainvoke("Hello", **argument)


@pytest.mark.parametrize(
    "name",
    [
        "top_k",
        "min_tokens",
        "n",
        "max_completion_tokens",
        "prompt_logprobs",
        "reasoning_format",
        "ls_structured_output_format",
        "cache_control",
        "prompt_cache_key",
    ],
)
def test_request_fields_of_servers_are_no_misspelt_arguments(name: str) -> None:
    check_call([name], ChatScaleway.model_fields)


def test_the_advised_copy_works() -> None:
    model = make()
    copied = model.model_copy(update={"max_retries": 7})
    assert (model.max_retries, copied.max_retries) == (2, 7)


def test_every_field_is_for_calls_or_is_refused_there() -> None:
    """A new field has to be put on one side."""
    own_fields = set(ChatScaleway.model_fields) - set(BaseChatModel.model_fields)
    for_calls = own_fields - set(NOT_PER_CALL)
    check_call(for_calls, ChatScaleway.model_fields)
    assert for_calls == {
        "model",
        "temperature",
        "top_p",
        "max_tokens",
        "presence_penalty",
        "frequency_penalty",
        "logit_bias",
        "stop",
        "seed",
        "logprobs",
        "top_logprobs",
        "reasoning_effort",
        "parallel_tool_calls",
        "stream_usage",
        "timeout",
        "extra_body",
    }
