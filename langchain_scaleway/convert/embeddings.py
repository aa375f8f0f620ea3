"""Texts -> requests for vectors, and answers -> vectors."""

import base64
import math
import sys
from array import array
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from langchain_scaleway.convert.dialects import whole_characters
from langchain_scaleway.errors import ScalewayResponseError
from langchain_scaleway.tokens import text_tokens

MOST_TEXTS = 2_048
"""Texts that one request may hold (API reference, embeddings, 2026)."""

_MOST_TOKENS = 20_000
"""Estimated tokens of one request: a tenth of the lowest quota of a minute, so that requests can
be paced by it. A longer text goes alone."""

Vectors = list[list[float]]


class Part(NamedTuple):
    """The texts of one request.

    Attributes:
        start: The index of the first text among all.
        texts: The texts.
    """

    start: int
    texts: Sequence[str]

    @property
    def places(self) -> str:
        """Which of all texts these are, for people."""
        last = self.start + len(self.texts) - 1
        return f"texts[{self.start}]" if last == self.start else f"texts[{self.start}] to [{last}]"


def parts_of(texts: Iterable[Any], most_texts: int = MOST_TEXTS) -> list[Part]:
    """Divide any number of texts into requests of so many at most, in their order.

    Programs read them, such as from PDF files, so half a character ends no pile.

    Raises:
        ValueError: A text is empty, or is no text. The service would refuse the whole request for
            it, so nothing should be sent.
    """
    if isinstance(texts, str):  # Each of its letters would be embedded.
        raise ValueError("`texts` is one text, but has to be a list: `[text]`.")  # noqa: TRY004 -- one kind of error for what cannot be embedded
    texts = list(texts)
    parts: list[Part] = []
    start = tokens = 0
    for index, text in enumerate(texts):
        if not text or not isinstance(text, str):
            problem = "is empty" if text == "" else f"is of type {type(text).__name__}"
            raise ValueError(
                f"texts[{index}] {problem}. The service refuses a whole request for one such "
                "text: leave it out, or give it a text."
            )
        texts[index] = whole_characters(text)
        size = text_tokens(texts[index])
        is_full = index - start == most_texts or tokens + size > _MOST_TOKENS
        if is_full and index > start:
            parts.append(Part(start, texts[start:index]))
            start, tokens = index, 0
        tokens += size
    return [*parts, Part(start, texts[start:])] if texts else []


def read_embeddings(body: dict[str, Any], texts: Sequence[str], model: str) -> Vectors:
    """Read the vectors of an answer, in the order of the texts: numbers, or base64 of float32.

    Raises:
        ScalewayResponseError: There is not one vector for each text, they differ in length, or a
            number in them is none: a store that took NaN would find nothing any more.
    """
    try:
        by_index = {int(one["index"]): _vector(one["embedding"]) for one in body["data"]}
        vectors = [by_index[index] for index in range(len(body["data"]))]
    except (ArithmeticError, KeyError, TypeError, ValueError):
        vectors = []
    lengths = {len(vector) for vector in vectors}
    are_finite = all(math.isfinite(sum(vector)) for vector in vectors)
    if len(vectors) != len(texts) or len(lengths) != 1 or lengths == {0} or not are_finite:
        raise ScalewayResponseError(
            f"The answer of model {model!r} does not hold one vector for each of {len(texts)} "
            "texts, all of numbers and of one length. Try again; if it persists, report the "
            f"answer's id ({body.get('id')}) to Scaleway's support.",
            model=model,
            body=body,
        )
    return vectors


def _vector(embedding: Any) -> list[float]:
    if not isinstance(embedding, str):
        return [float(number) for number in embedding]
    floats = array("f", base64.b64decode(embedding, validate=True))
    if sys.byteorder == "big":  # They are sent with the lowest byte first (recorded from vLLM).
        floats.byteswap()
    return floats.tolist()
