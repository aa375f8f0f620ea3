"""What all tests share: an environment that holds nothing of the person who runs them."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from langchain_scaleway import advice

# What its helpers assert is explained like what the tests assert.
pytest.register_assert_rewrite("tests.support")

# Values that a developer may have set and that would change what a test sees: credentials
# and their profile, tracing, proxies.
FOREIGN_PREFIXES = ("SCW_", "SCALEWAY_", "LANGSMITH_", "LANGCHAIN_")
PROXIES = {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"}


@pytest.fixture(autouse=True)
def _clean_environment(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Hide credentials, Scaleway's config file, tracing and proxies from a test.

    Tests marked `live` are there to use them and keep them.
    """
    if request.node.get_closest_marker("live"):
        return
    for name in [*os.environ]:
        if name.startswith(FOREIGN_PREFIXES) or name.upper() in PROXIES:
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "no-config"))


@pytest.fixture
def nothing_told_yet() -> Iterator[None]:
    """Have a test warned of what an earlier one was warned of, and those that follow as before.

    Each warning comes once in a process.
    """
    before = set(advice._told)
    advice._told.clear()
    yield
    advice._told.clear()
    advice._told.update(before)
