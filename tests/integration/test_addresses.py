"""Hosts with several addresses, as a resolver of the test's own gives them."""

import asyncio
import contextlib
import socket
from typing import Any

import pytest

from langchain_scaleway import ChatScaleway, errors
from langchain_scaleway.testing import ScalewayEmulator
from tests.support.calls import ANSWER, ask_all
from tests.support.faults.places import full_host, refused
from tests.support.faults.table import Place
from tests.support.leftovers import nothing_left
from tests.support.models import model_on

pytestmark = pytest.mark.timeout(30)

Address = tuple[str, int]


class ResolvingLoop(asyncio.SelectorEventLoop):
    """Knows one name.

    Args:
        addresses: Its addresses.
    """

    def __init__(self, addresses: list[Address]) -> None:
        super().__init__()
        self._addresses = addresses

    async def getaddrinfo(self, *_: Any, **__: Any) -> list[Any]:
        kind = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "")
        return [(*kind, address) for address in self._addresses]


def address_of(base_url: str) -> Address:
    host, port = base_url.split("/")[2].split(":")
    return host, int(port)


def named(emulator: ScalewayEmulator, **fields: Any) -> ChatScaleway:
    """A model that has to ask for the address."""
    return model_on(emulator, base_url="http://scaleway.invalid/v1", **fields)


def runner(*addresses: Address) -> asyncio.Runner:
    return asyncio.Runner(loop_factory=lambda: ResolvingLoop(list(addresses)))


@pytest.mark.parametrize("place", [refused, full_host], ids=lambda place: place.__name__)
def test_another_address_is_tried(place: Place, emulator: ScalewayEmulator) -> None:
    """Whether the first refuses, or just does not answer."""
    with (
        nothing_left(),
        place(emulator) as scene,
        named(emulator) as model,
        runner(address_of(scene.base_url), address_of(emulator.base_url)) as loop,
    ):
        assert loop.run(ask_all(model)) == [ANSWER] * 4


def test_no_address_answers(emulator: ScalewayEmulator) -> None:
    with contextlib.ExitStack() as stack:
        stack.enter_context(nothing_left())
        scenes = [stack.enter_context(refused(emulator)) for _ in range(2)]
        addresses = [address_of(scene.base_url) for scene in scenes]
        model = stack.enter_context(named(emulator))
        loop = stack.enter_context(runner(*addresses))
        with pytest.raises(errors.ScalewayConnectionError) as caught:
            loop.run(model.ainvoke("Hello"))
    assert all(f"Connect call failed {address}" in str(caught.value) for address in addresses)


def test_no_address_answers_in_time(emulator: ScalewayEmulator) -> None:
    with (
        nothing_left(),
        full_host(emulator) as scene,
        named(emulator, timeout=0.6) as model,
        runner(*[address_of(scene.base_url)] * 3) as loop,
        pytest.raises(errors.ScalewayTimeoutError, match="No connection to"),
    ):
        loop.run(model.ainvoke("Hello"))


def test_there_is_no_address(emulator: ScalewayEmulator) -> None:
    with (
        nothing_left(),
        named(emulator) as model,
        runner() as loop,
        pytest.raises(errors.ScalewayConnectionError),
    ):
        loop.run(model.ainvoke("Hello"))
