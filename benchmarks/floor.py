"""The floor: bare httpx and `json`, and a LangChain model whose answer is already there.

`FloorModel` is what every other chat model is divided by. It makes the same request over the
same library and parses the same bytes, but converts nothing: its request is a dictionary made
beforehand and its answer is a constant. What is left is httpx, `json` and langchain-core.

`SocketFloorModel` leaves out httpx too. It is the floor where httpx itself is what costs:
hundreds of calls at once.
"""

import asyncio
import json
import weakref
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any

import httpx
from langchain_core.callbacks import (
    AsyncCallbackManagerForLLMRun,
    CallbackManagerForLLMRun,
)
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
_HEADERS = {"authorization": "Bearer benchmark", "content-type": "application/json"}
_EVENT = "data: {"


def _answer(_reply: dict[str, Any]) -> ChatResult:
    return ChatResult(
        generations=[ChatGeneration(message=AIMessage("The capital of France is Paris."))]
    )


def _content_chunk(event: dict[str, Any]) -> AIMessageChunk:
    """Return a chunk with the text of an event: it may be the time of its writing."""
    choices = event["choices"]
    return AIMessageChunk(content=choices[0]["delta"].get("content") or "" if choices else "")


def _reasoning_chunk(_event: dict[str, Any]) -> AIMessageChunk:
    return AIMessageChunk(content="", additional_kwargs={"reasoning_content": TOKEN})


def _tool_chunk(_event: dict[str, Any]) -> AIMessageChunk:
    fragment = tool_call_chunk(args=TOKEN, index=0)
    return AIMessageChunk(content="", tool_call_chunks=[fragment])


def _chunk_maker(reply: str) -> Callable[[dict[str, Any]], AIMessageChunk]:
    """Return what makes the canned chunks for one of the server's replies."""
    if reply == "reasoning":
        return _reasoning_chunk
    return _tool_chunk if reply.startswith("tool") else _content_chunk


class FloorModel(BaseChatModel):
    """A chat model that does what no chat model over httpx can leave out, and no more.

    Args:
        url: Where the server listens.
        reply: Which of the server's replies it asks for.
        prompt: The messages it will be called with; their wire form is made here, once.
    """

    url: str
    reply: str = "short"
    _body: dict[str, Any] = PrivateAttr()
    _client: httpx.Client | None = PrivateAttr(default=None)
    _async_client: httpx.AsyncClient | None = PrivateAttr(default=None)

    def __init__(self, url: str, reply: str = "short", prompt: Sequence[BaseMessage] = ()) -> None:
        super().__init__(url=f"{url}/{reply}/v1/chat/completions", reply=reply)
        self._body = {
            "model": "benchmark",
            "messages": [{"role": _ROLES[m.type], "content": m.content} for m in prompt],
        }

    @property
    def _llm_type(self) -> str:
        return "floor"

    @override
    def bind_tools(
        self, tools: Sequence[Any], **kwargs: Any
    ) -> Runnable[LanguageModelInput, AIMessage]:
        return self.bind(tools=tools, **kwargs)

    def _request(self, *, stream: bool) -> dict[str, Any]:
        body = {**self._body, "stream": True} if stream else self._body
        return {"url": self.url, "headers": _HEADERS, "content": json.dumps(body)}

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
    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        response = self._sync().post(**self._request(stream=False))
        return _answer(json.loads(response.content))

    @override
    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        response = await self._async().post(**self._request(stream=False))
        return _answer(json.loads(response.content))

    @override
    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        chunk = _chunk_maker(self.reply)
        with self._sync().stream("POST", **self._request(stream=True)) as response:
            for line in response.iter_lines():
                if line.startswith(_EVENT):
                    yield ChatGenerationChunk(message=chunk(json.loads(line[6:])))

    @override
    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        chunk = _chunk_maker(self.reply)
        async with self._async().stream("POST", **self._request(stream=True)) as response:
            async for line in response.aiter_lines():
                if line.startswith(_EVENT):
                    yield ChatGenerationChunk(message=chunk(json.loads(line[6:])))


class _Exchange(asyncio.Protocol):
    """A kept-alive connection that sends bytes and waits for one reply of known length."""

    def __init__(self) -> None:
        self._received = b""
        self._reply: asyncio.Future[bytes]
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 -- asyncio promises it for TCP
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
        if end and len(body) == length:
            self._reply.set_result(body)
            self._received = b""

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._reply.done():
            self._reply.set_exception(exc or ConnectionResetError("the server hung up"))

    async def exchange(self, request: bytes) -> bytes:
        """Send a request and return the body of its reply."""
        self._reply = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._reply


class SocketFloorModel(FloorModel):
    """The floor without httpx: one bare asyncio connection for each call at once."""

    _idle: list[_Exchange] = PrivateAttr(default_factory=list)

    async def _connection(self) -> _Exchange:
        if self._idle:
            return self._idle.pop()
        url = httpx.URL(self.url)
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(_Exchange, url.host, url.port or 80)
        return connection

    @override
    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        body = json.dumps(self._body).encode()
        head = f"POST /{self.reply}/ HTTP/1.1\r\ncontent-length: {len(body)}\r\n\r\n"
        connection = await self._connection()
        reply = await connection.exchange(head.encode() + body)
        self._idle.append(connection)
        return _answer(json.loads(reply))
