"""The parameters of a chat completion: fields of the model, and arguments of a call."""

import difflib
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from pydantic import BaseModel, Field


# No objects are made of this class itself, so pydantic need not build a validator for it.
class ChatParameters(BaseModel, defer_build=True):
    """What goes into requests under its own name: a model has it for all, a call for one."""

    temperature: float | None = Field(default=None, ge=0, le=2)
    """How random the answer is, from 0 to 2. If unset, the model's own default applies."""

    top_p: float | None = Field(default=None, gt=0, le=1)
    """Tokens are drawn only from the likeliest ones that together reach this probability."""

    max_tokens: int | None = Field(default=None, ge=1)
    """The most tokens to generate, reasoning included; capped by the model. It is the older name
    of `max_completion_tokens`, and the one that every Scaleway endpoint takes."""

    presence_penalty: float | None = Field(default=None, ge=-2, le=2)
    """How much a token that has appeared is avoided, from -2 to 2."""

    frequency_penalty: float | None = Field(default=None, ge=-2, le=2)
    """How much a token is avoided for each time that it has appeared, from -2 to 2."""

    logit_bias: dict[int, float] | None = None
    """What to add to the score of a token, by its id, from -100 to 100."""

    stop: str | list[str] | None = None
    """Texts that end the answer where they would appear; they are not part of it."""

    seed: int | None = None
    """A seed for sampling, so that an answer can be repeated, as far as the engine can do that."""

    logprobs: bool | None = None
    """Whether to give the tokens' log probabilities, in `response_metadata["logprobs"]`."""

    top_logprobs: int | None = Field(default=None, ge=0, le=20)
    """How many of the likeliest tokens to give at each place, up to 20; needs `logprobs`."""

    reasoning_effort: str | None = Field(default=None, min_length=1)
    """How much to reason: `none`, `low`, `medium`, `high`, `xhigh` or `max`; `profile` says which
    of them the model knows. If unset, the model's default applies: reasoning models do reason."""

    parallel_tool_calls: bool | None = None
    """Whether the model may call several tools at once. Scaleway accepts and ignores `False`
    (API reference, September 2026); vLLM obeys."""

    def _set_parameters(self, *others: str) -> dict[str, Any]:
        """The parameters, and other fields, that have a value."""
        fields = self.__dict__
        return {name: fields[name] for name in (*others, *_NAMES) if fields[name] is not None}


_NAMES = tuple(ChatParameters.model_fields)

_OF_CALLS = frozenset(
    {
        *_NAMES,
        *("model", "stream_usage", "extra_body", "extra_headers", "timeout"),
        *("tools", "tool_choice", "response_format"),
    }
)
"""Arguments that calls have."""

_LIKENESS = 0.9
"""How similar to an argument (0 to 1) a name must be to count as a misspelling of it. Names that
are unknown here go into the request, and some of them are fields of other servers, such as
llama.cpp's `reasoning_format` (0.88 like `reasoning_effort`). So only plain slips count."""


def check_call(given: Iterable[str], fields: Iterable[str]) -> None:
    """Refuse arguments that no call can have, because they would go into the request.

    Raises:
        ValueError: An argument belongs to the model, or is misspelt. Any other name may be a
            request field of the server.
    """
    for name in given:
        if name in _OF_CALLS:
            continue
        if name == "headers":
            raise ValueError("`headers` would go into the request's body: use `extra_headers`.")
        if name in fields:
            raise ValueError(
                f"`{name}` belongs to the model, not to a call. Make a model with another one: "
                f"`model.model_copy(update={{{name!r}: …}})` shares its connections."
            )
        if meant := _meant(name):
            raise ValueError(
                f"`{name}` is not an argument of a call. Did you mean `{meant}`? "
                f"`extra_body={{{name!r}: …}}` sends it as it is."
            )


@lru_cache(maxsize=128)  # The same few names come with every call.
def _meant(name: str) -> str | None:
    return next(iter(difflib.get_close_matches(name, _OF_CALLS, n=1, cutoff=_LIKENESS)), None)
