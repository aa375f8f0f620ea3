"""The tour that `make demo` runs, as a newcomer runs it: as a program."""

import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from examples.tour import DEFAULT_MODEL, DEFAULT_REASONING_MODEL, Models, tour
from langchain_scaleway import ChatScaleway
from langchain_scaleway.testing import ScalewayEmulator

TOUR = Path(__file__).parents[2] / "examples" / "tour.py"


def test_tour_on_the_local_engine() -> None:
    tour = subprocess.run(
        [sys.executable, TOUR],
        cwd=TOUR.parents[1],
        env=os.environ | {"PYTHONPATH": str(TOUR.parents[1])},
        capture_output=True,
        text=True,
        check=False,
    )

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


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        # Nothing listens on port 9 of loopback, so the proxy refuses every connection.
        ({"SCW_SECRET_KEY": "a-key", "HTTPS_PROXY": "http://127.0.0.1:9"}, "The tour stopped: "),
        ({"SCW_SECRET_KEY": "…"}, "SCW_SECRET_KEY holds a character that no key contains"),
    ],
    ids=["no connection", "no key"],
)
def test_tour_that_cannot_be_made_says_why_and_fails(
    environment: dict[str, str],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(TOUR), run_name="__main__")
    printed = capsys.readouterr()

    assert ended.value.code == 1
    assert said in printed.err
    assert "Traceback" not in printed.err
    assert environment["SCW_SECRET_KEY"] not in printed.out + printed.err
