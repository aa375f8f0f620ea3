"""Texts to requests for vectors, and answers to vectors, in any order and form."""

import base64
import math
import random
from array import array
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_tests.unit_tests import EmbeddingsUnitTests

from langchain_scaleway import ScalewayEmbeddings
from langchain_scaleway.convert.embeddings import MOST_TEXTS, parts_of, read_embeddings
from langchain_scaleway.errors import ScalewayResponseError
from langchain_scaleway.tokens import text_tokens

MODEL = "qwen3-embedding-8b"


class TestScalewayEmbeddings(EmbeddingsUnitTests):
    @property
    def embeddings_class(self) -> type[ScalewayEmbeddings]:
        return ScalewayEmbeddings

    @property
    def embedding_model_params(self) -> dict[str, Any]:
        return {"api_key": "test"}

    @property
    def init_from_env_params(self) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        return {"SCW_SECRET_KEY": "from-env"}, {}, {"api_key": "from-env"}


@given(st.lists(st.text(min_size=1, max_size=60)), st.integers(1, MOST_TEXTS))
def test_parts_hold_all_texts_in_their_order(texts: list[str], most: int) -> None:
    parts = parts_of(texts, most)
    assert [text for part in parts for text in part.texts] == texts
    assert [part.start for part in parts] == [
        sum(len(before.texts) for before in parts[:place]) for place in range(len(parts))
    ]
    assert all(0 < len(part.texts) <= most for part in parts)


def test_a_part_fits_a_tenth_of_the_lowest_quota_unless_it_is_one_long_text() -> None:
    texts = ["word " * 4_000] * 7 + ["word " * 40_000] + ["short"] * 5
    parts = parts_of(texts)
    assert all(
        sum(map(text_tokens, part.texts)) <= 20_000 or len(part.texts) == 1 for part in parts
    )
    assert len(parts) < len(texts)


@pytest.mark.parametrize("kind", [tuple, iter, dict.fromkeys, np.array])
def test_texts_may_come_in_any_collection(kind: Any) -> None:
    assert [part.texts for part in parts_of(kind(["a", "b", "c"]), 2)] == [["a", "b"], ["c"]]


def test_one_text_for_a_list_is_refused() -> None:
    with pytest.raises(ValueError, match=r"has to be a list: `\[text\]`"):
        parts_of("Paris is in France.")


@pytest.mark.parametrize(("text", "said"), [("", "is empty"), (None, "NoneType"), ([1], "list")])
def test_what_cannot_be_embedded_is_named_by_its_index(text: Any, said: str) -> None:
    with pytest.raises(ValueError, match=rf"texts\[1\] .*{said}"):
        parts_of(["fine", text])


@given(st.lists(st.lists(st.floats(-1, 1, width=32), min_size=3, max_size=3), min_size=1))
def test_vectors_come_in_the_order_of_the_texts_as_numbers_and_as_base64(
    vectors: list[list[float]],
) -> None:
    data: list[dict[str, Any]] = [
        {
            "index": index,
            "embedding": vector
            if index % 2
            else base64.b64encode(array("f", vector).tobytes()).decode(),
        }
        for index, vector in enumerate(vectors)
    ]
    random.Random(0).shuffle(data)  # noqa: S311 -- any order
    assert read_embeddings({"data": data}, [""] * len(vectors), MODEL) == vectors


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        [{"index": 0, "embedding": [1.0]}],
        [{"index": 0, "embedding": [1.0]}] * 2,
        [{"index": 0, "embedding": [1.0]}, {"index": 1, "embedding": [1.0, 2.0]}],
        [{"index": 0, "embedding": [1.0]}, {"index": 2, "embedding": [1.0]}],
        [{"index": 0, "embedding": []}, {"index": 1, "embedding": []}],
        [{"index": 0, "embedding": "not base64"}, {"index": 1, "embedding": "no"}],
        [{"index": n, "embedding": [1.0]} for n in range(3)],
        [{"index": n, "embedding": [1.0, math.nan]} for n in range(2)],
        [{"index": n, "embedding": "AADAfwAAgD8="} for n in range(2)],
        [{"index": n, "embedding": [10**400]} for n in range(2)],
        [{"index": math.inf, "embedding": [1.0]}] * 2,
        2,
    ],
    ids=[
        *("none", "empty", "one", "twice", "lengths", "gap", "nothing", "garbled", "too-many"),
        *("nan", "nan-in-base64", "too-large", "index", "number"),
    ],
)
def test_an_answer_without_a_vector_for_each_text_is_refused(data: Any) -> None:
    with pytest.raises(ScalewayResponseError, match="one vector for each of 2 texts"):
        read_embeddings({"data": data, "id": "embd-1"}, ["a", "b"], MODEL)
