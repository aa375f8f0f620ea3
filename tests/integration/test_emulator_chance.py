"""Faults by chance, and by name."""

import pytest

from langchain_scaleway.testing import (
    CutStream,
    ErrorEvent,
    Fault,
    HtmlError,
    HttpError,
    RandomFaults,
    ScalewayEmulator,
    Stall,
)
from langchain_scaleway.testing.chance import fault_from_text
from tests.support.emulated import ask, body_of, client_of

TEXT = "one two three four five"


def test_chance_hits_the_same_requests_in_every_run() -> None:
    faults = RandomFaults(probability=0.3, faults=[HttpError(500), HttpError(503)], seed=7)

    def run() -> list[int]:
        with ScalewayEmulator(random_faults=faults) as emulator, client_of(emulator) as client:
            return [client.post("/chat/completions", json=body_of()).status_code for _ in range(60)]

    first = run()
    assert first == run()
    assert set(first) == {200, 500, 503}
    assert 5 <= sum(status != 200 for status in first) <= 35


def test_chance_leaves_scripted_requests_alone() -> None:
    faults = RandomFaults(probability=1, faults=[HttpError(500)])
    with ScalewayEmulator(random_faults=faults) as emulator:
        emulator.script(TEXT)
        assert ask(emulator).status_code == 200
        assert ask(emulator).status_code == 500


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("HtmlError", HtmlError()),
        ("Stall:after_events=4,seconds=1.5", Stall(4, 1.5)),
        ("CutStream:ending=closed", CutStream(ending="closed")),
        ("ErrorEvent:shape=gateway,done=false", ErrorEvent(shape="gateway", done=False)),
    ],
)
def test_fault_from_text(text: str, fault: Fault) -> None:
    assert fault_from_text(text) == fault


@pytest.mark.parametrize("text", ["Nothing", "Stall:seconds_=1"])
def test_fault_that_does_not_exist(text: str) -> None:
    with pytest.raises(ValueError, match=r"No fault is called|has no seconds_"):
        fault_from_text(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("CutStream:3", "'3' is no attribute of CutStream with a value"),
        ("CutStream:after_events", "'after_events' is no attribute of CutStream with a value"),
        ("Delay", "Delay needs seconds"),
        ("Redirect:status=308", "Redirect needs location"),
    ],
)
def test_fault_that_says_too_little(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        fault_from_text(text)


@pytest.mark.parametrize("probability", [-0.1, 1.1])
def test_probability_is_one(probability: float) -> None:
    with pytest.raises(ValueError, match="from 0 to 1"):
        RandomFaults(probability=probability, faults=[HtmlError()])


def test_chance_needs_a_choice() -> None:
    with pytest.raises(ValueError, match="at least one"):
        RandomFaults(probability=0.5, faults=[])
