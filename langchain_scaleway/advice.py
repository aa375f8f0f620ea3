"""Warnings about requests that are known to go wrong, each given once.

Nothing is refused or changed here: the service may have learned something since the table in
`langchain_scaleway.data` was written. There are no warnings about unknown models. To silence
them all:

    warnings.filterwarnings("ignore", category=ScalewayWarning)
"""

import sys
import warnings
from collections.abc import Mapping
from typing import Any

from langchain_scaleway.data import ModelFacts, model_facts
from langchain_scaleway.errors import ScalewayWarning
from langchain_scaleway.tokens import MEDIA

_DOCS = "https://www.scaleway.com/en/docs/generative-apis"
_MODELS_PAGE = f"{_DOCS}/reference-content/supported-models/"
_END_OF_LIFE = f"{_MODELS_PAGE}#end-of-life-eol-models"
_REASONING_PAGE = f"{_DOCS}/how-to/query-reasoning-models/"
_COMMON_ISSUES_PAGE = f"{_DOCS}/troubleshooting/fixing-common-issues/"

_VLLM_PAGE = "https://docs.vllm.ai/en/latest/features/structured_outputs.html"

_GUIDES = ("json", "regex", "choice", "grammar")
"""What vLLM's fields `guided_…` were of, and its `structured_outputs` holds now."""

_IN_BETWEEN = {"asyncio", "concurrent", "contextlib", "langgraph", "threading"}
"""Packages whose code is between the user's call and this module on the stack, besides those whose
names begin with langchain."""


_told: set[tuple[str, str]] = set()
"""Model and kind of each warning that this process has given."""


def warn_about_request(model: str, body: Mapping[str, Any], *, on_responses: bool = False) -> None:
    """Warn of what is known to go wrong with a request; once per process, model and kind.

    Args:
        model: The model that is asked.
        body: The request as chat completions have it.
        on_responses: Whether it goes to the Responses API.
    """
    if facts := model_facts(model):
        for kind, text in request_advice(facts, body, on_responses=on_responses).items():
            _tell_once(facts.model, kind, text)


def warn_about_reply(asked: str, answered: Any) -> None:
    """Warn if another model answered than was asked; once per process and model asked.

    Args:
        asked: `model` in the request.
        answered: `model` in the answer, whatever the server sent there.
    """
    facts = model_facts(asked)
    if facts is None or not isinstance(answered, str) or answered in {"", asked}:
        return
    if (known := model_facts(answered)) is None or known.model != facts.model:
        text = (
            f"{answered} answered, although {facts.model} was asked. Scaleway sends requests for a "
            "model that reached its end of life to a similar one, whose answers, limits and prices "
            f"differ. See {_END_OF_LIFE}"
        )
        _tell_once(facts.model, "answered by another", text)


def warn_about_history(model: str, kind: str) -> None:
    """Warn that a model is not shown something in its history; once per process, model and kind.

    Args:
        model: The model that is asked.
        kind: The type of the content block that was left out.
    """
    text = (
        f"{model} is not shown a block of type {kind!r} in the history: it, or Scaleway, does not "
        f"take it. A line of text says so in its place. See {_MODELS_PAGE}"
    )
    _tell_once(model, f"history: {kind}", text)


def warn_about_text_around(model: str) -> None:
    """Warn that a model wrote text around an object; once per process and model."""
    text = f"{model} wrote text around its structured output, which was passed over."
    _tell_once(model, "text around an object", text)


def warn_about_dimensions(model: str) -> None:
    """Warn that a model's vectors have one length only; once per process and model."""
    text = (
        f"`dimensions` is sent to {model}, but Scaleway supports no length other than the model's "
        "own, and advises against cutting vectors afterwards (API reference, embeddings, 2026). "
        "Leave it out."
    )
    _tell_once(model, "dimensions", text)


def warn_about_scores(model: str, wrong: list[Any], missing: int) -> None:
    """Warn that an answer does not score each document once; once per process and model.

    Args:
        model: The model that answered.
        wrong: The indexes in the answer that are out of range or repeated.
        missing: How many documents it has no score of.
    """
    text = (
        f"The answer of {model} has {len(wrong)} scores of no document (indexes {wrong[:3]}), and "
        f"none of {missing} documents; both are left out. Others have seen the same of Scaleway's "
        "rerank API."
    )
    _tell_once(model, "scores", text)


