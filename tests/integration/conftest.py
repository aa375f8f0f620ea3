"""The emulator and the engines that the tests talk to, and the files they would download."""

import struct
import zlib
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import langchain_tests.integration_tests.chat_models
import pytest

from engine.serve import LocalEngine
from langchain_scaleway import ChatScaleway
from langchain_scaleway.testing import ScalewayEmulator
from tests.support.models import DEFAULTS


@pytest.fixture
def emulator() -> Iterator[ScalewayEmulator]:
    """An emulator of its own for each test; modules that want another define theirs."""
    with ScalewayEmulator() as emulator:
        yield emulator


@pytest.fixture(params=["chat-completions", "responses-api"])
def both_apis(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a test on chat completions and on the Responses API; for models that `model_on` makes."""
    if request.param == "responses-api":
        monkeypatch.setitem(DEFAULTS, "use_responses_api", True)


@pytest.fixture(scope="session")
def local_engine() -> Iterator[LocalEngine]:
    """An engine whose model answers without thinking."""
    with LocalEngine() as engine:
        yield engine


@pytest.fixture(scope="session")
def thinking_engine() -> Iterator[LocalEngine]:
    """An engine whose model thinks before it answers."""
    with LocalEngine(thinking="on") as engine:
        yield engine


def connect(engine: LocalEngine, **arguments: Any) -> ChatScaleway:
    """A model on the engine that gives the same answer each time."""
    return ChatScaleway(
        model=engine.model,
        base_url=engine.base_url,
        api_key=engine.api_key,
        temperature=0,
        **arguments,
    )


@pytest.fixture
def model(local_engine: LocalEngine) -> Iterator[ChatScaleway]:
    """A model that answers without thinking."""
    with connect(local_engine) as model:
        yield model


@pytest.fixture
def thinking_model(thinking_engine: LocalEngine) -> Iterator[ChatScaleway]:
    """A model that thinks before it answers."""
    with connect(thinking_engine) as model:
        yield model


@pytest.fixture(autouse=True)
def _no_downloads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hand LangChain's standard tests a picture that is made here.

    Some of them begin with `httpx.get` of a picture somewhere on the internet.
    """
    monkeypatch.setattr(
        langchain_tests.integration_tests.chat_models, "httpx", SimpleNamespace(get=_get_picture)
    )


def _get_picture(url: str, **_: Any) -> SimpleNamespace:
    assert url.endswith(".png"), f"No local stand-in for {url}"
    return SimpleNamespace(content=_red_square(64))


def _red_square(size: int) -> bytes:
    """A PNG file of `size` times `size` red pixels (PNG specification, sections 5 and 11)."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)

    # Eight bits for each of red, green, blue; every row begins with the number of its filter.
    header = struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)
    rows = (b"\x00" + b"\xff\x00\x00" * size) * size
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )
