"""Where requests go and how: everything about a request that needs no I/O."""

from collections.abc import Mapping
from types import TracebackType
from typing import Any, NamedTuple

import httpx
from pydantic import SecretStr

from langchain_scaleway._version import __version__
from langchain_scaleway.client.deadlines import (
    DEFAULT_TIMEOUT,
    Deadlines,
    Timeout,
    as_timeout,
)
from langchain_scaleway.client.encoding import decode
from langchain_scaleway.client.error_mapping import (
    LONGEST_BODY,
    error_from,
    error_from_event,
    is_error,
    shortened,
)
from langchain_scaleway.client.redaction import Redaction, credentials_in
from langchain_scaleway.client.retry import RetryPolicy
from langchain_scaleway.errors import (
    ErrorResponse,
    ScalewayConnectionError,
    ScalewayError,
    ScalewayResponseError,
    ScalewayTimeoutError,
)

_QUOTED_CHARACTERS = 200
"""How much of an unreadable answer its exception quotes."""

_CONNECTION_ERRORS = frozenset({"RequestError", "NetworkError", "ProtocolError", "ProxyError"})
"""Names of exceptions: httpx's common base class, and httpcore's classes."""


class Reply(NamedTuple):
    """A whole answer.

    Attributes:
        body: The JSON object.
        headers: The HTTP headers, names in lower case.
    """

    body: dict[str, Any]
    headers: dict[str, str]


