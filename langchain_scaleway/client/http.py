"""Sends requests to Scaleway and reads the answers, synchronously and asynchronously.

Bodies go out as JSON, answers come back as parsed JSON with their headers, failures as the
exceptions of `langchain_scaleway.errors`. The two sides share everything but the awaits.
"""

from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from langchain_scaleway.client.answers import Chunk, Decoder, WholeAnswer
from langchain_scaleway.client.connections import Connections
from langchain_scaleway.client.endpoint import Call, Endpoint, Reply
from langchain_scaleway.client.error_mapping import LONGEST_BODY
from langchain_scaleway.client.events import ChatCompletion, Completion
from langchain_scaleway.client.permits import Settled, Unlimited
from langchain_scaleway.client.retry import RetryListener, Trying
from langchain_scaleway.client.streams import AsyncOpenStream, OpenStream
from langchain_scaleway.client.timeouts import Within
from langchain_scaleway.client.transport import (
    Response,
    apieces_of,
    new_request,
    pieces_of,
)
from langchain_scaleway.errors import ScalewayError, ScalewayRateLimitError

if TYPE_CHECKING:
    # The limiter brings its own modules, and most programs have none.
    from langchain_scaleway.client.quotas.gate import Permit, QuotaGate


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
        with self.endpoint.errors(model):
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
        with self.endpoint.errors(model):
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
        with self.endpoint.errors(model):
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
        with self.endpoint.errors(model):
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
        with Settled(self.permit(call)) as attempt, self.endpoint.errors(call.model):
            response = self.send(call)
            attempt.permit.answered(response.headers)
            answer = WholeAnswer(self.endpoint, response, call.model)
            try:
                with self.endpoint.errors(call.model, in_answer=True):
                    for piece in pieces_of(response):
                        answer.feed(piece)
            finally:
                response.close()
            reply = answer.reply(raw=raw)
            attempt.usage = None if raw else reply.body.get("usage")
            return reply

    async def _aask(self, call: Call, *, raw: bool) -> Reply:
        with Settled(await self.apermit(call)) as attempt, self.endpoint.errors(call.model):
            async with Within(None) as limit:
                response = await self.asend(call, limit)
                attempt.permit.answered(response.headers)
                answer = WholeAnswer(self.endpoint, response, call.model)
                try:
                    with self.endpoint.errors(call.model, in_answer=True):
                        async for piece in apieces_of(response):
                            answer.feed(piece)
                finally:
                    await response.aclose()
            reply = answer.reply(raw=raw)
            attempt.usage = None if raw else reply.body.get("usage")
            return reply

    # What plain requests and streams share

    def permit(self, call: Call) -> "Permit":
        """Wait until a request may be sent."""
        if self._gate is None or call.body is None:
            return Unlimited()
        return self._gate.acquire(call.body)

    async def apermit(self, call: Call) -> "Permit":
        """`permit` for event loops."""
        if self._gate is None or call.body is None:
            return Unlimited()
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
            request = self._request_of(client, call)
            response = client.send(request, stream=True, follow_redirects=False)
        if response.is_success:
            self._last_headers[call.model] = response.headers
            return response
        beginning = WholeAnswer(self.endpoint, response, call.model)
        try:
            # The status says enough, so a body that cannot be read is no second error.
            with suppress(ScalewayError), self.endpoint.errors(call.model):
                for piece in pieces_of(response):
                    beginning.feed(piece)
                    if beginning.size >= LONGEST_BODY:
                        break
        finally:
            response.close()
        raise self._refusal(call, response, beginning)

    async def asend(self, call: Call, limit: Within) -> Response:
        """`send` for event loops.

        Args:
            call: The request.
            limit: Restarted when the request's turn has come.
        """
        client = self._http_async_client
        if client is None:
            request = new_request(*call[:4], self._async_timeout)
            response = await self._connections.asend(
                request, lambda: limit.restart(self.endpoint.seconds_to_answer)
            )
        else:
            request = self._request_of(client, call)
            response = await client.send(request, stream=True, follow_redirects=False)
            limit.restart(self.endpoint.timeout.read)
        if response.is_success:
            self._last_headers[call.model] = response.headers
            return response
        limit.restart(None)  # What was refused has not timed out.
        beginning = WholeAnswer(self.endpoint, response, call.model)
        try:
            with suppress(ScalewayError), self.endpoint.errors(call.model):
                async with Within(self.endpoint.timeout.read):
                    async for piece in apieces_of(response):
                        beginning.feed(piece)
                        if beginning.size >= LONGEST_BODY:
                            break
        finally:
            await response.aclose()
        raise self._refusal(call, response, beginning)

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

    def _refusal(self, call: Call, response: Response, beginning: WholeAnswer) -> ScalewayError:
        """Make the exception for an unsuccessful answer."""
        error = self.endpoint.refusal(response, beginning.content[:LONGEST_BODY], call.model)
        if call.body is None or not isinstance(error, ScalewayRateLimitError):
            return error
        from langchain_scaleway.client.quotas.headers import (  # noqa: PLC0415 -- rarely needed
            explain_too_large,
        )

        return explain_too_large(error, call.content, self._last_headers.get(call.model))
