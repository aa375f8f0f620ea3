"""What a question to the service is, and what several of them share."""

from collections.abc import Callable
from typing import Any, NamedTuple

from langchain_scaleway.live.exchange import Exchange

MISTRAL = "mistral-small-3.2-24b-instruct-2506"
MISTRAL_MEDIUM = "mistral-medium-3.5-128b"
QWEN = "qwen3.6-35b-a3b"
GLM = "glm-5.2"
GPT_OSS = "gpt-oss-120b"
DEEPSEEK = "deepseek-v4-flash-0731"
EMBEDDING = "qwen3-embedding-8b"
WHISPER = "whisper-large-v3"

PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwAD"
    "hgGAWjR9awAAAABJRU5ErkJggg=="
)
WEATHER_FUNCTION: dict[str, Any] = {
    "name": "get_weather",
    "description": "Get the weather in a city.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}
WEATHER = {"type": "function", "function": WEATHER_FUNCTION}


class Question(NamedTuple):
    """One request, and what is believed of its answer.

    Attributes:
        name: For the command line and the recording's files.
        fact: What is asked.
        expected: What is believed, in words.
        holds: Whether an answer agrees with that; `None` where nothing is believed.
        path: The endpoint.
        body: What is sent; `None` for a GET.
        file: A file's name and content to send along.
    """

    name: str
    fact: str
    expected: str
    holds: Callable[[Exchange], bool] | None
    path: str = "/chat/completions"
    body: dict[str, Any] | None = None
    file: tuple[str, bytes] | None = None


def is_ok(exchange: Exchange) -> bool:
    """Whether the service answered with success."""
    return exchange.status == 200  # noqa: PLR2004 -- HTTP's own


def is_refused(*statuses: int) -> Callable[[Exchange], bool]:
    """Whether the service refused with one of these statuses."""
    return lambda exchange: exchange.status in statuses
