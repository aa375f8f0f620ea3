"""The two ways to wait: a thread blocks, a task awaits.

Everything above is written once, as coroutines. Those of `Blocking` never suspend, so that `run`
can drive what awaits them without an event loop.
"""

import asyncio
import time
from collections.abc import Coroutine, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from typing_extensions import override

from langchain_scaleway.client.connections import Connections
from langchain_scaleway.client.endpoint import Call
from langchain_scaleway.client.transport import Response, Timeout, body_of
from langchain_scaleway.client.waits import broken_off_after, within
from langchain_scaleway.errors import ScalewayConnectionError

if TYPE_CHECKING:
    # The limiter brings its own modules, and most programs have none.
    from langchain_scaleway.client.quotas.gate import Permit, QuotaGate

T = TypeVar("T")

_UNREAD: dict[str, Any] = {"stream": True, "follow_redirects": False}
"""How the user's own client is to send: the key must go nowhere else."""


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never suspends.

    Raises:
        RuntimeError: It does.
    """
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    coroutine.close()
    raise RuntimeError("A synchronous call has awaited something.")


class Blocking:
    """Sends requests and reads answers in this thread, by the user's own client if given."""

    def __init__(
        self, timeout: Timeout, connections: Connections, client: Any, gate: "QuotaGate | None"
    ) -> None:
        self._timeout = timeout
        self._connections = connections
        self._client = client
        self._gate = gate

    async def permit(self, body: Mapping[str, Any]) -> "Permit | None":
        """Wait until a request may be sent; without a limit that is at once."""
        return self._gate.acquire(body) if self._gate is not None else None

    async def send(self, call: Call) -> Response:
        """Send a request once, and read the head of its answer.

        Raises:
            httpx.TransportError: There is no connection, or no answer.
            TimeoutError: The head has not come in time.
        """
        if self._client is None:
            return self._connections.send(call.request(self._timeout))
        request = _request_of(self._client, call, self._timeout)
        response: Response = self._client.send(request, **_UNREAD)
        return response

    def pieces(self, response: Response) -> Any:
        """The bytes of an answer, for `next`."""
        body = body_of(response)
        return response.iter_bytes() if body is None else iter(body)

    async def next(
        self, response: Response, pieces: Any, seconds: float | None, *, is_tight: bool
    ) -> bytes | None:
        """Read the next bytes of an answer; `None` at the end.

        They have so many seconds; `is_tight` says whether that is less than what the timeout for
        reading allows. Raises what `send` raises.
        """
        if not is_tight or seconds is None:  # httpx sees to it.
            return next(pieces, None)
        with broken_off_after(seconds, response.extensions):
            return next(pieces, None)

    async def close(self, response: Response) -> None:
        """Give an answer's connection back, or close it if there is more to read."""
        response.close()

    @staticmethod  # tenacity keeps it for a while, and a method would keep the connections.
    async def sleep(seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)  # noqa: ASYNC251 -- the thread's own wait


class Awaiting(Blocking):
    """The same for the tasks of an event loop."""

    @override
    async def permit(self, body: Mapping[str, Any]) -> "Permit | None":
        return await self._gate.aacquire(body) if self._gate is not None else None

    @override
    async def send(self, call: Call) -> Response:
        if self._client is None:
            return await self._connections.asend(call.request(self._timeout))
        request = _request_of(self._client, call, self._timeout)
        response: Response = await self._client.send(request, **_UNREAD)
        return response

    @override
    def pieces(self, response: Response) -> Any:
        body = body_of(response)
        return response.aiter_bytes() if body is None else aiter(body)

    @override
    async def next(
        self, response: Response, pieces: Any, seconds: float | None, *, is_tight: bool
    ) -> bytes | None:
        return await within(seconds, anext(pieces, None))

    @override
    async def close(self, response: Response) -> None:
        await response.aclose()

    @staticmethod
    @override
    async def sleep(seconds: float) -> None:
        await asyncio.sleep(seconds)


def _request_of(client: Any, call: Call, timeout: Timeout) -> Any:
    """Build a request with the user's own client, which may add to it."""
    if getattr(client, "is_closed", False):
        error = ScalewayConnectionError(
            "The HTTP client that this model was given is closed. Keep it open for as long as the "
            "model is used.",
            model=call.model,
        )
        error.is_retryable = False
        raise error
    return client.build_request(
        call.method,
        call.url,
        headers=call.headers,
        content=call.content or None,
        # A tuple, because the client may be of httpx's fork, which has a class of its own.
        timeout=(timeout.connect, timeout.read, timeout.write, timeout.pool),
    )
