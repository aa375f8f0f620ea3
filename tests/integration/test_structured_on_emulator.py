"""Structured output on the emulator: by every method, in every way of asking."""

import json
from collections.abc import Iterator
from typing import Any, Literal, TypedDict

import pytest
from langchain_core.runnables import Runnable
from pydantic import BaseModel

from langchain_scaleway.errors import ScalewayTruncatedOutputError
from langchain_scaleway.testing import Reply, ScalewayEmulator, ToolCall
from tests.support.models import THINKING_MODEL, model_on

Method = Literal["json_schema", "function_calling", "json_mode"]
METHODS: tuple[Method, ...] = ("json_schema", "function_calling", "json_mode")


class Booking(BaseModel):
    """A booking."""

    city: str
    nights: int


class BookingDict(TypedDict):
    """A booking."""

    city: str
    nights: int


BOOKING_SCHEMA = {
    "title": "Booking",
    "description": "A booking.",
    "type": "object",
    "properties": {"city": {"type": "string"}, "nights": {"type": "integer"}},
    "required": ["city", "nights"],
}
PARIS = {"city": "Paris", "nights": 3}
PROMPT = "A room in Paris for 3 nights, as JSON"

SCHEMAS: dict[str, tuple[Any, Any]] = {
    "Pydantic class": (Booking, Booking(city="Paris", nights=3)),
    "TypedDict": (BookingDict, PARIS),
    "JSON schema": (BOOKING_SCHEMA, PARIS),
}

every_method = pytest.mark.parametrize("method", METHODS)
every_schema = pytest.mark.parametrize(("schema", "parsed"), SCHEMAS.values(), ids=SCHEMAS)


@pytest.fixture(scope="module")
def emulator() -> Iterator[ScalewayEmulator]:
    with ScalewayEmulator() as emulator:
        yield emulator


def reply(method: Method, name: str, reasoning: str | None = None) -> Reply:
    """The reply of a model that does what the method asks for."""
    if method == "function_calling":
        return Reply(tool_calls=[ToolCall(name, PARIS)], reasoning=reasoning)
    return Reply(json.dumps(PARIS), reasoning=reasoning)


async def in_all_ways(runnable: Runnable[Any, Any]) -> list[Any]:
    """What comes of it: an object, or the error that was raised in its place."""
    found: list[Any] = []
    for ask in ("invoke", "stream", "ainvoke", "astream"):
        try:
            if ask == "invoke":
                found.append(runnable.invoke(PROMPT))
            elif ask == "stream":
                found.append(list(runnable.stream(PROMPT))[-1])
            elif ask == "ainvoke":
                found.append(await runnable.ainvoke(PROMPT))
            else:
                found.append([part async for part in runnable.astream(PROMPT)][-1])
        except ScalewayTruncatedOutputError as error:
            found.append(error)
    return found


@pytest.mark.usefixtures("both_apis")
@every_method
@every_schema
async def test_objects(
    schema: Any, parsed: Any, method: Method, emulator: ScalewayEmulator
) -> None:
    name = getattr(schema, "__name__", "Booking")
    emulator.respond_with(lambda _: reply(method, name))
    runnable = model_on(emulator).with_structured_output(schema, method=method)
    assert await in_all_ways(runnable) == [parsed] * 4


@pytest.mark.usefixtures("both_apis")
@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
@every_schema
async def test_the_schema_is_obeyed(
    schema: Any, parsed: Any, method: Method, emulator: ScalewayEmulator
) -> None:
    """Unscripted, the emulator writes what satisfies the schema that it was sent."""
    emulator.respond_with(None)
    runnable = model_on(emulator).with_structured_output(schema, method=method)
    assert await in_all_ways(runnable) == [parsed] * 4


@pytest.mark.usefixtures("both_apis")
@every_method
@pytest.mark.parametrize("include_raw", [False, True])
async def test_the_thinking_beside_the_object(
    method: Method, include_raw: bool, emulator: ScalewayEmulator
) -> None:
    emulator.respond_with(lambda _: reply(method, "Booking", reasoning="Paris, then."))
    model = model_on(emulator, THINKING_MODEL)
    runnable = model.with_structured_output(Booking, method=method, include_raw=include_raw)
    answer = await runnable.ainvoke(PROMPT)
    if not include_raw:
        assert answer == Booking(**PARIS)
        return
    assert (answer["parsed"], answer["parsing_error"]) == (Booking(**PARIS), None)
    assert answer["raw"].additional_kwargs["reasoning_content"] == "Paris, then."


@pytest.mark.usefixtures("both_apis")
async def test_max_tokens_cuts_it_off(emulator: ScalewayEmulator) -> None:
    emulator.respond_with(None)
    runnable = model_on(emulator, max_tokens=2).with_structured_output(Booking)
    for error in await in_all_ways(runnable):
        assert isinstance(error, ScalewayTruncatedOutputError)
        assert "ends in the middle, the limit of 2 tokens was reached. Raise `max_tokens`" in str(
            error
        )
