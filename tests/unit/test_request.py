"""The body and the headers of a request, as they reach the server."""

from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from langchain_core.runnables import ConfigurableField
from langchain_core.tracers.run_collector import RunCollectorCallbackHandler
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from langchain_scaleway import ChatScaleway, __version__
from langchain_scaleway.chat_parameters import ChatParameters
from langchain_scaleway.convert.request import request_fields
from tests.support.recordings import VLLM_QWEN, Recording
from tests.support.replay import ReplayServer
from tests.support.structured import METHODS, Method
from tests.support.tools import Person

WHOLE = Recording(VLLM_QWEN, "chat_plain")
STREAMED = Recording(VLLM_QWEN, "chat_stream_usage")

VALUES: dict[str, tuple[Any, Any]] = {
    "temperature": (0.2, 0.9),
    "top_p": (0.5, 0.6),
    "max_tokens": (7, 8),
    "presence_penalty": (0.5, -0.5),
    "frequency_penalty": (0.25, -0.25),
    "logit_bias": ({"50256": -100.0}, {"7": 1.5}),
    "stop": (["a"], ["b"]),
    "seed": (1, 2),
    "logprobs": (True, False),
    "top_logprobs": (3, 4),
    "reasoning_effort": ("low", "high"),
}


def body_of(server: ReplayServer, asked: Any, /, **arguments: Any) -> dict[str, Any]:
    asked.invoke([HumanMessage("Grüße ☕")], **arguments)
    body: dict[str, Any] = server.received[-1].json()
    return body


def model_of(server: ReplayServer, **fields: Any) -> ChatScaleway:
    return ChatScaleway(model="m", base_url=server.base_url(WHOLE), api_key="sk-test", **fields)


async def test_what_is_not_set_is_not_sent(replay_server: ReplayServer) -> None:
    async with model_of(replay_server) as model:
        assert body_of(replay_server, model) == {
            "model": "m",
            "messages": [{"role": "user", "content": "Grüße ☕"}],
        }
        await model.ainvoke("Grüße ☕")
        sync_request, async_request = replay_server.received[-2:]
        assert async_request == sync_request


def test_fields_are_sent_and_a_call_overrides_them(replay_server: ReplayServer) -> None:
    assert {*VALUES, "parallel_tool_calls"} == set(ChatParameters.model_fields)
    fields, overrides = ({name: value[i] for name, value in VALUES.items()} for i in (0, 1))
    with model_of(replay_server, **fields) as model:
        assert body_of(replay_server, model).items() >= fields.items()
        sent = body_of(replay_server, model, **(overrides | {"logprobs": True}))
        assert sent.items() >= (overrides | {"logprobs": True}).items()
        # LangChain itself gives `stop=None` where a call says nothing.
        sent = body_of(replay_server, model, **dict.fromkeys(fields))
        assert sent.keys() & fields.keys() == {"stop"}


USAGE = {"stream_options": {"include_usage": True}}
MORE = {"stream_options": {"include_usage": True, "continuous_usage_stats": True}}
LOGPROBS = {"logprobs": True, "top_logprobs": 3}
NEWER = {"max_completion_tokens": 4000}

Case = tuple[dict[str, Any], dict[str, Any], dict[str, Any], dict[str, Any]]

CLOSEST: dict[str, Case] = {
    "extra_body, to the model": (
        {"seed": 1, "top_p": 0.1},
        {"seed": 2},
        {},
        {"seed": 2, "top_p": 0.1},
    ),
    "extra_body, to the call": (
        {},
        {"seed": 2, "top_k": 1},
        {"extra_body": {"seed": 3}},
        {"seed": 3, "top_k": 1},
    ),
    "an argument": ({"seed": 1}, {"seed": 2}, {"seed": 3, "extra_body": {"seed": 4}}, {"seed": 3}),
    "an argument behind": ({}, {}, {"extra_body": {"seed": 4}, "seed": 3}, {"seed": 3}),
    "whatever is written": (
        {},
        {"logit_bias": {"as": "written"}},
        {"top_k": 1},
        {"logit_bias": {"as": "written"}, "top_k": 1},
    ),
    "nothing": ({"seed": 1}, {"top_k": 1}, {"seed": None, "top_k": None}, {}),
    # The API refuses `top_logprobs` alone (recording `err_top_logprobs_without_logprobs`). What
    # the call itself says is the service's to refuse.
    "logprobs=False": (LOGPROBS, {}, {"logprobs": False}, {"logprobs": False}),
    "logprobs=False over extra_body": ({}, LOGPROBS, {"logprobs": False}, {"logprobs": False}),
    "logprobs=False in extra_body": (
        LOGPROBS,
        {},
        {"extra_body": {"logprobs": False}},
        {"logprobs": False},
    ),
    "top_logprobs without": (
        LOGPROBS,
        {},
        {"logprobs": False, "top_logprobs": 2},
        {"logprobs": False, "top_logprobs": 2},
    ),
    # Where both are sent, the service obeys `max_completion_tokens` (API reference, 2026-09).
    "max_tokens": ({"max_tokens": 9}, NEWER, {"max_tokens": 5}, {"max_tokens": 5}),
    "both limits": ({}, {}, {"max_tokens": 5} | NEWER, {"max_tokens": 5} | NEWER),
    # VLLM refuses the options then (recording `err_stream_options_without_stream`).
    "no stream": ({}, {"stream": True} | MORE, {"extra_body": {"stream": True} | USAGE}, {}),
    "parallel_tool_calls without tools": ({"parallel_tool_calls": False}, {}, {"tools": []}, {}),
}


