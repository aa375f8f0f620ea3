"""The emulator with its bucket, and batches on it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from obstore.store import LocalStore

from langchain_scaleway import ChatScaleway, ScalewayBatches
from langchain_scaleway.testing import ScalewayEmulator
from tests.support.batches import BUCKET, MODEL, Make, connection


@pytest.fixture
def settings() -> dict[str, Any]:
    """How the emulator behaves; tests set their own with `parametrize`."""
    return {"batch_seconds": 0.02}


@pytest.fixture
def emulator(tmp_path: Path, settings: dict[str, Any]) -> Iterator[ScalewayEmulator]:
    """An emulator whose bucket is a directory."""
    with ScalewayEmulator(batch_storage=tmp_path, **settings) as emulator:
        yield emulator


@pytest.fixture
def model(emulator: ScalewayEmulator) -> ChatScaleway:
    """A model on it."""
    return ChatScaleway(model=MODEL, max_tokens=50, **connection(emulator))


@pytest.fixture
def batches_of(tmp_path: Path) -> Make:
    """Makes the batches of a chain, over the same directory."""
    return lambda chain: ScalewayBatches(chain, BUCKET, store=LocalStore(tmp_path))
