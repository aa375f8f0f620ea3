"""The transport's exceptions become ours."""

from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from langchain_scaleway.client.answers import Answer
from langchain_scaleway.client.endpoint import Endpoint
from langchain_scaleway.client.error_mapping import shortened
from langchain_scaleway.client.retry import INCOMPLETE_ANSWER
from langchain_scaleway.client.transport import Response
from langchain_scaleway.errors import (
    ScalewayConnectionError,
    ScalewayError,
    ScalewayResponseError,
)

_ADVICE = "Check the address, the network and the proxy."
_ADVICE_IN_ANSWER = (
    "The status had promised an answer. If this comes again, it is the request that the server "
    "fails on, such as a schema that its grammar refuses."
)

_TIMEOUTS = {
    "ConnectTimeout": "connect_timeout",
    "PoolTimeout": "pool_timeout",
    "WriteTimeout": "write_timeout",
}
_CONNECTION_ERRORS = frozenset(
    {"RequestError", "NetworkError", "ProtocolError", "ProxyError", "SSLError"}
)
"""Names of httpx's exceptions. They are known by name, because the user's client may be httpx's or
httpx2's. In event loops they let one of Python's through: for what is no TLS, and for a server's
refusal of the client after the handshake."""


class Translation:
    """A context in which the transport's exceptions become ours, and ours lose their secrets.

    What led to an error of ours is said in its message and not kept as its cause: httpx's
    exceptions know the request, and their frames its bytes, and both hold the key.

    Attributes:
        awaited: The kind of timeout that it is if nothing comes; see `Endpoint.timed_out`.
        response: The head of the answer, once it has come.
    """

    def __init__(self, endpoint: Endpoint, model: str | None) -> None:
        self._endpoint = endpoint
        self._model = model
        self.awaited = "answer_timeout"
        self.response: Response | None = None

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Translate.

        Raises:
            ScalewayError: In place of one of the transport's exceptions.
        """
        if error is None:
            return
        if isinstance(error, ScalewayError):
            self._endpoint.redaction(self.response).clean(error)
            error.__cause__ = error.__context__ = error.__traceback__ = None
            return
        translated = self._translate(error)
        if translated is not None:
            self._endpoint.redaction(self.response).clean(translated)
            del error, traceback  # Tools such as Sentry show a frame's variables.
            try:
                raise translated
            finally:
                translated.__context__ = None
                del translated  # Else this frame and the error would keep each other alive.

    def _translate(self, error: BaseException) -> ScalewayError | None:
        model, names = self._model, _names(error)
        if isinstance(error, TimeoutError):  # Of an `asyncio.timeout`
            return self._endpoint.timed_out(self.awaited, model)
        if "TimeoutException" in names and _is_timeout(error):
            kind = _TIMEOUTS.get(type(error).__name__, self.awaited)
            return self._endpoint.timed_out(kind, model)
        if "DecodingError" in names:
            return ScalewayResponseError(
                f"The answer for model {model!r} cannot be decompressed: {error}. Try again; if it "
                "persists, something between here and Scaleway damages it.",
                model=model,
            )
        if names & _CONNECTION_ERRORS:
            reason = shortened(str(error) or type(error).__name__)
            about = "" if model is None else f" for model {model!r}"
            has_begun = self.response is not None
            return ScalewayConnectionError(
                f"The connection to {self._endpoint.base_url}{about} failed: {reason} "
                f"{_ADVICE_IN_ANSWER if has_begun else _ADVICE}",
                model=model,
                type=INCOMPLETE_ANSWER if has_begun else None,
            )
        if "HTTPStatusError" in names:  # By a hook of the user's client
            self.response = getattr(error, "response")  # noqa: B009 -- httpx's or httpx2's
            return self._refusal(self.response)
        return None

    def _refusal(self, response: Any) -> ScalewayError:
        """The exception for a refusal, with as much of its body as a hook has read."""
        answer = Answer(self._endpoint, response, self._model)
        with suppress(RuntimeError):  # httpx's `ResponseNotRead`, or its fork's
            answer.feed(response.content)
        return answer.refusal()


def _names(error: BaseException) -> set[str]:
    return {cls.__name__ for cls in type(error).__mro__}


def _is_timeout(error: BaseException) -> bool:
    """Whether a timeout is one: httpx-aiohttp 0.2 calls connections that are refused timeouts."""
    cause = error.__cause__
    return cause is None or any("Timeout" in name for name in _names(cause))
