"""Where requests go and how: everything about a request that needs no I/O."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import SecretStr

from langchain_scaleway._version import __version__
from langchain_scaleway.client.encoding import encode
from langchain_scaleway.client.redaction import Redaction, credentials_in
from langchain_scaleway.client.retry import RetryPolicy
from langchain_scaleway.client.timeouts import DEFAULT_TIMEOUT, as_timeout
from langchain_scaleway.client.transport import (
    LIBRARY,
    Request,
    Response,
    Timeout,
    encode_form,
    host_of,
    new_request,
)
from langchain_scaleway.errors import ScalewayTimeoutError

TRICKLE = 5
"""For how many timeouts a stream may send nothing but comments and pieces of an event."""

_SAID = {
    "connect_timeout": "No connection to {url} within {seconds} s",
    "pool_timeout": "No free connection within {seconds} s",
    "write_timeout": "The request could not be sent within {seconds} s",
    "answer_timeout": "The answer did not come within {seconds} s",
    "first_event_timeout": "The stream's first event did not come within {seconds} s",
    "read_timeout": "The stream was silent for {seconds} s",
    "event_timeout": "No event of the stream came for {trickle} times {seconds} s",
    "stream_chunk_timeout": "The stream's next chunk did not come within {seconds} s",
}
"""What is said of each timeout. The names are the `type` of the error."""


@dataclass(slots=True)
class Call:
    """A request, as every attempt sends it.

    Error trackers show the variables of a failure, and a tuple's items one by one: so it is none.

    Attributes:
        headers: Names in lower case. They hold the key.
        content: The body.
        body: The JSON object that the body is, if it is one.
        model: The model that is asked, for error messages.
    """

    method: str
    url: str
    headers: dict[str, str] = field(repr=False)
    content: bytes = field(repr=False)
    body: Mapping[str, Any] | None = field(repr=False)
    model: str | None

    def request(self, timeout: Timeout) -> Request:
        """Make the request for our own connections."""
        return new_request(self.method, self.url, self.headers, self.content, timeout.as_dict())


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
        self.place: dict[str, Any] = {"project_id": project_id, "is_serverless": is_serverless}
        self.timeout = timeout or as_timeout(DEFAULT_TIMEOUT)
        self.stream_chunk_timeout = stream_chunk_timeout
        self.retry = retry or RetryPolicy()
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
        body: Mapping[str, Any] | None = None,
        *,
        method: str | None = None,
        model: str | None = None,
        stream: bool = False,
        files: Any = None,
    ) -> Call:
        """Write a request; see `RequestOptions`.

        Raises:
            ValueError: The body cannot be written as JSON.
        """
        headers = {**self._headers, "accept": "text/event-stream"} if stream else self._headers
        if files is not None:
            content, content_type = encode_form(body, files)
            headers, body = {**headers, "content-type": content_type}, None
        else:
            content = b"" if body is None else encode(body)
        method = method or ("POST" if content else "GET")
        return Call(method, self.base_url + path, headers, content, body, model)

    def redaction(self, response: Response | None = None) -> Redaction:
        """What knows the secrets of a request.

        Args:
            response: Its answer: the user's own client may have sent more, such as its `auth`.
        """
        try:
            sent = response.request.headers if response is not None else None
        except RuntimeError:  # An answer of our own connections does not know its request.
            sent = None
        return Redaction(credentials_in({**self._headers, **sent})) if sent else self._redaction

    def timed_out(self, kind: str, model: str | None) -> ScalewayTimeoutError:
        """Make the exception for a timeout that has passed.

        Args:
            kind: Which one, a key of `_SAID`; the error's `type`.
            model: The model that was asked.
        """
        own = {
            "connect_timeout": self.timeout.connect,
            "pool_timeout": self.timeout.pool,
            "write_timeout": self.timeout.write,
            "stream_chunk_timeout": self.stream_chunk_timeout,
        }
        seconds = own.get(kind, self.timeout.read)
        said = _SAID[kind].format(seconds=seconds, url=self.base_url, trickle=TRICKLE)
        field = kind if kind == "stream_chunk_timeout" else "timeout"
        advice = f"Raise `{field}`."
        if kind == "answer_timeout":
            advice = (
                "Raise `timeout`, or stream the answer: then it is the time between two pieces "
                "that counts."
            )
        return ScalewayTimeoutError(f"{said} (model {model!r}). {advice}", model=model, type=kind)
