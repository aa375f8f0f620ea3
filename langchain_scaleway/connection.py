"""How a LangChain component reaches Scaleway: the fields for it, and the client behind them."""

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from langchain_scaleway.arguments import check_names, check_values
from langchain_scaleway.client.connections import Connections
from langchain_scaleway.client.deadlines import DEFAULT_TIMEOUT, Timeout, as_timeout
from langchain_scaleway.client.endpoint import Endpoint
from langchain_scaleway.client.http import ScalewayClient
from langchain_scaleway.client.retry import RetryPolicy
from langchain_scaleway.errors import ScalewayResponseError
from langchain_scaleway.settings import Settings, load_settings

_SHARED_BY_COPIES = ("http_client", "http_async_client", "cache", "rate_limiter", "callbacks")
"""Fields whose objects are shared by deep copies, too: they hold locks or sockets."""

_HEADER_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
"""RFC 9110's "token". Without this check any other name would fail with the first request."""

_KEPT_BY_CORE = "_serialized"
"""The attribute in which LangChain caches a model's description for traces. It never updates it, so
it is removed when a field changes."""


class _BuiltClient(NamedTuple):
    """A client, and the values of the fields that it was built from."""

    client: ScalewayClient
    fields: tuple[Any, ...]

    def __deepcopy__(self, _memo: dict[int, Any]) -> None:
        """Leave it out of deep copies; they build their own."""

    def __repr__(self) -> str:
        """Show no values: headers may be credentials."""
        return f"{type(self).__name__}(…)"


class _FoundSettings(NamedTuple):
    """Settings, and the values of the fields that they were looked up for."""

    settings: Settings
    fields: tuple[Any, ...]


