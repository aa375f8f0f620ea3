"""Who is measured: the floor, ChatScaleway, and the other integrations that are installed.

Nothing is imported here before a contestant is asked for its class, so that each process of a
benchmark loads one contestant only.
"""

import importlib
import importlib.metadata
import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import BaseMessage

MODEL = "benchmark"
API_KEY = "benchmark"


@dataclass(frozen=True)
class Contestant:
    """A chat model class to measure, as a user would make it.

    Attributes:
        name: What it is called in reports.
        module: Where its class is imported from.
        class_name: The class, where it is not called like the contestant.
        needs: A module that must be installed besides, or nothing.
    """

    name: str
    module: str
    class_name: str = ""
    needs: str = ""

    @property
    def chat_model(self) -> str:
        """The name of its class."""
        return self.class_name or self.name

    @property
    def installed(self) -> bool:
        """Whether it can be measured here."""
        wanted = filter(None, (self.module.partition(".")[0], self.needs))
        return all(importlib.util.find_spec(module) for module in wanted)

    @property
    def version(self) -> str:
        """The version of its package."""
        try:
            return importlib.metadata.version(self.module.partition(".")[0].replace("_", "-"))
        except importlib.metadata.PackageNotFoundError:
            return "from this tree"

    @property
    def import_statement(self) -> str:
        """What a user's program says to have it."""
        return f"from {self.module} import {self.chat_model}"

    def arguments(self, url: str, reply: str) -> dict[str, Any]:
        """Return the arguments of its constructor, all else left at its defaults.

        Args:
            url: Where the loopback server listens.
            reply: Which of the server's replies the model shall get.
        """
        return {"model": MODEL, "api_key": API_KEY, "base_url": f"{url}/{reply}/v1"}

    def make(
        self,
        url: str,
        reply: str,
        prompt: "Sequence[BaseMessage]",  # noqa: ARG002 -- for the floor alone
    ) -> "BaseChatModel":
        """Make a model object.

        Args:
            url: Where the loopback server listens.
            reply: Which of the server's replies the model shall get.
            prompt: What it will be asked. Only the floor looks at it: it makes its request
                beforehand, since it converts nothing.
        """
        model: BaseChatModel = self._class()(**self.arguments(url, reply))
        return model

    def _class(self) -> Any:
        return getattr(importlib.import_module(self.module), self.chat_model)


@dataclass(frozen=True)
class Floor(Contestant):
    """A model of `benchmarks/floor.py`."""

    @property
    def import_statement(self) -> str:
        """The two imports that no chat model over httpx can leave out."""
        return "import httpx, langchain_core.language_models.chat_models"

    def arguments(self, url: str, reply: str) -> dict[str, Any]:
        """Return the arguments of `FloorModel`."""
        return {"url": url, "reply": reply}

    def make(self, url: str, reply: str, prompt: "Sequence[BaseMessage]") -> "BaseChatModel":
        """Make a model object that has its request ready."""
        model: BaseChatModel = self._class()(**self.arguments(url, reply), prompt=prompt)
        return model


@dataclass(frozen=True)
class OverAiohttp(Contestant):
    """A contestant that is given an httpx client over aiohttp, as the extra `aiohttp` offers."""

    def arguments(self, url: str, reply: str) -> dict[str, Any]:
        """Return the arguments of the constructor, a client over aiohttp among them."""
        httpx_aiohttp = importlib.import_module("httpx_aiohttp")
        client = httpx_aiohttp.HttpxAiohttpClient()
        return {**Contestant.arguments(self, url, reply), "http_async_client": client}


@dataclass(frozen=True)
class OverHttpx(Contestant):
    """A contestant that is given httpx's own client, with as many connections as it likes."""

    def arguments(self, url: str, reply: str) -> dict[str, Any]:
        """Return the arguments of the constructor, httpx's client among them."""
        httpx = importlib.import_module("httpx")
        client = httpx.AsyncClient(limits=httpx.Limits())
        return {**Contestant.arguments(self, url, reply), "http_async_client": client}


FLOOR = Floor("floor", "benchmarks.floor", "FloorModel")
SOCKET_FLOOR = Floor("floor", "benchmarks.floor", "SocketFloorModel")
SCALEWAY = Contestant("ChatScaleway", "langchain_scaleway")
SCALEWAY_AIOHTTP = OverAiohttp(
    "ChatScaleway + aiohttp", "langchain_scaleway", "ChatScaleway", needs="httpx_aiohttp"
)
OPENAI = Contestant("ChatOpenAI", "langchain_openai")

CONTESTANTS = (
    FLOOR,
    SCALEWAY,
    SCALEWAY_AIOHTTP,
    OPENAI,
    Contestant("ChatMistralAI", "langchain_mistralai"),
    Contestant("ChatGroq", "langchain_groq"),
    Contestant("ChatDeepSeek", "langchain_deepseek"),
    Contestant("ChatFireworks", "langchain_fireworks"),
)


def named(name: str) -> Contestant:
    """Return the contestant of that name.

    Raises:
        ValueError: There is no contestant of that name.
    """
    for contestant in CONTESTANTS:
        if contestant.name == name:
            return contestant
    raise ValueError(f"No contestant is called {name!r}: {[c.name for c in CONTESTANTS]}")
