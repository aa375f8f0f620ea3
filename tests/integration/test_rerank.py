"""`ScalewayRerank` on the emulator and on recordings."""

import asyncio
import json
import math
from collections.abc import Sequence
from typing import Any

import pytest
from langchain_classic.retrievers import ContextualCompressionRetriever
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever

from langchain_scaleway import ScalewayRerank
from langchain_scaleway.convert.embeddings import Part
from langchain_scaleway.convert.rerank import Score, read_scores
from langchain_scaleway.errors import ScalewayResponseError, ScalewayWarning
from langchain_scaleway.testing import RawReply, ScalewayEmulator
from tests.support.recordings import VLLM_EMBED, Recording

DOCUMENTS = [
    Document("Paris is in France.", metadata={"source": "a"}),
    Document("Bread is made of flour.", metadata={"source": "b"}),
    Document("Rome is in Italy.", metadata={"source": "c"}),
]


def rerank_of(emulator: ScalewayEmulator, **fields: Any) -> ScalewayRerank:
    return ScalewayRerank(base_url=emulator.base_url, api_key=emulator.api_key, **fields)


def order(rerank: ScalewayRerank, is_async: bool, *, query: str) -> Sequence[Document]:
    if is_async:
        return asyncio.run(rerank.acompress_documents(DOCUMENTS, query))
    return rerank.compress_documents(DOCUMENTS, query)


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_the_nearest_document_comes_first_with_its_score(
    scaleway_emulator: ScalewayEmulator, is_async: bool
) -> None:
    ordered = order(rerank_of(scaleway_emulator), is_async, query="What is bread made of?")
    assert ordered[0].page_content == "Bread is made of flour."
    assert ordered[0].metadata["source"] == "b"
    scores = [document.metadata["relevance_score"] for document in ordered]
    assert scores == sorted(scores, reverse=True)
    assert len(ordered) == 3
    assert "relevance_score" not in DOCUMENTS[1].metadata


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_only_the_best_are_kept(scaleway_emulator: ScalewayEmulator, is_async: bool) -> None:
    [best] = order(rerank_of(scaleway_emulator, top_n=1), is_async, query="Where is Rome?")
    assert best.page_content == "Rome is in Italy."
    assert scaleway_emulator.requests[-1].json["top_n"] == 1
    assert len(order(rerank_of(scaleway_emulator, top_n=9), is_async, query="Where?")) == 3
    assert scaleway_emulator.requests[-1].json["top_n"] == 3


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_a_long_list_goes_out_in_parts_and_is_ordered_as_one(
    scaleway_emulator: ScalewayEmulator, is_async: bool
) -> None:
    rerank = rerank_of(scaleway_emulator, top_n=2)
    documents = [Document(f"Filling number {number}.") for number in range(600)]
    documents[590] = Document("Rome is in Italy.")
    found = (
        asyncio.run(rerank.acompress_documents(documents, "Where is Rome?"))
        if is_async
        else rerank.compress_documents(documents, "Where is Rome?")
    )
    assert len(scaleway_emulator.requests) == 3
    assert found[0].page_content == "Rome is in Italy."


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_documents_may_come_one_by_one_and_hold_half_a_character(
    scaleway_emulator: ScalewayEmulator, is_async: bool
) -> None:
    rerank = rerank_of(scaleway_emulator)
    some: Any = (Document(text) for text in ("Rome is in Italy.", "From a PDF: \ud83d"))
    found = (
        asyncio.run(rerank.acompress_documents(some, "Where is Rome?"))
        if is_async
        else rerank.compress_documents(some, "Where is Rome?")
    )
    assert [one.page_content for one in found] == ["Rome is in Italy.", "From a PDF: \ud83d"]


def test_no_documents_are_no_request(scaleway_emulator: ScalewayEmulator) -> None:
    assert rerank_of(scaleway_emulator).compress_documents([], "Where?") == []
    assert scaleway_emulator.requests == []


