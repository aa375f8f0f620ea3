"""`usage_cost`: what a call of any endpoint cost."""

from collections.abc import Mapping
from math import inf
from typing import Any

from langchain_core.messages import AIMessage

from langchain_scaleway.data import model_facts

_TOKENS_PER_PRICE = 1_000_000
_SECONDS_PER_MINUTE = 60


def usage_cost(
    reply: AIMessage | Mapping[str, Any], *, model: str | None = None, batch: bool = False
) -> float | None:
    """What a call cost at the list prices of Scaleway's serverless API, in EUR without VAT.

    The price is that of the model that answered, as the table of this package's version has it;
    `model_facts(model).prices_as_of` tells its date. Tokens that came from the cache cost less
    where Scaleway has a price for them. Reasoning is part of the output. Texts to embed and to
    rank are billed as input tokens, audio by the second.

    It is an estimate, not an invoice: the free tier, the rounding to a thousand tokens and later
    price changes are not in it (docs: faq, 2026-07-17). That is also why it is a `float`, not a
    `Decimal`: fifteen digits are more than the estimate deserves, and tracers and data frames
    take a `float` as it is.

    Args:
        reply: A reply, or the sum of a stream's chunks; or the `usage` of an answer of any
            endpoint, as LangChain or the service writes it.
        model: The model that answered. By default `response_metadata["model_name"]` of a reply.
        batch: Whether the call was part of a batch, which costs half.

    Returns:
        The cost; 0 for a reply from LangChain's cache. `None` if it is not known: there is no
        usage, the reply is another provider's, or its model has no price here. A dedicated
        deployment has none, since it is paid by the hour.

    Example:
        ```python
        reply = model.invoke("Why is the sky blue?")
        if (cost := usage_cost(reply)) is not None:
            print(f"{cost:.6f} EUR")
        ```
    """
    usage: Mapping[str, Any] | None
    if isinstance(reply, AIMessage):
        metadata = reply.response_metadata
        if metadata.get("model_provider", "scaleway") != "scaleway":
            return None
        usage, model = reply.usage_metadata, model or metadata.get("model_name")
    else:
        usage = reply
    if usage is None:
        return None
    if usage.get("total_cost") == 0:  # So LangChain marks a reply that came from its own cache.
        return 0.0
    cost = _list_price(usage, model)
    return cost / 2 if batch and cost is not None else cost


def _list_price(usage: Mapping[str, Any], model: str | None) -> float | None:
    facts = model_facts(model) if isinstance(model, str) else None
    if facts is None:
        return None
    seconds = _number(usage, "seconds")
    if seconds is not None:
        price = facts.audio_minute_price
        return None if price is None else seconds / _SECONDS_PER_MINUTE * price
    # LangChain and the Responses API say input, chat completions and embeddings prompt; a ranking
    # has a total alone.
    prompt = _number(usage, "input_tokens", "prompt_tokens", "total_tokens")
    completion = _number(usage, "output_tokens", "completion_tokens") or 0
    if prompt is None or facts.input_price is None or facts.output_price is None:
        return None
    kinds = ("input_token_details", "input_tokens_details", "prompt_tokens_details")
    found = [details for kind in kinds if isinstance(details := usage.get(kind), Mapping)]
    cached = min(_number(found[0], "cache_read", "cached_tokens") or 0, prompt) if found else 0
    cached_price = facts.cached_input_price
    if cached_price is None:
        cached_price = facts.input_price
    return (
        (prompt - cached) * facts.input_price
        + cached * cached_price
        + completion * facts.output_price
    ) / _TOKENS_PER_PRICE


def _number(usage: Mapping[str, Any], *names: str) -> float | None:
    """The first of these that is a number, or the text of one."""
    for name in names:
        try:
            number = float(usage.get(name, ""))
        except (TypeError, ValueError):
            continue
        if 0 <= number < inf:
            return number
    return None
