"""What a reply cost, for programs and for LangSmith's traces."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from langchain_core.messages import AIMessage

from langchain_scaleway.data import model_facts

_TOKENS_PER_PRICE = 1_000_000


def usage_cost(message: AIMessage) -> float | None:
    """What a reply cost at the list prices of Scaleway's serverless API, in EUR without VAT.

    The price is that of the model that answered (`response_metadata["model_name"]`), as the
    table of this package's version has it; `model_facts(model).prices_as_of` tells its date.
    Tokens that came from the cache cost less where Scaleway has a price for them. Reasoning is
    part of the output.

    It is an estimate, not an invoice: the free tier, the rounding to a thousand tokens, the half
    price of batches and later price changes are not in it (docs: faq, 2026-07-17). That is also
    why it is a `float`, not a `Decimal`: fifteen digits are more than the estimate deserves, and
    tracers and data frames take a `float` as it is.

    Args:
        message: A reply, or the sum of a stream's chunks.

    Returns:
        The cost; 0 for a reply from LangChain's cache. `None` if it is not known: the message has
        no usage or is another provider's, or its model has no price per token here. A dedicated
        deployment has none, since it is paid by the hour.

    Example:
        ```python
        reply = model.invoke("Why is the sky blue?")
        if (cost := usage_cost(reply)) is not None:
            print(f"{cost:.6f} EUR")
        ```
    """
    metadata = message.response_metadata
    if message.usage_metadata is None:
        return None
    if metadata.get("model_provider", "scaleway") != "scaleway":
        return None
    costs = _costs(metadata.get("model_name"), message.usage_metadata)
    return None if costs is None else costs.input + costs.output


def langsmith_costs(*, usd_per_eur: float) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Make a function that adds the costs of Scaleway's replies to LangSmith's traces.

    LangSmith counts in US dollars and has no prices for Scaleway, whose prices are in euros:
    the rate between them is yours to give. The figures are those of `usage_cost`, for the model
    that was asked, and go where LangSmith looks for them, into the run's `usage_metadata`:
    `input_cost`, `output_cost`, `total_cost` and `input_cost_details` (langsmith 0.15,
    `langsmith.schemas.UsageMetadata`; LangSmith's page "Cost tracking").

    They are added to the traces only. In an `AIMessage` they would break LangChain's sums of
    usage, which are for whole numbers (langchain-core 1.8.2, `add_usage`).

    Args:
        usd_per_eur: Dollars for one euro.

    Returns:
        A function from a run's metadata to its metadata, for the argument `hide_metadata` of
        LangSmith's client. Runs of other providers and of unknown models pass unchanged.

    Raises:
        ValueError: The rate is not positive.

    Example:
        ```python
        import langsmith
        from langchain_scaleway.costs import langsmith_costs

        client = langsmith.Client(hide_metadata=langsmith_costs(usd_per_eur=1.15))
        langsmith.configure(client=client)
        ```
    """
    if not usd_per_eur > 0:
        raise ValueError(f"`usd_per_eur` must be positive, not {usd_per_eur}.")

    def add_costs(metadata: dict[str, Any]) -> dict[str, Any]:
        usage = metadata.get("usage_metadata")
        if metadata.get("ls_provider") != "scaleway" or not isinstance(usage, dict):
            return metadata
        costs = _costs(metadata.get("ls_model_name"), usage)
        if costs is None:
            return metadata
        in_usd = {
            "input_cost": costs.input * usd_per_eur,
            "input_cost_details": {"cache_read": costs.cached_input * usd_per_eur},
            "output_cost": costs.output * usd_per_eur,
            "total_cost": (costs.input + costs.output) * usd_per_eur,
        }
        return {**metadata, "usage_metadata": {**usage, **in_usd}}

    return add_costs


class _Costs(NamedTuple):
    """What a reply cost, in EUR.

    Attributes:
        input: The prompt, including the part of it that came from Scaleway's cache.
        cached_input: That part alone.
        output: The answer, including its reasoning.
    """

    input: float
    cached_input: float
    output: float


def _costs(model: object, usage: Mapping[str, Any]) -> _Costs | None:
    """What this usage costs with this model, `None` where there is no price for it."""
    if usage.get("total_cost") == 0:
        # This is how LangChain marks a reply that came from its own cache.
        return _Costs(0.0, 0.0, 0.0)
    facts = model_facts(model) if isinstance(model, str) else None
    if facts is None or facts.input_price is None or facts.output_price is None:
        return None
    cached_price = facts.cached_input_price
    if cached_price is None:
        cached_price = facts.input_price
    cached = usage.get("input_token_details", {}).get("cache_read") or 0
    cached = min(cached, usage["input_tokens"])
    cached_input = cached * cached_price / _TOKENS_PER_PRICE
    fresh_input = (usage["input_tokens"] - cached) * facts.input_price / _TOKENS_PER_PRICE
    return _Costs(
        input=fresh_input + cached_input,
        cached_input=cached_input,
        output=usage["output_tokens"] * facts.output_price / _TOKENS_PER_PRICE,
    )
