"""A model that was copied, or stored and loaded, asks as the original does; on the emulator."""

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.load import dumps, loads
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import (
    ChatPromptTemplate,
    HumanMessagePromptTemplate,
    PromptTemplate,
)
from langchain_core.runnables import (
    ConfigurableField,
    Runnable,
    RunnableBinding,
    RunnableLambda,
    RunnableSequence,
    RunnableSerializable,
)
from langchain_core.runnables.configurable import DynamicRunnable, RunnableConfigurableFields
from langchain_core.tracers.run_collector import RunCollectorCallbackHandler
from pydantic import SecretStr

from langchain_scaleway import ChatScaleway
from langchain_scaleway.testing import ScalewayEmulator
from tests.support.models import PLAIN_MODEL, THINKING_MODEL, model_on
from tests.support.tools import Person, get_weather


def stored_and_loaded(stored: Any, *classes: type, key: str | None = None) -> Any:
    """What LangChain makes of a model that it wrote down, where the key is known."""
    if isinstance(stored, ChatScaleway) and isinstance(stored.api_key, SecretStr):
        key = stored.api_key.get_secret_value()
    text = dumps(stored)
    assert key
    assert key not in text
    return loads(
        text,
        allowed_objects=[ChatScaleway, *classes],
        valid_namespaces=["langchain_scaleway"],
        secrets_map={"SCW_SECRET_KEY": key},
    )


COPIERS: dict[str, Callable[[Any], Any]] = {
    "pickle": lambda model: pickle.loads(pickle.dumps(model)),  # noqa: S301 -- our own
    "deepcopy": copy.deepcopy,
    "copy": copy.copy,
    "model_copy": lambda model: model.model_copy(),
    "deep model_copy": lambda model: model.model_copy(deep=True),
    "dumps and loads": stored_and_loaded,
}


@pytest.mark.parametrize("copier", COPIERS.values(), ids=COPIERS)
async def test_copies_ask_as_the_original_does(emulator: ScalewayEmulator, copier: Any) -> None:
    model = model_on(emulator, temperature=0.5, stop=["END"], extra_body={"top_k": 5})
    # Used before it is copied: it has open connections then, synchronous and not.
    model.invoke("Hello")
    await model.ainvoke("Hello")

    duplicate = copier(model)

    assert isinstance(duplicate, ChatScaleway)
    assert duplicate.invoke("Hello").text == model.invoke("Hello").text
    assert (await duplicate.ainvoke("Hello")).text
    bodies = [request.json for request in emulator.requests]
    assert all(body == bodies[0] for body in bodies)


async def test_an_assigned_field_counts_from_the_next_call_on(emulator: ScalewayEmulator) -> None:
    model = model_on(emulator, temperature=0, default_headers={"x-user": "ada"})
    model.invoke("Hello")

    model.temperature = 1
    model.default_headers = {"x-user": "bob"}
    await model.ainvoke("Hello")

    first, second = emulator.requests
    assert [first.json["temperature"], second.json["temperature"]] == [0, 1]
    assert [first.headers["x-user"], second.headers["x-user"]] == ["ada", "bob"]


def test_traces_tell_what_the_copy_is(emulator: ScalewayEmulator) -> None:
    """Core keeps what the model was when it was first asked."""
    runs = RunCollectorCallbackHandler()
    model = model_on(emulator, temperature=0)
    model.invoke("Hello", {"callbacks": [runs]})

    model.model_copy(update={"temperature": 1}).invoke("Hello", {"callbacks": [runs]})

    told = [run.serialized["kwargs"]["temperature"] for run in runs.traced_runs if run.serialized]
    assert told == [0, 1]


DERIVED: dict[str, Callable[[ChatScaleway], Runnable[Any, Any]]] = {
    "bind": lambda model: model.bind(temperature=0),
    "bind_tools": lambda model: model.bind_tools([get_weather]),
    "json_schema": lambda model: model.with_structured_output(Person),
    "function_calling": lambda m: m.with_structured_output(Person, method="function_calling"),
    "include_raw": lambda model: model.with_structured_output(Person, include_raw=True),
    "configurable": lambda model: model.configurable_fields(temperature=ConfigurableField("heat")),
}


@pytest.mark.parametrize("derive", DERIVED.values(), ids=DERIVED)
@pytest.mark.parametrize("copier", [COPIERS["pickle"], copy.deepcopy], ids=["pickle", "deepcopy"])
def test_what_is_made_of_a_model_is_copied(
    emulator: ScalewayEmulator, copier: Any, derive: Callable[[ChatScaleway], Runnable[Any, Any]]
) -> None:
    model = model_on(emulator)
    model.invoke("Hello")
    runnable = derive(model)

    duplicate = copier(runnable)

    runnable.invoke("Name a Person.")
    duplicate.invoke("Name a Person.")
    _, first, second = (request.json for request in emulator.requests)
    assert first == second


def test_chain_is_stored_and_loaded(emulator: ScalewayEmulator) -> None:
    prompt = ChatPromptTemplate.from_template("Say {word}.")
    bound = model_on(emulator).bind(temperature=0)
    chain = prompt | bound.with_config(tags=["stored"]) | StrOutputParser()

    loaded = stored_and_loaded(
        chain,
        *(ChatPromptTemplate, HumanMessagePromptTemplate, PromptTemplate),
        *(RunnableBinding, RunnableSequence, StrOutputParser),
        key=emulator.api_key,
    )

    assert loaded.invoke({"word": "yes"}) == chain.invoke({"word": "yes"})
    assert [request.json["temperature"] for request in emulator.requests] == [0, 0]


