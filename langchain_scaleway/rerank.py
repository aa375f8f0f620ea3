"""`ScalewayRerank`: documents in the order of their nearness to a query."""

from collections.abc import Iterable, Sequence
from typing import Any

from langchain_core.callbacks import Callbacks
from langchain_core.documents import BaseDocumentCompressor, Document
from pydantic import Field

from langchain_scaleway.advice import warn_about_scores
from langchain_scaleway.concurrency import map_concurrently
from langchain_scaleway.convert.embeddings import Part, parts_of
from langchain_scaleway.convert.rerank import MOST_DOCUMENTS, Score, read_scores
from langchain_scaleway.text_fields import TextFields

_PATH = "/rerank"
_REQUESTS_AT_ONCE = 8
"""Of one asynchronous call; as many as those of `ScalewayEmbeddings`."""


class ScalewayRerank(TextFields, BaseDocumentCompressor):
    """Scaleway's rerank API, for retrievers such as `ContextualCompressionRetriever`.

    The scores are the cosines of the embeddings of query and document: Scaleway calls its rerank
    and embeddings APIs functionally equivalent (docs: query-reranking-models, 2025-11-25). So it
    adds nothing to a vector search with the same model. It does where documents come from
    elsewhere: keyword search (BM25), hybrid search, a graph.

    Key, project, address, timeouts, retries and errors are those of `ChatScaleway`.

    Example:
        ```python
        from langchain_core.documents import Document
        from langchain_scaleway import ScalewayRerank

        rerank = ScalewayRerank(top_n=3)
        documents = [Document("Paris is in France."), Document("Rome is in Italy.")]
        best, *_ = rerank.compress_documents(documents, "Where is Rome?")
        print(best.page_content, best.metadata["relevance_score"])
        ```

    Raises:
        ValueError: An argument is unknown or out of its range, or no key is found.
    """

    model: str = Field(default="qwen3-embedding-8b", min_length=1)
    """The model's id. Scaleway documents `"qwen3-embedding-8b"` alone for this API."""

    top_n: int | None = Field(default=None, ge=1)
    """How many documents to keep; unset keeps all, in their new order."""

    def compress_documents(
        self,
        documents: Sequence[Document],
        query: str,
        callbacks: Callbacks = None,  # noqa: ARG002 -- LangChain's signature
    ) -> Sequence[Document]:
        """Order documents by their nearness to a query, the nearest first.

        Args:
            documents: The documents; they are not changed.
            query: The query.
            callbacks: Not used.

        Returns:
            Copies of the documents, with `relevance_score` (-1 to 1) in their metadata. Documents
            without a text, which the service does not take, come last.

        Raises:
            ValueError: The query is empty.
            ScalewayError: A request failed.
        """
        documents, scores = list(documents), list[Score]()
        for part in self._parts(documents, query):
            scores += self._scores(self._ask(_PATH, self._body(part, query)), part)
        return self._ordered(documents, scores)

    async def acompress_documents(
        self,
        documents: Sequence[Document],
        query: str,
        callbacks: Callbacks = None,  # noqa: ARG002 -- LangChain's signature
    ) -> Sequence[Document]:
        """`compress_documents` for asynchronous programs."""

        async def scores_of(part: Part) -> list[Score]:
            return self._scores(await self._aask(_PATH, self._body(part, query)), part)

        documents = list(documents)
        parts = self._parts(documents, query)
        found = await map_concurrently(scores_of, parts, _REQUESTS_AT_ONCE)
        return self._ordered(documents, [score for scores in found for score in scores])

    def _parts(self, documents: Sequence[Document], query: str) -> list[Part]:
        if not query:
            raise ValueError("The query is empty: there is nothing to compare documents with.")
        return parts_of([one.page_content for one in documents if one.page_content], MOST_DOCUMENTS)

    def _body(self, part: Part, query: str) -> dict[str, Any]:
        body = {"model": self.model, "query": query, "documents": list(part.texts)}
        return body if self.top_n is None else {**body, "top_n": min(self.top_n, len(part.texts))}

    def _scores(self, body: dict[str, Any], part: Part) -> list[Score]:
        scores, wrong = read_scores(body, part, self.model)
        missing = min(self.top_n or len(part.texts), len(part.texts)) - len(scores)
        if wrong or missing > 0:
            warn_about_scores(self.model, wrong, missing)
        return scores

    def _ordered(
        self, documents: Sequence[Document], scores: Iterable[Score]
    ) -> Sequence[Document]:
        compared = [one for one in documents if one.page_content]
        best = sorted(scores, key=lambda score: score.relevance, reverse=True)
        ranked = [(compared[score.position], score.relevance) for score in best]
        ranked += [(one, -1.0) for one in documents if not one.page_content]
        return [
            one.model_copy(update={"metadata": {**one.metadata, "relevance_score": relevance}})
            for one, relevance in ranked[: self.top_n]
        ]
