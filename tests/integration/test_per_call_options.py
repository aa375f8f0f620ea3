"""`timeout` and `extra_headers` of a single call; on the emulator."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import ModelRequest, ModelResponse, wrap_model_call
from langchain_core.caches import InMemoryCache
from langchain_core.load import dumps
from langchain_core.messages import HumanMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import Runnable

from langchain_scaleway import ChatScaleway, errors
from langchain_scaleway.testing import Delay, Reply, ScalewayEmulator
from tests.support.models import model_on
from tests.support.secrecy import CANARY, is_in, leaks_in
from tests.support.tools import Person, get_weather
from tests.support.traces import KeepingTracer

TENANT = {"X-Tenant": "ada"}
SECRET = {"X-Auth-Token": CANARY}


@pytest.fixture
def emulator() -> Iterator[ScalewayEmulator]:
    with ScalewayEmulator() as emulator:
        yield emulator


@wrap_model_call
def for_tenant(
    request: ModelRequest, handler: Callable[[ModelRequest], ModelResponse]
) -> ModelResponse:
    return handler(request.override(model_settings={"extra_headers": TENANT}))


async def ask_in_every_way(model: Runnable[Any, Any], **options: Any) -> None:
    model.invoke("Hello", **options)
    list(model.stream("Hello", **options))
    await model.ainvoke("Hello", **options)
    async for _ in model.astream("Hello", **options):
        pass


async def test_headers_go_out_with_the_call_alone(emulator: ScalewayEmulator) -> None:
    model = model_on(emulator, default_headers={"x-tenant": "nobody", "x-app": "mine"})
    await ask_in_every_way(model, extra_headers=TENANT)
    await ask_in_every_way(model.bind(extra_headers=TENANT))
    model.invoke("Hello")

    *with_headers, without = emulator.requests
    assert [request.headers["x-tenant"] for request in with_headers] == ["ada"] * 8
    assert without.headers["x-tenant"] == "nobody"
    assert {request.headers["x-app"] for request in emulator.requests} == {"mine"}
    assert all("extra_headers" not in request.json for request in emulator.requests)
    assert emulator.connections_opened == 2, "one for threads, one for the event loop"


def test_headers_go_out_through_tools_schemas_and_agents(emulator: ScalewayEmulator) -> None:
    model = model_on(emulator)
    model.bind_tools([get_weather], extra_headers=TENANT).invoke("Hello")
    model.with_structured_output(Person, extra_headers=TENANT).invoke("Hello")
    agent = create_agent(model, [get_weather], middleware=[for_tenant])
    agent.invoke({"messages": [HumanMessage("Hello")]})
    assert [request.headers["x-tenant"] for request in emulator.requests] == ["ada"] * 3


@pytest.mark.parametrize("limit", [0.1, httpx.Timeout(0.1)])
async def test_a_call_has_its_own_timeout(emulator: ScalewayEmulator, limit: Any) -> None:
    emulator.respond_with(lambda _: Reply("late", faults=[Delay(1)]))
    model = model_on(emulator)
    with pytest.raises(errors.ScalewayTimeoutError):
        model.invoke("Hello", timeout=limit)
    with pytest.raises(errors.ScalewayTimeoutError):
        await model.bind(timeout=limit).ainvoke("Hello")
    with pytest.raises(errors.ScalewayTimeoutError):
        list(model.stream("Hello", timeout=limit))
    assert model_on(emulator, timeout=0.1).invoke("Hello", timeout=None).text == "late"
    assert all("timeout" not in request.json for request in emulator.requests)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"timeout": -1}, "`timeout` must be a positive number"),
        ({"timeout": "long"}, "`timeout` must be seconds"),
        ({"extra_headers": {"X Team": CANARY}}, "is not a valid header name"),
        ({"extra_headers": {"X-Team": f"{CANARY}\nX-Other: y"}}, "line break"),
        ({"extra_headers": CANARY}, "a mapping of names to values"),
    ],
    ids=["negative timeout", "text", "header name", "line break", "no mapping"],
)
def test_wrong_options_are_refused_unsent(
    emulator: ScalewayEmulator, options: dict[str, Any], said: str
) -> None:
    model = model_on(emulator)
    with pytest.raises(ValueError, match=said) as caught:
        model.invoke("Hello", **options)
    assert not is_in(str(caught.value))
    with pytest.raises(ValueError, match=said) as caught:
        model.bind(**options).invoke("Hello")
    assert not is_in(str(caught.value))
    assert emulator.requests == []


def secret_calls(model: ChatScaleway, config: Any) -> None:
    """Calls with a credential, in every way that it can be given."""
    chain = ChatPromptTemplate.from_template("{word}") | model.bind(extra_headers=SECRET)
    chain.invoke({"word": "Hello"}, config)
    list(chain.stream({"word": "Hello"}, config))
    model.invoke("Hello", config, extra_headers=SECRET)
    asyncio.run(model.ainvoke("Hello", config, extra_headers=SECRET))
    for bound in (model.bind(temperature=0), model.with_config(tags=["mine"])):
        (bound.bind(extra_headers=SECRET) | StrOutputParser()).invoke("Hello", config)
    model.with_structured_output(Person, extra_headers=SECRET).invoke("Hello", config)


def test_no_trace_and_no_cache_holds_a_calls_headers(emulator: ScalewayEmulator) -> None:
    tracer, cache = KeepingTracer(), InMemoryCache()
    model = model_on(emulator, cache=cache)

    secret_calls(model, {"callbacks": [tracer]})

    assert emulator.requests
    assert all(is_in(request.headers["x-auth-token"]) for request in emulator.requests)
    assert list(leaks_in([run.model_dump() for run in tracer.runs])) == []
    assert not any(is_in(dumps(run.serialized)) for run in tracer.runs)
    assert list(leaks_in(cache._cache)) == []


def test_calls_that_differ_in_headers_alone_share_a_cached_reply(
    emulator: ScalewayEmulator,
) -> None:
    model = model_on(emulator, cache=InMemoryCache())
    model.invoke("Hello", extra_headers=TENANT, timeout=5)
    model.invoke("Hello")
    assert len(emulator.requests) == 1


@pytest.mark.parametrize("derive", ["bind", "bind_tools", "with_structured_output"])
@pytest.mark.parametrize("before", ["nothing", "bind", "with_config"])
def test_what_is_bound_shows_no_header(derive: str, before: str) -> None:
    model: Any = ChatScaleway(model="any", api_key="any")
    if before != "nothing":
        model = model.bind(seed=1) if before == "bind" else model.with_config(tags=["mine"])
    arguments: dict[str, list[Any]] = {
        "bind_tools": [[get_weather]],
        "with_structured_output": [Person],
    }
    bound = getattr(model, derive)(*arguments.get(derive, ()), extra_headers=SECRET)
    assert not is_in(repr(bound))
    assert not is_in(dumps(bound))
