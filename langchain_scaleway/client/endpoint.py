"""Where requests go and how: everything about a request and its answer that needs no I/O."""

from collections.abc import Mapping
from types import TracebackType
from typing import Any, NamedTuple, Self

from pydantic import SecretStr

from langchain_scaleway._version import __version__
from langchain_scaleway.client.encoding import decode, encode
from langchain_scaleway.client.error_mapping import (
    LONGEST_BODY,
    error_from,
    error_from_event,
    is_error,
    shortened,
)
from langchain_scaleway.client.redaction import Redaction, credentials_in
from langchain_scaleway.client.retry import INCOMPLETE_ANSWER, RetryPolicy
from langchain_scaleway.client.timeouts import DEFAULT_TIMEOUT, as_timeout, timed_out
from langchain_scaleway.client.transport import LIBRARY, Response, Timeout, encode_form, host_of
from langchain_scaleway.errors import (
    ErrorResponse,
    ScalewayConnectionError,
    ScalewayError,
    ScalewayResponseError,
    ScalewayTimeoutError,
)

_QUOTED_CHARACTERS = 200
"""How much of an unreadable answer its exception quotes."""

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
_CONNECTION_ERRORS = frozenset({"RequestError", "NetworkError", "ProtocolError", "ProxyError"})
"""Names of httpx's exceptions. They are known by name, because the user's client may be httpx's or
httpx2's."""


class Reply(NamedTuple):
    """A whole answer.

    Attributes:
        body: The JSON object, or the bytes where these were asked for.
        headers: The HTTP headers, names in lower case.
    """

    body: Any
    headers: dict[str, str]


class Call(NamedTuple):
    """A request, as every attempt sends it.

    Attributes:
        method: The HTTP method.
        url: Where it goes.
        headers: Its headers, names in lower case.
        content: Its body.
        body: The JSON object that its body is, if it is one.
        model: The model that is asked, for error messages.
    """

    method: str
    url: str
    headers: dict[str, str]
    content: bytes
    body: Mapping[str, Any] | None
    model: str | None

    def __repr__(self) -> str:
        """Show no headers: they hold the key."""
        return f"{type(self).__name__}({self.method} {self.url})"


