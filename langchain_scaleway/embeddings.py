"""`ScalewayEmbeddings`: vectors of texts from Scaleway's embedding models."""

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, wait
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Literal, Self

from langchain_core.embeddings import Embeddings
from langchain_core.runnables.config import ContextThreadPoolExecutor
from pydantic import Field, model_validator

from langchain_scaleway.advice import warn_about_dimensions
from langchain_scaleway.concurrency import map_concurrently
from langchain_scaleway.convert.embeddings import (
    MOST_TEXTS,
    Part,
    Vectors,
    parts_of,
    read_embeddings,
)
from langchain_scaleway.data import model_facts
from langchain_scaleway.errors import ScalewayContextOverflowError, ScalewayError
from langchain_scaleway.progress import progress_bar
from langchain_scaleway.text_fields import TextFields

_PATH = "/embeddings"


class ScalewayEmbeddings(TextFields, Embeddings):
    """Scaleway's embedding models, for vector stores and retrievers.

    Any number of texts can be given: they go out in requests of a size that the quota of tokens
    per minute can take. Key, project, address, timeouts, retries and errors are those of
    `ChatScaleway`.

    Example:
        ```python
        from langchain_scaleway import ScalewayEmbeddings

        embeddings = ScalewayEmbeddings(model="qwen3-embedding-8b")
        vectors = embeddings.embed_documents(["Paris is in France.", "Rome is in Italy."])
        ```

    Raises:
        ValueError: An argument is unknown or out of its range, or no key is found.
    """

    model: str = Field(default="qwen3-embedding-8b", min_length=1)
    """The model's id: `"qwen3-embedding-8b"` (4,096 dimensions, 32,000 tokens a text) or
    `"bge-multilingual-gemma2"` (3,584 dimensions, 8,192 tokens a text)."""

    query_instruction: str | None = Field(default=None, min_length=1)
    """What queries are for, such as `"Given a question, retrieve passages that answer it"`. It
    goes before each query, and not before documents, as the model card of Qwen3-Embedding shows
    it: `Instruct: …`, a line break, `Query:…`. Scaleway's pages ask for none."""

    encoding_format: Literal["float", "base64"] = "float"
    """How vectors are sent: as decimal numbers, or as base64 of 32-bit floats, in a quarter of
    the bytes. Scaleway's OpenAPI schema has both (autumn 2026); its pages show the first."""

    dimensions: int | None = Field(default=None, ge=1)
    """The length of the vectors. Leave it unset: only a model's own length is supported, and these
    vectors must not be cut shorter afterwards either (API reference, embeddings, 2026)."""

    chunk_size: int = Field(default=MOST_TEXTS, ge=1, le=MOST_TEXTS)
    """The most texts in one request; the service takes 2,048. Long texts make it fewer."""

    max_concurrency: int = Field(default=8, ge=1)
    """Requests at once for one list of documents."""

    show_progress_bar: bool = False
    """Whether `embed_documents` shows a progress bar, for which tqdm has to be installed."""

    @model_validator(mode="after")
    def _warn_about_dimensions(self) -> Self:
        if self.dimensions is not None:
            warn_about_dimensions(self.model)
        return self

    def embed_documents(self, texts: list[str]) -> Vectors:
        """Embed texts, in their order.

        Args:
            texts: Any number of texts, none of them empty.

        Returns:
            A vector for each text, of length 1.

        Raises:
            ValueError: A text is empty or no text. Its index is named, and nothing was sent.
            ScalewayError: A request failed; a note at the error says which texts it held.
                Requests that had not begun are not sent.
        """
        parts = parts_of(texts, self.chunk_size)
        with (
            self._progress(parts) as done,
            ContextThreadPoolExecutor(self.max_concurrency) as executor,
        ):
            try:
                futures = [executor.submit(self._embed, part, done) for part in parts]
                wait(futures, return_when=FIRST_EXCEPTION)
            finally:  # Also when the user interrupts: what has not begun is not sent.
                executor.shutdown(wait=False, cancel_futures=True)
            failed = [one for one in futures if one.done() and not one.cancelled()]
            failed = [one for one in failed if one.exception() is not None]
            return [vector for future in failed or futures for vector in future.result()]

    async def aembed_documents(self, texts: list[str]) -> Vectors:
        """`embed_documents` for asynchronous programs."""
        parts = parts_of(texts, self.chunk_size)
        with self._progress(parts) as done:

            async def embed(part: Part) -> Vectors:
                return await self._aembed(part, done)

            found = await map_concurrently(embed, parts, self.max_concurrency)
        return [vector for vectors in found for vector in vectors]

    def embed_query(self, text: str) -> list[float]:
        """Embed a query, with `query_instruction` if there is one.

        Raises:
            ValueError: The text is empty or no text.
            ScalewayError: The request failed.
        """
        [part] = parts_of([text])
        [vector] = self._embed(self._as_query(part))
        return vector

    async def aembed_query(self, text: str) -> list[float]:
        """`embed_query` for asynchronous programs."""
        [part] = parts_of([text])
        [vector] = await self._aembed(self._as_query(part))
        return vector

    def _as_query(self, part: Part) -> Part:
        if self.query_instruction is None:
            return part
        return Part(0, [f"Instruct: {self.query_instruction}\nQuery:{part.texts[0]}"])

    def _embed(self, part: Part, done: Callable[[int], object] = bool) -> Vectors:
        with self._explained(part, done):
            body = self._ask(_PATH, self._body(part))
            return read_embeddings(body, part.texts, self.model)

    async def _aembed(self, part: Part, done: Callable[[int], object] = bool) -> Vectors:
        with self._explained(part, done):
            body = await self._aask(_PATH, self._body(part))
            return read_embeddings(body, part.texts, self.model)

    def _body(self, part: Part) -> dict[str, Any]:
        # Nothing that is unset goes out: servers refuse `null` here (reported of vLLM in 2026).
        body: dict[str, Any] = {"model": self.model, "input": list(part.texts)}
        body["encoding_format"] = self.encoding_format
        if self.dimensions is not None:
            body["dimensions"] = self.dimensions
        return body

    @contextmanager
    def _explained(self, part: Part, done: Callable[[int], object]) -> Iterator[None]:
        """Say at an error which texts it is about, and at the end how many are done."""
        try:
            yield
            done(len(part.texts))
        except ScalewayContextOverflowError as error:
            longest = max(range(len(part.texts)), key=lambda index: len(part.texts[index]))
            facts = model_facts(self.model)
            limit = f" Its limit is {facts.context_window:,} tokens a text." if facts else ""
            error.add_note(
                f"The request held {part.places}, of which texts[{part.start + longest}] is the "
                f"longest, with {len(part.texts[longest]):,} characters.{limit} Split it."
            )
            raise
        except ScalewayError as error:
            error.add_note(f"The request held {part.places}.")
            raise

    def _progress(self, parts: list[Part]) -> AbstractContextManager[Callable[[int], object]]:
        total = sum(len(part.texts) for part in parts)
        return progress_bar(total, "text", is_wanted=self.show_progress_bar)
