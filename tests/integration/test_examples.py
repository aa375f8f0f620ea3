"""The example programs run to their end, without a key and with one."""

import io
import os
import re
import runpy
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from langchain_scaleway.testing import (
    CutStream,
    HttpError,
    Quotas,
    ReceivedRequest,
    Reply,
    ScalewayEmulator,
    Step,
)
from tests.support.local_scaleway import LocalScaleway

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
PILES = {"durable_pile", "dask_pile", "ray_pile"}
RUN_BELOW = {"rag", "agent", "extraction", "classify", "chat_server", *PILES}
RUN_ELSEWHERE = {"tour"}
HELPERS = {"__init__", "without_a_key"}

Environment = dict[str, str]


@pytest.fixture
def emulator() -> Iterator[ScalewayEmulator]:
    with ScalewayEmulator(quotas=Quotas()) as emulator:
        yield emulator


@pytest.fixture
def on_scaleway(emulator: ScalewayEmulator, tmp_path: Path) -> Iterator[Environment]:
    """What leads a program to the emulator although it means Scaleway."""
    with LocalScaleway({"api.scaleway.ai": emulator}, tmp_path) as scaleway:
        yield scaleway.environment


def environment(more: Environment | None = None) -> Environment:
    return os.environ | {"PYTHONUNBUFFERED": "1"} | (more or {})


class Ended(NamedTuple):
    """What an example has printed."""

    stdout: str
    stderr: str


def check_place(stderr: str, environ: Environment | None) -> None:
    """The example has said where it ran."""
    if environ:
        assert "On Scaleway, with mistral-small-3.2-24b-instruct-2506." in stderr
    else:
        assert "SCW_SECRET_KEY is not set: this runs on an EMULATOR" in stderr


