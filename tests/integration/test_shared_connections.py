"""Copies of a model: which share its connections, and what a pickle says of the key."""

import asyncio
import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.runnables import Runnable

from langchain_scaleway import ChatScaleway, errors
from langchain_scaleway.testing import ScalewayEmulator
from tests.support.calls import ANSWER, call
from tests.support.leftovers import nothing_left, wait_for
from tests.support.models import PLAIN_MODEL, model_on

SHARING: dict[str, Callable[[ChatScaleway], Runnable[Any, Any]]] = {
    "bind": lambda model: model.bind(temperature=0),
    "bind_tools": lambda model: model.bind_tools([]),
    "with_config": lambda model: model.with_config(tags=["a"]),
    "with_retry": lambda model: model.with_retry(),
    "with_structured_output": lambda model: model.with_structured_output(
        {"title": "Any", "type": "object", "properties": {}}, include_raw=True
    ),
    "model_copy": lambda model: model.model_copy(update={"temperature": 0.5}),
    "copy": copy.copy,
}


@pytest.mark.parametrize("share", SHARING.values(), ids=SHARING)
def test_copies_share_connections(
    share: Callable[[ChatScaleway], Runnable[Any, Any]], emulator: ScalewayEmulator
) -> None:
    async def ask(model: ChatScaleway) -> None:
        await model.ainvoke("Hello")
        await share(model).ainvoke("Hello")

    with nothing_left(), model_on(emulator) as model:
        share(model).invoke("Hello")
        model.invoke("Hello")
        share(model).invoke("Hello")
        assert emulator.connections_opened == 1
        asyncio.run(ask(model))
        assert emulator.connections_opened == 2


def unpickled(model: ChatScaleway) -> ChatScaleway:
    twin = pickle.loads(pickle.dumps(model))  # noqa: S301 -- it was pickled just now
    assert isinstance(twin, ChatScaleway)
    return twin


@pytest.mark.parametrize("separate", [unpickled, copy.deepcopy], ids=["pickle", "deepcopy"])
def test_other_copies_have_their_own(
    separate: Callable[[ChatScaleway], ChatScaleway], emulator: ScalewayEmulator
) -> None:
    async def copied_inside(model: ChatScaleway) -> ChatScaleway:
        await model.ainvoke("Hello")
        return separate(model)

    with nothing_left(), model_on(emulator, temperature=0.5) as model:
        model.invoke("Hello")
        twin = asyncio.run(copied_inside(model))
        assert repr(twin) == repr(model)
        with twin:
            assert call(twin, "invoke").text == ANSWER
            assert call(twin, "astream").text == ANSWER
        model.invoke("Hello")
        assert emulator.connections_opened == 4
    assert wait_for(lambda: emulator.connections_open == 0)


@pytest.mark.parametrize("explicit", [False, True])
def test_what_pickles_say_of_the_key(
    emulator: ScalewayEmulator, monkeypatch: pytest.MonkeyPatch, *, explicit: bool
) -> None:
    key = str(emulator.api_key)
    monkeypatch.setenv("SCW_SECRET_KEY", "the-key-of-another-time-and-place")
    if not explicit:
        monkeypatch.setenv("SCW_SECRET_KEY", key)
    fields = {"api_key": key} if explicit else {}
    model = ChatScaleway(model=PLAIN_MODEL, base_url=emulator.base_url, max_retries=0, **fields)
    with model:
        model.invoke("Hello")
    pickled = pickle.dumps(model)
    assert (key.encode() in pickled) is explicit

    monkeypatch.setenv("SCW_SECRET_KEY", "the-key-of-another-time-and-place")
    with pickle.loads(pickled) as twin:  # noqa: S301 -- it was pickled above
        attempt = call(twin, "invoke")
    if explicit:
        assert attempt.text == ANSWER
    else:
        assert type(attempt.error) is errors.ScalewayPermissionDeniedError
