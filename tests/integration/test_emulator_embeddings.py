"""The emulator's vectors and rankings: what they mean, and the recorded shapes and refusals."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from langchain_scaleway.testing import ScalewayEmulator, ServedModel
from tests.support.emulated import client_of, differences
from tests.support.recordings import VLLM_EMBED, recordings_of

QWEN = "qwen3-embedding-8b"
NOT_EMULATED = {
    "embed_models_list": "the models are compared with Scaleway's documentation",
    "embed_truncate": "an option of vLLM that Scaleway does not document",
    "embed_token_ids": "LangChain sends texts",
    "embed_err_no_auth": "the gateway's answer",
    "embed_err_unknown_model": "the gateway's answer",
    "rerank_err_unknown_model": "the gateway's answer",
    "embed_err_too_long": "vLLM does not count the tokens of what is certainly too long",
    "embed_err_no_input": "a union of request models that nothing else needs",
}


@pytest.fixture(scope="module")
def emulator() -> Iterator[ScalewayEmulator]:
    with ScalewayEmulator() as emulator:
        yield emulator


def post(emulator: ScalewayEmulator, path: str, **body: Any) -> httpx.Response:
    with client_of(emulator) as client:
        return client.post(path, json={"model": QWEN, **body})


def vectors(emulator: ScalewayEmulator, *texts: str, **fields: Any) -> list[list[float]]:
    answer = post(emulator, "/embeddings", input=[*texts], **fields).json()
    assert [one["index"] for one in answer["data"]] == [*range(len(texts))]
    return [one["embedding"] for one in answer["data"]]


def product(first: list[float], second: list[float]) -> float:
    return sum(one * other for one, other in zip(first, second, strict=True))


def test_vectors_have_length_one_and_the_models_dimensions(emulator: ScalewayEmulator) -> None:
    for model, dimensions in {QWEN: 4096, "bge-multilingual-gemma2": 3584}.items():
        for vector in vectors(emulator, "A text", "!", " ", model=model):
            assert len(vector) == dimensions
            assert product(vector, vector) == pytest.approx(1, abs=1e-5)


def test_embeddings_that_are_refused(emulator: ScalewayEmulator) -> None:
    refused: dict[str, dict[str, Any]] = {
        "Input should be 'float' or 'base64'": {"encoding_format": None},
        "The decoder prompt cannot be empty": {"input": ["good", ""]},
        "2048": {"input": ["x"] * 2049},
        "at least 32001 input tokens": {"input": "x y " * 40_000},
        "Input should be a valid string": {"input": {"text": "x"}},
    }
    for sentence, fields in refused.items():
        answer = post(emulator, "/embeddings", **{"input": "x", **fields})
        assert answer.status_code == 400
        assert sentence in answer.json()["error"]["message"]


def test_models_do_not_serve_what_they_are_not_for(emulator: ScalewayEmulator) -> None:
    for path, model in {
        "/embeddings": "glm-5.2",
        "/rerank": "bge-multilingual-gemma2",
        "/chat/completions": QWEN,
    }.items():
        answer = post(emulator, path, model=model, input="x")
        assert answer.status_code == 422
        assert answer.json()["error"] == "ROUTE NOT SUPPORTED"


def test_ranking_has_the_documented_shape(emulator: ScalewayEmulator) -> None:
    """The sample of the page "query reranking models", 2025-11-25."""
    documents = ["Bananas are yellow.", "The capital of France is Paris.", "Lyon"]
    ranked = post(
        emulator, "/rerank", query="capital of France", documents=documents, top_n=2
    ).json()
    assert ranked["id"].startswith("rerank-")
    assert ranked["usage"].keys() == {"total_tokens"}
    first, second = ranked["results"]
    assert first["index"] == 1
    assert first["document"] == {"text": documents[1], "multi_modal": None}
    assert 1 >= first["relevance_score"] > second["relevance_score"] >= -1


RECORDINGS = [one for one in recordings_of(VLLM_EMBED) if one.case not in NOT_EMULATED]


@pytest.fixture(scope="module")
def recorded_model() -> Iterator[ScalewayEmulator]:
    """An emulator of the recorded model."""
    model = ServedModel(
        id="tiny-embed", kinds=("embedding", "rerank"), context_window=512, dimensions=128
    )
    with ScalewayEmulator(api_key="sk-local-test", models=(model,)) as emulator:
        yield emulator


def test_answers_are_shaped_as_recorded(recorded_model: ScalewayEmulator) -> None:
    for recording in RECORDINGS:
        path = recording.request["path"].removeprefix("/v1")
        with client_of(recorded_model) as client:
            answer = client.post(path, json=recording.request["body"])
        assert answer.status_code == recording.status, recording
        mine, recorded = answer.json(), recording.json_body
        if recording.status != 200:
            assert mine == recorded, recording
            continue
        if path == "/rerank":  # Scaleway's sample has the total alone
            assert recorded["usage"].pop("prompt_tokens") == recorded["usage"]["total_tokens"]
        assert list(differences(mine, recorded)) == [], recording
        for name in {"data", "results"} & recorded.keys():
            assert len(mine[name]) == len(recorded[name]), recording
