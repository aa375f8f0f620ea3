"""LangChain's cache of replies: what is the same question, and what comes back; on the emulator."""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any

import pytest
from langchain_core.caches import BaseCache, InMemoryCache
from langchain_core.globals import set_llm_cache
from langchain_core.load import dumps, loads
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.outputs import Generation
from pydantic import create_model

from langchain_scaleway import ChatScaleway
from langchain_scaleway.costs import usage_cost
from langchain_scaleway.testing import Reply, ScalewayEmulator, ToolCall
from tests.support.models import PLAIN_MODEL, THINKING_MODEL, model_on
from tests.support.tools import Person, get_weather


class OpenCache(InMemoryCache):
    """Shows its keys."""

    @property
    def keys(self) -> list[tuple[str, str]]:
        """Prompt and model of each entry."""
        return list(self._cache)


class DatabaseCache(BaseCache):
    """Keeps replies as text in a database, as LangChain's caches in databases do."""

    def __init__(self) -> None:
        self._rows = sqlite3.connect(":memory:", check_same_thread=False)
        self._rows.execute("CREATE TABLE replies (prompt, model, reply)")

    def lookup(self, prompt: str, llm_string: str) -> list[Generation] | None:
        query = "SELECT reply FROM replies WHERE prompt = ? AND model = ?"
        found = self._rows.execute(query, (prompt, llm_string)).fetchall()
        return [loads(reply, allowed_objects="core") for (reply,) in found] or None

    def update(self, prompt: str, llm_string: str, return_val: Sequence[Generation]) -> None:
        rows = [(prompt, llm_string, dumps(generation)) for generation in return_val]
        self._rows.executemany("INSERT INTO replies VALUES (?, ?, ?)", rows)

    def clear(self, **_: Any) -> None:
        self._rows.execute("DELETE FROM replies")

    def close(self) -> None:
        self._rows.close()


@pytest.mark.parametrize("output_version", ["v0", "v1"])
@pytest.mark.parametrize("streaming", [None, True])
async def test_reply_comes_back_whole_from_a_database(
    emulator: ScalewayEmulator, output_version: str, streaming: bool | None
) -> None:
    readable = ToolCall("get_weather", {"city": "Paris"}, id="call_1")
    unreadable = ToolCall("get_weather", '{"city": "Par', id="call_2")
    emulator.script(Reply("Let me see.", "Where is Paris?", [readable, unreadable]))
    with closing(DatabaseCache()) as cache:
        fields: dict[str, Any] = {"output_version": output_version, "streaming": streaming}
        first = model_on(emulator, THINKING_MODEL, cache=cache, **fields).invoke("Hello")
        again = model_on(emulator, THINKING_MODEL, cache=cache, **fields).invoke("Hello")

    assert len(emulator.requests) == 1
    assert first.usage_metadata is not None
    free = {**first.usage_metadata, "total_cost": 0}
    assert again == first.model_copy(update={"usage_metadata": free, "id": again.id})
    assert again.content_blocks == first.content_blocks
    assert usage_cost(again) == 0


async def test_same_question_is_asked_once(emulator: ScalewayEmulator) -> None:
    model = model_on(emulator, THINKING_MODEL, cache=InMemoryCache())
    call = ToolCall("get_weather", {"city": "Paris"})
    emulator.script(Reply("Let me see.", "Where is Paris?", [call]))

    first = model.invoke("Hello")
    again = [
        model.invoke("Hello"),
        await model.ainvoke("Hello"),
        model.batch(["Hello"])[0],
        model_on(emulator, THINKING_MODEL, cache=model.cache).invoke("Hello"),
    ]

    assert len(emulator.requests) == 1
    for reply in again:
        assert reply.content == first.content
        assert reply.additional_kwargs == first.additional_kwargs
        assert reply.tool_calls == first.tool_calls
        assert reply.response_metadata == first.response_metadata


def test_global_cache_is_used_unless_the_model_says_no(emulator: ScalewayEmulator) -> None:
    set_llm_cache(InMemoryCache())
    try:
        model_on(emulator).invoke("Hello")
        model_on(emulator).invoke("Hello")
        model_on(emulator, cache=True).invoke("Hello")
        assert len(emulator.requests) == 1
        model_on(emulator, cache=False).invoke("Hello")
        assert len(emulator.requests) == 2
    finally:
        set_llm_cache(None)


