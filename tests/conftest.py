"""What all tests share: an environment that holds nothing of the person who runs them."""

import os
from pathlib import Path

import pytest

# Values that a developer may have set and that would change what a test sees: credentials
# and their profile, tracing, proxies.
FOREIGN_PREFIXES = ("SCW_", "SCALEWAY_", "LANGSMITH_", "LANGCHAIN_")
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")


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
        if name.startswith(FOREIGN_PREFIXES) or name in PROXIES:
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "no-config"))
