"""Sends requests to Scaleway and reads the answers, synchronously and asynchronously.

Bodies go out as JSON, answers come back as parsed JSON with their headers, failures as the
exceptions of `langchain_scaleway.errors`. Both sides run the same coroutines, see `wires`.
"""

from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Mapping
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar

from typing_extensions import Unpack

from langchain_scaleway.client.answers import Chunk, Decoder, Reply
from langchain_scaleway.client.attempts import Attempt, LastHeaders, StreamAttempt
from langchain_scaleway.client.completions import ChatCompletion, Completion
from langchain_scaleway.client.connections import Connections
from langchain_scaleway.client.endpoint import Endpoint
from langchain_scaleway.client.retry import RetryListener
from langchain_scaleway.client.wires import Awaiting, Blocking, run
from langchain_scaleway.errors import ScalewayError

if TYPE_CHECKING:
    # The limiter brings its own modules, and most programs have none.
    from langchain_scaleway.client.quotas.gate import QuotaGate

T = TypeVar("T")


class CallOptions(TypedDict, total=False):
    """What any call may have besides its path and body.

    Attributes:
        model: The model that is asked, for error messages.
        files: Files, as httpx takes them: then a form is sent instead of JSON, whose other fields
            are the body.
        on_retry: Told of each retry.
    """

    model: str | None
    files: Any
    on_retry: RetryListener | None


class RequestOptions(CallOptions, total=False):
    """What a plain request may have.

    Attributes:
        method: The HTTP method; by default GET without a body, else POST.
    """

    method: str | None


class StreamOptions(CallOptions, total=False):
    """What a streamed request may have.

    Attributes:
        completion: Makes what knows when an answer of this API is whole; by default that of
            chat completions.
    """

    completion: Callable[[], Completion]


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
        self._last_headers: LastHeaders = {}
        self._blocking = Blocking(endpoint.timeout, connections, http_client, gate)
        self._awaiting = Awaiting(endpoint.timeout, connections, http_async_client, gate)

    def request(
        self,
        path: str,
        body: Mapping[str, Any] | None = None,
        **options: Unpack[RequestOptions],
    ) -> Reply:
        """Send a request and read its whole answer.

        Args:
            path: The path behind the base URL, such as `/chat/completions`.
            body: The JSON body to send.
            **options: See `RequestOptions`.

        Raises:
            ScalewayError: No usable answer came, after all retries.
            ValueError: The body cannot be written as JSON.
        """
        return run(self._request(self._blocking, path, body, **options))

    async def arequest(
        self,
        path: str,
        body: Mapping[str, Any] | None = None,
        **options: Unpack[RequestOptions],
    ) -> Reply:
        """`request` for event loops."""
        return await self._request(self._awaiting, path, body, **options)

    def stream(
        self,
        path: str,
        body: Mapping[str, Any],
        *,
        decoder: Decoder[Chunk],
        **options: Unpack[StreamOptions],
    ) -> Generator[Chunk]:
        """Send a request and give its answer chunk by chunk.

        A stream that breaks before its first chunk is asked for again; one that breaks later
        raises.

        Args:
            path: The path behind the base URL.
            body: The JSON body to post.
            decoder: Makes the chunks; each attempt starts it anew.
            **options: See `StreamOptions`.

        Yields:
            The chunks. Closing the generator frees the connection.

        Raises:
            ScalewayError: No whole stream came, after all retries.
            ValueError: The body cannot be written as JSON.
        """
        answer = run(self._open(self._blocking, path, body, decoder, **options))
        try:
            chunks = answer.first
            while chunks:
                yield from chunks
                chunks = run(answer.read_on())
            run(answer.drain())
        finally:
            run(answer.close())

    async def astream(
        self,
        path: str,
        body: Mapping[str, Any],
        *,
        decoder: Decoder[Chunk],
        **options: Unpack[StreamOptions],
    ) -> AsyncGenerator[Chunk]:
        """`stream` for event loops."""
        answer = await self._open(self._awaiting, path, body, decoder, **options)
        try:
            chunks = answer.first
            while chunks:
                for chunk in chunks:
                    yield chunk
                chunks = await answer.read_on()
            await answer.drain()
        finally:
            await answer.close()

    async def _request(
        self,
        wire: Blocking,
        path: str,
        body: Mapping[str, Any] | None,
        *,
        on_retry: RetryListener | None = None,
        **options: Any,
    ) -> Reply:
        call = self.endpoint.call(path, body, **options)

        def attempt() -> Coroutine[Any, Any, Reply]:
            return Attempt(self.endpoint, wire, call, self._last_headers).reply()

        return await self._retried(wire, attempt, on_retry)

    async def _open(
        self,
        wire: Blocking,
        path: str,
        body: Mapping[str, Any],
        decoder: Decoder[Chunk],
        *,
        completion: Callable[[], Completion] = ChatCompletion,
        on_retry: RetryListener | None = None,
        **options: Any,
    ) -> StreamAttempt[Chunk]:
        call = self.endpoint.call(path, body, stream=True, **options)

        def attempt() -> Coroutine[Any, Any, StreamAttempt[Chunk]]:
            where = self.endpoint, wire, call, self._last_headers
            return StreamAttempt(*where, decoder=decoder, completion=completion()).open()

        return await self._retried(wire, attempt, on_retry)

    async def _retried(
        self,
        wire: Blocking,
        attempt: Callable[[], Coroutine[Any, Any, T]],
        on_retry: RetryListener | None,
    ) -> T:
        """Try until an attempt succeeds, or its error is not to be retried."""
        retry = self.endpoint.retry
        async for trying in retry.attempts(wire.sleep, on_retry):
            try:
                return await attempt()
            except ScalewayError as error:
                state = trying.retry_state
                if not retry.should_retry(state.attempt_number, error):
                    raise  # tenacity would keep the error, and all that its frames refer to.
                state.set_exception((type(error), error, error.__traceback__))
        raise AssertionError("tenacity was told to stop")  # It never is.
