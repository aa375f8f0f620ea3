"""Every code block of the documentation runs, and shows what was seen.

The blocks mean Scaleway itself, and find an emulator there. How blocks are marked is told in
`tests/support/pages.py`; the words of the replies stand in `tests/support/docs_replies.py`.
"""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from unittest import SkipTest

import pytest

from langchain_scaleway.client.transport import ssl_context
from langchain_scaleway.testing import Quotas, ScalewayEmulator, ServedModel
from tests.support.docs_replies import reply
from tests.support.local_scaleway import LocalScaleway
from tests.support.pages import Page

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md*"), *ROOT.glob("[!.]*/README.md")]
"""All of them: a new page is run too, and those for LangChain's site (`.mdx`)."""

RUN_ELSEWHERE = {"docs/testing-your-app.md": "tests/integration/test_emulator_docs.py"}
"""Pages that consist of tests, which pytest itself has to run."""

PATHS = sorted({str(page.relative_to(ROOT)) for page in PAGES} - RUN_ELSEWHERE.keys())

DEPLOYED_MODEL = "mistral/mistral-small-3.2-24b-instruct-2506:fp8"
PUBLIC_HOST = "8c5c5a36-7a9f-4a52-9f5c-3a1bf8a4b1c2.ifr.fr-par.scaleway.com"
PRIVATE_HOST = "my-deployment.internal"
"""Where `docs/dedicated.md` talks to it."""


@pytest.fixture
def _scaleway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a page finds at Scaleway's address and at that of a deployment."""
    with (
        ScalewayEmulator(quotas=Quotas()) as serverless,
        ScalewayEmulator(
            framing="dedicated", models=(ServedModel(id=DEPLOYED_MODEL),), api_key=None
        ) as dedicated,
    ):
        serverless.respond_with(reply)
        dedicated.respond_with(reply)
        hosts = {
            "api.scaleway.ai": serverless,
            PUBLIC_HOST: dedicated,
            PRIVATE_HOST: dedicated,
        }
        with LocalScaleway(hosts, tmp_path) as scaleway:
            for name, value in scaleway.environment.items():
                monkeypatch.setenv(name, value)
            # Made once for the whole process, perhaps before this certificate.
            ssl_context().load_verify_locations(scaleway.certificate)
            shutil.copy(scaleway.certificate, tmp_path / "deployment.pem")
            monkeypatch.chdir(tmp_path)
            yield


@pytest.mark.usefixtures("_scaleway", "nothing_told_yet")
@pytest.mark.parametrize("path", PATHS)
def test_page(path: str, subtests: pytest.Subtests) -> None:
    for block in Page(ROOT / path).blocks():
        with subtests.test(language=block.language, line=block.line):
            try:
                block.run()
            except SkipTest as reason:
                pytest.skip(str(reason))


def test_targets_of_make_are_there() -> None:
    """Those in code, and those that the workflows run."""
    targets = re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    named = re.compile(r"(?:`|run: |^ *)make ([a-z0-9-]+)", re.MULTILINE)
    for path in [*PAGES, *ROOT.glob(".github/workflows/*.yml")]:
        assert {*named.findall(path.read_text("utf-8"))} <= {*targets}, path


@pytest.mark.parametrize(("page", "test"), RUN_ELSEWHERE.items())
def test_page_that_is_run_elsewhere(page: str, test: str) -> None:
    assert Path(page).name in (ROOT / test).read_text(encoding="utf-8")
