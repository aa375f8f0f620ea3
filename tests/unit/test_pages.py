"""The runner of documentation pages: it lets nothing pass that is not so."""

from pathlib import Path
from unittest import SkipTest

import pytest

from tests.support.pages import Page, WrongPageError

HELLO = """\
```python
word = "Hello"
print(word)
```
"""


def run(path: Path, text: str) -> list[str]:
    """Run a page, and give the languages of the blocks that were run."""
    page = path / "page.md"
    page.write_text(text, encoding="utf-8")
    languages = []
    for block in Page(page).blocks():
        try:
            block.run()
        except SkipTest:
            continue
        languages.append(block.language)
    return languages


def output(text: str) -> str:
    return f"\n```text\n{text}\n```\n"


def test_what_is_shown_is_what_is_printed(tmp_path: Path) -> None:
    assert run(tmp_path, HELLO + output("Hello")) == ["python", "text"]


def test_blocks_share_names(tmp_path: Path) -> None:
    again = "\n```python\nassert word == 'Hello'\n```\n"
    assert run(tmp_path, HELLO + output("Hello") + again) == ["python", "text", "python"]


def test_an_ellipsis_stands_for_anything(tmp_path: Path) -> None:
    assert run(tmp_path, HELLO + output("He…"))


@pytest.mark.parametrize("shown", ["Hallo", "Hello you", "", "He", "…a…"])
def test_another_output_is_refused(tmp_path: Path, shown: str) -> None:
    with pytest.raises(WrongPageError, match="Shown:"):
        run(tmp_path, HELLO + output(shown))


def test_output_that_is_not_shown_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WrongPageError, match="what is not shown"):
        run(tmp_path, HELLO)
    with pytest.raises(WrongPageError, match="what is not shown"):
        run(tmp_path, HELLO + HELLO + output("Hello"))


def test_output_that_nothing_printed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WrongPageError, match="nothing was printed"):
        run(tmp_path, HELLO + output("Hello") + output("Hello"))


@pytest.mark.parametrize("fence", ["```sh", "```", "    ```console", "~~~toml"])
def test_a_block_that_is_not_run_needs_a_reason(tmp_path: Path, fence: str) -> None:
    block = f"{fence}\npip install it\n{fence.rstrip('abcdefghijklmnopqrstuvwxyz')}\n"

    with pytest.raises(WrongPageError, match="neither run nor skipped"):
        run(tmp_path, block)
    indent = fence[: len(fence) - len(fence.lstrip())]
    assert run(tmp_path, f'{indent}<!-- skip: next "it installs" -->\n{block}') == []


def test_an_error_in_a_block_comes_out(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        run(tmp_path, "```python\n1 / 0\n```\n")
