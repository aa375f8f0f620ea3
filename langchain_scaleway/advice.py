"""Warnings about requests that are known to go wrong, each given once.

Nothing is refused or changed here: the service may have learned something since the table in
`langchain_scaleway.data` was written. There are no warnings about unknown models. To silence
them all:

    warnings.filterwarnings("ignore", category=ScalewayWarning)
"""

import inspect
import warnings
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from langchain_scaleway.data import ModelFacts, model_facts
from langchain_scaleway.errors import ScalewayWarning
from langchain_scaleway.tokens import MEDIA

_DOCS = "https://www.scaleway.com/en/docs/generative-apis"
MODELS_PAGE = f"{_DOCS}/reference-content/supported-models/"
REASONING_PAGE = f"{_DOCS}/how-to/query-reasoning-models/"
COMMON_ISSUES_PAGE = f"{_DOCS}/troubleshooting/fixing-common-issues/"

_IN_BETWEEN = frozenset(
    {
        "asyncio",
        "concurrent",
        "contextlib",
        "langchain",
        "langchain_core",
        "langchain_scaleway",
        "langgraph",
        "threading",
    }
)
"""Packages whose code is between the user's call and this module on the stack."""


class Advice(NamedTuple):
    """One warning.

    Attributes:
        kind: What it is about; given once for each model.
        text: One or two sentences: what is known, and where it is documented.
    """

    kind: str
    text: str


_told: set[tuple[str, str]] = set()
"""Model and kind of each warning that this process has given."""


def warn_about_request(model: str, body: Mapping[str, Any]) -> None:
    """Warn of what is known to go wrong with a request; once per process, model and kind.

    Args:
        model: The model that is asked.
        body: The request's JSON body.
    """
    facts = model_facts(model)
    if facts is None:
        return
    for advice in request_advice(facts, body):
        _tell_once(facts.model, advice)


def warn_about_reply(asked: str, answered: Any) -> None:
    """Warn if another model answered than was asked; once per process and model asked.

    Args:
        asked: `model` in the request.
        answered: `model` in the answer, if there was one: whatever the server sent.
    """
    if not isinstance(answered, str) or answered in {"", asked}:
        return
    facts = model_facts(asked)
    if facts is not None and (advice := reply_advice(facts, answered)):
        _tell_once(facts.model, advice)


def warn_about_history(model: str, kind: str) -> None:
    """Warn that a model is not shown something in its history; once per process, model and kind.

    Args:
        model: The model that is asked.
        kind: The kind of content block that was left out.
    """
    _tell_once(
        model,
        Advice(
            f"history: {kind}",
            f"{model} is not shown a block of type {kind!r} in the history: it, or Scaleway, does "
            f"not take it. A line of text says so in its place. See {MODELS_PAGE}",
        ),
    )


def request_advice(facts: ModelFacts, body: Mapping[str, Any]) -> list[Advice]:
    """What is known to go wrong with a request.

    Args:
        facts: What is known about the model that is asked.
        body: The request's JSON body.

    Returns:
        One piece of advice for each problem; nothing for a request that is fine.
    """
    advice = []
    if facts.status in {"deprecated", "end_of_life"}:
        advice.append(_life_cycle_advice(facts))
    effort = body.get("reasoning_effort")
    if effort is not None and facts.efforts is not None and effort not in facts.efforts:
        advice.append(_effort_advice(facts, effort))
    if body.get("tools"):
        advice += _tools_advice(facts, body)
    if facts.inputs is not None:
        # Where messages are plain text, this check of a type is all that is done with them.
        for message in body.get("messages", ()):
            if isinstance(content := message.get("content"), list):
                advice += _inputs_advice(facts, facts.inputs, content)
    return advice


def reply_advice(facts: ModelFacts, answered: str) -> Advice | None:
    """What to say about the model that answered; nothing if it is the one that was asked.

    Args:
        facts: What is known about the model that was asked.
        answered: `model` in the answer, in any of the forms that a request may have.
    """
    known = model_facts(answered)
    if answered == facts.model or (known is not None and known.model == facts.model):
        return None
    return Advice(
        "answered by another",
        f"{answered} answered, although {facts.model} was asked. Scaleway sends requests for a "
        "model that reached its end of life to a similar one, whose answers, limits and prices "
        f"differ. See {MODELS_PAGE}#end-of-life-eol-models",
    )


