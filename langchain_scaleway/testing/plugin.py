"""The pytest plugin: the fixture `scaleway_emulator`.

pytest loads it by itself wherever langchain-scaleway is installed, so nothing is imported
here before a test asks for the fixture.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from langchain_scaleway.testing.emulator import ScalewayEmulator

_MARKER = "scaleway_emulator"


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known to `--strict-markers`."""
    config.addinivalue_line(
        "markers",
        f"{_MARKER}(*, environment=False, leftover=False, **settings): settings of the emulator "
        "that the fixture of this name starts; whether its environment is set; whether steps "
        "may be left",
    )


@pytest.fixture
def scaleway_emulator(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> "Iterator[ScalewayEmulator]":
    """An emulator of Scaleway's Generative APIs, started for one test and verified when it ends.

    The marker of the same name gives it settings; the nearest marker wins, setting by
    setting. Two more are the fixture's own: `environment=True` sets the environment variables
    by which an app finds the emulator, and `leftover=True` allows that steps are not taken.

    Example:
        ```python
        @pytest.mark.scaleway_emulator(framing="dedicated")
        def test_my_app(scaleway_emulator):
            scaleway_emulator.script("Bonjour")
            ...
        ```
    """
    from langchain_scaleway.testing.emulator import ScalewayEmulator  # noqa: PLC0415 -- late

    settings: dict[str, Any] = {}
    for marker in reversed(list(request.node.iter_markers(_MARKER))):
        if marker.args:
            raise TypeError(f"{_MARKER} takes settings by their names, not {marker.args}.")
        settings.update(marker.kwargs)
    environment, leftover = settings.pop("environment", False), settings.pop("leftover", False)
    emulator = ScalewayEmulator(**settings).start()
    try:
        if environment:
            for name, value in emulator.environment.items():
                monkeypatch.setenv(name, value)
        yield emulator
    finally:
        emulator.stop()
    emulator.verify(leftover=not leftover)