class Endpoint:
    """Where requests go, with which key, and how long to wait.

    Args:
        base_url: The URL up to and including `/v1`.
        api_key: Sent as a bearer token, to this origin alone.
        project_id: The project in the URL, where there is one.
        is_serverless: Whether the URL is the serverless API's; its errors speak of projects.
        timeout: How long connecting, writing and reading may take, in seconds.
        stream_chunk_timeout: Seconds that may pass between two chunks of a stream; without it
            `timeout` holds.
        headers: The user's own headers, added to ours; where both have one, the user's is sent.
        retry: What is tried again, and when.

    Attributes:
        seconds_to_answer: How long connecting and a whole answer may take together.

    Raises:
        ValueError: The base URL is malformed.
    """

    def __init__(
        self,
        base_url: str,
        *,
        api_key: SecretStr | None = None,
        project_id: str | None = None,
        is_serverless: bool = True,
        timeout: Timeout | None = None,
        stream_chunk_timeout: float | None = None,
        headers: Mapping[str, str] | None = None,
        retry: RetryPolicy | None = None,
    ) -> None:
        self.base_url = base_url
        self.timeout = timeout or as_timeout(DEFAULT_TIMEOUT)
        self.stream_chunk_timeout = stream_chunk_timeout
        connect, read = self.timeout.connect, self.timeout.read
        self.seconds_to_answer = None if connect is None or read is None else connect + read
        self.retry = retry or RetryPolicy()
        self._place: dict[str, Any] = {"project_id": project_id, "is_serverless": is_serverless}
        self._headers = {
            "host": host_of(base_url),
            "accept": "application/json",
            "accept-encoding": "gzip, deflate",
            "content-type": "application/json",
            "user-agent": f"langchain-scaleway/{__version__} {LIBRARY}",
        }
        if api_key is not None:
            self._headers["authorization"] = f"Bearer {api_key.get_secret_value()}"
        self._headers |= {name.lower(): value for name, value in (headers or {}).items()}
        self._redaction = Redaction(credentials_in(self._headers))

    def call(
        self,
        path: str,
        body: Mapping[str, Any] | None,
        *,
        method: str | None = None,
        model: str | None = None,
        stream: bool = False,
        data: Mapping[str, Any] | None = None,
        files: Any = None,
    ) -> Call:
        """Write a request; see `ScalewayClient.request`.

        Raises:
            ValueError: The body cannot be written as JSON.
        """
        headers = {**self._headers, "accept": "text/event-stream"} if stream else self._headers
        if files is not None:
            content, content_type = encode_form(data, files)
            headers = {**headers, "content-type": content_type}
        else:
            content = b"" if body is None else encode(body)
        method = method or ("POST" if content else "GET")
        return Call(method, self.base_url + path, headers, content, body, model)

    def reply(self, response: Response, content: bytes, model: str | None) -> Reply:
        """Read a whole answer that has a success status.

        Args:
            response: The answer.
            content: Its body.
            model: The model that was asked.

        Raises:
            ScalewayError: The body is an error all the same.
            ScalewayResponseError: The body is not a JSON object.
        """
        try:
            body = decode(content)
        except ValueError:  # It refers to the whole text, however long, so it goes no further.
            body = None
        if not isinstance(body, dict):
            raise self.unreadable(response, content, model, "JSON object")
        if is_error(body):
            raise self.reported(response, body, model)
        return Reply(body, self.headers_of(response))

    def headers_of(self, response: Response) -> dict[str, str]:
        """The answer's headers without cookies, names in lower case."""
        return {
            name.lower(): self._redaction.text(value)
            for name, value in response.headers.items()
            if name.lower() != "set-cookie"
        }

    def refusal(self, response: Response, content: bytes, model: str | None) -> ScalewayError:
        """Make the exception for an answer without a success status; see `reply`."""
        text = content[:LONGEST_BODY].decode("utf-8-sig", "replace")
        headers = self.headers_of(response)
        error = error_from(response.status_code, headers, text, model=model, **self._place)
        return self.clean(error, response)

    def reported(
        self, response: Response, body: Mapping[str, Any], model: str | None
    ) -> ScalewayError:
        """Make the exception for an error with a success status, in a body or an event."""
        return self.clean(error_from_event(body, model=model, **self._place), response)

    def unreadable(
        self, response: Response, content: bytes, model: str | None, expected: str
    ) -> ScalewayError:
        """Make the exception for an answer with a success status and an unexpected body."""
        text = content[:LONGEST_BODY].decode("utf-8", "replace")
        kind = response.headers.get("content-type", "no content type")
        headers = self.headers_of(response)
        error = ScalewayResponseError(
            f"Scaleway answered {response.status_code} for model {model!r}, but the body is not "
            f"a {expected} ({len(content)} bytes, {kind}): {text[:_QUOTED_CHARACTERS]!r}. Try "
            f"again; if it persists, check that {self.base_url} is the API's address.",
            status_code=response.status_code,
            model=model,
            body=text,
            response=ErrorResponse(response.status_code, headers, text),
        )
        return self.clean(error, response)

    def timed_out(self, kind: str, model: str | None) -> ScalewayTimeoutError:
        """Make the exception for a timeout that has passed; for its kind see `timeouts`."""
        timeout = self.timeout
        seconds = {
            "connect_timeout": timeout.connect,
            "pool_timeout": timeout.pool,
            "write_timeout": timeout.write,
            "stream_chunk_timeout": self.stream_chunk_timeout,
        }.get(kind, timeout.read)
        return timed_out(kind, seconds, model=model, url=self.base_url)

    def errors(self, model: str | None) -> "TranslatedErrors":
        """A context in which the transport's exceptions become ours."""
        return TranslatedErrors(self, model)

    def translate(self, error: BaseException, context: "TranslatedErrors") -> ScalewayError | None:
        """Make our exception from one of the transport's; `None` for any other."""
        model, names = context.model, _names(error)
        if isinstance(error, TimeoutError):  # Of an `asyncio.timeout`
            return self.timed_out(context.awaited, model)
        if "TimeoutException" in names and _is_timeout(error):
            return self.timed_out(_TIMEOUTS.get(type(error).__name__, context.awaited), model)
        if "DecodingError" in names:
            return ScalewayResponseError(
                f"The answer for model {model!r} cannot be decompressed: {error}. Try again; if it "
                "persists, something between here and Scaleway damages it.",
                model=model,
            )
        if names & _CONNECTION_ERRORS:
            reason = shortened(str(error) or type(error).__name__)
            about = "" if model is None else f" for model {model!r}"
            return ScalewayConnectionError(
                f"The connection to {self.base_url}{about} failed: {reason} "
                + (_ADVICE_IN_ANSWER if context.in_answer else _ADVICE),
                model=model,
                type=INCOMPLETE_ANSWER if context.in_answer else None,
            )
        if "HTTPStatusError" in names:  # By a hook of the user's client
            response: Any = getattr(error, "response")  # noqa: B009 -- httpx's or httpx2's
            return self.refusal(response, _content_read(response), model)
        return None

    def clean(self, error: ScalewayError, response: Response | None = None) -> ScalewayError:
        """Take out the key, in case the server has repeated it.

        Args:
            error: The exception, which is given back.
            response: The answer: the user's own client may have sent more, such as its `auth`.
        """
        try:
            sent = response.request.headers if response is not None else {}
        except RuntimeError:  # An answer of our own connections does not know its request.
            sent = {}
        redaction = (
            Redaction(credentials_in({**self._headers, **sent})) if sent else self._redaction
        )
        redaction.clean(error)
        return error


class TranslatedErrors:
    """The context of `Endpoint.errors`.

    What led to an error of ours is said in its message and not kept as its cause: httpx's
    exceptions know the request, and their frames its bytes, and both hold the key.

    Attributes:
        model: The model that was asked.
        awaited: The kind of timeout that it is if nothing comes; see `timeouts`.
        in_answer: Whether a success status has come.
    """

    def __init__(self, endpoint: Endpoint, model: str | None) -> None:
        self._endpoint = endpoint
        self.model = model
        self.awaited = "answer_timeout"
        self.in_answer = False

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
            self._endpoint.clean(error)
            error.__cause__ = error.__context__ = error.__traceback__ = None
            return
        translated = self._endpoint.translate(error, self)
        if translated is not None:
            try:
                raise self._endpoint.clean(translated)
            finally:
                translated.__context__ = None
                del translated  # Else this frame and the error would keep each other alive.


def _names(error: BaseException) -> set[str]:
    return {cls.__name__ for cls in type(error).__mro__}


def _is_timeout(error: BaseException) -> bool:
    """Whether a timeout is one: httpx-aiohttp 0.2 calls connections that are refused timeouts."""
    cause = error.__cause__
    return cause is None or any("Timeout" in name for name in _names(cause))


def _content_read(response: Response) -> bytes:
    """The body of an answer as far as a hook has read it."""
    try:
        return response.content
    except RuntimeError:  # httpx's `ResponseNotRead`, or its fork's
        return b""