def request_advice(
    facts: ModelFacts, body: Mapping[str, Any], *, on_responses: bool = False
) -> dict[str, str]:
    """What is known to go wrong with a request, and where it is documented; by its kind."""
    advice: dict[str, str] = {}
    model, successor = facts.model, facts.successor or "not known here, look for one"
    if facts.status == "deprecated":
        since = f" since {facts.deprecated}" if facts.deprecated else ""
        advice["life cycle"] = (
            f"{model} is deprecated{since} and will reach its end of life (as known on "
            f"{facts.reviewed}). Its successor is {successor}: {_END_OF_LIFE}"
        )
    elif facts.status == "end_of_life":
        on = f" on {facts.end_of_life}" if facts.end_of_life else ""
        advice["life cycle"] = (
            f"{model} reached its end of life{on}; requests are refused or answered by another "
            f"model (as known on {facts.reviewed}). Its successor is {successor}: {_END_OF_LIFE}"
        )
    effort = body.get("reasoning_effort")
    if effort is not None and facts.efforts == ():
        advice["reasoning effort"] = (
            f"{model} does not reason and refuses reasoning_effort ({effort!r} was given); leave "
            f"it out. See {_REASONING_PAGE}"
        )
    elif effort is not None and facts.efforts and effort not in facts.efforts:
        advice["reasoning effort"] = (
            f"{model} knows reasoning_effort {', '.join(facts.efforts)}; {effort!r} is refused or "
            f"replaced by the model's default, depending on the model. See {_REASONING_PAGE}"
        )
    if kind := next((kind for kind in _GUIDES if body.get(f"guided_{kind}") is not None), None):
        advice["guided decoding"] = (
            f"`guided_{kind}` holds {model} to nothing: vLLM ignores it in silence since 0.12. Use "
            "`with_structured_output`, or give "
            f"`extra_body={{'structured_outputs': {{{kind!r}: …}}}}`. See {_VLLM_PAGE}"
        )
    if body.get("tools"):
        advice |= _tools_advice(facts, body, on_responses=on_responses)
    if facts.inputs is not None:
        # Where messages are plain text, this check of a type is all that is done with them.
        for message in body.get("messages", ()):
            if isinstance(content := message.get("content"), list):
                advice |= _inputs_advice(model, facts.inputs, content)
    return advice


def _tools_advice(
    facts: ModelFacts, body: Mapping[str, Any], *, on_responses: bool
) -> dict[str, str]:
    """Tools for a model that cannot call them, or will not call them in such a request."""
    advice = {}
    if facts.tool_calling == "no":
        advice["tools"] = f"{facts.model} does not call tools. See {_MODELS_PAGE}"
    elif facts.use_responses_api and not on_responses:
        advice["tools"] = (
            f"{facts.model} calls tools reliably on Scaleway's Responses API only; on chat "
            "completions the turn that carries a tool's result often fails. Leave "
            f"`use_responses_api` unset. See {_MODELS_PAGE}"
        )
    if body.get("stream") and facts.tool_call_streaming is False:
        advice["streamed tools"] = (
            f"{facts.model} was seen to leave tool calls out of streams, which then just end. With "
            'disable_streaming="tool_calling" requests with tools are not streamed. '
            f"See {_MODELS_PAGE}"
        )
    response_format = body.get("response_format")
    is_schema = (
        isinstance(response_format, Mapping) and response_format.get("type") == "json_schema"
    )
    if is_schema and body.get("tool_choice") != "none":
        advice["tools and schema"] = (
            "On Scaleway a response_format of type json_schema keeps a model from calling the "
            f"tools in the same request ({facts.model} was asked). Send one of the two; "
            "create_agent(response_format=ToolStrategy(…)) gets both by asking for the structured "
            f"answer through a tool. See {_COMMON_ISSUES_PAGE}"
        )
    return advice


def _inputs_advice(
    model: str, inputs: tuple[str, ...], parts: list[dict[str, Any]]
) -> dict[str, str]:
    """Images, videos or sounds for a model that does not read them."""
    advice = {}
    for part in parts:
        needed = MEDIA.get(part.get("type", "text"))
        if needed is not None and needed not in inputs:
            advice[needed] = (
                f"{model} reads {' and '.join(inputs)} only, and Scaleway refuses a message with "
                f"{needed} input. See {_MODELS_PAGE}"
            )
    return advice


def _tell_once(model: str, kind: str, text: str) -> None:
    """Warn, unless this process has been warned already."""
    if (model, kind) not in _told:
        _told.add((model, kind))
        warn(text)


def warn(text: str) -> None:
    """Warn at the user's line."""
    warnings.warn(text, ScalewayWarning, stacklevel=_level_of_the_caller())


def _level_of_the_caller() -> int:
    """The `stacklevel` at which the warning shows the user's line, not one of a library.

    In a library's thread or task no line of the user may be on the stack; then it is the line
    that called this module.
    """
    level, frame = 1, sys._getframe(1)  # noqa: SLF001 -- as `logging` and `warnings` do it
    while frame.f_back is not None:
        package = frame.f_globals.get("__name__", "").partition(".")[0]
        if not package.startswith("langchain") and package not in _IN_BETWEEN:
            return level
        level, frame = level + 1, frame.f_back
    return 3
