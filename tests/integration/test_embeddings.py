"""`ScalewayEmbeddings` on the emulator: LangChain's standard tests, and what users see of it."""

import asyncio
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from langchain_community.vectorstores import FAISS
from langchain_core.vectorstores import InMemoryVectorStore, VectorStore
from langchain_tests.integration_tests import EmbeddingsIntegrationTests

from engine.serve import LocalEngine
from langchain_scaleway import ScalewayEmbeddings, ScalewayRateLimiter, ScalewayWarning
from langchain_scaleway.errors import ScalewayContextOverflowError, ScalewayError
from langchain_scaleway.testing import Delay, HttpError, Quotas, Reply, ScalewayEmulator

MODELS = {"qwen3-embedding-8b": 4096, "bge-multilingual-gemma2": 3584}


class OfScaleway(EmbeddingsIntegrationTests):
    @property
    def embeddings_class(self) -> type[ScalewayEmbeddings]:
        return ScalewayEmbeddings


class TestLocalEngine(OfScaleway):
    """The hidden states of the toy model, from llama.cpp's server."""

    engine: LocalEngine

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def _engine(cls) -> Iterator[None]:
        with LocalEngine(embeddings=True) as cls.engine:
            yield

    @property
    def embedding_model_params(self) -> dict[str, Any]:
        engine = self.engine
        return {"model": engine.model, "base_url": engine.base_url, "api_key": engine.api_key}

    def test_texts_come_back_in_order_in_both_encodings(self) -> None:
        texts = ["Hello", "The capital of France is Paris.", "Hello"]
        plain, packed = (
            ScalewayEmbeddings(**self.embedding_model_params, encoding_format=encoding)
            for encoding in ("float", "base64")
        )
        vectors = plain.embed_documents(texts)
        assert vectors[0] == pytest.approx(vectors[2], abs=1e-5) != vectors[1]
        for one, other in zip(vectors, packed.embed_documents(texts), strict=True):
            assert one == pytest.approx(other, abs=1e-5)


class OnEmulator(OfScaleway):
    fields: dict[str, Any]
    emulator: ScalewayEmulator

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def _emulator(cls) -> Iterator[None]:
        with ScalewayEmulator() as cls.emulator:
            yield

    @property
    def embedding_model_params(self) -> dict[str, Any]:
        address = {"base_url": self.emulator.base_url, "api_key": self.emulator.api_key}
        return {**address, **self.fields}


class TestNumbers(OnEmulator):
    fields = {"model": "qwen3-embedding-8b"}  # noqa: RUF012 -- a constant of the test


class TestBase64(OnEmulator):
    fields = {"model": "bge-multilingual-gemma2", "encoding_format": "base64"}  # noqa: RUF012 -- a constant of the test


def model_of(emulator: ScalewayEmulator, **fields: Any) -> ScalewayEmbeddings:
    return ScalewayEmbeddings(base_url=emulator.base_url, api_key=emulator.api_key, **fields)


def embed(embeddings: ScalewayEmbeddings, texts: list[str], is_async: bool) -> list[list[float]]:
    if is_async:
        return asyncio.run(embeddings.aembed_documents(texts))
    return embeddings.embed_documents(texts)


@pytest.mark.parametrize(("model", "dimensions"), MODELS.items())
def test_vectors_have_the_models_own_length(
    scaleway_emulator: ScalewayEmulator, model: str, dimensions: int
) -> None:
    assert len(model_of(scaleway_emulator, model=model).embed_query("Hello")) == dimensions
    # Unset fields do not go out, not even as null.
    assert scaleway_emulator.requests[-1].json == {
        "model": model,
        "input": ["Hello"],
        "encoding_format": "float",
    }


def test_another_length_is_warned_of_and_sent(
    scaleway_emulator: ScalewayEmulator, nothing_told_yet: None
) -> None:
    with pytest.warns(ScalewayWarning, match="no length other than the model's own"):
        embeddings = model_of(scaleway_emulator, dimensions=1024)
    with pytest.raises(ScalewayError, match="Matryoshka"):
        embeddings.embed_query("Hello")
    assert scaleway_emulator.requests[-1].json["dimensions"] == 1024


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_many_texts_go_out_in_parts_and_come_back_in_order(
    scaleway_emulator: ScalewayEmulator, is_async: bool
) -> None:
    embeddings = model_of(scaleway_emulator, chunk_size=7, encoding_format="base64")
    texts = [f"text number {number}" for number in range(40)]
    vectors = embed(embeddings, texts, is_async)
    sizes = sorted(len(request.json["input"]) for request in scaleway_emulator.requests)
    assert sizes == [5] + [7] * 5
    assert vectors[39] == embeddings.embed_query(texts[39])
    assert len({tuple(vector) for vector in vectors}) == 40


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_several_parts_are_under_way_at_once(
    scaleway_emulator: ScalewayEmulator, is_async: bool
) -> None:
    late = Reply(faults=[Delay(0.3)])
    scaleway_emulator.script(*[late] * 8, endpoint="embeddings")
    began = time.monotonic()
    embed(model_of(scaleway_emulator, chunk_size=1), ["a"] * 8, is_async)
    assert time.monotonic() - began < 8 * 0.3


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_a_failed_part_is_named_and_nothing_more_is_sent(
    scaleway_emulator: ScalewayEmulator, is_async: bool
) -> None:
    scaleway_emulator.script(HttpError(400, "No such thing", "recent"), endpoint="embeddings")
    embeddings = model_of(scaleway_emulator, chunk_size=1, max_concurrency=1)
    with pytest.raises(ScalewayError, match="No such thing") as caught:
        embed(embeddings, ["a"] * 50, is_async)
    assert caught.value.__notes__ == ["The request held texts[0]."]
    assert len(scaleway_emulator.requests) < 50


