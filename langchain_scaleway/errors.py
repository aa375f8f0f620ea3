"""Every exception a user of this package may catch.

Each one is a `ScalewayError` and one of LangChain's `ModelError` family, so that retry,
fallback and summarization middleware understand it:

    ScalewayError
    ├── ScalewayConnectionError             no answer: name, network, TLS
    │   └── ScalewayStreamInterruptedError  a stream was cut: `partial_text`
    ├── ScalewayTimeoutError                no answer in time; 408
    ├── ScalewayInvalidRequestError         400, 413, 416, 422 and other 4xx
    │   └── ScalewayContextOverflowError    prompt and output are too long
    ├── ScalewayAuthenticationError         401
    ├── ScalewayPermissionDeniedError       403
    ├── ScalewayModelNotFoundError          404, and 422 for an unknown model
    ├── ScalewayRateLimitError              429
    ├── ScalewayAPIError                    5xx, 409, 425
    │   └── ScalewayResponseError           a reply that cannot be read
    └── ScalewayTruncatedOutputError        `max_tokens` cut an object off
"""

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

from langchain_core.exceptions import (
    ContextOverflowError,
    ModelAPIError,
    ModelAuthenticationError,
    ModelConnectionError,
    ModelError,
    ModelInvalidRequestError,
    ModelNotFoundError,
    ModelPermissionDeniedError,
    ModelRateLimitError,
    ModelTimeoutError,
    OutputParserException,
)

DOCUMENTATION_URL = "https://langchain-scaleway.github.io/langchain-scaleway"
"""Where the pages are that messages point to."""


class ErrorResponse(NamedTuple):
    """The HTTP answer behind an error, without the request and its key.

    LangChain's tracers read these names from an exception's `response`.

    Attributes:
        status_code: The HTTP status.
        headers: The answer's headers, names in lower case.
        text: The body, at most the first 64 KiB of it.
    """

    status_code: int
    headers: Mapping[str, str] = {}
    text: str = ""

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            ValueError: The body is not JSON.
        """
        return json.loads(self.text)


class ScalewayError(ModelError):
    """Base of all errors of this package.

    Attributes:
        message: What happened and what to do next, for people.
        status_code: The HTTP status, `None` where no answer came.
        code: The error's code as the service gave it: a number or a word.
        type: The error's type as the service gave it. A timeout's says which one has passed:
            `connect_timeout`, `pool_timeout`, `write_timeout`, `answer_timeout`,
            `first_event_timeout`, `read_timeout`, `event_timeout` or `stream_chunk_timeout`.
        param: The request field that the service complains about.
        model: The model that was asked.
        request_id: The answer's `x-request-id` header. Scaleway documents none; a gateway
            or another vLLM host may send one.
        body: The answer's body, parsed where it is JSON.
        response: The answer itself.
        partial_text: The text of a streamed answer that had come before it failed.
        partial_reasoning: The same for its reasoning.
    """

    message: str
    status_code: int | None
    code: str | int | None
    type: str | None
    param: str | None
    model: str | None
    body: Any
    response: ErrorResponse | None
    partial_text: str = ""
    partial_reasoning: str = ""

    def __init__(
        self,
        message: str,
        *,
        status_code: int | None = None,
        code: str | int | None = None,
        type: str | None = None,  # noqa: A002 -- the service's own name for it
        param: str | None = None,
        model: str | None = None,
        body: Any = None,
        response: ErrorResponse | None = None,
    ) -> None:
        super().__init__(message)
        self.args = (message,)  # `OutputParserException` adds a link of its own.
        self.message = message
        self.status_code = status_code
        self.code = code
        self.type = type
        self.param = param
        self.model = model
        self.body = body
        self.response = response

    @property
    def request_id(self) -> str | None:
        """The answer's `x-request-id` header, if there was one."""
        return self.response.headers.get("x-request-id") if self.response else None

    @property
    def retry_after(self) -> float | None:
        """The seconds that the answer asks to wait, `None` where it does not say.

        Scaleway's own refusals do not. Gateways do with `retry-after-ms` or `retry-after`, the
        latter in seconds or as a date.
        """
        headers = self.response.headers if self.response else {}
        if (milliseconds := _seconds(headers.get("retry-after-ms"))) is not None:
            return milliseconds / 1000
        if (seconds := _seconds(headers.get("retry-after"))) is not None:
            return seconds
        try:
            date = parsedate_to_datetime(headers.get("retry-after", ""))
            return max(0.0, (date - datetime.now(UTC)).total_seconds())
        except (ValueError, TypeError, OverflowError):  # No date, or one without a time zone.
            return None


class ScalewayConnectionError(ScalewayError, ModelConnectionError):
    """The service could not be reached, or the connection broke."""


class ScalewayStreamInterruptedError(ScalewayConnectionError):
    """A stream broke or ended before the model had finished; see `partial_text`."""


class ScalewayTimeoutError(ScalewayError, ModelTimeoutError):
    """No answer, or no next piece of it, came in time."""


class ScalewayInvalidRequestError(ScalewayError, ModelInvalidRequestError):
    """The service refuses the request as it is."""


class ScalewayContextOverflowError(ScalewayInvalidRequestError, ContextOverflowError):
    """Prompt and requested output do not fit the model's context window."""


class ScalewayAuthenticationError(ScalewayError, ModelAuthenticationError):
    """The key is missing or was not accepted."""


class ScalewayPermissionDeniedError(ScalewayError, ModelPermissionDeniedError):
    """The key has no right to do this on this project."""


class ScalewayModelNotFoundError(ScalewayError, ModelNotFoundError):
    """The service does not know the model, or does not serve it here."""


class ScalewayRateLimitError(ScalewayError, ModelRateLimitError):
    """A quota is used up: requests or tokens per minute, or requests at once."""


class ScalewayAPIError(ScalewayError, ModelAPIError):
    """The service failed."""


class ScalewayResponseError(ScalewayAPIError):
    """The service answered with something that is not a chat completion."""


class ScalewayWarning(UserWarning):
    """Something about a model that is likely to surprise."""


class ScalewayTruncatedOutputError(ScalewayError, OutputParserException):
    """Structured output was cut off by the limit on output tokens.

    It is an `OutputParserException` too, so code that catches parsing errors, and
    `include_raw=True`, treat it as one.
    """


def _seconds(named: str | None) -> float | None:
    try:
        number = float(named or "")
    except ValueError:
        return None
    return number if 0 <= number < math.inf else None
