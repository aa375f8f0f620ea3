"""The table of faults: what goes wrong, what the caller sees, whether it is retried.

`tests/integration/test_faults.py` tests every row in all four ways of asking, and
`docs/reliability.md` shows the same rows. ``python -m tests.support.faults`` writes
them there.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from langchain_core.messages import BaseMessage

from langchain_scaleway.errors import ScalewayError
from langchain_scaleway.testing import ScalewayEmulator

PAGE = Path(__file__).parents[3] / "docs" / "reliability.md"
BEGIN, END = "<!-- faults: begin -->\n", "<!-- faults: end -->\n"

Retried = Literal["yes", "once", "no"]


@dataclass(frozen=True)
class Raises:
    """A call that fails, with an error of exactly this class."""

    error: type[ScalewayError]
    says: str  # words that the message must hold: the service's own, where it had any
    retried: Retried = "no"
    status: int | None = None
    partial: str = ""  # the text that the caller had received, and the error repeats
    retryable: bool | None = None  # what LangChain's middleware reads; by default the class says it

    def attempts(self, max_retries: int) -> int:
        """How many requests there are with so many retries allowed."""
        return {"yes": 1 + max_retries, "once": 1 + min(1, max_retries), "no": 1}[self.retried]

    @property
    def is_retryable(self) -> bool:
        """What LangChain's middleware reads."""
        return self.error.is_retryable if self.retryable is None else self.retryable


@dataclass(frozen=True)
class Answers:
    """A call that succeeds all the same, at the first try."""


Outcome = Raises | Answers


@dataclass(frozen=True)
class Scene:
    """A place where something goes wrong."""

    base_url: str
    attempts: Callable[[], int] | None  # counts the requests that arrived, where anybody could


Place = Callable[[ScalewayEmulator], AbstractContextManager[Scene]]
"""Sets the scene; the emulator is there to be used, and closes with the tests."""


@dataclass(frozen=True)
class Row:
    """A fault, as a row of the table: what goes wrong, in words, and where."""

    name: str
    place: Place
    plain: Outcome  # of `invoke` and `ainvoke`
    streamed: Outcome | None = None  # of `stream` and `astream`; the same by default
    fields: Mapping[str, Any] = field(default_factory=dict)  # of the model
    prompt: str | list[BaseMessage] = "Hello"

    def outcome(self, *, streamed: bool) -> Outcome:
        """What comes of a call."""
        return self.streamed if streamed and self.streamed is not None else self.plain


def as_markdown(groups: Mapping[str, list[Row]]) -> str:
    """The table for people, a part for each group."""
    parts = []
    for title, faults in groups.items():
        lines = [f"### {title}", "", "| Fault | What the caller sees | Retried |"]
        lines += ["| --- | --- | --- |", *map(_row, faults)]
        parts.append("\n".join(lines))
    return "\n" + "\n\n".join(parts) + "\n\n"


def _row(fault: Row) -> str:
    plain, streamed = fault.outcome(streamed=False), fault.outcome(streamed=True)
    seen, retried = _seen(plain), _retried(plain)
    if seen != _seen(streamed):
        seen = f"`invoke`: {seen}<br>`stream`: {_seen(streamed)}"
    if retried != _retried(streamed):
        retried = f"`invoke`: {retried}<br>`stream`: {_retried(streamed)}"
    return f"| {fault.name} | {seen} | {retried} |"


def _seen(outcome: Outcome) -> str:
    if isinstance(outcome, Answers):
        return "the answer"
    partial = ", the text so far in `partial_text`" if outcome.partial else ""
    return f"`{outcome.error.__name__}`{partial}"


def _retried(outcome: Outcome) -> str:
    return "no need" if isinstance(outcome, Answers) else outcome.retried


def put_on(page: str, table: str) -> str:
    """The page with this table in place of the one that it shows."""
    before, after = page[: page.index(BEGIN)], page[page.index(END) :]
    return before + BEGIN + table + after
