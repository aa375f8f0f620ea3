"""Batches: inputs to the bodies of requests, and the bodies of answers to results."""

from collections.abc import Mapping
from functools import reduce
from math import inf
from operator import or_
from typing import Any

from langchain_core.messages import convert_to_messages
from langchain_core.prompt_values import PromptValue
from langchain_core.runnables import Runnable, RunnableBinding, RunnableSequence

from langchain_scaleway.chat_apis import CHAT_COMPLETIONS, RESPONSES
from langchain_scaleway.chat_models import ChatScaleway
from langchain_scaleway.client.quotas.estimates import bound_of
from langchain_scaleway.convert.embeddings import parts_of, read_embeddings
from langchain_scaleway.data import model_facts
from langchain_scaleway.embeddings import ScalewayEmbeddings


class ChatRows:
    """The rows of a chain: what is before its model is `head`, what is behind it is `tail`.

    Raises:
        ValueError: The chain has another shape.
    """

    def __init__(self, chain: Any) -> None:
        steps = [_bound(step) for step in _steps_of(chain)]
        places = [n for n, (step, _) in enumerate(steps) if isinstance(step, ChatScaleway)]
        if len(places) != 1:
            names = " | ".join(type(step).__name__ for step, _ in steps)
            raise ValueError(
                "Batches take a ChatScaleway, or a chain with one, such as `prompt | model | "
                f"parser`, or a ScalewayEmbeddings. This is {names}, with {len(places)} of them "
                "to be asked. Retries and fallbacks do not go with batches: `failed().submit()` "
                "sends again what failed."
            )
        [place] = places
        self.model, self.arguments = steps[place]
        self.head = _sequence(chain, slice(place))
        self.tail = _sequence(chain, slice(place + 1, None))
        self.name: str = self.arguments.get("model") or self.model.model
        self._context = self._prepared(["Any text"]).context

    def request(self, given: Any) -> tuple[str, dict[str, Any]]:
        """Write what a chat model takes as a request: its path, and its body.

        Raises:
            ValueError: It cannot be sent.
        """
        if isinstance(given, Exception):  # What is before the model has no more than that.
            raise given
        if not isinstance(given, str | list | tuple | PromptValue):
            kind = type(given).__name__
            raise ValueError(f"A model takes a text or messages, not {kind}.")  # noqa: TRY004 -- one kind of error for what cannot be sent
        api, body, _ = self._prepared([given] if isinstance(given, str) else given)
        return api.path, body

    def answer(self, body: dict[str, Any], endpoint: str | None) -> Any:
        """Read an answer as a message.

        Raises:
            ScalewayResponseError: It is none.
        """
        api = RESPONSES if str(endpoint).endswith(RESPONSES.path) else CHAT_COMPLETIONS
        message = api.decoder(self._context).result(body, {}).generations[0].message
        if self.model.output_version == "v1":
            message.response_metadata["output_version"] = "v1"
            message = message.model_copy(update={"content": message.content_blocks})
        return message

    def _prepared(self, given: Any) -> Any:
        of_the_client = {"timeout", "extra_headers"}
        arguments = {k: v for k, v in self.arguments.items() if k not in of_the_client}
        return self.model._request(convert_to_messages(given), None, arguments)


class TextRows:
    """The rows of texts to embed."""

    head = tail = None

    def __init__(self, model: ScalewayEmbeddings) -> None:
        self.model, self.name = model, model.model
        self.arguments: dict[str, Any] = {}

    def request(self, given: Any) -> tuple[str, dict[str, Any]]:
        """Write a text as a request: its path, and its body.

        Raises:
            ValueError: It cannot be sent.
        """
        [part] = parts_of([given])
        return "/embeddings", self.model._body(part)

    def answer(self, body: dict[str, Any], _endpoint: str | None) -> list[float]:
        """Read an answer as a vector.

        Raises:
            ScalewayResponseError: It is none.
        """
        return read_embeddings(body, [""], self.name)[0]


def longest_answer(body: Mapping[str, Any]) -> int:
    """The most tokens that may answer a request, as far as that is known."""
    facts = model_facts(body["model"])
    known = facts and (facts.max_output_tokens or facts.context_window)
    bound = bound_of(body)
    return int(bound if bound < inf else known or 0) * (body.get("n") or 1)


def _steps_of(chain: Any) -> list[Any]:
    while isinstance(chain, RunnableBinding) and not chain.kwargs:  # Made by `with_config`.
        chain = chain.bound
    if isinstance(chain, RunnableSequence):
        return [step for part in chain.steps for step in _steps_of(part)]
    return [chain]


def _bound(step: Any) -> tuple[Any, dict[str, Any]]:
    """A step without what was bound to it, and that."""
    arguments: dict[str, Any] = {}
    while isinstance(step, RunnableBinding):
        step, arguments = step.bound, {**step.kwargs, **arguments}
    return step, arguments


def _sequence(chain: Any, part: slice) -> Runnable[Any, Any] | None:
    steps = _steps_of(chain)[part]
    return reduce(or_, steps) if steps else None
