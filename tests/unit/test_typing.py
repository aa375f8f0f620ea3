"""A user's program passes `mypy --strict`, which finds the mistakes in another."""

import inspect
import subprocess
import sys
from pathlib import Path
from typing import get_type_hints

import pytest

from langchain_scaleway import ChatScaleway
from tests.typing import user_code

ROOT = Path(__file__).parents[2]

MISTAKES = {
    "ChatScaleway()": "call-arg",
    "ChatScaleway(model=5)": "arg-type",
    'ChatScaleway(model="m", temprature=1)': "call-arg",
    'ChatScaleway(model="m", max_tokens="many")': "arg-type",
    'ChatScaleway(model="m", stop=5)': "arg-type",
    'ChatScaleway(model="m", timeout="long")': "arg-type",
    'ChatScaleway(model="m", default_headers={"X": 1})': "dict-item",
    'ChatScaleway(model="m").bind_tools([5])': "list-item",
    'ChatScaleway(model="m").bind_tools([], strict="yes")': "arg-type",
    'ChatScaleway(model="m").with_structured_output(dict, method="xml")': "arg-type",
    'ChatScaleway(model="m").invoke("Hello").txt': "attr-defined",
}
"""Lines of a program, and what mypy calls the mistake in each."""


def test_mypy_strict(tmp_path: Path) -> None:
    """Without this project's settings: a user need not have pydantic's plugin for mypy."""
    mistakes = tmp_path / "mistakes.py"
    mistakes.write_text("\n".join(["from langchain_scaleway import ChatScaleway", *MISTAKES]))
    options = ["--strict", "--config-file=", f"--cache-dir={ROOT / '.mypy_cache' / 'user'}"]
    options += ["--no-error-summary", "--hide-error-context", "--no-pretty"]
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", *options, user_code.__file__, str(mistakes)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    errors = [line for line in checked.stdout.splitlines() if ": error: " in line]
    found = {
        (Path(line.split(":")[0]).name, int(line.split(":")[1]), line.rpartition("[")[2][:-1])
        for line in errors
    }
    expected = {(mistakes.name, number, code) for number, code in enumerate(MISTAKES.values(), 2)}
    assert found == expected, checked.stdout + checked.stderr


def test_what_mypy_accepts_works() -> None:
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
