"""What a reply cost."""

from langchain_core.messages import AIMessage

from langchain_scaleway.data import model_facts

_TOKENS_PER_PRICE = 1_000_000


def usage_cost(message: AIMessage) -> float | None:
    """What a reply cost at the list prices of Scaleway's serverless API, in EUR without VAT.

    The price is that of the model that answered (`response_metadata["model_name"]`), as the
    table of this package's version has it; `model_facts(model).prices_as_of` tells its date.
    Tokens that came from the cache cost less where Scaleway has a price for them. Reasoning is
    part of the output.

    It is an estimate and no invoice: the free tier, the rounding to a thousand tokens, the half
    price of batches and later price changes are not in it (docs: faq, 2026-07-17). That is also
    why it is a `float` and no `Decimal`: the fifteen digits of the one are more than the estimate
    has, and tracers and data frames take it as it is.

    Args:
        message: A reply, or the sum of a stream's chunks.

    Returns:
        The cost, `None` where nobody can know: the message has no usage, is another provider's,
        or its model has no price per token here, as with a dedicated deployment, which is paid
        by the hour.

    Example:
        ```python
        reply = model.invoke("Why is the sky blue?")
        if (cost := usage_cost(reply)) is not None:
            print(f"{cost:.6f} EUR")
        ```
    """
    usage = message.usage_metadata
    metadata = message.response_metadata
    model = metadata.get("model_name")
    if usage is None or not isinstance(model, str):
        return None
    if metadata.get("model_provider", "scaleway") != "scaleway":
        return None
    facts = model_facts(model)
    if facts is None or facts.input_price is None or facts.output_price is None:
        return None
    cached_price = facts.cached_input_price
    if cached_price is None:
        cached_price = facts.input_price
    cached = usage.get("input_token_details", {}).get("cache_read") or 0
    cost = (
        (usage["input_tokens"] - cached) * facts.input_price
        + cached * cached_price
        + usage["output_tokens"] * facts.output_price
    )
    return cost / _TOKENS_PER_PRICE