def test_an_empty_query_is_refused_before_anything_is_sent(
    scaleway_emulator: ScalewayEmulator,
) -> None:
    with pytest.raises(ValueError, match="query is empty"):
        rerank_of(scaleway_emulator).compress_documents(DOCUMENTS, "")
    assert scaleway_emulator.requests == []


def test_documents_without_a_text_come_last(scaleway_emulator: ScalewayEmulator) -> None:
    """A retriever may find some, of a picture for example."""
    rerank = rerank_of(scaleway_emulator)
    *ordered, last = rerank.compress_documents([Document(""), *DOCUMENTS], "Where is Rome?")
    assert ordered[0].page_content == "Rome is in Italy."
    assert (last.page_content, last.metadata) == ("", {"relevance_score": -1.0})
    assert rerank.compress_documents([Document("")], "Where?") == [last]
    assert len(scaleway_emulator.requests) == 1


def test_scores_of_no_document_are_left_out_with_a_warning(
    scaleway_emulator: ScalewayEmulator, nothing_told_yet: None
) -> None:
    results = [{"index": place, "relevance_score": 0.5} for place in (7, 0, 0, -1, 2)]
    answer = RawReply(body=json.dumps({"results": results}).encode())
    scaleway_emulator.script(answer, endpoint="rerank")
    said = r"3 scores of no document \(indexes \[7, 0, -1\]\), and none of 1 documents"
    with pytest.warns(ScalewayWarning, match=said):
        ordered = rerank_of(scaleway_emulator).compress_documents(DOCUMENTS, "Where?")
    assert [document.metadata["source"] for document in ordered] == ["a", "c"]


def test_documents_without_a_score_do_not_vanish_in_silence(
    scaleway_emulator: ScalewayEmulator, nothing_told_yet: None
) -> None:
    results = [{"index": 2, "relevance_score": 0.5}]
    answer = RawReply(body=json.dumps({"results": results}).encode())
    scaleway_emulator.script(answer, answer, endpoint="rerank")
    rerank_of(scaleway_emulator, top_n=1).compress_documents(DOCUMENTS, "Where?")
    with pytest.warns(ScalewayWarning, match="none of 2 documents; both are left out"):
        rerank_of(scaleway_emulator).compress_documents(DOCUMENTS, "Where?")


def test_a_score_that_is_no_number_is_no_score() -> None:
    """NaN, which compares with nothing, would put the documents in any order."""
    results = [{"index": 1, "relevance_score": math.nan}, {"index": 0, "relevance_score": 0}]
    assert read_scores({"results": results}, Part(0, ["a", "b"]), "m") == ([Score(0, 0.0)], [1])


def test_recorded_answers_are_read() -> None:
    recording = Recording(VLLM_EMBED, "rerank")
    texts = recording.request["body"]["documents"]
    scores, wrong = read_scores(recording.json_body, Part(10, texts), "tiny-embed")
    assert sorted(score.position for score in scores) == [10 + n for n in range(len(texts))]
    assert wrong == []
    assert all(-1 <= score.relevance <= 1 for score in scores)


def test_an_answer_without_scores_is_refused() -> None:
    with pytest.raises(ScalewayResponseError, match="no score for any of 1 documents"):
        read_scores({"results": None, "id": "rerank-1"}, Part(0, ["a"]), "tiny-embed")


def test_it_compresses_what_a_retriever_finds(scaleway_emulator: ScalewayEmulator) -> None:
    class All(BaseRetriever):
        def _get_relevant_documents(self, query: str, **_: Any) -> list[Document]:
            return DOCUMENTS

    retriever = ContextualCompressionRetriever(
        base_compressor=rerank_of(scaleway_emulator, top_n=1), base_retriever=All()
    )
    [best] = retriever.invoke("Where is Rome?")
    assert best.page_content == "Rome is in Italy."
