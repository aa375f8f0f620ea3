"""`ScalewayTranscriptionParser`: documents of what is said in audio files."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any, Literal

from langchain_core.document_loaders import BaseBlobParser
from langchain_core.documents import Document
from langchain_core.documents.base import Blob
from pydantic import Field

from langchain_scaleway.client.completions import TranscriptCompletion
from langchain_scaleway.client_fields import ClientFields
from langchain_scaleway.convert.transcripts import TranscriptDecoder, audio_file, documents_of

_PATH = "/audio/transcriptions"


class ScalewayTranscriptionParser(ClientFields, BaseBlobParser):
    """Scaleway's transcription of audio, as a parser for LangChain's document loaders.

    A model transcribes silence as invented text, and gives no sign of it: cut long silences out
    beforehand. Key, project, address, timeouts, retries and errors are those of `ChatScaleway`.

    Example:
        ```python
        from langchain_core.documents.base import Blob
        from langchain_scaleway import ScalewayTranscriptionParser

        parser = ScalewayTranscriptionParser(language="en")
        [document] = parser.parse(Blob.from_path("meeting.mp3"))
        print(document.page_content, document.metadata["duration"])
        ```

    Raises:
        ValueError: An argument is unknown or out of its range, or no key is found.
    """

    model: str = Field(default="whisper-large-v3", min_length=1)
    """The model's id."""

    language: str | None = Field(default=None, min_length=2)
    """The language that is spoken, as ISO 639-1 has it, such as `"fr"`. Unset, the model guesses,
    which goes wrong with short files."""

    prompt: str | None = None
    """Words that help the model, such as names, or the end of the text before."""

    temperature: float | None = Field(default=None, ge=0, le=2)
    """How random the transcript is, from 0 to 2."""

    response_format: Literal["json", "verbose_json"] = "json"
    """`"json"` makes one document of a file, `"verbose_json"` one of each segment, with `start` and
    `end` in seconds."""

    def lazy_parse(self, blob: Blob) -> Iterator[Document]:
        """Transcribe an audio file.

        Args:
            blob: The audio, of at most 25 MB, with a path or a media type.

        Yields:
            Documents; their metadata are the blob's, and `source`, `model`, `language`, `duration`
            in seconds, and `usage` for `usage_cost`, as far as they are known.

        Raises:
            ValueError: The file is empty or too large, or its format is not said.
            ScalewayError: The request failed.
        """
        reply = self._client().request(**self._plain_request(audio_file(blob)))
        yield from documents_of(reply.body, blob, model=self.model, language=self.language)

    async def alazy_parse(self, blob: Blob) -> AsyncIterator[Document]:
        """`lazy_parse` for asynchronous programs."""
        request = self._plain_request(await asyncio.to_thread(audio_file, blob))
        reply = await self._client().arequest(**request)
        for document in documents_of(reply.body, blob, model=self.model, language=self.language):
            yield document

    def stream(self, blob: Blob) -> Iterator[str]:
        """Transcribe an audio file, and give the text as it is recognised.

        Raises:
            ValueError: The file is empty or too large, or its format is not said.
            ScalewayError: The request failed; `partial_text` is what had come.
        """
        return self._client().stream(**self._streamed_request(audio_file(blob)))

    async def astream(self, blob: Blob) -> AsyncIterator[str]:
        """`stream` for asynchronous programs."""
        request = self._streamed_request(await asyncio.to_thread(audio_file, blob))
        # Not closed here: a loop that ends closes both at the same time.
        async for piece in self._client().astream(**request):
            yield piece

    def _plain_request(self, file: tuple[str, bytes, str]) -> dict[str, Any]:
        return self._request(file, response_format=self.response_format)

    def _streamed_request(self, file: tuple[str, bytes, str]) -> dict[str, Any]:
        reader = {"decoder": TranscriptDecoder(), "completion": TranscriptCompletion}
        return self._request(file, stream="true") | reader

    def _request(self, file: tuple[str, bytes, str], **more: str) -> dict[str, Any]:
        fields = {"language": self.language, "prompt": self.prompt, "temperature": self.temperature}
        given = {name: str(value) for name, value in fields.items() if value is not None}
        body = {"model": self.model, **given, **more}
        return {"path": _PATH, "body": body, "files": {"file": file}, "model": self.model}
