"""Scaleway's `x-ratelimit-*` headers, and requests that are too large for any minute.

Successful answers carry `limit` and `remaining` for requests and for tokens (Scaleway's page
"Rate limits", 2026-04-24, and answers of July 2026). Refusals carry neither.
"""

from collections.abc import Mapping

from langchain_scaleway.client.encoding import decode
from langchain_scaleway.client.quotas.estimates import TokenEstimator
from langchain_scaleway.client.quotas.store import QuotaState
from langchain_scaleway.errors import ScalewayError, ScalewayRateLimitError
from langchain_scaleway.tokens import prompt_size


def read_quota(headers: Mapping[str, str], name: str) -> QuotaState | None:
    """Read the headers of one quota.

    Args:
        headers: An answer's headers, names in lower case.
        name: `requests` or `tokens`.

    Returns:
        What they say, `None` where they are missing or make no sense.
    """
    limit = _number(headers.get(f"x-ratelimit-limit-{name}"))
    remaining = _number(headers.get(f"x-ratelimit-remaining-{name}"))
    if not limit or remaining is None:
        return None
    return QuotaState(limit, remaining)


def explain_too_large(
    error: ScalewayError, content: bytes, headers: Mapping[str, str] | None
) -> ScalewayError:
    """Say so if a request is refused because it exceeds the quota of tokens by itself.

    Args:
        error: Any refusal.
        content: The body of the request.
        headers: Those of an earlier answer by the same model, if there was one.

    Returns:
        The same error, or one that says that no wait will help.
    """
    if not is_for_tokens(error) or headers is None:
        return error
    quota = read_quota(headers, "tokens")
    if quota is None:
        return error
    tokens = TokenEstimator().least(prompt_size(decode(content)))
    return error if tokens <= quota.limit else too_large(tokens, quota.limit, error.model, error)


def is_for_tokens(error: ScalewayError) -> bool:
    """Whether a request was refused for the quota of tokens per minute."""
    return isinstance(error, ScalewayRateLimitError) and "tokens" in str(error.body)


def too_large(
    tokens: float, limit: float, model: str | None, refusal: ScalewayError | None = None
) -> ScalewayRateLimitError:
    """Make the exception for a request that exceeds the quota of tokens by itself.

    Args:
        tokens: The estimate of its tokens.
        limit: Tokens per minute.
        model: The model that was to be asked.
        refusal: Scaleway's own refusal, where it was sent.

    Returns:
        The exception, which is not retryable.
    """
    quote = f" Scaleway's own words: {refusal.message}" if refusal else " It was not sent."
    message = (
        f"This request alone exceeds the quota of {limit:,.0f} tokens per minute for model "
        f"{model!r}: its prompt has about {tokens:,.0f} tokens. No wait will let it through. "
        "Shorten the prompt, divide it into several requests, or ask Scaleway for a higher "
        f"quota.{quote}"
    )
    error = ScalewayRateLimitError(
        message,
        status_code=refusal.status_code if refusal else None,
        code=refusal.code if refusal else None,
        type=refusal.type if refusal else None,
        model=model,
        body=refusal.body if refusal else None,
        response=refusal.response if refusal else None,
    )
    error.is_retryable = False
    return error


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if 0 <= number < float("inf") else None