def _life_cycle_advice(facts: ModelFacts) -> Advice:
    """A model that will not be there much longer, or is gone already."""
    if facts.status == "deprecated":
        since = f" since {facts.deprecated}" if facts.deprecated else ""
        state = f"is deprecated{since} and will reach its end of life"
    else:
        on = f" on {facts.end_of_life}" if facts.end_of_life else ""
        state = f"reached its end of life{on}; requests are refused or answered by another model"
    successor = f"Its successor is {facts.successor}" if facts.successor else "Look for a successor"
    return Advice(
        "life cycle",
        f"{facts.model} {state} (as known on {facts.reviewed}). {successor}: "
        f"{MODELS_PAGE}#end-of-life-eol-models",
    )


def _effort_advice(facts: ModelFacts, effort: object) -> Advice:
    """A reasoning effort that the model does not know."""
    if facts.efforts:
        text = (
            f"{facts.model} knows reasoning_effort {', '.join(facts.efforts)}; {effort!r} is "
            "refused or replaced by the model's default, depending on the model."
        )
    else:
        text = (
            f"{facts.model} does not reason and refuses reasoning_effort ({effort!r} was given); "
            "leave it out."
        )
    return Advice("reasoning effort", f"{text} See {REASONING_PAGE}")


def _tools_advice(facts: ModelFacts, body: Mapping[str, Any]) -> Iterator[Advice]:
    """Tools for a model that cannot call them, or that will not because of a schema."""
    if facts.tool_calling == "no":
        yield Advice("tools", f"{facts.model} does not call tools. See {MODELS_PAGE}")
    elif facts.use_responses_api:
        yield Advice(
            "tools",
            f"{facts.model} calls tools reliably on Scaleway's Responses API only; on chat "
            "completions, which this package uses, the turn that carries a tool's result often "
            f"fails. Another model is the safer choice for an agent. See {MODELS_PAGE}",
        )
    if body.get("stream") and facts.tool_call_streaming is False:
        yield Advice(
            "streamed tools",
            f"{facts.model} was seen to leave tool calls out of streams, which then just end. With "
            'disable_streaming="tool_calling" requests with tools are not streamed.',
        )
    response_format = body.get("response_format")
    if (
        isinstance(response_format, Mapping)
        and response_format.get("type") == "json_schema"
        and body.get("tool_choice") != "none"
    ):
        yield Advice(
            "tools and schema",
            "On Scaleway a response_format of type json_schema keeps a model from calling the "
            f"tools in the same request ({facts.model} was asked). Send one of the two; "
            "create_agent(response_format=ToolStrategy(…)) gets both by asking for the structured "
            f"answer through a tool. See {COMMON_ISSUES_PAGE}",
        )


def _inputs_advice(
    facts: ModelFacts, inputs: tuple[str, ...], parts: list[dict[str, Any]]
) -> Iterator[Advice]:
    """Images, videos or sounds for a model that does not read them."""
    for part in parts:
        needed = MEDIA.get(part.get("type", "text"))
        if needed is not None and needed not in inputs:
            yield Advice(
                needed,
                f"{facts.model} reads {' and '.join(inputs)} only, and Scaleway refuses a message "
                f"with {needed} input. See {MODELS_PAGE}",
            )


def _tell_once(model: str, advice: Advice) -> None:
    """Warn, unless this process has been warned already."""
    key = model, advice.kind
    if key not in _told:
        _told.add(key)
        warnings.warn(advice.text, ScalewayWarning, stacklevel=_level_of_the_caller())


def _level_of_the_caller() -> int:
    """The `stacklevel` at which the warning shows the user's line, not one of a library.

    In a library's thread or task no line of the user may be on the stack; then it is the line
    that called this module.
    """
    level, frame = 0, inspect.currentframe()
    while frame is not None:
        if frame.f_globals.get("__name__", "").partition(".")[0] not in _IN_BETWEEN:
            return level
        level, frame = level + 1, frame.f_back
    return 3
