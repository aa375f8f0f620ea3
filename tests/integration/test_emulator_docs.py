"""The page for users, `docs/testing-your-app.md`: its tests pass, its commands are understood."""

import os
import re
import subprocess
import sys
from pathlib import Path

from langchain_scaleway.testing import Fault, ScalewayEmulator
from langchain_scaleway.testing.__main__ import command_line_parser

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "testing-your-app.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    """The page's code blocks in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def test_tests_on_the_page_pass(tmp_path: Path) -> None:
    source = "\n\n".join(blocks("python"))
    (tmp_path / "test_page.py").write_text(source, "utf-8")
    options = ["-W", "error", "-m", "pytest", "-q", "--strict-markers", "-p", "no:cacheprovider"]
    result = subprocess.run(
        [sys.executable, *options, "-p", "langchain_scaleway.testing.plugin"],
        cwd=tmp_path,
        env=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert f"{source.count('def test_')} passed" in result.stdout, result.stdout + result.stderr


def test_commands_on_the_page_are_understood() -> None:
    program = "python -m langchain_scaleway.testing "
    commands = [line for block in blocks("shell") for line in block.splitlines()]
    commands = [line.removeprefix(program) for line in commands if line.startswith(program)]
    assert len(commands) == 5
    for command in commands:
        command_line_parser().parse_args(command.split())


def test_faults_on_the_page_are_all_faults() -> None:
    faults = {kind.__name__ for kind in Fault.__subclasses__()} | {"rate_limited"}
    table = PAGE[PAGE.index("| fault |") : PAGE.index("Some faults need no script")]
    mentioned = set(re.findall(r"`(\w+)\(", table)) - {"RawReply"}
    assert mentioned == faults


def test_script_on_the_page_is_one(tmp_path: Path) -> None:
    [block] = blocks("yaml")
    (tmp_path / "script.yaml").write_text(block, "utf-8")
    emulator = ScalewayEmulator(script_file=tmp_path / "script.yaml")
    assert emulator.scripted_steps_left == 6, "and one is a rule"