def test_a_text_that_is_too_long_is_named_with_its_limit(
    scaleway_emulator: ScalewayEmulator,
) -> None:
    embeddings = model_of(scaleway_emulator)
    with pytest.raises(ScalewayContextOverflowError) as caught:
        embeddings.embed_documents(["short", "long " * 40_000])
    [note] = caught.value.__notes__
    assert note.startswith("The request held texts[1], of which texts[1] is the longest")
    assert "32,000 tokens a text" in note


def test_an_empty_text_is_refused_before_anything_is_sent(
    scaleway_emulator: ScalewayEmulator,
) -> None:
    with pytest.raises(ValueError, match=r"texts\[2\] is empty"):
        model_of(scaleway_emulator).embed_documents(["a", "b", ""])
    assert scaleway_emulator.requests == []


def test_half_a_character_ends_no_pile(scaleway_emulator: ScalewayEmulator) -> None:
    """Readers of PDF files leave some behind."""
    assert len(model_of(scaleway_emulator).embed_documents(["a", "From a PDF: \ud83d"])) == 2
    assert scaleway_emulator.requests[0].json["input"] == [
        "a",
        "From a PDF: \N{REPLACEMENT CHARACTER}",
    ]


def test_no_texts_are_no_request(scaleway_emulator: ScalewayEmulator) -> None:
    assert model_of(scaleway_emulator).embed_documents([]) == []
    assert asyncio.run(model_of(scaleway_emulator).aembed_documents([])) == []
    assert scaleway_emulator.requests == []


def test_an_instruction_goes_before_queries_alone(scaleway_emulator: ScalewayEmulator) -> None:
    embeddings = model_of(scaleway_emulator, query_instruction="Find the capital")
    embeddings.embed_query("France?")
    embeddings.embed_documents(["Paris"])
    query, documents = (request.json["input"] for request in scaleway_emulator.requests)
    assert query == ["Instruct: Find the capital\nQuery:France?"]
    assert documents == ["Paris"]


def test_a_rate_limiter_keeps_to_the_quota() -> None:
    with ScalewayEmulator(quotas=Quotas(tokens_per_minute=60_000), time_scale=60) as emulator:
        limiter = ScalewayRateLimiter(time_scale=60, tokens_per_minute=50_000)
        embeddings = model_of(emulator, rate_limiter=limiter, max_retries=0)
        assert len(embeddings.embed_documents(["word " * 4_000] * 30)) == 30


@pytest.mark.parametrize("name", ["InMemoryVectorStore", "FAISS", "Chroma"])
def test_similar_texts_are_found_in_a_vector_store(
    scaleway_emulator: ScalewayEmulator, name: str
) -> None:
    stores: dict[str, type[VectorStore]] = {
        "InMemoryVectorStore": InMemoryVectorStore,
        "FAISS": FAISS,
    }
    if name == "Chroma":
        reason = "Chroma brings 35 packages, of which no other test needs one."
        stores[name] = pytest.importorskip("langchain_chroma", reason=reason).Chroma
    texts = ["Paris is in France.", "Bread is made of flour.", "Rome is in Italy."]
    store = stores[name].from_texts(texts, model_of(scaleway_emulator))
    [found] = store.similarity_search("What is bread made of?", k=1)
    assert found.page_content == "Bread is made of flour."


def test_a_progress_bar_counts_texts(
    scaleway_emulator: ScalewayEmulator,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("tqdm")
    embeddings = model_of(scaleway_emulator, show_progress_bar=True, chunk_size=2)
    embeddings.embed_documents(["a"] * 5)
    assert "5/5" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    with pytest.raises(ImportError, match="pip install tqdm"):
        embeddings.embed_documents(["a"])
