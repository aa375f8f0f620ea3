"""uvloop in asyncio's place, as uvicorn and LangGraph's server have it.

Its transports, sockets and `create_connection` are others, and know less.
"""

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from langchain_scaleway import errors
from langchain_scaleway.client.transport import ssl_context
from langchain_scaleway.testing import ScalewayEmulator, Stall
from tests.support.calls import ANSWER, ask_all
from tests.support.leftovers import nothing_left, wait_for
from tests.support.models import model_on
from tests.support.tls import TlsFront

uvloop = pytest.importorskip("uvloop", reason="uvloop runs on Linux and macOS only")


def run(call: Coroutine[Any, Any, Any]) -> Any:
    """`asyncio.run` with another loop."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(call)


def test_one_loop_after_the_other(emulator: ScalewayEmulator) -> None:
    with nothing_left(), model_on(emulator) as model:
        for _ in range(3):
            assert run(ask_all(model)) == [ANSWER] * 4
            assert wait_for(lambda: emulator.connections_open == 0)


def test_tls(emulator: ScalewayEmulator, tmp_path: Path) -> None:
    with nothing_left(), TlsFront(emulator, tmp_path) as front:
        ssl_context().load_verify_locations(front.certificate)
        with model_on(emulator, base_url=front.base_url) as model:
            assert run(ask_all(model)) == [ANSWER] * 4


def test_a_stall_ends_with_the_timeout(emulator: ScalewayEmulator) -> None:
    emulator.script(Stall(after_events=0))
    with (
        nothing_left(),
        model_on(emulator, timeout=0.2, max_retries=0) as model,
        pytest.raises(errors.ScalewayTimeoutError),
    ):
        run(model.ainvoke("Hello"))
