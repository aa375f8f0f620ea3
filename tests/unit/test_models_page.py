"""The page on models says what the package knows."""

import pytest

from langchain_scaleway.data import known_models, model_facts
from scripts.make_models_page import PAGE, page


def row_of(model: str) -> list[str]:
    """The first row about a model, as the texts of its cells."""
    row = next(line for line in page().splitlines() if line.startswith(f"| `{model}` |"))
    return [cell.strip() for cell in row.strip("|").split("|")]


def test_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "Run `make profiles`."


@pytest.mark.parametrize("model", [facts.model for facts in known_models()])
def test_every_model_is_there(model: str) -> None:
    assert row_of(model)


def test_row_of_a_reasoning_model() -> None:
    assert row_of("deepseek-v4-flash-0731") == [
        "`deepseek-v4-flash-0731`",
        "preview",
        "262,144",
        "32,768",
        "text",
        "yes",
        "none, low, **high**, max",
        "0.4",
        "0.08",
        "0.8",
    ]


def test_what_nobody_knows_is_left_empty() -> None:
    facts = model_facts("mistral-ocr-2512")
    assert facts is not None
    assert facts.context_window is None
    assert row_of("mistral-ocr-2512")[3:] == ["", "", ""]
