"""A program of a user passes the strict type checkers, which find the mistakes in another."""

import inspect
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import get_type_hints

import pytest

from langchain_scaleway import ChatScaleway
from tests.typing import user_code

ROOT = Path(__file__).parents[2]

MISTAKES = {
    "ChatScaleway()": ("call-arg", "reportCallIssue"),
    "ChatScaleway(model=5)": ("arg-type", "reportArgumentType"),
    'ChatScaleway(model="m", temprature=1)': ("call-arg", "reportCallIssue"),
    'ChatScaleway(model="m", max_tokens="many")': ("arg-type", "reportArgumentType"),
    'ChatScaleway(model="m", stop=5)': ("arg-type", "reportArgumentType"),
    'ChatScaleway(model="m", timeout="long")': ("arg-type", "reportArgumentType"),
    'ChatScaleway(model="m", default_headers={"X": 1})': ("dict-item", "reportArgumentType"),
    'ChatScaleway(model="m").bind_tools([5])': ("list-item", "reportArgumentType"),
    'ChatScaleway(model="m").bind_tools([], strict="yes")': ("arg-type", "reportArgumentType"),
    'ChatScaleway(model="m").with_structured_output(dict, method="xml")': (
        "arg-type",
        "reportArgumentType",
    ),
    'ChatScaleway(model="m").invoke("Hello").txt': ("attr-defined", "reportAttributeAccessIssue"),
}
"""Lines of a program, and what mypy and pyright call the mistake in each."""


@pytest.fixture
def mistakes(tmp_path: Path) -> Path:
    """A program whose every line but the first is a mistake."""
    program = tmp_path / "mistakes.py"
    program.write_text("\n".join(["from langchain_scaleway import ChatScaleway", *MISTAKES]))
    return program


@pytest.mark.timeout(300)  # on a busy machine, with nothing in mypy's cache
def test_mypy_strict_reads_a_program_of_a_user(mistakes: Path) -> None:
    """Without this project's settings: a user need not have pydantic's plugin for mypy."""
    options = ["--strict", "--config-file=", f"--cache-dir={ROOT / '.mypy_cache' / 'user'}"]
    options += ["--no-error-summary", "--hide-error-context", "--no-pretty"]
    output = run("mypy", *options, user_code.__file__, str(mistakes))
    errors = re.findall(r"^(.*):(\d+): error: .* \[([\w-]+)\]$", output, re.MULTILINE)
    found = {(Path(path).name, int(line), code) for path, line, code in errors}
    codes = enumerate((mypy for mypy, _ in MISTAKES.values()), 2)
    assert found == {(mistakes.name, line, code) for line, code in codes}, output


def test_pyright_strict_reads_a_program_of_a_user(mistakes: Path) -> None:
    """Most editors have it."""
    settings = mistakes.with_name("pyrightconfig.json")
    files = [user_code.__file__, mistakes.name]
    settings.write_text(json.dumps({"typeCheckingMode": "strict", "include": files}))
    options = ["--project", str(settings), "--pythonpath", sys.executable, "--outputjson"]
    output = run("basedpyright", *options)
    found = {
        (Path(error["file"]).name, error["range"]["start"]["line"] + 1, error["rule"])
        for error in json.loads(output)["generalDiagnostics"]
        if error["rule"] != "reportUnknownMemberType"  # comes with reportAttributeAccessIssue
    }
    rules = enumerate((pyright for _, pyright in MISTAKES.values()), 2)
    assert found == {(mistakes.name, line, rule) for line, rule in rules}, output


def run(checker: str, *arguments: str) -> str:
    """Run a type checker from the project's folder, and return what it prints."""
    command = [sys.executable, "-m", checker, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout


def test_what_type_checkers_accept_works() -> None:
    for model in (user_code.with_every_argument(), *user_code.with_other_types()):
        assert isinstance(model, ChatScaleway)
        model.close()


def test_every_field_is_given_in_the_program() -> None:
    given = user_code.with_every_argument().model_fields_set
    custom = {"custom_get_token_ids"}  # LangChain's, for those who count tokens themselves
    assert set(ChatScaleway.model_fields) - given == custom


METHODS = [
    name
    for name, value in vars(ChatScaleway).items()
    if inspect.isfunction(value) and not name.startswith("__")
]


@pytest.mark.parametrize("name", METHODS)
def test_annotations_can_be_evaluated(name: str) -> None:
    """Core does it, to find the methods behind `with_fallbacks` that make runnables."""
    get_type_hints(getattr(ChatScaleway, name))
