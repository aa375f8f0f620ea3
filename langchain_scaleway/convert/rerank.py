"""Documents -> requests for their order, and answers -> scores."""

from math import isfinite
from typing import Any, NamedTuple

from langchain_scaleway.convert.embeddings import Part
from langchain_scaleway.errors import ScalewayResponseError

MOST_DOCUMENTS = 256
"""Documents of one request. Scaleway documents no limit; requests of this size are safe with any,
and scores of separate requests can be compared, because each is a cosine."""


class Score(NamedTuple):
    """How near a document is to the query.

    Attributes:
        position: The document's index among all.
        relevance: The cosine of the two vectors, from -1 to 1.
    """

    position: int
    relevance: float


def read_scores(body: dict[str, Any], part: Part, model: str) -> tuple[list[Score], list[Any]]:
    """Read the scores of an answer for the documents that were sent.

    Returns:
        The scores, and the indexes that cannot be meant: out of range or repeated, as others have
        seen them come from Scaleway (2026), or of a score that is no number. Each is there as the
        answer has it.

    Raises:
        ScalewayResponseError: The answer holds no results.
    """
    results = body.get("results")
    scores: dict[int, Score] = {}
    wrong: list[Any] = []
    for result in results if isinstance(results, list) else ():
        match result:
            case {"index": int(index), "relevance_score": float() | int() as relevance} if (
                0 <= index < len(part.texts) and index not in scores and isfinite(relevance)
            ):
                scores[index] = Score(part.start + index, float(relevance))
            case _:
                wrong.append(result.get("index") if isinstance(result, dict) else result)
    if not scores:
        raise ScalewayResponseError(
            f"The answer of model {model!r} holds no score for any of {len(part.texts)} documents. "
            f"Try again; if it persists, report the answer's id ({body.get('id')}) to Scaleway's "
            "support.",
            model=model,
            body=body,
        )
    return list(scores.values()), wrong
