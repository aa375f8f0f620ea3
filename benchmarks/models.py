"""Which models are measured: the baseline, ChatScaleway, and the other integrations.

Nothing is imported here before a model is made, so that each process of a benchmark loads one
integration only.
"""

import importlib
import importlib.metadata
import importlib.util
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import BaseMessage


@dataclass(frozen=True)
class Measured:
    """A chat model class, made as a user would make it.

    Attributes:
        name: What it is called in reports; without `class_name` also the name of its class.
        module: Where the class is imported from.
        class_name: The class, where its name is another.
        over_aiohttp: Whether it is given an httpx client over aiohttp, as the extra `aiohttp`
            offers.
    """

    name: str
    module: str
    class_name: str = ""
    over_aiohttp: bool = False

    @property
    def import_statement(self) -> str:
        """What a user's program says to have the class."""
        return f"from {self.module} import {self.class_name or self.name}"

    @property
    def is_installed(self) -> bool:
        """Whether it can be measured here."""
        needed = [self.module.partition(".")[0], *(["httpx_aiohttp"] if self.over_aiohttp else [])]
        return all(importlib.util.find_spec(module) for module in needed)

    @property
    def version(self) -> str:
        """The version of its package; none for the baseline, which is a part of this tree."""
        try:
            return importlib.metadata.version(self.module.partition(".")[0].replace("_", "-"))
        except importlib.metadata.PackageNotFoundError:
            return ""

    def arguments(self, url: str, reply: str) -> dict[str, Any]:
        """The arguments of its constructor, for one of the server's replies."""
        return {"model": "benchmark", "api_key": "benchmark", "base_url": f"{url}/{reply}/v1"}

    def make(self, url: str, reply: str, prompt: "Sequence[BaseMessage]" = ()) -> "BaseChatModel":
        """Make a model object. The prompt is for the baseline, which makes its request now."""
        arguments = self.arguments(url, reply)
        if self.name == BASELINE.name:
            arguments["prompt"] = prompt
        if self.over_aiohttp:
            httpx_aiohttp = importlib.import_module("httpx_aiohttp")
            arguments["http_async_client"] = httpx_aiohttp.HttpxAiohttpClient()
        model: BaseChatModel = getattr(
            importlib.import_module(self.module), self.class_name or self.name
        )(**arguments)
        return model


BASELINE = Measured("baseline", "benchmarks.baseline", "BaselineModel")
SOCKET_BASELINE = Measured("baseline", "benchmarks.baseline", "SocketBaselineModel")
SCALEWAY = Measured("ChatScaleway", "langchain_scaleway")
SCALEWAY_AIOHTTP = Measured(
    "ChatScaleway + aiohttp", "langchain_scaleway", "ChatScaleway", over_aiohttp=True
)
OPENAI = Measured("ChatOpenAI", "langchain_openai")
MODELS = (
    BASELINE,
    SCALEWAY,
    SCALEWAY_AIOHTTP,
    OPENAI,
    Measured("ChatMistralAI", "langchain_mistralai"),
    Measured("ChatGroq", "langchain_groq"),
    Measured("ChatDeepSeek", "langchain_deepseek"),
    Measured("ChatFireworks", "langchain_fireworks"),
)
BY_NAME = {model.name: model for model in MODELS}