@pytest.mark.parametrize(
    ("of_the_model", "extra_body", "arguments", "sent"), CLOSEST.values(), ids=CLOSEST
)
def test_what_is_said_closest_to_the_call_wins(
    of_the_model: Any, extra_body: Any, arguments: Any, sent: Any
) -> None:
    body = request_fields(
        model="m", parameters=of_the_model, extra_body=extra_body, arguments=arguments
    )
    assert body == {"model": "m"} | sent


def test_a_call_may_ask_another_model_and_bring_tools(replay_server: ReplayServer) -> None:
    with model_of(replay_server, parallel_tool_calls=False) as model:
        assert body_of(replay_server, model, model="other")["model"] == "other"
        assert body_of(replay_server, model, model=None)["model"] == "m"
        mistral = {"model": "mistral-of-tomorrow"}
        model.invoke([HumanMessage("Hi"), HumanMessage("there")], extra_body=mistral)
        body = replay_server.received[-1].json()
        assert (body["model"], len(body["messages"])) == (mistral["model"], 1), "in its template"
        body = body_of(replay_server, model, tools=[Person], tool_choice="any")
        assert body["tools"][0]["function"]["name"] == "Person"
        assert (body["tool_choice"], body["parallel_tool_calls"]) == ("required", False)


def test_streams_ask_for_usage_unless_told_not_to(replay_server: ReplayServer) -> None:
    base_url = replay_server.base_url(STREAMED)
    with ChatScaleway(model="m", base_url=base_url) as model:
        list(model.stream("Hi"))
        sent = {"model": "m", "messages": [{"role": "user", "content": "Hi"}], "stream": True}
        assert replay_server.received[-1].json() == sent | USAGE
        list(model.stream("Hi", stream_usage=False))
        assert replay_server.received[-1].json() == sent
        list(model.stream("Hi", extra_body=MORE))
        assert replay_server.received[-1].json() == sent | MORE


PERSON = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}


@pytest.mark.parametrize(
    "schema",
    [
        Person,
        {"title": "Person", **PERSON},
        {"name": "Person", "schema": PERSON},
        {"type": "json_schema", "json_schema": {"name": "Person", "schema": PERSON}},
    ],
    ids=["class", "JSON schema", "inside", "as it is"],
)
def test_a_schema_may_be_the_response_format(schema: Any, replay_server: ReplayServer) -> None:
    with model_of(replay_server) as model:
        bound: list[Any] = [
            model.bind(response_format=schema),
            model.bind_tools([Person], response_format=schema),
        ]
        for runnable in bound:
            runnable.invoke("Hi")
            sent = replay_server.received[-1].json()["response_format"]
            assert sent["type"] == "json_schema"
            assert sent["json_schema"]["name"] == "Person"
            assert sent["json_schema"]["schema"] == PERSON
        with pytest.raises(ValueError, match="must be a Pydantic class"):
            model.invoke("Hi", response_format=object)
        for kind in ("json_object", "text", "structural_tag"):
            form: Any = {"type": kind, "format": {}}
            assert body_of(replay_server, model, response_format=form)["response_format"] == form


@pytest.mark.parametrize("name", ["functions", "function_call"])
def test_openai_s_functions_are_refused_in_favour_of_tools(name: str) -> None:
    """The server would pass over them, and nobody would say so."""
    model = ChatScaleway(model="m", base_url="http://127.0.0.1:1/v1")
    with pytest.raises(ValueError, match=rf"`{name}` is what OpenAI had before.*bind_tools"):
        model.bind(**{name: [{"name": "add", "parameters": {}}]}).invoke("Hi")


def test_other_providers_hints_do_no_harm(replay_server: ReplayServer) -> None:
    """Middleware and fallbacks hand them on."""
    hints: dict[str, Any] = {"cache_control": {"type": "ephemeral"}, "prompt_cache_key": "k"}
    with model_of(replay_server) as model:
        assert body_of(replay_server, model, **hints) == body_of(replay_server, model)
        broken = ChatScaleway(model="m", base_url="http://127.0.0.1:1/v1", max_retries=0)
        broken.bind(**hints).with_fallbacks([model]).invoke("Hi")
        broken.with_fallbacks([model]).invoke("Hi", **hints)
    assert not hints.keys() & replay_server.received[-1].json().keys()