def test_configurable_model_is_stored_and_loaded(emulator: ScalewayEmulator) -> None:
    """As core's own, since nothing of ours is among what `load` knows."""
    configurable = model_on(emulator).configurable_fields(**CONFIGURABLE)

    loaded = stored_and_loaded(configurable, RunnableConfigurableFields, key=emulator.api_key)

    assert isinstance(loaded, RunnableConfigurableFields)
    assert loaded.fields == CONFIGURABLE
    loaded.invoke("Hello", {"configurable": {"temperature": 1}})
    assert emulator.requests[0].json["temperature"] == 1


CONFIGURABLE = {
    "temperature": ConfigurableField(id="temperature"),
    "model": ConfigurableField(id="model"),
}


def configured(model: ChatScaleway, /, **configurable: Any) -> ChatScaleway:
    """The model that answers in a call that configures these fields."""
    dynamic = model.configurable_fields(**{name: ConfigurableField(name) for name in configurable})
    assert isinstance(dynamic, DynamicRunnable)
    answering, _ = dynamic.prepare({"configurable": configurable})
    assert isinstance(answering, ChatScaleway)
    return answering


def alternated(model: Runnable[Any, Any]) -> Runnable[Any, Any]:
    """The model among alternatives, which look into it themselves."""
    assert isinstance(model, RunnableSerializable)
    return model.configurable_alternatives(ConfigurableField("which"), other=RunnableLambda(len))


@pytest.mark.parametrize("arrange", [lambda model: model, alternated], ids=["alone", "alternated"])
async def test_configured_models_share_connections(
    emulator: ScalewayEmulator, arrange: Callable[[Runnable[Any, Any]], Runnable[Any, Any]]
) -> None:
    model = arrange(model_on(emulator).configurable_fields(**CONFIGURABLE))

    for number in range(3):
        model.invoke("Hello", {"configurable": {"temperature": number}})
        await model.ainvoke("Hello", {"configurable": {"temperature": number}})

    assert [request.json["temperature"] for request in emulator.requests] == [0, 0, 1, 1, 2, 2]
    assert emulator.connections_opened == 2


async def test_configured_model_streams_unless_that_is_forbidden(
    emulator: ScalewayEmulator,
) -> None:
    for streaming in (True, None, False):
        model = model_on(emulator, streaming=streaming)
        warm = model.configurable_fields(**CONFIGURABLE).with_config(
            configurable={"temperature": 1}
        )
        assert (len(list(warm.stream("Hello"))) > 1) is (streaming is not False)
        chunks = [chunk async for chunk in warm.astream("Hello")]
        assert (len(chunks) > 1) is (streaming is not False)
        assert stored_and_loaded(model).streaming is streaming
    list(configured(model_on(emulator), streaming=False).stream("Hello"))
    assert "stream" not in emulator.requests[-1].json


def test_tools_and_schemas_go_to_the_configured_model(emulator: ScalewayEmulator) -> None:
    model: Any = model_on(emulator).configurable_fields(**CONFIGURABLE)
    configured = model.with_config(configurable={"model": THINKING_MODEL})

    configured.bind_tools([get_weather]).invoke("Hello")
    configured.with_structured_output(Person).invoke("Hello")
    thinking: Any = {"configurable": {"model": THINKING_MODEL}}
    model.bind_tools([get_weather]).invoke("Hello", thinking)
    model.with_structured_output(Person).invoke("Hello", thinking)
    model.bind(seed=1).bind_tools([get_weather]).invoke("Hello", thinking)

    assert [request.json["model"] for request in emulator.requests] == [THINKING_MODEL] * 5


def test_configured_values_are_checked_and_secret(
    emulator: ScalewayEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValueError, match="less than or equal to 2"):
        configured(model_on(emulator), temperature=3)
    monkeypatch.setenv("SCW_SECRET_KEY", "canary")
    model = configured(model_on(emulator, api_key=None), temperature=1)
    assert isinstance(model.api_key, SecretStr)
    assert b"canary" not in pickle.dumps(model), "the environment's key stays there"


def renamed(model: ChatScaleway, name: str) -> ChatScaleway:
    return model.model_copy(update={"model": name})


RENAMERS = [renamed, lambda model, name: configured(model, model=name)]


@pytest.mark.parametrize("rename", RENAMERS, ids=["model_copy", "configured"])
@pytest.mark.parametrize("names", [(PLAIN_MODEL, THINKING_MODEL), ("unknown", PLAIN_MODEL)])
def test_copy_for_another_model_has_its_profile(
    emulator: ScalewayEmulator, rename: Any, names: tuple[str, str]
) -> None:
    first, second = (model_on(emulator, name) for name in names)

    assert rename(first, names[1]).profile == second.profile
    assert rename(second, names[0]).profile == first.profile
    own = model_on(emulator, PLAIN_MODEL, profile={"max_input_tokens": 7})
    assert rename(own, THINKING_MODEL).profile == {"max_input_tokens": 7}, "the user's own"