def start(example: str, *arguments: str, environ: Environment | None = None) -> Ended:
    """Run an example in a process of its own to its end, which must be a good one."""
    result = subprocess.run(
        [sys.executable, "-m", f"examples.{example}", *arguments],
        cwd=ROOT,
        env=environment(environ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    check_place(result.stderr, environ)
    return Ended(result.stdout, result.stderr)


Run = Callable[..., Ended]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """What runs an example without a key, in this process, which has loaded most of it already."""

    def run_here(example: str, *arguments: str, words: str = "") -> Ended:
        monkeypatch.chdir(ROOT)
        monkeypatch.setattr(sys, "argv", [example, *arguments])
        monkeypatch.setattr(sys, "stdin", io.StringIO(words))
        runpy.run_module(f"examples.{example}", run_name="__main__")
        ended = Ended(*capsys.readouterr())
        check_place(ended.stderr, None)
        return ended

    return run_here


def test_all_examples_are_run() -> None:
    names = {path.stem for path in EXAMPLES.glob("*.py")}
    assert names == RUN_BELOW | RUN_ELSEWHERE | HELPERS


def test_rag_finds_the_text_that_fits(run: Run) -> None:
    films = run("rag", "How long may I keep films?")
    assert "films for one. Both can be renewed twice. [loans]" in films.stdout


def test_rag_sends_the_texts(emulator: ScalewayEmulator, on_scaleway: Environment) -> None:
    start("rag", environ=on_scaleway)

    texts, question, request = emulator.requests
    assert texts.json["model"] == question.json["model"] == "qwen3-embedding-8b"
    assert len(texts.json["input"]) == 4
    system, human = request.json["messages"]
    assert "[hours] The library opens at nine." in system["content"]
    assert human == {"role": "user", "content": "When does the library close?"}


def test_agent_remembers(run: Run) -> None:
    conversation = run("agent").stdout

    assert "list_loans -> Middlemarch (due 2026-12-01)" in conversation
    assert "renew -> Middlemarch is due 2026-12-29 now." in conversation
    assert "Agent:  You are welcome." in conversation


def test_agent_reads_lines(run: Run) -> None:
    """And has nothing to renew before a book was named."""
    lines = [
        "Renew the first one.",
        "Renew Persuasion, please.",
        "",
        "Which books have I borrowed?",
        "Hello",
    ]
    conversation = run("agent", "--interactive", words="\n".join(lines)).stdout

    assert "Ctrl-D ends it" in conversation
    assert "There is no loan of the first one." in conversation
    assert "Here is what I found: Persuasion is due 2027-01-06 now." in conversation
    assert "Middlemarch (due 2026-12-01), Persuasion (due 2027-01-06)" in conversation
    assert conversation.count("Reader: ") == 4
    assert "The emulator has no model" in conversation


def test_extraction_gives_records_and_costs(run: Run) -> None:
    result = run("extraction")

    assert "6/6" in result.stderr  # of the progress bar
    assert (
        "letter-103: Invoice(number='103', customer='Emma Roux', total=7.25, "
        "due=datetime.date(2026, 12, 11), state='open')"
    ) in result.stdout
    assert re.search(r"6 of 6 records for 0\.000\d+ EUR \(list prices of ", result.stdout)


def test_extraction_tells_what_failed(run: Run, tmp_path: Path) -> None:
    (tmp_path / "poem.txt").write_text("Roses are red.", encoding="utf-8")
    result = run("extraction", str(tmp_path / "poem.txt"))

    assert "poem.txt: failed, The structured output of model" in result.stdout
    assert "does not fit its schema: " in result.stdout
    assert "validation error" in result.stdout
    assert "for Invoice" in result.stdout
    assert "0 of 1 records" in result.stdout


def test_classify_sorts_the_lines_of_a_file_on_scaleway(
    emulator: ScalewayEmulator, on_scaleway: Environment, tmp_path: Path
) -> None:
    path = tmp_path / "messages.txt"
    path.write_text("My invoice is wrong.\n\n \n", encoding="utf-8")
    emulator.script('{"topic": "billing"}')
    result = start("classify", str(path), environ=on_scaleway)

    assert result.stdout.split() == ["1", "billing"]
    [request] = emulator.requests
    assert request.headers["authorization"] == f"Bearer {emulator.api_key}"


def test_classify_sorts_a_pile_beyond_the_quota_of_a_minute(run: Run) -> None:
    result = run("classify")

    assert "420/420" in result.stderr
    assert sorted(result.stdout.split()) == ["140"] * 3 + ["billing", "other", "technical"]


@contextmanager
def chat_server(environ: Environment | None = None) -> Iterator[str]:
    """The address of a running chat server."""
    with subprocess.Popen(
        [sys.executable, "-m", "examples.chat_server", "--port", "0"],
        cwd=ROOT,
        env=environment(environ),
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stderr is not None
        # The test's own timeout bounds this.
        lines = iter(server.stderr.readline, "")
        found = next(m for line in lines if (m := re.search(r"running on (http://\S+)", line)))
        try:
            yield found[1]
        finally:
            server.terminate()


def chat(address: str, *messages: str) -> list[str]:
    """The pieces of the answer to a conversation."""
    roles = ("user", "assistant")
    body = [{"role": roles[i % 2], "content": text} for i, text in enumerate(messages)]
    with httpx.stream("POST", f"{address}/chat", json=body) as response:
        assert response.status_code == 200
        return [piece for piece in response.iter_text() if piece]


def test_chat_server_streams_to_a_page() -> None:
    with chat_server() as address:
        page = httpx.get(address).text
        assert 'fetch("/chat"' in page
        assert "http" not in page.replace(address, "")  # it needs no other host

        pieces = chat(address, "Write a story about a cat.")
        assert len(pieces) > 10
        assert "".join(pieces).strip().startswith("Once upon a time a small grey cat")


def test_chat_server_on_scaleway_tells_of_a_failure(
    emulator: ScalewayEmulator, on_scaleway: Environment
) -> None:
    emulator.script("Fine.", Reply("one two three", faults=[CutStream(after_events=3)]))
    with chat_server(on_scaleway) as address:
        assert "".join(chat(address, "Hello", "Hi!", "How are you?")) == "Fine."
        answer = "".join(chat(address, "Hello"))

    assert answer == "one two\n[ScalewayStreamInterruptedError: the answer could not be finished]"
    roles = [message["role"] for message in emulator.requests[0].json["messages"]]
    assert roles == ["user", "assistant", "user"]


def echo(request: ReceivedRequest) -> Step:
    """Repeat the prompt; one of them is refused."""
    prompt = str(request.json["messages"][-1]["content"])
    return HttpError(400, "Too odd") if " 7 " in prompt else prompt


def assert_answered(output: str, prompts: list[str]) -> None:
    rows = [line.split("\t") for line in output.splitlines()]
    assert [prompt for prompt, _ in rows] == prompts
    for prompt, text in rows:
        assert ("Too odd" in text) if " 7 " in prompt else (text == prompt)


@pytest.mark.skipif(
    sys.version_info >= (3, 12) and sqlite3.sqlite_version_info < (3, 42),
    reason="From Python 3.12 on, DBOS 3.4 needs SQLite 3.42.",
)
def test_durable_pile_killed_in_the_middle_answers_every_row_once(tmp_path: Path) -> None:
    """Only calls that were in flight are repeated, and those that failed."""
    prompts = [f"Say {number} times" for number in range(40)]
    (tmp_path / "prompts.txt").write_text("\n".join([*prompts, prompts[0]]), encoding="utf-8")
    arguments = [str(tmp_path / "prompts.txt"), "--database", f"sqlite:///{tmp_path}/pile.sqlite"]
    with (
        ScalewayEmulator(latency=0.2) as emulator,
        LocalScaleway({"api.scaleway.ai": emulator}, tmp_path) as scaleway,
    ):
        emulator.respond_with(echo)
        command = [sys.executable, "-m", "examples.durable_pile", *arguments]
        with subprocess.Popen(
            command, cwd=ROOT, env=environment(scaleway.environment), stderr=subprocess.DEVNULL
        ) as killed:
            while emulator.statuses[200] < 15:
                assert killed.poll() is None
                time.sleep(0.01)
            killed.kill()
        output = start("durable_pile", *arguments, environ=scaleway.environment).stdout
        asked = Counter(request.json["messages"][-1]["content"] for request in emulator.requests)
        emulator.respond_with(lambda request: str(request.json["messages"][-1]["content"]))
        mended = start("durable_pile", *arguments, environ=scaleway.environment).stdout
        assert len(emulator.requests) == asked.total() + 1
    assert "Too odd" not in mended
    assert mended.count("\n") == 41
    assert_answered(output, [*prompts, prompts[0]])
    assert asked.keys() == {*prompts}
    assert max(asked.values()) <= 2
    assert asked.total() <= len(prompts) + 11, "as many as were asked at once, and the refused one"


@pytest.mark.parametrize("example", ["dask_pile", "ray_pile"])
def test_pile_on_workers_keeps_its_order_and_its_failures(
    emulator: ScalewayEmulator, on_scaleway: Environment, example: str
) -> None:
    if example == "ray_pile":
        pytest.importorskip(
            "ray", reason="Ray is large: `make test-ray` installs it and runs this."
        )
    emulator.respond_with(echo)
    result = start(example, "--rows", "45", environ=on_scaleway)
    assert_answered(result.stdout, [f"What is {n} times {n}?" for n in range(45)])
    assert len(emulator.requests) == 45
    assert "45 rows in " in result.stderr