OF_SCHEMAS = {"tools", "tool_choice", "response_format"}
BOUND: dict[str, Any] = {
    **{name: value for name, (_, value) in VALUES.items()},
    "model": "other",
    "parallel_tool_calls": False,
    "extra_body": {"top_k": 5},
    "max_completion_tokens": 9,
    "extra_headers": {"X-Tenant": "ada"},
    "timeout": 20,
    "stream_usage": True,
    "prompt_cache_key": "k",
}


@pytest.mark.parametrize("method", METHODS)
def test_every_bound_argument_stays_beside_a_schema(
    method: Method, replay_server: ReplayServer
) -> None:
    asking: Any = {"schema": Person, "method": method, "include_raw": True}
    with model_of(replay_server) as model:
        model.bind(**BOUND).invoke("Hi")
        plain = replay_server.received[-1].json()
        assert body_of(replay_server, model.bind(**BOUND), seed=9)["seed"] == 9, "a call's wins"
        bound: Any = model.bind(seed=7).bind(**BOUND)
        ways: list[Any] = [
            bound.with_structured_output(**asking),
            model.with_structured_output(**asking).bind(**BOUND),
            model.with_structured_output(**asking, **BOUND),
        ]
        for way in ways:
            way.invoke("Hi")
            received = replay_server.received[-1]
            assert received.json().items() >= plain.items()
            assert received.json().keys() - plain.keys() <= OF_SCHEMAS
            assert ("x-tenant", "ada") in {(n.lower(), v) for n, v in received.headers.items()}


EARLIER = {"stop": ["x"], "seed": 1, "tools": [Person], "tool_choice": "any"}
BINDERS: dict[str, Callable[[Any], Any]] = {
    "bind": lambda model: model.bind(**EARLIER).with_config(tags=["mine"]),
    "with_config": lambda model: model.with_config({"tags": ["mine"]}).bind(**EARLIER),
    "configurable_fields": lambda model: (
        model.configurable_fields(top_p=ConfigurableField("p"))
        .bind(**EARLIER)
        .with_config(tags=["mine"])
    ),
}


@pytest.mark.parametrize("binder", BINDERS.values(), ids=BINDERS)
def test_what_is_bound_stays_beside_tools_and_is_replaced_by_later_ones(
    binder: Callable[[Any], Any], replay_server: ReplayServer
) -> None:
    runs = RunCollectorCallbackHandler()
    with model_of(replay_server, callbacks=[runs]) as model:
        bound = binder(model)
        bound.bind_tools([{"title": "add", **PERSON}], seed=2).invoke("Hi")
        body = replay_server.received[-1].json()
        assert [tool["function"]["name"] for tool in body["tools"]] == ["add"]
        assert (body["stop"], body["seed"], "tool_choice" in body) == (["x"], 2, False)
        bound.with_structured_output(Person, include_raw=True).invoke("Hi")
        body = replay_server.received[-1].json()
        assert (body["stop"], body["seed"]) == (["x"], 1)
        assert not {"tools", "tool_choice"} & body.keys()
    assert ["mine" in (run.tags or ()) for run in runs.traced_runs] == [True, True]


@pytest.mark.parametrize("with_schema", [False, True])
def test_a_fallback_to_another_provider_gets_what_is_foreign_here(
    with_schema: bool, replay_server: ReplayServer
) -> None:
    foreign: dict[str, Any] = {"prompt_cache_key": "k", "service_tier": "auto", "user": "ada"}
    url = replay_server.base_url(Recording(VLLM_QWEN, "json_schema"))
    other = ChatOpenAI(model="o", base_url=url, api_key=SecretStr("k"))
    broken = ChatScaleway(model="m", base_url="http://127.0.0.1:1/v1", max_retries=0)
    both: Any = broken.with_fallbacks([other])
    if with_schema:
        both = both.with_structured_output(Person)
    both.invoke("Hi", **foreign)
    assert replay_server.received[-1].json().items() >= foreign.items()
    broken.bind(**foreign).with_fallbacks([other.bind(seed=3)]).invoke("Hi")
    body = replay_server.received[-1].json()
    assert (body["seed"], foreign.keys() & body.keys()) == (3, set())


def test_headers(replay_server: ReplayServer) -> None:
    with model_of(replay_server, default_headers={"X-Team": "blue", "Accept": "x/y"}) as model:
        body_of(replay_server, model)
    headers = {name.lower(): value for name, value in replay_server.received[-1].headers.items()}
    assert headers["user-agent"].startswith(f"langchain-scaleway/{__version__} ")
    assert headers["authorization"] == "Bearer sk-test"
    assert headers["content-type"] == "application/json"
    assert (headers["x-team"], headers["accept"]) == ("blue", "x/y")
    with ChatScaleway(model="m", base_url=replay_server.base_url(WHOLE)) as model:
        model.invoke("Hi")
    assert "authorization" not in {name.lower() for name in replay_server.received[-1].headers}
