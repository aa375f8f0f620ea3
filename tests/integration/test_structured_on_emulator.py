"""Structured output on the emulator, through both of Scaleway's APIs."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel

from langchain_scaleway.errors import ScalewayTruncatedOutputError
from langchain_scaleway.testing import Reply, ScalewayEmulator
from tests.support.models import THINKING_MODEL, model_on
from tests.support.structured import METHODS, Method, outcomes


class Booking(BaseModel):
    """A booking."""

    city: str
    nights: int


BOOKING_SCHEMA = {"title": "Booking", **Booking.model_json_schema()}
PARIS: dict[str, Any] = {"city": "Paris", "nights": 3}
PROMPT = "A room in Paris for 3 nights, as JSON"

SCHEMAS: tuple[tuple[Any, Any], ...] = (
    (Booking, Booking(city="Paris", nights=3)),
    (BOOKING_SCHEMA, PARIS),
)
"""Each kind of schema, with what the booking is by it."""

pytestmark = pytest.mark.usefixtures("both_apis")


@pytest.fixture(scope="module")
def emulator() -> Iterator[ScalewayEmulator]:
    with ScalewayEmulator() as emulator:
        yield emulator


async def in_all_ways(runnable: Any) -> list[Any]:
    """What comes of `invoke`, `ainvoke`, `stream` and `astream`."""
    found = await outcomes(runnable, streamed=False, prompt=PROMPT)
    return found + await outcomes(runnable, streamed=True, prompt=PROMPT)


@pytest.mark.parametrize("method", METHODS)
async def test_the_schema_is_obeyed(method: Method, emulator: ScalewayEmulator) -> None:
    """Unscripted, the emulator writes what satisfies the schema that it was sent."""
    written = Reply(json.dumps(PARIS), reasoning="Paris, then.")
    emulator.respond_with((lambda _: written) if method == "json_mode" else None)
    model = model_on(emulator, THINKING_MODEL)
    for schema, parsed in SCHEMAS:
        runnable = model.with_structured_output(schema, method=method)
        assert await in_all_ways(runnable) == [parsed] * 4
    with_raw = model.with_structured_output(Booking, method=method, include_raw=True)
    answer = await with_raw.ainvoke(PROMPT)
    assert (answer["parsed"], answer["parsing_error"]) == (Booking(**PARIS), None)
    assert answer["raw"].additional_kwargs["reasoning_content"]


async def test_max_tokens_cuts_it_off(emulator: ScalewayEmulator) -> None:
    emulator.respond_with(None)
    runnable = model_on(emulator, max_tokens=2).with_structured_output(Booking)
    for error in await in_all_ways(runnable):
        assert isinstance(error, ScalewayTruncatedOutputError)
        said = "ends in the middle, the limit of 2 tokens was reached. Raise `max_tokens`"
        assert said in str(error)
