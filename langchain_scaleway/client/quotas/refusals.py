"""What a 429 means, and the errors that say that no wait will help."""

from collections.abc import Mapping

from langchain_scaleway.client.encoding import decode
from langchain_scaleway.client.quotas.estimates import TokenEstimator
from langchain_scaleway.client.quotas.store import QuotaState, Refusal
from langchain_scaleway.errors import ScalewayError, ScalewayRateLimitError
from langchain_scaleway.tokens import prompt_size


def refusal_of(error: ScalewayError) -> Refusal:
    """Which quota a 429 is for. Scaleway's sentences name it, and nothing else does."""
    words = str(error.body)
    if "concurrent" in words:
        return "concurrency"
    return "tokens" if "tokens" in words else "requests" if "requests" in words else "unknown"


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
    if refusal_of(error) != "tokens":
        return error
    quota = QuotaState.all_in(headers or {}).get("tokens")
    if quota is None:
        return error
    tokens = TokenEstimator().least(prompt_size(decode(content)))
    return error if tokens <= quota.limit else too_large(tokens, quota.limit, error)


def too_large(tokens: float, limit: float, refusal: ScalewayError) -> ScalewayRateLimitError:
    """Make the error for a request that exceeds the quota of tokens per minute by itself."""
    return _in_vain(
        refusal,
        f"This request alone exceeds the quota of {limit:,.0f} tokens per minute for model "
        f"{refusal.model!r}: its prompt has about {tokens:,.0f} tokens. No wait will let it "
        "through. Shorten the prompt, divide it into several requests, or ask Scaleway for a "
        f"higher quota. {refusal.message}",
    )


def hopeless(refusal: ScalewayError) -> ScalewayRateLimitError:
    """Make the error for all who wait behind a request that is refused again and again."""
    return _in_vain(
        refusal,
        f"Scaleway has refused every request to model {refusal.model!r} for minutes, longer than "
        f"a quota per minute lasts. A budget may be used up. Its last words: {refusal.message}",
    )


def _in_vain(refusal: ScalewayError, message: str) -> ScalewayRateLimitError:
    """The same refusal with another message, not to be tried again."""
    error = ScalewayRateLimitError(
        message,
        status_code=refusal.status_code,
        code=refusal.code,
        type=refusal.type,
        model=refusal.model,
        body=refusal.body,
        response=refusal.response,
    )
    error.is_retryable = False
    return error
