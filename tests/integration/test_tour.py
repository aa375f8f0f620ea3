"""The tour that `make demo` runs, as a newcomer runs it: as a program."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from examples.tour import DEFAULT_MODEL, DEFAULT_REASONING_MODEL, Models, tour
from langchain_scaleway import ChatScaleway
from langchain_scaleway.testing import ScalewayEmulator

TOUR = Path(__file__).parents[2] / "examples" / "tour.py"


def run_tour(**environment: str) -> subprocess.CompletedProcess[str]:
    """Run the tour to its end."""
    return subprocess.run(
        [sys.executable, TOUR],
        cwd=TOUR.parents[1],
        env=os.environ | {"PYTHONPATH": str(TOUR.parents[1])} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_tour_on_the_local_engine() -> None:
    tour = run_tour()

    assert tour.returncode == 0, tour.stderr
    assert tour.stderr == ""
    assert "TOY model" in tour.stdout
    assert "[tiny-qwen3, " in tour.stdout
    for number in range(1, 8):
        assert f"\n--- {number}. " in tour.stdout
    assert "Person(name='Alice', age=30, city='Paris')" in tour.stdout
    assert "It is sunny in Paris and in Lyon." in tour.stdout


def test_tour_on_the_models_of_scaleway(
    emulator: ScalewayEmulator, capsys: pytest.CaptureFixture[str]
) -> None:
    def emulated(model: str) -> ChatScaleway:
        return ChatScaleway(model=model, base_url=emulator.base_url, api_key=emulator.api_key)

    with emulated(DEFAULT_MODEL) as chat, emulated(DEFAULT_REASONING_MODEL) as reasoning:
        tour(Models(chat, reasoning))

    output = capsys.readouterr().out
    assert f"[{DEFAULT_MODEL}, " in output
    assert f"[{DEFAULT_REASONING_MODEL}, " in output
    assert "--- 7. " in output


def test_tour_that_cannot_reach_scaleway_says_so_and_fails() -> None:
    # Nothing listens on port 9 of loopback, so the proxy refuses every connection.
    tour = run_tour(SCW_SECRET_KEY="not-a-key", HTTPS_PROXY="http://127.0.0.1:9")

    assert tour.returncode == 1
    assert "runs on Scaleway, on mistral-small-3.2-24b-instruct-2506" in tour.stdout
    assert "The tour stopped: " in tour.stderr
    assert "Traceback" not in tour.stderr
    assert "not-a-key" not in tour.stdout + tour.stderr


def test_tour_with_a_key_that_cannot_be_one_says_so_and_fails() -> None:
    tour = run_tour(SCW_SECRET_KEY="…")

    assert tour.returncode == 1
    assert "SCW_SECRET_KEY holds a character that no key contains" in tour.stderr
    assert "Traceback" not in tour.stderr