class _HiddenHeaders(Mapping[str, str]):
    """Headers whose values are not shown, since they may be credentials."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = dict(headers)

    def __getitem__(self, name: str) -> str:
        return self._headers[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._headers)

    def __len__(self) -> int:
        return len(self._headers)

    def __repr__(self) -> str:
        return repr(dict.fromkeys(self._headers, "**********"))


# No objects are made of this class itself, so pydantic need not build a validator for it.
class ScalewayConnection(BaseModel, defer_build=True):  # noqa: PLW1641 -- mutable, as pydantic's are
    """The part of a LangChain component that knows key, address and timeouts.

    Copies (`bind`, `with_config`, `model_copy`) share their connections. Pickles carry no
    connections. Nor do they carry a key that came from the environment or the config file: it is
    looked up again where the pickle is read.
    """

    api_key: SecretStr | str | None = None
    """The secret key of an IAM API key. Unset: `SCW_SECRET_KEY`, then `SCALEWAY_API_KEY`, then
    the profile of Scaleway's config file. Optional with a `base_url`. A plain string is wrapped,
    so that it is not shown."""

    project_id: str | None = None
    """The project whose rights and usage count. Unset: `SCW_DEFAULT_PROJECT_ID`, then the
    config file, then the key's default project."""

    base_url: str | None = None
    """The address of a dedicated deployment or any vLLM, up to and including `/v1`. No project is
    added to it, unless it is `https://api.scaleway.ai/v1`."""

    timeout: float | Timeout | None = DEFAULT_TIMEOUT
    """Seconds for a whole plain answer, or between two pieces of a stream; or an
    `httpx.Timeout`; `None` for no limit. By default an answer may take 330 seconds, and
    connecting 5."""

    max_retries: int = Field(default=2, ge=0)
    """How often a failed request is tried again, see the page "Reliability"; 0 is never."""

    default_headers: Mapping[str, str] | None = Field(default=None, repr=False, exclude=True)
    """Headers to send with every request; they win over those that this package sends."""

    http_client: Any = Field(default=None, repr=False, exclude=True)
    """An `httpx.Client` (or one like it) for synchronous calls: proxies, certificates, limits.
    It is yours to close."""

    http_async_client: Any = Field(default=None, repr=False, exclude=True)
    """The same for asynchronous calls: an `httpx.AsyncClient`, which belongs to one event loop."""

    model_config = ConfigDict(arbitrary_types_allowed=True, hide_input_in_errors=True)

    _connections: Connections = PrivateAttr(default_factory=Connections)
    _found_settings: _FoundSettings | None = PrivateAttr(None)
    _built_client: _BuiltClient | None = PrivateAttr(None)

    @model_validator(mode="before")
    @classmethod
    def _check_arguments(cls, values: Any) -> Any:
        if isinstance(values, dict):
            if "api_key" in values:
                values = {**values, "api_key": _as_secret(values["api_key"])}
            check_names(values, cls.model_fields)
            check_values(values)
        return values

    @field_validator("timeout", mode="before")
    @classmethod
    def _check_timeout(cls, timeout: Any) -> Any:
        checked = as_timeout(timeout)
        return timeout if timeout is None or isinstance(timeout, (int, float)) else checked

    @field_validator("default_headers")
    @classmethod
    def _check_default_headers(cls, headers: Mapping[str, str] | None) -> Mapping[str, str] | None:
        for name, value in (headers or {}).items():
            if not re.fullmatch(_HEADER_NAME, name):
                raise ValueError(f"{name!r} is not a valid header name: use letters, digits, `-`.")
            # Line breaks would let a value add headers of its own.
            if not value.isprintable() or value != value.strip():
                raise ValueError(
                    f"The header {name!r} holds a line break or another control character, or "
                    "spaces around its value."
                )
        return headers

    @field_validator("http_client")
    @classmethod
    def _check_http_client(cls, client: Any) -> Any:
        if hasattr(client, "aclose") and not hasattr(client, "close"):
            raise ValueError("It is an asynchronous client: give it as `http_async_client`.")
        return client

    @field_validator("http_async_client")
    @classmethod
    def _check_http_async_client(cls, client: Any) -> Any:
        if hasattr(client, "close") and not hasattr(client, "aclose"):
            raise ValueError("It is a synchronous client: give it as `http_client`.")
        return client

    @model_validator(mode="after")
    def _complete_settings(self) -> Self:
        """Look up what was not given. It does not count as given, because pickles leave it out."""
        if self.api_key is None:
            self.model_fields_set.discard("api_key")
        settings = self._settings()
        self.__dict__["api_key"] = settings.api_key
        self.__dict__["project_id"] = settings.project_id
        self.__dict__["default_headers"] = _hidden("default_headers", self.default_headers)
        self._found_settings = _FoundSettings(settings, self._given_settings())
        return self

    @model_validator(mode="wrap")
    @classmethod
    def _hide_arguments(cls, values: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Keep values out of errors, since any argument may hold a key, whatever its name."""
        try:
            return handler(values)
        except ValidationError as error:
            details = [_without_input(detail) for detail in error.errors(include_input=False)]
            raise ValidationError.from_exception_data(error.title, details) from None

    def _given_settings(self) -> tuple[Any, ...]:
        return self.api_key, self.project_id, self.base_url

    def _settings(self) -> Settings:
        """The settings for the fields as they are now.

        They are looked up again only when a field has changed, because that may read the config
        file, and reading from a disk blocks the event loop.
        """
        found = self._found_settings
        if found is None or found.fields != self._given_settings():
            settings = load_settings(
                api_key=_as_secret(self.api_key),
                project_id=self.project_id,
                base_url=self.base_url,
            )
            found = self._found_settings = _FoundSettings(settings, self._given_settings())
        return found.settings

    def _client(self) -> ScalewayClient:
        """The client for the fields as they are now; changed fields make another."""
        limiter = getattr(self, "rate_limiter", None)  # A field of LangChain's chat models.
        fields = (
            self.api_key,
            self.project_id,
            self.base_url,
            self.timeout,
            self.max_retries,
            self.default_headers,
            self.http_client,
            self.http_async_client,
            limiter,
        )
        built = self._built_client
        if built is not None and built.fields == fields:
            return built.client
        settings = self._settings()
        retry = RetryPolicy(self.max_retries)
        pacer = None
        # A `ScalewayRateLimiter`, known by its method: importing it would slow every start.
        if (make_pacer := getattr(limiter, "pacer", None)) is not None:
            pacer = make_pacer(settings.base_url, settings.api_key)
            retry = retry._replace(first_quota_wait=0.0)  # The pacer makes everybody wait.
        endpoint = Endpoint(
            settings.base_url,
            api_key=settings.api_key,
            project_id=settings.project_in_url,
            is_serverless=settings.is_serverless,
            timeout=as_timeout(self.timeout),
            headers=self.default_headers,
            retry=retry,
        )
        client = ScalewayClient(
            endpoint, self._connections, self.http_client, self.http_async_client, pacer
        )
        self._built_client = _BuiltClient(client, fields)
        return client

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Copy as pydantic does; what depends on the updated fields changes with them."""
        copied = super().model_copy(update=self._completed(update or {}), deep=deep)
        copied.__dict__.pop(_KEPT_BY_CORE, None)
        return copied

    if not TYPE_CHECKING:  # Otherwise type checkers would accept any attribute.

        def __setattr__(self, name: str, value: Any) -> None:
            """Set a field; what depends on it changes with it."""
            for field, changed in self._completed({name: value}).items():
                super().__setattr__(field, changed)
            self.__dict__.pop(_KEPT_BY_CORE, None)

    def __eq__(self, other: object) -> bool:
        """Whether the fields are the same; connections, and what was looked up, do not count."""
        if not isinstance(other, ScalewayConnection) or type(self) is not type(other):
            return NotImplemented
        fields, others = self.__dict__, other.__dict__
        return all(fields[name] == others[name] for name in type(self).model_fields)

    def _completed(self, changes: Mapping[str, Any]) -> Mapping[str, Any]:
        """Changes of fields, with what else changes then; credentials are hidden."""
        return {name: _hidden(name, value) for name, value in changes.items()}

    def list_models(self) -> list[str]:
        """The ids of the models that the key can use now.

        Raises:
            ScalewayError: The service refused or failed.
        """
        return _model_ids(self._client().request("/models").body)

    async def alist_models(self) -> list[str]:
        """Do what `list_models` does, asynchronously."""
        return _model_ids((await self._client().arequest("/models")).body)

    def close(self) -> None:
        """Close the connections for synchronous calls, of this model and its copies."""
        self._connections.close()

    async def aclose(self) -> None:
        """Close the same, and the connections of the running event loop."""
        await self._connections.aclose()

    def __enter__(self) -> Self:
        """Use the model in a `with` statement, which closes its connections."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self.close()

    async def __aenter__(self) -> Self:
        """Use the model in an `async with` statement."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connections."""
        await self.aclose()

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """Copy everything but the objects that cannot be copied, which are shared."""
        memo = {} if memo is None else memo
        for name in _SHARED_BY_COPIES:
            shared = getattr(self, name, None)
            memo[id(shared)] = shared
        return super().__deepcopy__(memo)

    def __getstate__(self) -> dict[Any, Any]:
        """Leave out clients, and a key that came from the environment or the config file."""
        state = super().__getstate__()
        fields = {**state["__dict__"], "http_client": None, "http_async_client": None}
        if "api_key" not in self.model_fields_set:
            fields["api_key"] = None
        private = {
            **state["__pydantic_private__"],
            "_built_client": None,
            "_found_settings": None,
        }
        return {**state, "__dict__": fields, "__pydantic_private__": private}


def _hidden(field: str, value: Any) -> Any:
    """A field's value, in a form that is not shown if it may be a credential."""
    if field == "api_key":
        return _as_secret(value)
    if field == "default_headers" and isinstance(value, Mapping):
        return _HiddenHeaders(value)
    return value


def _as_secret(key: Any) -> Any:
    return SecretStr(key) if isinstance(key, str) else key


def _without_input(detail: Any) -> InitErrorDetails:
    """One of pydantic's errors, without the value that it is about."""
    # Without a context pydantic fills in no template, so braces in the message stay as they are.
    message = PydanticCustomError(detail["type"], detail["msg"])
    return InitErrorDetails(type=message, loc=detail["loc"], input="(not shown)")


def _model_ids(body: dict[str, Any]) -> list[str]:
    try:
        return sorted(str(model["id"]) for model in body["data"])
    except (KeyError, TypeError) as error:
        raise ScalewayResponseError(
            "The answer to `GET /models` holds no list of models; is `base_url` right?", body=body
        ) from error
