"""Sends requests to Scaleway and reads the answers, synchronously and asynchronously.

Bodies go out as JSON, answers come back as parsed JSON with their headers, failures as the
exceptions of `langchain_scaleway.errors`. The two sides share everything but the awaits.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from langchain_scaleway.client.answers import Chunk, Decoder, WholeAnswer
from langchain_scaleway.client.completions import ChatCompletion, Completion
from langchain_scaleway.client.connections import Connections
from langchain_scaleway.client.endpoint import Call, Endpoint, Reply
from langchain_scaleway.client.retry import RetryListener, Trying
from langchain_scaleway.client.streams import AsyncOpenStream, OpenStream, settle
from langchain_scaleway.client.timeouts import restart
from langchain_scaleway.client.transport import Response, apieces_of, new_request, pieces_of
from langchain_scaleway.errors import ScalewayError, ScalewayRateLimitError

if TYPE_CHECKING:
    # The limiter brings its own modules, and most programs have none.
    from langchain_scaleway.client.quotas.gate import Permit, QuotaGate

_UNREAD: dict[str, Any] = {"stream": True, "follow_redirects": False}
"""How the user's own client is to send: the key must go nowhere else."""


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
        self._timeout = endpoint.timeout.as_dict()
        # Reading and writing have their limits here: each of httpx's would start another timer.
        self._async_timeout = {**self._timeout, "read": None, "write": None}
        # The headers of each model's last success, because refusals carry none.
        self._last_headers: dict[str | None, Mapping[str, str]] = {}

    def request(
        self,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        method: str | None = None,
        model: str | None = None,
        data: Mapping[str, Any] | None = None,
        files: Any = None,
        raw: bool = False,
        on_retry: RetryListener | None = None,
    ) -> Reply:
        """Send a request and read its whole answer.

        Args:
            path: The path behind the base URL, such as `/chat/completions`.
            body: The JSON body to send.
            method: The HTTP method; by default GET without a body, else POST.
            model: The model that is asked, for error messages.
            data: The fields of a form that is sent instead of JSON, beside `files`.
            files: The files of this form, as httpx takes them.
            raw: Whether the answer is given as bytes, and need not be JSON.
            on_retry: Told of each retry.

        Raises:
            ScalewayError: No usable answer came, after all retries.
            ValueError: The body cannot be written as JSON.
        """
        call = self.endpoint.call(path, body, method=method, model=model, data=data, files=files)
        for attempt in self.endpoint.retry.attempts(on_retry):
            with Trying(self.endpoint.retry, attempt):
                reply = self._ask(call, raw=raw)
        return reply

    async def arequest(
        self,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        method: str | None = None,
        model: str | None = None,
        data: Mapping[str, Any] | None = None,
        files: Any = None,
        raw: bool = False,
        on_retry: RetryListener | None = None,
    ) -> Reply:
        """`request` for event loops."""
        call = self.endpoint.call(path, body, method=method, model=model, data=data, files=files)
        async for attempt in self.endpoint.retry.aattempts(on_retry):
            with Trying(self.endpoint.retry, attempt):
                reply = await self._aask(call, raw=raw)
        return reply

    def stream(
        self,
        path: str,
        body: Mapping[str, Any],
        *,
        decoder: Decoder[Chunk],
        model: str | None = None,
        files: Any = None,
        completion: Callable[[], Completion] = ChatCompletion,
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
            files: Files, as httpx takes them: then a form is sent, whose other fields are `body`.
            completion: Makes what knows when an answer of this API is whole.
            on_retry: Told of each retry.

        Yields:
            The chunks. Closing the generator frees the connection.

        Raises:
            ScalewayError: No whole stream came, after all retries.
            ValueError: The body cannot be written as JSON.
        """
        call = self.endpoint.call(path, body, model=model, stream=True, data=body, files=files)
        for attempt in self.endpoint.retry.attempts(on_retry):
            with Trying(self.endpoint.retry, attempt):
                answer = OpenStream(self, call, decoder, completion())
                answer.open()
        with answer:
            chunks = answer.first
            while chunks:
                yield from chunks
                chunks = answer.read()
            answer.drain()

    async def astream(
        self,
        path: str,
        body: Mapping[str, Any],
        *,
        decoder: Decoder[Chunk],
        model: str | None = None,
        files: Any = None,
        completion: Callable[[], Completion] = ChatCompletion,
        on_retry: RetryListener | None = None,
    ) -> AsyncGenerator[Chunk]:
        """`stream` for event loops."""
        call = self.endpoint.call(path, body, model=model, stream=True, data=body, files=files)
        async for attempt in self.endpoint.retry.aattempts(on_retry):
            with Trying(self.endpoint.retry, attempt):
                answer = AsyncOpenStream(self, call, decoder, completion())
                await answer.open()
        async with answer:
            chunks = answer.first
            while chunks:
                for chunk in chunks:
                    yield chunk
                chunks = await answer.read()
            await answer.drain()

    # One attempt

    def _ask(self, call: Call, *, raw: bool) -> Reply:
        permit = self.permit(call)
        try:
            with self.endpoint.errors(call.model) as errors:
                response = self.send(call)
                errors.in_answer = True
                if permit is not None:
                    permit.answered(response.headers)
                answer = WholeAnswer(self.endpoint, response, call.model)
                _read(response, answer)
                reply = answer.reply(raw=raw)
        except BaseException as error:
            settle(permit, error=error)
            raise
        settle(permit, None if raw else reply.body.get("usage"))
        return reply

    async def _aask(self, call: Call, *, raw: bool) -> Reply:
        permit = await self.apermit(call)
        try:
            with self.endpoint.errors(call.model) as errors:
                response = await self.asend(call)
                errors.in_answer = True
                if permit is not None:
                    permit.answered(response.headers)
                answer = WholeAnswer(self.endpoint, response, call.model)
                await _aread(response, answer, self.endpoint.timeout.read)
                reply = answer.reply(raw=raw)
        except BaseException as error:
            settle(permit, error=error)
            raise
        settle(permit, None if raw else reply.body.get("usage"))
        return reply

    # What plain requests and streams share

    def permit(self, call: Call) -> "Permit | None":
        """Wait until a request may be sent."""
        if self._gate is None or call.body is None:
            return None
        return self._gate.acquire(call.body)

    async def apermit(self, call: Call) -> "Permit | None":
        """`permit` for event loops."""
        if self._gate is None or call.body is None:
            return None
        return await self._gate.aacquire(call.body)

    def send(self, call: Call) -> Response:
        """Send a request once, and read the head of its answer.

        Returns:
            The answer, with a success status.

        Raises:
            ScalewayError: The request was refused.
            httpx.TransportError: There is no connection, or no answer.
        """
        client = self._http_client
        if client is None:
            response = self._connections.send(new_request(*call[:4], self._timeout))
        else:
            response = client.send(self._request_of(client, call), **_UNREAD)
        if not response.is_success:
            answer = WholeAnswer(self.endpoint, response, call.model)
            # The status says enough, so a body that cannot be read is no second error.
            with suppress(ScalewayError), self.endpoint.errors(call.model):
                _read(response, answer)
            raise self._refusal(call, answer)
        self._last_headers[call.model] = response.headers
        return response

    async def asend(self, call: Call) -> Response:
        """`send` for event loops."""
        client, seconds = self._http_async_client, self.endpoint.seconds_to_answer
        async with asyncio.timeout(None) as limit:  # However the head trickles in.
            if client is None:
                request = new_request(*call[:4], self._async_timeout)
                response = await self._connections.asend(request, partial(restart, limit, seconds))
            else:
                request = self._request_of(client, call)
                response = await client.send(request, **_UNREAD)
        if not response.is_success:
            answer = WholeAnswer(self.endpoint, response, call.model)
            with suppress(ScalewayError), self.endpoint.errors(call.model):
                await _aread(response, answer, self.endpoint.timeout.read)
            raise self._refusal(call, answer)
        self._last_headers[call.model] = response.headers
        return response

    def _request_of(self, client: Any, call: Call) -> Any:
        """Build a request with the user's own client, which may add to it."""
        timeout = self.endpoint.timeout
        return client.build_request(
            call.method,
            call.url,
            headers=call.headers,
            content=call.content or None,
            # A tuple, because the client may be of httpx's fork, which has a class of its own.
            timeout=(timeout.connect, timeout.read, timeout.write, timeout.pool),
        )

    def _refusal(self, call: Call, answer: WholeAnswer) -> ScalewayError:
        """Make the exception for an unsuccessful answer."""
        error = answer.refusal()
        if call.body is None or not isinstance(error, ScalewayRateLimitError):
            return error
        from langchain_scaleway.client.quotas.refusals import (  # noqa: PLC0415 -- rarely needed
            explain_too_large,
        )

        return explain_too_large(error, call.content, self._last_headers.get(call.model))


def _read(response: Response, answer: WholeAnswer) -> None:
    try:
        for piece in pieces_of(response):
            answer.feed(piece)
            if answer.is_enough:
                break
    finally:
        response.close()


async def _aread(response: Response, answer: WholeAnswer, seconds: float | None) -> None:
    try:
        async with asyncio.timeout(None) as limit:
            restart(limit, seconds)
            async for piece in apieces_of(response):
                answer.feed(piece)
                if answer.is_enough:
                    break
    finally:
        await response.aclose()
