"""A refusal is LangChain's own block, so that its middleware and its parsers raise an error."""

from typing import Literal

import pytest
from langchain.agents import create_agent
from langchain_core.messages import HumanMessage

from tests.support.replay import ReplayServer
from tests.support.wire import MODEL, event, http_reply, http_stream, whole
from tests.unit.conftest import ModelFactory

try:
    from langchain.agents.middleware import ModelRefusalMiddleware
    from langchain_core.exceptions import ModelRefusalError
except ImportError:  # LangChain 1.4 and langchain-core 1.7.4 know no refusals.
    pytest.skip("This LangChain knows no refusals.", allow_module_level=True)

SAID = "I will not help with that."
WHOLE = http_reply(whole({"refusal": SAID}))
STREAMED = http_stream([event({"refusal": SAID[:6]}), event({"refusal": SAID[6:]}, "stop")])

BY_VERSION: dict[str, tuple[bytes, dict[str, str | bool]]] = {
    "invoke": (WHOLE, {}),
    "invoke, v1": (WHOLE, {"output_version": "v1"}),
    "stream": (STREAMED, {"streaming": True}),
    "stream, v1": (STREAMED, {"streaming": True, "output_version": "v1"}),
}

every_version = pytest.mark.parametrize(("answer", "fields"), BY_VERSION.values(), ids=BY_VERSION)


@every_version
def test_a_refusal_is_langchains_block(
    answer: bytes, fields: dict[str, str], replay_server: ReplayServer, model_at: ModelFactory
) -> None:
    message = model_at(replay_server.base_url_of(answer), MODEL, **fields).invoke("Hi")
    [block] = message.content_blocks
    assert {**block, "index": None} == {"type": "refusal", "refusal": SAID, "index": None}


def test_a_refusal_in_v3_is_langchains_block(
    replay_server: ReplayServer, model_at: ModelFactory
) -> None:
    model = model_at(replay_server.base_url_of(STREAMED), MODEL)
    [block] = model.stream_events("Hi", version="v3").output.content_blocks
    assert block == {"type": "refusal", "refusal": SAID}


@every_version
def test_the_refusal_middleware_raises(
    answer: bytes, fields: dict[str, str], replay_server: ReplayServer, model_at: ModelFactory
) -> None:
    model = model_at(replay_server.base_url_of(answer), MODEL, **fields)
    agent = create_agent(model, middleware=[ModelRefusalMiddleware()])
    with pytest.raises(ModelRefusalError, match=SAID):
        agent.invoke({"messages": [HumanMessage("Hi")]})


@pytest.mark.parametrize("method", ["json_schema", "function_calling", "json_mode"])
@pytest.mark.parametrize(("answer", "fields"), [(WHOLE, {}), (STREAMED, {"streaming": True})])
def test_structured_output_raises_the_refusal(
    answer: bytes,
    fields: dict[str, str],
    method: Literal["json_schema", "function_calling", "json_mode"],
    replay_server: ReplayServer,
    model_at: ModelFactory,
) -> None:
    model = model_at(replay_server.base_url_of(answer), MODEL, **fields)
    schema = {"title": "Answer", "type": "object", "properties": {"text": {"type": "string"}}}
    with pytest.raises(ModelRefusalError, match=SAID):
        model.with_structured_output(schema, method=method).invoke("Hi")
