"""What a model says of itself, and pydantic of wrong arguments, holds no key."""

import copy
import json
import pickle
import pprint
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.load import dumpd, dumps
from langchain_core.prompts import ChatPromptTemplate
from pydantic import SecretStr, ValidationError

from langchain_scaleway import ChatScaleway
from tests.support.secrecy import CANARY, is_in, leaks_in, leaks_of

BASE_URL = "http://127.0.0.1:9/v1"
HEADERS = {"X-Auth-Token": CANARY}


def model_with_canary(**fields: Any) -> ChatScaleway:
    """A model that has the canary as its key, as another header, and has built its client."""
    settings: dict[str, Any] = {"model": "any", "base_url": BASE_URL, "api_key": CANARY}
    model = ChatScaleway(**(settings | {"default_headers": HEADERS} | fields))
    model._client()
    return model


# --- What models say of themselves --------------------------------------------------------

WORDS: dict[str, Callable[[ChatScaleway], Any]] = {
    "repr": repr,
    "str": str,
    "format": "{}".format,
    "pprint": pprint.pformat,
    "model_dump": lambda model: model.model_dump(),
    "model_dump in JSON's types": lambda model: model.model_dump(mode="json"),
    "model_dump_json": lambda model: model.model_dump_json(),
    "repr of model_dump": lambda model: repr(model.model_dump()),
    "dumpd": dumpd,
    "dumps": dumps,
    "to_json": lambda model: model.to_json(),
    "the graph": lambda model: model.get_graph().to_json(),
    "the config's schema": lambda model: model.get_config_jsonschema(),
    "the input's schema": lambda model: model.get_input_jsonschema(),
    "the cache's key": lambda model: model._get_llm_string(stop=["x"], temperature=1),
    "asdict": lambda model: model.asdict(),
    "the identifying parameters": lambda model: model._identifying_params,
    "LangSmith's parameters": lambda model: model._get_ls_params(),
    "the invocation's parameters": lambda model: model._get_invocation_params(),
    "the secrets' names": lambda model: model.lc_secrets,
    "a bound model": lambda model: repr(model.bind(temperature=0)),
    "dumps of a bound model": lambda model: dumps(model.bind(temperature=0)),
    "a configured model": lambda model: repr(model.with_config(tags=["a"])),
    "a chain": lambda model: repr(ChatPromptTemplate.from_template("{a}") | model),
    "dumps of a chain": lambda model: dumps(ChatPromptTemplate.from_template("{a}") | model),
    "structured output": lambda model: repr(model.with_structured_output({"title": "A"})),
    "a copy": lambda model: repr(copy.copy(model)),
    "a deep copy": lambda model: repr(copy.deepcopy(model)),
    "a changed copy": lambda model: repr(model.model_copy(update={"temperature": 1})),
    "its attributes": lambda model: repr(vars(model)),
    "its fields": lambda model: repr(dict(model)),
    "its state": lambda model: repr(model.__getstate__()),
    "headers": lambda model: f"{model.default_headers} {model.default_headers!r}",
    "headers of an update": lambda model: said_of(
        model.model_copy(update={"default_headers": HEADERS})
    ),
    "headers of an assignment": lambda model: said_of(with_assigned_headers(model)),
    "its client": lambda model: repr(model._client()),
    "its endpoint": lambda model: repr(model._client().endpoint),
    "its private attributes": lambda model: repr(
        [getattr(model, name) for name in model.__private_attributes__]
    ),
}


def said_of(model: ChatScaleway) -> str:
    return f"{model!r} {model} {dumps(model)} {model.model_dump()} {model.model_dump_json()}"


def with_assigned_headers(model: ChatScaleway) -> ChatScaleway:
    model.default_headers = HEADERS
    return model


@pytest.mark.parametrize("words", WORDS.values(), ids=WORDS)
def test_what_models_say_of_themselves(words: Callable[[ChatScaleway], Any]) -> None:
    said = words(model_with_canary())
    assert list(leaks_in(said)) == []
    assert not is_in(repr(said))


def test_a_model_keeps_its_key_all_the_same() -> None:
    """Or the tests above would show nothing."""
    model = model_with_canary()
    assert isinstance(model.api_key, SecretStr)
    assert model.api_key.get_secret_value() == CANARY
    assert model.default_headers == {"X-Auth-Token": SecretStr(CANARY)}
    assert is_in(repr(model._client().endpoint._headers))
    assert is_in(pickle.dumps(model))
    assert copy.deepcopy(model).default_headers == model.default_headers


