"""Put a run into the documentation: `python -m benchmarks.publish [DIRECTORY]`.

The figures in `docs/performance.md` stand between two marks and are never typed by hand.
"""

import argparse
import re
from pathlib import Path

from benchmarks.report import markdown
from benchmarks.results import Results

_DOCS = Path(__file__).parent.parent / "docs"
_MARKED = "<!-- {name}: begin -->\n{text}<!-- {name}: end -->"


def main() -> None:
    """Read what a run wrote, and write page and plot."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.publish", description=__doc__)
    parser.add_argument("directory", type=Path, nargs="?", default=Path("build/benchmarks"))
    directory: Path = parser.parse_args().directory
    from benchmarks.plot import plot  # noqa: PLC0415 -- matplotlib is an extra

    results = Results.read(directory / "results.json")
    page = _DOCS / "performance.md"
    text = between_marks(page.read_text(), "figures", markdown(results))
    for name in ("instructions", "means"):
        if (found := directory / f"{name}.md").exists():
            text = between_marks(text, name, found.read_text())
    page.write_text(text)
    plot(results, _DOCS / "performance.png")


def between_marks(page: str, name: str, text: str) -> str:
    """Return a page with other text between the marks of that name.

    Raises:
        ValueError: The page has no such marks, or more than one pair.
    """
    pattern = re.escape(_MARKED).replace(r"\{name\}", name).replace(r"\{text\}", ".*?")
    replaced, found = re.subn(
        pattern, lambda _: _MARKED.format(name=name, text=text), page, flags=re.DOTALL
    )
    if found != 1:
        raise ValueError(f"The page has {found} places for {name!r} instead of one")
    return replaced


if __name__ == "__main__":
    main()
