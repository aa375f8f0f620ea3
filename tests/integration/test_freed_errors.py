"""Errors that nobody holds are freed at once, with all that their frames hold, and not later."""

import asyncio
import gc
import weakref
from collections.abc import Iterator

import pytest

from langchain_scaleway import ChatScaleway
from langchain_scaleway.errors import ScalewayError
from langchain_scaleway.testing import (
    HttpError,
    RawReply,
    Reply,
    Reset,
    ScalewayEmulator,
    Stall,
    Step,
)
from tests.support.calls import Mode
from tests.support.models import model_on

FAILURES: dict[str, Step] = {
    "a refusal": HttpError(400),
    "a reset": Reset(),
    "a reset in mid-stream": Reply("One two three four", faults=[Reset(after_events=3)]),
    "a timeout": Reply("One two", faults=[Stall(3)]),
    "an error in a success": RawReply(
        headers={"content-type": "application/json"},
        body=b'{"error": {"message": "No.", "code": 400}}',
    ),
    "a page": RawReply(headers={"content-type": "text/html"}, body=b"<html>"),
}
# Core itself keeps the errors of `ainvoke`, in a list of results.
WAYS: tuple[Mode, ...] = ("invoke", "astream")


@pytest.fixture(autouse=True)
def _no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def error_of(model: ChatScaleway, mode: Mode) -> "weakref.ref[ScalewayError] | None":
    """Ask, and let go of what is raised."""
    if mode == "astream":
        return asyncio.run(_error_of_astream(model))
    try:
        model.invoke("Hello")
    except ScalewayError as error:
        return weakref.ref(error)
    return None


async def _error_of_astream(model: ChatScaleway) -> "weakref.ref[ScalewayError] | None":
    try:
        async for _ in model.astream("Hello"):
            pass
    except ScalewayError as error:
        return weakref.ref(error)
    return None


@pytest.mark.parametrize("mode", WAYS)
@pytest.mark.parametrize("failure", FAILURES)
def test_an_error_is_freed(failure: str, mode: Mode, emulator: ScalewayEmulator) -> None:
    emulator.script(FAILURES[failure])
    with model_on(emulator, timeout=0.2) as model:
        error = error_of(model, mode)
    assert error is not None
    assert error() is None
