"""The page for users, `docs/testing-your-app.md`: its tests pass, its commands are understood."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from langchain_scaleway.testing import Fault, ScalewayEmulator
from langchain_scaleway.testing.__main__ import command_line_parser

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "testing-your-app.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    """The page's code blocks in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


APP = """
import os, pytest
from langchain_scaleway import ChatScaleway

def app():  # knows nothing of tests
    return ChatScaleway(model="glm-5.2", max_retries=0).invoke("Hello").text

marked = pytest.mark.scaleway_emulator(environment=True)

@marked
def test_app_runs_unchanged(scaleway_emulator):
    scaleway_emulator.script("Bonjour")
    assert app() == "Bonjour"

def test_environment_is_as_before(scaleway_emulator):
    assert os.environ.get("SCALEWAY_BASE_URL") is None

@marked
def test_function_fails_although_the_app_copes(scaleway_emulator):
    scaleway_emulator.script(lambda request: request.json["nothing"])
    try:
        app()
    except Exception:
        pass

@marked
def test_function_ends_the_test_although_the_app_copes(scaleway_emulator):
    scaleway_emulator.script(lambda request: pytest.fail("not what I expected"))
    try:
        app()
    except Exception:
        pass

def test_steps_are_left(scaleway_emulator):
    scaleway_emulator.script("never taken")

@pytest.mark.scaleway_emulator(reasoning_field="reasoning_content")
class TestMarked:
    def test_class(self, scaleway_emulator):
        assert scaleway_emulator.reasoning_field == "reasoning_content"

    @pytest.mark.scaleway_emulator(api_key="k")
    def test_nearest_marker_wins_setting_by_setting(self, scaleway_emulator):
        assert scaleway_emulator.reasoning_field == "reasoning_content"
        assert scaleway_emulator.api_key == "k"

@pytest.mark.scaleway_emulator(leftover=True)
def test_steps_may_be_left(scaleway_emulator):
    scaleway_emulator.script("never taken")

async def converse(emulator):
    model = ChatScaleway(model="glm-5.2", base_url=emulator.base_url, api_key=emulator.api_key)
    emulator.when(contains="Hello").reply("Bonjour")
    assert (await model.ainvoke("Hello")).text == "Bonjour"
    assert await emulator.wait_for(lambda it: it.requests[0].completed)

@pytest.mark.asyncio
async def test_with_pytest_asyncio(scaleway_emulator):
    await converse(scaleway_emulator)

@pytest.mark.anyio
async def test_with_anyio(scaleway_emulator, anyio_backend_name):
    await converse(scaleway_emulator)

@pytest.fixture
def anyio_backend():
    return "asyncio"

@pytest.mark.scaleway_emulator("glm-5.2")
def test_settings_have_names(scaleway_emulator):
    raise NotImplementedError
"""


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What pytest says in a directory of its own, as a user of the package runs it."""
    directory = tmp_path_factory.mktemp("app")
    (directory / "test_page.py").write_text("\n\n".join(blocks("python")), "utf-8")
    (directory / "test_app.py").write_text(APP, "utf-8")
    options = ["-W", "error", "-m", "pytest", "-q", "-rpE", "--strict-markers", "-n", "2"]
    options += ["-o", "asyncio_mode=strict", "-o", "asyncio_default_fixture_loop_scope=function"]
    plugins = ["no:cacheprovider", "pytest_asyncio.plugin", "anyio.pytest_plugin", "xdist.plugin"]
    plugins = [f"-p{plugin}" for plugin in [*plugins, "langchain_scaleway.testing.plugin"]]
    kept = {name: text for name, text in os.environ.items() if not name.startswith("SC")}
    result = subprocess.run(
        [sys.executable, *options, *plugins],
        cwd=directory,
        env=kept | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    return result.stdout + result.stderr


def test_tests_on_the_page_pass(output: str) -> None:
    tests = sum(block.count("def test_") for block in blocks("python"))
    assert output.count("PASSED test_page.py::") == tests, output


def test_fixture_fails_tests_whose_script_went_wrong_and_sets_the_environment(output: str) -> None:
    assert output.count("PASSED test_app.py::") == APP.count("def test_") - 1, output
    errors = [line for line in output.splitlines() if line.startswith("ERROR test_app.py::")]
    assert len(errors) == 4, output
    assert "KeyError: 'nothing'" in output
    assert "Failed: not what I expected" in output
    assert "scaleway_emulator takes settings by their names, not ('glm-5.2',)" in output
    assert "1 step(s) of the chat script were never taken: ['never taken']" in output


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
