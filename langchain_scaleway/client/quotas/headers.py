"""Scaleway's `x-ratelimit-*` headers.

Successful answers carry `limit` and `remaining` for requests and for tokens (Scaleway's page
"Rate limits", 2026-04-24, and answers of July 2026). Refusals carry neither.
"""

from collections.abc import Mapping

from langchain_scaleway.client.quotas.store import QuotaState


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


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if 0 <= number < float("inf") else None
