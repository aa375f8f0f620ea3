"""The baseline: bare httpx and `json`, and a LangChain model whose answer is already there.

`BaselineModel` is what every chat model is divided by. It makes the same request over the same
library and parses the same bytes, but converts nothing: its request is a dictionary made beforehand
and its answer is a constant. What is left is httpx, `json` and langchain-core.

`SocketBaselineModel` leaves out httpx too. It stands where httpx itself is what costs: with
hundreds of calls at once.
"""

import asyncio
import json
import weakref
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

import httpx
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.base import LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from pydantic import PrivateAttr
from typing_extensions import override

from benchmarks.wire import TOKEN

_ROLES = {"human": "user", "ai": "assistant"}
_EVENT = "data: {"


def _result() -> ChatResult:
    message = AIMessage("The capital of France is Paris.")
    return ChatResult(generations=[ChatGeneration(message=message)])


def _chunk(reply: str, event: dict[str, Any]) -> ChatGenerationChunk:
    """A canned chunk; only a text is the event's own, since it may be the time of its writing."""
    if reply == "reasoning":
        message = AIMessageChunk(content="", additional_kwargs={"reasoning_content": TOKEN})
    elif reply.startswith("tool"):
        message = AIMessageChunk(
            content="", tool_call_chunks=[tool_call_chunk(args=TOKEN, index=0)]
        )
    else:
        choices = event["choices"]
        message = AIMessageChunk(
            content=choices[0]["delta"].get("content") or "" if choices else ""
        )
    return ChatGenerationChunk(message=message)


class BaselineModel(BaseChatModel):
    """A chat model that does what no chat model over httpx can leave out, and no more."""

    base_url: str
    reply: str
    prompt: Sequence[BaseMessage] = ()
    _body: dict[str, Any] = PrivateAttr()
    _client: httpx.Client | None = PrivateAttr(default=None)
    _async_client: httpx.AsyncClient | None = PrivateAttr(default=None)

    def __init__(self, *, base_url: str, prompt: Sequence[BaseMessage] = (), **_: Any) -> None:
        super().__init__(base_url=base_url, reply=urlsplit(base_url).path.split("/")[1])
        messages = [{"role": _ROLES[one.type], "content": one.content} for one in prompt]
        self._body = {"model": "benchmark", "messages": messages}

    @property
    def _llm_type(self) -> str:
        return "baseline"

    @override
    def bind_tools(
        self, tools: Sequence[Any], **kwargs: Any
    ) -> Runnable[LanguageModelInput, AIMessage]:
        return self.bind(tools=tools, **kwargs)

    def _request(self, *, stream: bool) -> dict[str, Any]:
        return {
            "url": f"{self.base_url}/chat/completions",
            "headers": {"authorization": "Bearer benchmark", "content-type": "application/json"},
            "content": json.dumps({**self._body, "stream": True} if stream else self._body),
        }

    def _sync(self) -> httpx.Client:
        if self._client is None:
            self._client = httpx.Client()
            weakref.finalize(self, self._client.close)
        return self._client

    def _async(self) -> httpx.AsyncClient:
        if self._async_client is None:
            self._async_client = httpx.AsyncClient()
        return self._async_client

    @override
    def _generate(self, *_: Any, **__: Any) -> ChatResult:
        json.loads(self._sync().post(**self._request(stream=False)).content)
        return _result()

    @override
    async def _agenerate(self, *_: Any, **__: Any) -> ChatResult:
        json.loads((await self._async().post(**self._request(stream=False))).content)
        return _result()

    @override
    def _stream(self, *_: Any, **__: Any) -> Iterator[ChatGenerationChunk]:
        with self._sync().stream("POST", **self._request(stream=True)) as response:
            for line in response.iter_lines():
                if line.startswith(_EVENT):
                    yield _chunk(self.reply, json.loads(line[6:]))

    @override
    async def _astream(self, *_: Any, **__: Any) -> AsyncIterator[ChatGenerationChunk]:
        async with self._async().stream("POST", **self._request(stream=True)) as response:
            async for line in response.aiter_lines():
                if line.startswith(_EVENT):
                    yield _chunk(self.reply, json.loads(line[6:]))


class SocketBaselineModel(BaselineModel):
    """The baseline without httpx: a bare connection for each call at once."""

    _idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = PrivateAttr(
        default_factory=list
    )

    @override
    async def _agenerate(self, *_: Any, **__: Any) -> ChatResult:
        url = urlsplit(self.base_url)
        connection = (
            self._idle.pop()
            if self._idle
            else await asyncio.open_connection(url.hostname, url.port)
        )
        reader, writer = connection
        body = json.dumps(self._body).encode()
        writer.write(
            b"POST %b/ HTTP/1.1\r\ncontent-length: %d\r\n\r\n%b"
            % (
                url.path.encode(),
                len(body),
                body,
            )
        )
        head = await reader.readuntil(b"\r\n\r\n")
        length = head.partition(b"content-length: ")[2].partition(b"\r\n")[0]
        json.loads(await reader.readexactly(int(length)))
        self._idle.append(connection)
        return _result()
