"""The fields of `ChatScaleway`: names, bounds, equality, where values come from."""

import copy
import pickle
from importlib.metadata import version
from typing import Any

import httpx
import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.rate_limiters import InMemoryRateLimiter
from pydantic import SecretStr, ValidationError

from langchain_scaleway import ChatScaleway, __version__
from langchain_scaleway.client.transport import Timeout

MODEL = "mistral-small-3.2-24b-instruct-2506"
KEY = "11111111-aaaa-4aaa-8aaa-000000000001"
PROJECT = "33333333-cccc-4ccc-8ccc-000000000003"


def make(**fields: Any) -> ChatScaleway:
    return ChatScaleway(**{"model": MODEL, "api_key": KEY, **fields})


def test_every_name_is_langchains_own() -> None:
    """With an alias, `mypy --strict` refuses the name in a user's program."""
    for field in ChatScaleway.model_fields.values():
        assert (field.alias, field.validation_alias, field.serialization_alias) == (None,) * 3


# --- Bounds -----------------------------------------------------------------------------

WRONG: dict[str, list[tuple[Any, str]]] = {
    "temperature": [
        *((-0.1, "greater than or equal to 0"), (2.1, "less than or equal to 2")),
        *(("hot", "valid number"), (float("nan"), "less than or equal to 2")),
    ],
    "top_p": [(0, "greater than 0"), (1.1, "less than or equal to 1")],
    "max_tokens": [(0, "greater than or equal to 1"), (1.5, "valid integer")],
    "presence_penalty": [(-2.1, "or equal to -2"), (2.1, "or equal to 2")],
    "frequency_penalty": [(-2.1, "or equal to -2"), (2.1, "or equal to 2")],
    "top_logprobs": [(-1, "greater than or equal to 0"), (21, "less than or equal to 20")],
    "max_retries": [(-1, "greater than or equal to 0")],
    "model": [("", "at least 1 character"), (None, "valid string"), (5, "valid string")],
    "reasoning_effort": [("", "at least 1 character")],
    "stop": [(5, "valid string"), ([5], "valid string")],
    "seed": [("lucky", "valid integer")],
    "logit_bias": [({"the": 1}, "valid integer"), (5, "valid dictionary")],
    "streaming": [("perhaps", "valid boolean"), (7, "valid boolean")],
    "extra_body": [("top_k=5", "valid dictionary")],
    "default_headers": [
        *(({"X-Count": 5}, "valid string"), ("X: 1", "valid dictionary")),
        *(
            ({name: "x"}, "is not a valid header name")
            for name in ("", "X Team", "X:Team", "Größe")
        ),
        ({"X-Team": " blue"}, "spaces around its value"),
        *(({"X-Team": team}, "line break") for team in ("blue\nX-Other: y", "café")),
    ],
    "timeout": [
        ("soon", "`timeout` must be seconds, an `httpx.Timeout` or None"),
        (True, "is a number, not True"),
        *((wrong, "positive number of seconds") for wrong in (0, -1, float("nan"))),
        *(
            (httpx.Timeout(5, **wrong), "positive number of seconds")
            for wrong in ({"read": -1}, {"connect": 0}, {"write": float("nan")})
        ),
    ],
    # More of these are in test_settings.
    "base_url": [("localhost:8000/v1", "does not begin with http:// or https://")],
    "project_id": [("mine", "must be a project ID such as")],
    "api_key": [("", "api_key is empty"), ("two words", "a character that no key contains")],
}


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        pytest.param(name, value, allowed, id=f"{name}={value!r}")
        for name, cases in WRONG.items()
        for value, allowed in cases
    ],
)
def test_wrong_values_are_refused_with_what_is_allowed(name: str, value: Any, allowed: str) -> None:
    with pytest.raises(ValidationError) as caught:
        make(**{name: value})
    assert allowed in str(caught.value)
    assert name in str(caught.value)


EDGES: dict[str, list[Any]] = {
    "temperature": [0, 2],
    "top_p": [0.01, 1],
    "max_tokens": [1, 10**9],
    "presence_penalty": [-2, 2],
    "top_logprobs": [0, 20],
    "max_retries": [0, 100],
    "timeout": [0.001, None, Timeout(5), Timeout(None)],
    "stop": ["", [], ["a", "b"]],
    "reasoning_effort": ["none", "max", "of tomorrow"],
    "model": ["mistral/mistral-small-3.2-24b-instruct-2506:fp8", "of tomorrow"],
}


