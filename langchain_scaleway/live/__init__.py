"""`python -m langchain_scaleway check`: asks the service what its pages leave open.

For maintainers, and for whoever has a key and a few cents. The answers are printed beside what is
believed, and can be kept as recordings, which become tests.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Literal, NamedTuple

from langchain_scaleway.client.connections import Connections
from langchain_scaleway.costs import usage_cost
from langchain_scaleway.live.exchange import Exchange
from langchain_scaleway.live.questions import QUESTIONS, Question
from langchain_scaleway.settings import Settings

Verdict = Literal["as expected", "different", "open", "unanswered"]

_SHOWN = 240
"""Characters of an answer that are printed."""

_NO_ANSWER = {0, 401, 403, 429, 500, 502, 503, 504}
"""Statuses that say nothing about what was asked."""


class Outcome(NamedTuple):
    """What came of a question.

    Attributes:
        question: The question.
        verdict: How the answer compares with what is believed; `open` where nothing is.
        seen: The answer in short.
        cost: What it cost in EUR, as far as its usage tells.
    """

    question: Question
    verdict: Verdict
    seen: str
    cost: float


def check(
    settings: Settings, names: Sequence[str] = (), recordings: Path | None = None
) -> Iterator[Outcome]:
    """Ask the questions.

    Args:
        settings: Where, and with which key.
        names: Those to ask; by default all.
        recordings: The folder for the recordings, if they are wanted.

    Yields:
        The outcomes, as they come.

    Raises:
        ValueError: A name is unknown.
    """
    known = {question.name: question for question in QUESTIONS}
    if unknown := set(names).difference(known):
        raise ValueError(f"There are no questions named {', '.join(sorted(unknown))}.")
    with closing(Connections()) as connections:
        for name in names or known:
            question = known[name]
            exchange = Exchange(connections, settings, question.path, question.body, question.file)
            if recordings is not None:
                exchange.write(recordings, name, settings)
            yield Outcome(question, _verdict(question, exchange), _seen(exchange), _cost(exchange))


def _verdict(question: Question, exchange: Exchange) -> Verdict:
    silent = exchange.status in _NO_ANSWER or exchange.error
    if question.holds is None:
        return "unanswered" if silent else "open"
    try:
        if question.holds(exchange):
            return "as expected"
    except (AttributeError, KeyError, IndexError, TypeError):
        pass  # An answer of another shape.
    return "unanswered" if silent else "different"


def _seen(exchange: Exchange) -> str:
    """What an answer says, as far as it is of interest."""
    if exchange.error:
        return exchange.error
    if exchange.events:
        last = json.dumps(exchange.events[-1], ensure_ascii=False)
        text = f"{len(exchange.events)} events, the last: {last}"
    elif choices := exchange.json.get("choices"):
        message = {name: value for name, value in exchange.message.items() if value}
        ending, usage = choices[0].get("finish_reason"), exchange.json.get("usage")
        text = f"{len(choices)} choices, {ending}, {message}, {usage}"
    else:
        text = " ".join(exchange.content.decode("utf-8", "replace").split())
    quotas = [name for name in exchange.headers if name.startswith("x-r")]
    told = f" ({', '.join(quotas)})" if quotas else ""
    return f"{exchange.status} {text[:_SHOWN]}{'…' if len(text) > _SHOWN else ''}{told}"


def _cost(exchange: Exchange) -> float:
    usage = exchange.json.get("usage")
    for event in exchange.events:
        usage = event.get("usage") or (event.get("response") or {}).get("usage") or usage
    model = (exchange.body or {}).get("model")
    return usage_cost(usage, model=model) or 0.0 if usage else 0.0
