"""How many tokens a request has, estimated: tokenizers would have to be downloaded.

Four bytes of UTF-8 count as a token. Of Mistral's tokenizer of 2024 (`tekken`, the Universal
Declaration of Human Rights) that is 0.8 to 1.3 times the truth for English, German, French,
Chinese, Japanese, Korean, Greek and Arabic, 1.6 for Russian and 2.0 for Hindi. Characters would
not do: four of them are one token in English, and three in Chinese.
"""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

BYTES_PER_TOKEN = 4

MEDIA = {
    **dict.fromkeys(("image", "image_url", "input_image"), "image"),
    **dict.fromkeys(("audio", "audio_url", "input_audio"), "audio"),
    **dict.fromkeys(("video", "video_url", "input_video"), "video"),
    **dict.fromkeys(("document", "file", "input_file", "media"), "file"),
}
"""The types of content parts that are not text, and what they hold.

OpenAI's (Chat Completions and Responses), vLLM's, LangChain's, Anthropic's and Google's. The data
of such a part is no text, however long it is."""

TOKENS_PER_MEDIUM = 800
"""About as many as a photograph or a minute of speech takes: Gemma makes 256 tokens of an image,
Mistral and Qwen up to some thousand."""

_TOKENS_PER_MESSAGE = 3
"""Those that a chat template puts around a message; LangChain's rule of thumb has as many."""

_PROMPT_FIELDS = ("messages", "input", "instructions", "query", "documents")
"""The fields of a body whose texts are read by the model, whichever the endpoint. Besides them it
reads the tools, but not the schema of an answer."""


class PromptSize(NamedTuple):
    """How large a request's prompt is.

    Attributes:
        text_tokens: The estimated tokens of its texts and tools.
        media: How many images, recordings and files it carries.
    """

    text_tokens: int = 0
    media: int = 0

    @property
    def tokens(self) -> int:
        """The estimated tokens of all of it."""
        return self.text_tokens + self.media * TOKENS_PER_MEDIUM


def text_tokens(text: str) -> int:
    """Estimate the tokens of a text; a part of one counts whole."""
    return _as_tokens(_size(text))


def prompt_size(body: Mapping[str, Any]) -> PromptSize:
    """Estimate the prompt of a request.

    Each message is rounded up by itself, so that the counts of messages add up.

    Args:
        body: The JSON body of a request to any of Scaleway's endpoints. It need not be valid.
    """
    tokens = media = 0
    for field in _PROMPT_FIELDS:
        for item in _items(body.get(field)):
            size, number = _measure(item)
            tokens += _as_tokens(size) + (_TOKENS_PER_MESSAGE if isinstance(item, dict) else 0)
            media += number
    for tool in _items(body.get("tools")):
        tokens += text_tokens(json.dumps(tool, ensure_ascii=False))
    return PromptSize(tokens, media)


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value] if value else []


def _measure(value: Any) -> tuple[int, int]:
    """The bytes of all text in a message, and how many images, recordings and files it holds."""
    if isinstance(value, str):
        return _size(value), 0
    if isinstance(value, dict):
        if isinstance(kind := value.get("type"), str) and kind in MEDIA:
            return 0, 1
        # What a part is called is no part of the prompt.
        value = [part for name, part in value.items() if name != "type"]
    parts = [_measure(part) for part in value] if isinstance(value, list) else []
    return sum(size for size, _ in parts), sum(number for _, number in parts)


def _size(text: str) -> int:
    """The bytes of a text in UTF-8."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))


def _as_tokens(size: int) -> int:
    return -(-size // BYTES_PER_TOKEN)
