"""Unknown arguments, and arguments that belong to the model alone."""

from typing import Any

import httpx
import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from langchain_scaleway import ChatScaleway
from langchain_scaleway.arguments import check_arguments
from langchain_scaleway.chat_parameters import ChatParameters, check_call

MODEL = "mistral-small-3.2-24b-instruct-2506"
KEY = "11111111-aaaa-4aaa-8aaa-000000000001"


def make(**fields: Any) -> ChatScaleway:
    return ChatScaleway(**{"model": MODEL, "api_key": KEY, **fields})


MEANT = {
    "temprature": "temperature",
    "max_token": "max_tokens",
    "base_ur": "base_url",
    "model_name": "model",
    "max_completion_tokens": "max_tokens",
    "request_timeout": "timeout",
    "scaleway_api_key": "api_key",
    "openai_api_key": "api_key",
    "openai_api_base": "base_url",
    "stop_sequences": "stop",
    "model_kwargs": "extra_body",
    "reasoning": "reasoning_effort",
    "stream_options": "stream_usage",
    "headers": "default_headers",
    "extra_headers": "default_headers",
}


def test_an_unknown_argument_is_refused_with_what_was_meant() -> None:
    for name, meant in MEANT.items():
        with pytest.raises(ValidationError, match="is not an argument of ChatScaleway") as caught:
            make(**{name: "canary"})
        assert f"`{name}`" in str(caught.value)
        assert f"Did you mean `{meant}`?" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "way_out"),
    [
        ("qqqqqqq", "go into `extra_body`"),
        ("conversation", "go into `extra_body`"),
        ("top_k", "vLLM's request fields. `extra_body={'top_k': …}`"),
        ("min_p", "vLLM's request fields. `extra_body={'min_p': …}`"),
        ("n", "`model.batch([prompt] * n)` gives several. `extra_body={'n': …}`"),
        ("user", "no such request field"),
    ],
)
def test_what_is_no_misspelt_argument_is_refused_with_the_way_out(name: str, way_out: str) -> None:
    with pytest.raises(ValidationError) as caught:
        make(**{name: 1})
    assert "Did you mean" not in str(caught.value)
    assert way_out in str(caught.value)


@pytest.mark.parametrize("value", [True, False])
def test_a_bool_is_no_number(value: bool) -> None:
    for name in ("temperature", "max_tokens", "seed", "top_logprobs", "timeout", "max_retries"):
        with pytest.raises(ValidationError, match=f"`{name}` is a number, not {value}"):
            make(**{name: value})


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


@given(st.text())
def test_any_other_name_is_refused(name: str) -> None:
    fields = ChatScaleway.model_fields
    if name in fields:
        check_arguments({name: None}, fields, "ChatScaleway")
    else:
        with pytest.raises(ValueError, match="is not an argument of ChatScaleway"):
            check_arguments({name: None}, fields, "ChatScaleway")


FOR_CALLS = {*ChatParameters.model_fields, "model", "stream_usage", "timeout", "extra_body"}


def test_every_field_is_for_calls_or_belongs_to_the_model() -> None:
    """A new field has to be put on one side."""
    fields = ChatScaleway.model_fields
    check_call(FOR_CALLS, fields)
    for name in fields.keys() - FOR_CALLS:
        with pytest.raises(ValueError, match=f"`{name}` belongs to the model") as caught:
            check_call([name], fields)
        assert f"`model.model_copy(update={{'{name}': …}})`" in str(caught.value)
    assert make().model_copy(update={"max_retries": 7}).max_retries == 7, "as advised"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("base_url", "`base_url` belongs to the model"),
        ("streaming", "`streaming` belongs to the model"),
        ("headers", "use `extra_headers`"),
        ("temprature", "Did you mean `temperature`.*`extra_body={'temprature': …}`"),
        ("max_token", "Did you mean `max_tokens`"),
        ("reasoning_efort", "Did you mean `reasoning_effort`"),
        ("tool_choices", "Did you mean `tool_choice`"),
    ],
)
async def test_what_no_call_can_have_is_refused(name: str, said: str) -> None:
    model = make(base_url="http://127.0.0.1:9/v1")
    argument: dict[str, Any] = {name: "canary"}
    with pytest.raises(ValueError, match=said) as caught:
        model.invoke("Hello", **argument)
    assert "canary" not in str(caught.value)
    with pytest.raises(ValueError, match=said):
        list(model.bind(**argument).stream("Hello"))
    with pytest.raises(ValueError, match=said):
        await model.ainvoke("Hello", **argument)


@pytest.mark.parametrize("name", ["config", "input", "metadata", "tags", "run_id"])
def test_what_each_call_has_is_not_bound(name: str) -> None:
    with pytest.raises(ValueError, match=rf"`{name}` is given to each call.*with_config"):
        make().bind(**{name: {}})


def test_request_fields_of_servers_are_no_misspelt_arguments() -> None:
    names = ("top_k", "min_tokens", "n", "max_completion_tokens", "prompt_logprobs")
    others = ("reasoning_format", "ls_structured_output_format", "cache_control")
    check_call((*names, *others), ChatScaleway.model_fields)
