"""The documentation as a site: it builds without a warning, and needs no other host."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

import orjson
import pytest

from langchain_scaleway.errors import DOCUMENTATION_URL

pytest.importorskip("mkdocs", reason="It is in requirements/dev.txt and docs.txt only.")

ROOT = Path(__file__).parents[2]

FETCHED = {("script", "src"), ("link", "href"), ("img", "src"), ("iframe", "src")}
"""Where a page names what a browser fetches by itself."""
NOT_FETCHED = {"canonical", "next", "prev"}
"""Links that only say something."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("site")
    # Without --quiet, which would leave warnings uncounted.
    build = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "-d", directory],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert build.returncode == 0, build.stderr
    return directory


class Fetched(HTMLParser):
    """Collects the addresses that a browser fetches for a page."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if values.get("rel") in NOT_FETCHED:
            return
        self.addresses += [
            value for name, value in values.items() if value and (tag, name) in FETCHED
        ]


def test_nothing_is_fetched_from_another_host(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 15
    for page in pages:
        parser = Fetched()
        parser.feed(page.read_text(encoding="utf-8"))
        assert parser.addresses
        assert [a for a in parser.addresses if urlsplit(a).netloc] == [], page
    for sheet in site.rglob("*.css"):
        assert re.findall(r"url\(['\"]?https?:", sheet.read_text(encoding="utf-8")) == []


def test_messages_of_errors_lead_to_a_page(site: Path) -> None:
    assert f"{DOCUMENTATION_URL}/" in (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    page = (site / "errors" / "index.html").read_text(encoding="utf-8")
    assert 'id="429"' in page
    assert 'id="403"' in page


@pytest.mark.parametrize(
    ("word", "page"),
    [
        ("ScalewayRateLimitError", "errors"),
        ("INSUFFICIENT", "errors"),
        ("429", "errors"),
        ("reasoning_effort", "reasoning"),
        ("gpt-oss", "gpt-oss"),
        ("embeddings", "embeddings"),
        ("Ray", "beyond-one-machine"),
    ],
)
def test_search_finds_the_page_about_a_word(site: Path, word: str, page: str) -> None:
    index = orjson.loads((site / "search" / "search_index.json").read_bytes())
    found = [one for one in index["docs"] if word in one["text"] or word in one["title"]]
    assert page in {one["location"].partition("/")[0] for one in found}


def test_guides_are_found_before_the_reference(site: Path) -> None:
    """Both have the word in their titles, and the theme weighs titles alone."""
    index = orjson.loads((site / "search" / "search_index.json").read_bytes())
    for one in index["docs"]:
        is_reference = one["location"].startswith("reference/")
        assert (one.get("boost", 1) < 1) is is_reference, one["location"]