class Endpoint:
    """Where requests go, with which key, and how long to wait.

    Args:
        base_url: The URL up to and including `/v1`.
        api_key: Sent as a bearer token, to this origin alone.
        project_id: The project in the URL, where there is one.
        is_serverless: Whether the URL is the serverless API's; its errors speak of projects.
        timeout: How long connecting, writing and reading may take, in seconds.
        headers: The user's own headers, added to ours; where both have one, the user's is sent.
        retry: What is tried again, and when.

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
        headers: Mapping[str, str] | None = None,
        retry: RetryPolicy | None = None,
    ) -> None:
        self.base_url = base_url
        self.project_id = project_id
        self.is_serverless = is_serverless
        self.deadlines = Deadlines(base_url, timeout or as_timeout(DEFAULT_TIMEOUT))
        self.retry = retry or RetryPolicy()
        # Every request repeats these; building them anew would cost more than sending them.
        self._headers = _headers(_as_url(base_url), api_key, headers)
        self._redaction = Redaction(credentials_in(self._headers))
        self._raw_headers = _raw(self._headers)
        self._raw_stream_headers = _raw({**self._headers, "accept": "text/event-stream"})
        self._extensions = {"timeout": self.deadlines.timeout.as_dict()}
        self._urls: dict[str, httpx.URL] = {}

    def build_request(self, path: str, content: bytes | None, *, stream: bool) -> httpx.Request:
        """Build a request for our own connections.

        Args:
            path: The path behind the base URL, such as `/chat/completions`.
            content: The body to post; without one this is a GET.
            stream: Whether the answer is to come as events.
        """
        url = self._urls.get(path)
        if url is None:
            url = self._urls[path] = httpx.URL(self.base_url + path)
        headers = self._raw_stream_headers if stream else self._raw_headers
        if content is None:
            return httpx.Request("GET", url, headers=headers, extensions=self._extensions)
        return httpx.Request(
            "POST",
            url,
            headers=[*headers, (b"content-length", b"%d" % len(content))],
            stream=httpx.ByteStream(content),
            extensions=self._extensions,
        )

    def build_request_with(
        self, client: Any, path: str, content: bytes | None, *, stream: bool
    ) -> Any:
        """Build the same request with the user's own client, which may add to it."""
        headers = {**self._headers, "accept": "text/event-stream"} if stream else self._headers
        timeout = self.deadlines.timeout
        return client.build_request(
            "GET" if content is None else "POST",
            self.base_url + path,
            headers=headers,
            content=content,
            # A tuple, because the client may be of httpx's fork, which has a class of its own.
            timeout=(timeout.connect, timeout.read, timeout.write, timeout.pool),
        )

    def refusal(self, response: httpx.Response, content: bytes, model: str | None) -> ScalewayError:
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

    def reply(self, response: httpx.Response, content: bytes, model: str | None) -> Reply:
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
            raise self._reported(response, body, model)
        return Reply(body, self.headers_of(response))

    def _reported(
        self, response: httpx.Response, body: dict[str, Any], model: str | None
    ) -> ScalewayError:
        """Make the exception for an answer with a success status whose body is an error."""
        error = error_from_event(
            body, model=model, project_id=self.project_id, is_serverless=self.is_serverless
        )
        self._redaction_for(response).clean(error)
        return error

    def unreadable(
        self, response: httpx.Response, content: bytes, model: str | None, expected: str
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

    def headers_of(self, response: httpx.Response) -> dict[str, str]:
        """The answer's headers without cookies, names in lower case."""
        return {
            name.lower(): self._redaction.text(value)
            for name, value in response.headers.items()
            if name.lower() != "set-cookie"
        }

    def is_failure_to_read(self, error: Exception) -> bool:
        """Whether an exception says that the rest of an answer did not come, or not in time."""
        return isinstance(error, ScalewayTimeoutError) or self.translate(error, None) is not None

    def redact(self, error: BaseException) -> None:
        """Take the key out of an exception and its causes, in case the server has repeated it."""
        self._redaction.clean(error)

    def _redaction_for(self, response: httpx.Response) -> Redaction:
        """A redaction that also knows what the user's own client has sent, such as its `auth`."""
        try:
            sent = response.request.headers
        except RuntimeError:  # An answer of our own connections does not know its request.
            return self._redaction
        return Redaction(credentials_in({**self._headers, **sent}))

    def translated_errors(self, model: str | None) -> "_TranslatedErrors":
        """A context in which the transport's exceptions become ours."""
        return _TranslatedErrors(self, model)

    def translate(self, error: BaseException, model: str | None) -> ScalewayError | None:
        """Make our exception from one of the transport's; `None` for any other.

        Classes are recognised by name, because the user's client may come from httpx's fork.
        """
        names = {cls.__name__ for cls in type(error).__mro__}
        if "TimeoutException" in names:
            return self.deadlines.error_from(error, model)
        if "DecodingError" in names:
            message = (
                f"The answer for model {model!r} cannot be decompressed: {error}. Try again; if it "
                "persists, something between here and Scaleway damages it."
            )
            return ScalewayResponseError(message, model=model)
        if names & _CONNECTION_ERRORS:
            reason = shortened(str(error) or type(error).__name__)
            message = (
                f"The connection to {self.base_url} for model {model!r} failed: {reason} "
                "Check the address, the network and the proxy."
            )
            return ScalewayConnectionError(message, model=model)
        if "HTTPStatusError" in names:  # By a hook of the user's client
            refused: Any = error
            return self.refusal(refused.response, _content_read(refused.response), model)
        return None


def _content_read(response: httpx.Response) -> bytes:
    """The body of an answer as far as a hook has read it."""
    try:
        return response.content[:LONGEST_BODY]
    except RuntimeError:  # httpx's `ResponseNotRead`, or its fork's
        return b""


class _TranslatedErrors:
    """The context of `Endpoint.translated_errors`; a class, because every call goes through it."""

    __slots__ = ("_endpoint", "_model")

    def __init__(self, endpoint: Endpoint, model: str | None) -> None:
        self._endpoint = endpoint
        self._model = model

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
        self._endpoint.redact(error)
        if isinstance(error, ScalewayError):
            return
        translated = self._endpoint.translate(error, self._model)
        if translated is not None:
            holders: tuple[Any, ...] = (error, getattr(error, "response", None))
            for holder in holders:
                if getattr(holder, "_request", None) is not None:
                    holder._request = None  # noqa: SLF001 -- it holds the key
            try:
                raise translated from error
            finally:
                del translated  # Else this frame and the error would keep each other alive.


def _as_url(base_url: str) -> httpx.URL:
    try:
        return httpx.URL(base_url)
    except httpx.InvalidURL as error:
        raise ValueError(f"base_url cannot be used: {error}.") from None


def _headers(
    url: httpx.URL, api_key: SecretStr | None, more: Mapping[str, str] | None
) -> dict[str, str]:
    headers = {
        "host": url.netloc.decode("ascii"),
        "accept": "application/json",
        "accept-encoding": "gzip, deflate",
        "content-type": "application/json",
        "user-agent": f"langchain-scaleway/{__version__} httpx/{httpx.__version__}",
    }
    if api_key is not None:
        headers["authorization"] = f"Bearer {api_key.get_secret_value()}"
    return headers | {name.lower(): value for name, value in (more or {}).items()}


def _raw(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("ascii"), value.encode("utf-8")) for name, value in headers.items()]