KEYS: dict[str, Callable[[], ChatScaleway]] = {
    "an argument": model_with_canary,
    "bytes": lambda: model_with_canary(api_key=CANARY.encode()),
    "a secret": lambda: model_with_canary(api_key=SecretStr(CANARY)),
    "validation": lambda: ChatScaleway.model_validate(
        {"model": "any", "base_url": BASE_URL, "api_key": CANARY}
    ),
    "an update": lambda: model_with_canary(api_key="another-key").model_copy(
        update={"api_key": CANARY}
    ),
    "an assignment": lambda: assigned(CANARY),
}


def assigned(key: str) -> ChatScaleway:
    model = model_with_canary(api_key="another-key")
    model.api_key = key
    return model


@pytest.mark.parametrize("make", KEYS.values(), ids=KEYS)
def test_however_the_key_came(make: Callable[[], ChatScaleway]) -> None:
    model = make()
    assert f"Bearer {CANARY}" in model._client().endpoint._headers["authorization"]
    for said in (repr(model), str(model), pprint.pformat(model), dumps(model)):
        assert not is_in(said)
    assert not is_in(repr(model.model_dump()))
    assert not is_in(model.model_dump_json())


def test_a_key_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCW_SECRET_KEY", CANARY)
    model = ChatScaleway(model="any", base_url=BASE_URL)
    assert f"Bearer {CANARY}" in model._client().endpoint._headers["authorization"]
    assert not is_in(repr(model))
    assert not is_in(pickle.dumps(model))
    assert not is_in(pickle.dumps(copy.deepcopy(model)))
    assert not is_in(pickle.dumps(model.model_copy(update={"temperature": 1})))
    assert not is_in(pickle.dumps(model.bind(temperature=1)))
    assert not is_in(json.dumps(dumpd(model)))
    monkeypatch.setenv("SCW_SECRET_KEY", "another-key")
    elsewhere: ChatScaleway = pickle.loads(pickle.dumps(model))  # noqa: S301 -- our own
    assert elsewhere._client().endpoint._headers["authorization"] == "Bearer another-key"


# --- What pydantic says of wrong arguments ------------------------------------------------

WRONG: dict[str, dict[str, Any]] = {
    "no model": {"model": ...},
    "model": {"model": 5},
    "temperature": {"temperature": "hot"},
    "timeout": {"timeout": "long"},
    "project_id": {"project_id": "mine"},
    "default_headers": {"default_headers": 5},
    "default_headers of pairs": {"default_headers": [("X-Auth-Token", CANARY)]},
    "default_headers with a line break": {"default_headers": {"X-Auth-Token": f"{CANARY}\n"}},
    "extra_body": {"extra_body": [CANARY]},
    "several": {"temperature": "hot", "top_p": 2, "stop": 5},
    "unknown": {"temprature": 1},
    "unsupported": {"n": 1},
    "the key under another's name": {"openai_api_key": CANARY},
    "the key under a mistyped name": {"apikey": CANARY},
    "the key under Scaleway's name": {"secret_key": CANARY},
    "the key under a prefixed name": {"scaleway_api_key": CANARY},
    "a key with a line break": {"api_key": f"{CANARY}\n"},
    "a secret with a line break": {"api_key": SecretStr(f"{CANARY}\n")},
    "a key in a list": {"api_key": [CANARY]},
    "a key in a dict": {"api_key": {"key": CANARY}},
    "a key in base_url": {"base_url": f"https://user:{CANARY}@localhost/v1"},
    "a key in base_url's query": {"base_url": f"https://localhost/v1?key={CANARY}"},
    "base_url": {"base_url": 5},
    "base_url without a scheme": {"base_url": "nowhere"},
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_wrong_arguments(wrong: dict[str, Any]) -> None:
    fields = {"model": "any", "base_url": BASE_URL, "api_key": CANARY, "default_headers": HEADERS}
    given = {name: value for name, value in (fields | wrong).items() if value is not ...}
    makers: list[Callable[[], Any]] = [
        lambda: ChatScaleway(**given),
        lambda: ChatScaleway.model_validate(given),
    ]
    for make in makers:
        with pytest.raises(ValidationError) as caught:
            make()
        error = caught.value
        assert leaks_of(error) == []
        assert list(leaks_in(error.errors())) == []
        assert not is_in(repr(error.errors()))
        assert not is_in(error.json(include_context=False))
