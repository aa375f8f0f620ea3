"""Hosts with several addresses, as a resolver of the test's own gives them, in event loops."""

import asyncio
import socket
import sys
from typing import Any

import pytest

from langchain_scaleway import ChatScaleway, errors
from langchain_scaleway.testing import ScalewayEmulator
from tests.support.calls import ANSWER, ask_all
from tests.support.faults.places import full_host
from tests.support.leftovers import nothing_left
from tests.support.models import model_on

pytestmark = [
    pytest.mark.timeout(30),
    pytest.mark.allow_hosts(["127.0.0.1", "127.0.0.2"]),
    pytest.mark.skipif(sys.platform != "linux", reason="Others have one loopback address only."),
]

NAME = "scaleway.invalid"


class ResolvingLoop(asyncio.SelectorEventLoop):
    """Knows one name.

    Args:
        addresses: Its addresses.
    """

    def __init__(self, *addresses: str) -> None:
        super().__init__()
        self._addresses = addresses

    async def getaddrinfo(self, host: Any, port: Any, **options: Any) -> list[Any]:
        if host not in (NAME, NAME.encode()):
            return await super().getaddrinfo(host, port, **options)
        kind = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "")
        return [(*kind, (address, port)) for address in self._addresses]


def model_at(base_url: str, emulator: ScalewayEmulator, **fields: Any) -> ChatScaleway:
    """A model that has to ask for the address of a server on this machine."""
    return model_on(emulator, base_url=base_url.replace("127.0.0.1", NAME), **fields)


def test_another_address_is_tried(emulator: ScalewayEmulator) -> None:
    with (
        nothing_left(),
        model_at(emulator.base_url, emulator) as model,
        asyncio.Runner(loop_factory=lambda: ResolvingLoop("127.0.0.2", "127.0.0.1")) as runner,
    ):
        assert runner.run(ask_all(model)) == [ANSWER] * 4


def test_three_addresses_that_do_not_answer_share_the_time(emulator: ScalewayEmulator) -> None:
    addresses = ["127.0.0.1"] * 3
    with (
        nothing_left(),
        full_host(emulator) as scene,
        model_at(scene.base_url, emulator, timeout=0.6) as model,
        asyncio.Runner(loop_factory=lambda: ResolvingLoop(*addresses)) as runner,
        pytest.raises(errors.ScalewayTimeoutError, match=r"No connection to .* within 0.6 s"),
    ):
        runner.run(model.ainvoke("Hello"))