Change = Callable[[ChatScaleway], Any]
"""Makes something out of a model that shall not get the model's cached reply."""


def assign(field: str, value: Any) -> Change:
    """Change a field in place, as `model.temperature = 1` does."""

    def change(model: ChatScaleway) -> ChatScaleway:
        setattr(model, field, value)
        return model

    return change


def update(field: str, value: Any) -> Change:
    """Copy with another value."""
    return lambda model: model.model_copy(update={field: value})


CHANGES: dict[str, Change] = {
    "temperature assigned": assign("temperature", 1),
    "temperature bound": lambda model: model.bind(temperature=1),
    "model assigned": assign("model", PLAIN_MODEL),
    "model bound": lambda model: model.bind(model=PLAIN_MODEL),
    "stop bound": lambda model: model.bind(stop=["END"]),
    "reasoning_effort": update("reasoning_effort", "none"),
    "extra_body": update("extra_body", {"top_k": 5}),
    "tools": lambda model: model.bind_tools([get_weather]),
    "tools that must be called": lambda model: model.bind_tools([get_weather], tool_choice="any"),
    "structured output": lambda model: model.with_structured_output(Person),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
async def test_changed_model_is_asked_anew(emulator: ScalewayEmulator, change: Change) -> None:
    """Core's own key goes stale: it keeps what the model was when it was first asked."""
    model = model_on(emulator, THINKING_MODEL, temperature=0, cache=InMemoryCache())
    emulator.respond_with(lambda _: '{"name": "Ada"}')
    model.invoke("Hello")

    changed = change(model)
    changed.invoke("Hello")
    assert len(emulator.requests) == 2
    await changed.ainvoke("Hello")
    assert len(emulator.requests) == 2, "and what is changed is cached for itself"


def test_class_of_the_same_name_is_another_schema(emulator: ScalewayEmulator) -> None:
    """Whoever works in a notebook changes a class and runs its cell again."""

    def asked_for(kind: type) -> None:
        again = create_model("Again", __module__=__name__, a=(kind, ...))
        model.bind(response_format=again).invoke("Hello")

    model = model_on(emulator, cache=InMemoryCache())
    asked_for(int)
    asked_for(str)
    assert len(emulator.requests) == 2
    asked_for(str)
    assert len(emulator.requests) == 2


def test_fields_that_shape_messages_count_too(emulator: ScalewayEmulator) -> None:
    cache = InMemoryCache()
    thought = AIMessage("4", additional_kwargs={"reasoning_content": "Two and two."})
    history = [HumanMessage("2 + 2?"), thought, HumanMessage("Sure?")]
    changes: list[dict[str, Any]] = [
        *({}, {"stop": ["END"]}, {"output_version": "v1"}),
        *({"replay_reasoning": True}, {"model_family": "mistral"}),
    ]

    for fields in changes:
        model_on(emulator, cache=cache, **fields).invoke(history)

    assert len(emulator.requests) == len(changes)


def test_other_endpoint_is_another_model(emulator: ScalewayEmulator) -> None:
    cache = InMemoryCache()
    with ScalewayEmulator() as other:
        model_on(emulator, cache=cache).invoke("Hello")
        model_on(other, cache=cache).invoke("Hello")

        assert len(emulator.requests) == len(other.requests) == 1


async def test_keys_hold_no_secret_and_no_client(emulator: ScalewayEmulator) -> None:
    cache = OpenCache()
    model = model_on(
        emulator, cache=cache, default_headers={"x-proxy-key": "canary-header"}, timeout=30
    )

    model.invoke("Hello")
    await model.bind_tools([get_weather]).ainvoke("Hello")
    await model.bind(tools=[get_weather], tool_choice="any").ainvoke("Hello")
    model.bind(response_format=Person).invoke("Hello")

    assert len(cache.keys) == 4
    for key in map(str, cache.keys):
        assert (emulator.api_key or "") not in key
        assert "canary" not in key
        assert "0x" not in key, "an address in memory would make the key good for one process"


def test_who_asks_changes_nothing(emulator: ScalewayEmulator) -> None:
    """Key, patience and headers are not part of the question."""
    cache: BaseCache = InMemoryCache()
    model_on(emulator, cache=cache).invoke("Hello")
    model_on(
        emulator, cache=cache, timeout=7, max_retries=5, default_headers={"x-user": "ada"}
    ).invoke("Hello")

    assert len(emulator.requests) == 1
