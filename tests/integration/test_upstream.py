"""What `docs/upstream` offers to other projects has been tried: patches, samples, corrections.

LangChain's pages are run by `test_docs.py`, its `init_chat_model` by `test_init_chat_model.py`.
"""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

import langchain_scaleway

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs" / "upstream"
PATCHES = {
    "httpcore2-cancelled-handshake": ("httpcore2", "2.16.2"),
    "httpcore2-leftover-bytes": ("httpcore2", "2.16.2"),
    "httpx-aiohttp-refused-connections": ("httpx_aiohttp", "0.2.0"),
    "langchain-core-chunk-names": ("langchain_core", "1.8.3"),
    "langchain-tool-strategy-strict": ("langchain", "1.5.2"),
}
"""The package of each page, and the version whose lines its diff shows."""


def block(page: str, language: str) -> str:
    text = (PAGES / f"{page}.md").read_text(encoding="utf-8")
    found = re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert len(found) == 1
    return str(found[0])


def run(directory: Path, command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=directory, capture_output=True, text=True, check=False, **options
    )


@pytest.mark.skipif(not shutil.which("patch"), reason="There is no program `patch` here.")
@pytest.mark.parametrize("page", PATCHES)
def test_a_patch_turns_its_test_green(page: str, tmp_path: Path) -> None:
    package, shown = PATCHES[page]
    if version(package) != shown:
        pytest.skip(f"The page shows {package} {shown}, and {version(package)} is installed.")
    spec = find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    shutil.copytree(Path(spec.origin).parent, tmp_path / package)
    (tmp_path / "test_page.py").write_text(block(page, "python"), encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    test = [sys.executable, "-m", "pytest", "--tb=native", "-p", "no:cacheprovider", "test_page.py"]

    before = run(tmp_path, test, env=environment)
    diff = block(page, "diff")
    above = re.findall(r"^--- a/(.*?)" + package + "/(?!" + package + "/)", diff, re.MULTILINE)[0]
    patch = ["patch", f"-p{above.count('/') + 1}", "--fuzz=0", "--batch"]
    patched = run(tmp_path, patch, input=diff)
    after = run(tmp_path, test, env=environment)

    assert before.returncode == pytest.ExitCode.TESTS_FAILED, before.stdout
    assert patched.returncode == 0, patched.stdout
    assert "offset" not in patched.stdout
    assert after.returncode == pytest.ExitCode.OK, after.stdout


def ours(field: str, facts: dict[str, Any]) -> str:
    """What models.dev should have in a field."""
    states = {"active": "none", "preview": "beta"}
    values = {
        "limit.context": f"{facts['context_window']:_}",
        "limit.output": f"{facts.get('max_output_tokens', 0):_}",
        "reasoning_options": ", ".join(facts.get("efforts", [])),
        "reasoning": str(bool(facts.get("efforts"))).lower(),
        "attachment": str(facts["inputs"] != ["text"]).lower(),
        "status": states.get(facts["status"], ""),
    }
    return values[field]


def test_corrections_for_models_dev_are_what_our_table_says() -> None:
    models = tomllib.loads((ROOT / "scripts/models.toml").read_text(encoding="utf-8"))["models"]
    page = (PAGES / "models-dev.md").read_text(encoding="utf-8")
    rows = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| ")]
    assert len(rows[2:]) > 15
    for name, field, theirs, our_value, source in rows[2:]:
        assert our_value == ours(field, models[name]), (name, field)
        assert our_value != theirs, (name, field)
        assert source in models[name]["sources"], (name, field)


def test_rows_for_langchains_tables_name_our_classes() -> None:
    rows = yaml.safe_load(block("index", "yaml"))
    names = {row["name"] for rows_of_a_list in rows.values() for row in rows_of_a_list}
    assert names <= set(langchain_scaleway.__all__)
    for row in (row for rows_of_a_list in rows.values() for row in rows_of_a_list):
        assert (ROOT / "docs" / f"{row['docs_url'].rstrip('/').rpartition('/')[2]}.md").exists()
