"""The code blocks of a page of documentation, run from top to bottom as a reader would.

- A `python` block is run; the blocks of a page share their names.
- A `text` block behind it is what it prints. An ellipsis in it stands for what is different
  each time. Everything that is printed must be shown.
- Whatever cannot be run has the reason in front of it: `<!-- skip: next "the reason" -->`.
- Pages for LangChain's site (`.mdx`) cannot hold that; their `bash` blocks install packages.
"""

import contextlib
import io
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from sybil import Document, Example, Region
from sybil.evaluators.python import PythonEvaluator
from sybil.parsers.markdown import SkipParser
from sybil.parsers.markdown.lexers import RawFencedCodeBlockLexer

_find_fences = RawFencedCodeBlockLexer(re.compile(r"[ \t]*(?P<language>\w*)[^\n]*\n"))
_run_python = PythonEvaluator()


class WrongPageError(AssertionError):
    """A page shows something else than what happens."""


class Page:
    """A Markdown file, whose code blocks are run once and in order.

    Args:
        path: The file.

    Attributes:
        seen: The outputs that were seen, by the place in the text of the block that shows each.
    """

    def __init__(self, path: Path) -> None:
        self.seen: dict[tuple[int, int], str] = {}
        self._printed = ""
        self._document = Document.parse(str(path), self._parse, SkipParser())
        self._document.namespace["__name__"] = f"page {path.name}"

    def blocks(self) -> Iterator["Block"]:
        """Give the blocks; each is to be run before the next is asked for.

        Raises:
            WrongPageError: The last block prints something that is not shown.
        """
        for example in self._document.examples():
            if example.region.lexemes:
                yield Block(example)
            else:
                example.evaluate()  # A directive to skip the next one.
        self._refuse_unshown()

    def _parse(self, document: Document) -> Iterable[Region]:
        for region in _find_fences(document):
            if document.path.endswith(".mdx") and region.lexemes["language"] == "bash":
                continue
            region.parsed = region.lexemes["source"]
            region.evaluator = self._evaluate
            yield region

    def _evaluate(self, example: Example) -> None:
        language = Block(example).language
        if language == "text":
            self._compare(example)
        elif language == "python":
            self._refuse_unshown()
            with contextlib.redirect_stdout(io.StringIO()) as output:
                _run_python(example)
            self._printed = output.getvalue()
        else:
            raise WrongPageError(
                f"This block ({language or 'of no language'}) is neither run nor skipped."
            )

    def _compare(self, example: Example) -> None:
        printed, self._printed = _trimmed(self._printed), ""
        if not printed:
            raise WrongPageError("This is shown as output, but nothing was printed.")
        shown = _trimmed(example.parsed)
        pattern = ".*?".join(map(re.escape, shown.split("…")))
        if not re.fullmatch(pattern, printed, re.DOTALL):
            self.seen[example.start, example.end] = printed
            raise WrongPageError(f"Shown:\n{shown}\n\nPrinted:\n{printed}")

    def _refuse_unshown(self) -> None:
        printed, self._printed = self._printed, ""
        if printed:
            raise WrongPageError(f"The block before this prints what is not shown:\n{printed}")


class Block:
    """A code block of a page."""

    def __init__(self, example: Example) -> None:
        self._example = example
        self.line = example.line
        self.language: str = example.region.lexemes["language"]

    def run(self) -> None:
        """Run the block.

        Raises:
            SkipTest: The page says why it cannot be run.
            WrongPageError: It shows something else than what happens.
        """
        self._example.evaluate()


def _trimmed(text: str) -> str:
    """The text without white space at the ends of its lines."""
    return "\n".join(line.rstrip() for line in text.strip().splitlines())
