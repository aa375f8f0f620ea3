"""What the tests of this folder share: a server that replays, and models that ask it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from langchain_scaleway import ChatScaleway
from tests.support.recordings import Recording
from tests.support.replay import ReplayServer
from tests.support.structured import Ask
from tests.support.wire import MODEL, http_reply, http_stream

ModelFactory = Callable[..., ChatScaleway]

# A busy machine is no fault of the code: properties are not held to a time.
settings.register_profile(
    "patient",
    parent=settings.default,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("patient")


@pytest.fixture(scope="session")
def replay_server() -> Iterator[ReplayServer]:
    with ReplayServer() as server:
        yield server


@pytest.fixture
def model_at() -> Iterator[ModelFactory]:
    """Makes models for a base URL, and closes them."""
    models: list[ChatScaleway] = []

    def make(base_url: str, model: str, **fields: Any) -> ChatScaleway:
        models.append(
            ChatScaleway(
                model=model, base_url=base_url, api_key="sk-local-test", max_retries=0, **fields
            )
        )
        return models[-1]

    yield make
    for model in models:
        model.close()


@pytest.fixture
def ask(replay_server: ReplayServer, model_at: ModelFactory) -> Ask:
    """Makes a model that is answered with a recording, a reply or the events of a stream."""

    def make(answer: Any, **fields: Any) -> ChatScaleway:
        if isinstance(answer, Recording):
            return model_at(replay_server.base_url(answer), answer.requested_model, **fields)
        raw = http_stream(answer) if isinstance(answer, list) else http_reply(answer)
        return model_at(replay_server.base_url_of(raw), MODEL, **fields)

    return make
