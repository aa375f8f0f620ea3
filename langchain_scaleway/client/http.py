"""Sends requests to Scaleway and reads the answers, synchronously and asynchronously.

Bodies go out as JSON, answers come back as parsed JSON with their headers, failures as the
exceptions of `langchain_scaleway.errors`. The two sides share everything but the awaits.
"""

import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import httpx

from langchain_scaleway.client.bodies import aread_start, aread_whole, read_start, read_whole
from langchain_scaleway.client.connections import Connections
from langchain_scaleway.client.encoding import encode
from langchain_scaleway.client.endpoint import Endpoint, Reply
from langchain_scaleway.client.retry import RetryListener
from langchain_scaleway.client.streams import (
    AnswerStream,
    AsyncAnswerStream,
    Chunk,
    Decoder,
)
from langchain_scaleway.errors import ScalewayError, ScalewayRateLimitError

if TYPE_CHECKING:
    # The limiter brings its own modules, and most programs have none.
    from langchain_scaleway.client.quotas.gate import Permit, QuotaGate

Answer = TypeVar("Answer", bound=Reply | AnswerStream[Any] | AsyncAnswerStream[Any])


class ScalewayClient:
    """Talks to one endpoint.

    Args:
        endpoint: Where requests go, with which key, and how long to wait.
        connections: Our own connections, which the copies of a model share.
        http_client: The user's own client, used instead of them for synchronous requests.
        http_async_client: The same for asynchronous requests.
        gate: Says when each attempt may be sent; without one it is sent at once.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        connections: Connections,
        http_client: Any = None,
        http_async_client: Any = None,
        gate: "QuotaGate | None" = None,
    ) -> None:
        self.endpoint = endpoint
        self._connections = connections
        self._http_client = http_client
        self._http_async_client = http_async_client
        self._gate = gate
        # The headers of each model's last success, because refusals carry none.
        self._last_headers: dict[str | None, Mapping[str, str]] = {}

    def request(
        self,
        path: str,
        body: dict[str, Any] | None = None,
        *,
        model: str | None = None,
        on_retry: RetryListener | None = None,
    ) -> Reply:
        """Send a request and read its whole answer.

        Args:
            path: The path behind the base URL, such as `/chat/completions`.
            body: The JSON body to post; without one this is a GET.
            model: The model that is asked, for error messages.
            on_retry: Told of each retry.

        Raises:
            ScalewayError: No usable answer came, after all retries.
            ValueError: The body cannot be written as JSON.
        """
        content = None if body is None else encode(body)
        send = self._paced(partial(self._request, path, content, model), body)
        return self.endpoint.retry.call(send, on_retry)

    async def arequest(
        self,
        path: str,
        body: dict[str, Any] | None = None,
        *,
        model: str | None = None,
        on_retry: RetryListener | None = None,
    ) -> Reply:
        """Do what `request` does, asynchronously."""
        content = None if body is None else encode(body)
        send = self._apaced(partial(self._arequest, path, content, model), body)
        return await self.endpoint.retry.acall(send, on_retry)

    def stream(
        self,
        path: str,
        body: dict[str, Any],
        *,
        decoder: Decoder[Chunk],
        model: str | None = None,
        on_retry: RetryListener | None = None,
    ) -> Generator[Chunk]:
        """Send a request and give its answer chunk by chunk.

        A stream that breaks before its first chunk is asked for again; one that breaks later
        raises.

        Args:
            path: The path behind the base URL.
            body: The JSON body to post.
            decoder: Makes the chunks; each attempt starts it anew.
            model: The model that is asked, for error messages.
            on_retry: Told of each retry.

        Yields:
            The chunks. Closing the generator frees the connection.

        Raises:
            ScalewayError: No whole stream came, after all retries.
            ValueError: The body cannot be written as JSON.
        """
        send = self._paced(partial(self._stream, path, encode(body), model, decoder), body)
        answer = None
        try:
            # Most streams need no retry, so the first attempt does without the layers of one.
            with send() as answer:
                yield from answer
                return
        except ScalewayError as error:
            has_begun = answer is not None and answer.has_begun
            if has_begun or not self.endpoint.retry.should_retry(1, error):
                raise
            failures = [error]

        def reopen() -> AnswerStream[Chunk]:
            # A further attempt counts as a success when it has given its first chunk.
            answer = send()
            answer.open()
            return answer

        with self.endpoint.retry.call_again(reopen, failures, on_retry) as answer:
            yield from answer.first
            yield from answer

    async def astream(
        self,
        path: str,
        body: dict[str, Any],
        *,
        decoder: Decoder[Chunk],
        model: str | None = None,
        on_retry: RetryListener | None = None,
    ) -> AsyncGenerator[Chunk]:
        """Do what `stream` does, asynchronously."""
        send = self._apaced(partial(self._astream, path, encode(body), model, decoder), body)
        answer = None
        try:
            async with await send() as answer:
                async for chunk in answer:
                    yield chunk
                return
        except ScalewayError as error:
            has_begun = answer is not None and answer.has_begun
            if has_begun or not self.endpoint.retry.should_retry(1, error):
                raise
            failures = [error]

        async def reopen() -> AsyncAnswerStream[Chunk]:
            answer = await send()
            await answer.open()
            return answer

        async with await self.endpoint.retry.acall_again(reopen, failures, on_retry) as answer:
            for chunk in answer.first:
                yield chunk
            async for chunk in answer:
                yield chunk

    def _paced(
        self, send: Callable[[], Answer], body: dict[str, Any] | None
    ) -> Callable[[], Answer]:
        """Let the gate decide when each attempt may be sent."""
        gate = self._gate
        if gate is None or body is None:
            return send

        def attempt() -> Answer:
            permit = gate.acquire(body)
            with _settled(permit):
                answer = send()
            _follow(answer, permit)
            return answer

        return attempt

    def _apaced(
        self, send: Callable[[], Awaitable[Answer]], body: dict[str, Any] | None
    ) -> Callable[[], Awaitable[Answer]]:
        gate = self._gate
        if gate is None or body is None:
            return send

        async def attempt() -> Answer:
            permit = await gate.aacquire(body)
            with _settled(permit):
                answer = await send()
            _follow(answer, permit)
            return answer

        return attempt

    def _request(self, path: str, content: bytes | None, model: str | None) -> Reply:
        started = time.monotonic()
        with self.endpoint.translated_errors(model):
            response = self._send(path, content, model, stream=False)
            try:
                answer = read_whole(self.endpoint, response.iter_bytes(), model, started)
            finally:
                response.close()
        return self.endpoint.reply(response, answer, model)

    async def _arequest(self, path: str, content: bytes | None, model: str | None) -> Reply:
        started = time.monotonic()
        with self.endpoint.translated_errors(model):
            response = await self._asend(path, content, model, stream=False)
            try:
                answer = await aread_whole(self.endpoint, response.aiter_bytes(), model, started)
            finally:
                await response.aclose()
        return self.endpoint.reply(response, answer, model)

    def _stream(
        self, path: str, content: bytes, model: str | None, decoder: Decoder[Chunk]
    ) -> AnswerStream[Chunk]:
        with self.endpoint.translated_errors(model):
            response = self._send(path, content, model, stream=True)
        return AnswerStream(self.endpoint, response, model, decoder)

    async def _astream(
        self, path: str, content: bytes, model: str | None, decoder: Decoder[Chunk]
    ) -> AsyncAnswerStream[Chunk]:
        with self.endpoint.translated_errors(model):
            response = await self._asend(path, content, model, stream=True)
        return AsyncAnswerStream(self.endpoint, response, model, decoder)

    def _send(
        self, path: str, content: bytes | None, model: str | None, *, stream: bool
    ) -> httpx.Response:
        """Send a request, and raise unless it succeeds."""
        client = self._http_client
        if client is None:
            request = self.endpoint.build_request(path, content, stream=stream)
            response = self._connections.send(request)
        else:
            request = self.endpoint.build_request_with(client, path, content, stream=stream)
            response = client.send(request, stream=True, follow_redirects=False)
        if response.is_success:
            self._last_headers[model] = response.headers
            return response
        try:
            start = read_start(self.endpoint, response.iter_bytes())
        finally:
            response.close()
        raise self._refusal(response, start, content, model)

    async def _asend(
        self, path: str, content: bytes | None, model: str | None, *, stream: bool
    ) -> httpx.Response:
        client = self._http_async_client
        if client is None:
            request = self.endpoint.build_request(path, content, stream=stream)
            response = await self._connections.asend(request)
        else:
            request = self.endpoint.build_request_with(client, path, content, stream=stream)
            response = await client.send(request, stream=True, follow_redirects=False)
        if response.is_success:
            self._last_headers[model] = response.headers
            return response
        try:
            start = await aread_start(self.endpoint, response.aiter_bytes())
        finally:
            await response.aclose()
        raise self._refusal(response, start, content, model)

    def _refusal(
        self, response: httpx.Response, start: bytes, content: bytes | None, model: str | None
    ) -> ScalewayError:
        """Make the exception for an unsuccessful answer."""
        error = self.endpoint.refusal(response, start, model)
        if content is None or not isinstance(error, ScalewayRateLimitError):
            return error
        from langchain_scaleway.client.quotas.headers import (  # noqa: PLC0415 -- rarely needed
            explain_too_large,
        )

        return explain_too_large(error, content, self._last_headers.get(model))


@contextmanager
def _settled(permit: "Permit") -> Iterator[None]:
    """End an attempt that fails."""
    try:
        yield
    except ScalewayError as error:
        permit.end(error=error)
        raise
    except BaseException:
        permit.end()
        raise


def _follow(answer: Reply | AnswerStream[Any] | AsyncAnswerStream[Any], permit: "Permit") -> None:
    """Learn from an answer. A whole one has ended; a stream ends its attempt itself."""
    permit.answered(answer.headers)
    if isinstance(answer, Reply):
        permit.end(answer.body.get("usage"))
    else:
        answer.permit = permit
