"""Where requests go and how: everything about a request and its answer that needs no I/O."""

from collections.abc import Mapping
from types import TracebackType
from typing import Any, NamedTuple

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
from langchain_scaleway.client.transport import (
    LIBRARY,
    Response,
    Timeout,
    encode_form,
    host_of,
)
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

_CONNECTION_ERRORS = frozenset({"RequestError", "NetworkError", "ProtocolError", "ProxyError"})
_TIMEOUTS = {
    "ConnectTimeout": "connect_timeout",
    "PoolTimeout": "pool_timeout",
    "WriteTimeout": "write_timeout",
}
"""Names of httpx's exceptions, and what these timeouts are called here."""


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
        self.project_id = project_id
        self.is_serverless = is_serverless
        self.timeout = timeout or as_timeout(DEFAULT_TIMEOUT)
        self.stream_chunk_timeout = stream_chunk_timeout
        connect, read = self.timeout.connect, self.timeout.read
        self.seconds_to_answer = None if connect is None or read is None else connect + read
        self.retry = retry or RetryPolicy()
        self._headers = _headers(host_of(base_url), api_key, headers)
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

    def refusal(self, response: Response, content: bytes, model: str | None) -> ScalewayError:
        """Make the exception for an unsuccessful answer.

        Args:
            response: The answer.
            content: The beginning of its body.
            model: The model that was asked.
        """
        error = error_from(
            response.status_code,
            self.headers_of(response),
            content.decode("utf-8-sig", "replace"),
            model=model,
            project_id=self.project_id,
            is_serverless=self.is_serverless,
        )
        self._redaction_for(response).clean(error)
        return error

    def reported(
        self, body: Mapping[str, Any], model: str | None, response: Response
    ) -> ScalewayError:
        """Make the exception for an error that came with a success status.

        Args:
            body: The answer's body, or the event of a stream.
            model: The model that was asked.
            response: The answer.
        """
        error = error_from_event(
            body, model=model, project_id=self.project_id, is_serverless=self.is_serverless
        )
        self._redaction_for(response).clean(error)
        return error

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
            raise self.reported(body, model, response)
        return Reply(body, self.headers_of(response))

    def unreadable(
        self, response: Response, content: bytes, model: str | None, expected: str
    ) -> ScalewayResponseError:
        """Make the exception for an answer with a success status and an unexpected body."""
        text = content[:LONGEST_BODY].decode("utf-8", "replace")
        kind = response.headers.get("content-type", "no content type")
        message = (
            f"Scaleway answered {response.status_code} for model {model!r}, but the body is not "
            f"a {expected} ({len(content)} bytes, {kind}): {text[:_QUOTED_CHARACTERS]!r}. Try "
            f"again; if it persists, check that {self.base_url} is the API's address."
        )
        headers = self.headers_of(response)
        error = ScalewayResponseError(
            message,
            status_code=response.status_code,
            model=model,
            body=text,
            response=ErrorResponse(response.status_code, headers, text),
        )
        self._redaction_for(response).clean(error)
        return error

    def headers_of(self, response: Response) -> dict[str, str]:
        """The answer's headers without cookies, names in lower case."""
        return {
            name.lower(): self._redaction.text(value)
            for name, value in response.headers.items()
            if name.lower() != "set-cookie"
        }

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

    def errors(
        self, model: str | None, *, awaited: str = "answer_timeout", in_answer: bool = False
    ) -> "_TranslatedErrors":
        """A context in which the transport's exceptions become ours.

        Args:
            model: The model that was asked.
            awaited: The kind of timeout that it is if nothing comes; see `timeouts`.
            in_answer: Whether a success status has come before.
        """
        return _TranslatedErrors(self, model, awaited, in_answer)

    def translate(
        self, error: BaseException, model: str | None, *, awaited: str, in_answer: bool
    ) -> ScalewayError | None:
        """Make our exception from one of the transport's; `None` for any other.

        Classes are recognised by name, because the user's client may be httpx's or httpx2's.
        """
        names = _names(error)
        if isinstance(error, TimeoutError):  # Of a `Within`
            return self.timed_out(awaited, model)
        if "TimeoutException" in names and _is_timeout(error):
            return self.timed_out(_TIMEOUTS.get(type(error).__name__, awaited), model)
        if "DecodingError" in names:
            message = (
                f"The answer for model {model!r} cannot be decompressed: {error}. Try again; if it "
                "persists, something between here and Scaleway damages it."
            )
            return ScalewayResponseError(message, model=model)
        if names & _CONNECTION_ERRORS:
            reason = shortened(str(error) or type(error).__name__)
            return ScalewayConnectionError(
                f"The connection to {self.base_url} for model {model!r} failed: {reason} "
                + (_ADVICE_IN_ANSWER if in_answer else _ADVICE),
                model=model,
                type=INCOMPLETE_ANSWER if in_answer else None,
            )
        if "HTTPStatusError" in names:  # By a hook of the user's client
            response: Any = getattr(error, "response")  # noqa: B009 -- httpx's or httpx2's
            return self.refusal(response, _content_read(response), model)
        return None

    def clean(self, error: ScalewayError) -> None:
        """Take the key out of an exception, in case the server has repeated it."""
        self._redaction.clean(error)

    def _redaction_for(self, response: Response) -> Redaction:
        """A redaction that also knows what the user's own client has sent, such as its `auth`."""
        try:
            sent = response.request.headers
        except RuntimeError:  # An answer of our own connections does not know its request.
            return self._redaction
        return Redaction(credentials_in({**self._headers, **sent}))


class _TranslatedErrors:
    """The context of `Endpoint.errors`; a class, because every piece of a stream goes through it.

    What led to an error of ours is said in its message and not kept as its cause: httpx's
    exceptions know the request, and their frames its bytes, and both hold the key.
    """

    __slots__ = ("_awaited", "_endpoint", "_in_answer", "_model")

    def __init__(
        self,
        endpoint: Endpoint,
        model: str | None,
        awaited: str,
        in_answer: bool,  # noqa: FBT001 -- its only caller names it
    ) -> None:
        self._endpoint = endpoint
        self._model = model
        self._awaited = awaited
        self._in_answer = in_answer

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            return
        if isinstance(error, ScalewayError):
            self._endpoint.clean(error)
            error.__cause__ = error.__context__ = None
            error.__traceback__ = None
            return
        translated = self._endpoint.translate(
            error, self._model, awaited=self._awaited, in_answer=self._in_answer
        )
        if translated is not None:
            self._endpoint.clean(translated)
            try:
                raise translated
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
        return response.content[:LONGEST_BODY]
    except RuntimeError:  # httpx's `ResponseNotRead`, or its fork's
        return b""


def _headers(
    host: str, api_key: SecretStr | None, more: Mapping[str, str] | None
) -> dict[str, str]:
    headers = {
        "host": host,
        "accept": "application/json",
        "accept-encoding": "gzip, deflate",
        "content-type": "application/json",
        "user-agent": f"langchain-scaleway/{__version__} {LIBRARY}",
    }
    if api_key is not None:
        headers["authorization"] = f"Bearer {api_key.get_secret_value()}"
    return headers | {name.lower(): value for name, value in (more or {}).items()}