@pytest.mark.parametrize(("name", "values"), EDGES.items(), ids=EDGES)
def test_values_at_the_edge_are_taken(name: str, values: list[Any]) -> None:
    for value in values:
        assert getattr(make(**{name: value}), name) == value


def test_what_traces_are_told_of_a_model() -> None:
    asked = {"temperature": 0.5, "stop": ["END"], "extra_body": {"top_k": 5}}
    model = make(project_id=PROJECT, timeout=7, default_headers={"x-user": "ada"}, **asked)
    assert model.asdict() == {
        "model": MODEL,
        "project_id": PROJECT,
        "_type": "scaleway-chat",
        **asked,
    }
    elsewhere = make(base_url="http://localhost:8000/v1")
    assert elsewhere.asdict()["base_url"] == "http://localhost:8000/v1"


def test_models_with_the_same_fields_are_equal() -> None:
    model = make(default_headers={"x-user": "ada"})
    model._client()  # What was built for calls does not count.
    same = [
        make(default_headers={"x-user": "ada"}),
        model.model_copy(),
        copy.deepcopy(model),
        pickle.loads(pickle.dumps(model)),  # noqa: S301 -- our own
    ]
    assert [model == other for other in same] == [True] * len(same)
    changed = [model.model_copy(update={"temperature": 1}), make(api_key="another-key"), make()]
    assert [model == other for other in changed] == [False] * len(changed)
    assert model != "model"


def test_deep_copies_share_what_cannot_be_copied() -> None:
    shared = {
        "http_client": httpx.Client(),
        "cache": InMemoryCache(),
        "rate_limiter": InMemoryRateLimiter(requests_per_second=1),
        "callbacks": [BaseCallbackHandler()],
    }
    model = make(**shared, extra_body={"top_k": [5]})
    model._client()
    duplicate = copy.deepcopy(model)
    assert all(getattr(duplicate, name) is getattr(model, name) for name in shared)
    assert duplicate.extra_body is not model.extra_body


def test_a_model_is_needed() -> None:
    with pytest.raises(ValidationError, match="model\n  Field required"):
        ChatScaleway(api_key=KEY)  # type: ignore[call-arg]  # that is the point


# --- Where values come from -------------------------------------------------------------


def test_what_is_not_given_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """More of it is in test_settings."""
    with pytest.raises(ValidationError, match="No Scaleway API key was found"):
        ChatScaleway(model=MODEL)
    monkeypatch.setenv("SCW_SECRET_KEY", "of-environment")
    monkeypatch.setenv("SCW_DEFAULT_PROJECT_ID", PROJECT)
    model = ChatScaleway(model=MODEL)
    assert isinstance(model.api_key, SecretStr)
    assert model.api_key.get_secret_value() == "of-environment"
    assert (model.project_id, model.base_url) == (PROJECT, None)
    monkeypatch.setenv("SCALEWAY_BASE_URL", "http://localhost:8000/v1")
    model = ChatScaleway(model=MODEL)
    assert (model.project_id, model.base_url) == (None, "http://localhost:8000/v1")


@pytest.mark.parametrize(
    ("name", "value"),
    [("timeout", -1), ("api_key", "two words"), ("base_url", "nowhere"), ("project_id", "mine")],
)
def test_what_is_assigned_is_checked_with_the_next_call(name: str, value: Any) -> None:
    model = make()
    setattr(model, name, value)
    with pytest.raises(ValueError, match=name):
        model.invoke("Hello")


# --- Versions ---------------------------------------------------------------------------


@pytest.mark.parametrize("mine", [None, {"mine": 1}])
def test_versions_are_in_the_metadata(mine: dict[str, Any] | None) -> None:
    metadata = make(metadata=mine).metadata or {}
    versions = metadata.pop("lc_versions")
    assert versions["langchain-core"] == version("langchain-core")
    assert versions["langchain-scaleway"] == __version__
    assert metadata == (mine or {})
