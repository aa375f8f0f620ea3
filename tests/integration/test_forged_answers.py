"""Somebody on the way who answers in plain text before the TLS handshake is not believed."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from langchain_scaleway import ChatScaleway, errors
from langchain_scaleway.client.transport import ssl_context
from langchain_scaleway.testing import ScalewayEmulator
from tests.support.calls import Attempt, Mode, acall, call
from tests.support.leftovers import nothing_left
from tests.support.models import model_on
from tests.support.raw_answers import answer
from tests.support.relay import ThreadedServer, copy
from tests.support.tls import TlsFront

TRIES = 10


class Forger(ThreadedServer):
    """Writes an answer of its own first, and hands every byte on after that.

    Args:
        target: The port of the TLS server that clients mean.
        forged: The bytes of its answer.
    """

    def __init__(self, target: int, forged: bytes) -> None:
        super().__init__()
        self._target = target
        self._forged = forged

    @property
    def base_url(self) -> str:
        return f"https://localhost:{self.port}/v1"

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_server(self._serve, "localhost")

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(self._forged)
        await writer.drain()
        from_server, to_server = await asyncio.open_connection("localhost", self._target)
        answers = asyncio.create_task(copy(from_server, writer))
        await copy(reader, to_server)
        await answers


def new_loop(kind: str) -> Any:
    loops = pytest.importorskip(kind, reason="uvloop runs on Linux and macOS only")
    return loops.new_event_loop()


async def many(model: ChatScaleway, mode: Mode) -> list[Attempt]:
    """Ask often, while the loop is busy: what was sent first then arrives before all else."""

    async def be_busy() -> None:
        while True:
            sum(range(10_000))
            await asyncio.sleep(0)

    busy = asyncio.create_task(be_busy())
    attempts = [await acall(model, mode) for _ in range(TRIES)]
    busy.cancel()
    return attempts


@pytest.mark.parametrize(
    ("mode", "loop"), [("invoke", None), ("ainvoke", "asyncio"), ("ainvoke", "uvloop")]
)
def test_a_plaintext_answer_before_the_handshake_is_refused(
    mode: Mode, loop: str | None, emulator: ScalewayEmulator, tmp_path: Path
) -> None:
    with nothing_left(), TlsFront(emulator, tmp_path) as front:
        ssl_context().load_verify_locations(front.certificate)
        with Forger(front.port, answer("forged", mode)) as forger:
            model = model_on(emulator, base_url=forger.base_url)
            if loop is not None:
                with asyncio.Runner(loop_factory=lambda: new_loop(loop)) as runner:
                    attempts = runner.run(many(model, mode))
            else:
                attempts = [call(model, mode) for _ in range(TRIES)]
            model.close()
    assert [attempt.text for attempt in attempts] == [""] * TRIES
    assert {type(attempt.error) for attempt in attempts} == {errors.ScalewayConnectionError}
    assert emulator.requests == []
