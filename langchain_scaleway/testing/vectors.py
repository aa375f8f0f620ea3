"""Vectors of texts without a model: similar texts are near each other, always in the same way."""

from __future__ import annotations

import math
import operator
import re
from array import array
from typing import Final
from zlib import crc32

_WORD: Final = re.compile(r"\w+|[^\w\s]")
_LETTERS: Final = 3
_WORD_WEIGHT: Final = 2.0


def embed(text: str, dimensions: int) -> array[float]:
    """Return the unit vector of a text.

    Each word, and each run of three letters in it, adds to or takes from one place of the vector,
    which its checksum tells (feature hashing: Weinberger et al., 2009). So texts are the nearer
    the more words, or parts of words, they share.

    Args:
        text: Any text.
        dimensions: The length of the vector.
    """
    values = array("f", bytes(4 * dimensions))
    for word in _WORD.findall(text.lower()):
        _add(values, word, _WORD_WEIGHT)
        padded = f"<{word}>"
        for start in range(len(padded) - _LETTERS + 1):
            _add(values, padded[start : start + _LETTERS], 1.0)
    length = math.hypot(*values)
    if not length:
        values[0] = length = 1.0
    return array("f", (value / length for value in values))


def cosine(first: array[float], second: array[float]) -> float:
    """Return the cosine of the angle between two unit vectors."""
    return math.fsum(map(operator.mul, first, second))


def _add(values: array[float], feature: str, weight: float) -> None:
    checksum = crc32(feature.encode())
    values[checksum % len(values)] += weight if checksum & 1 << 31 else -weight
