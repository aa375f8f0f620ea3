"""`ClientFields`: what every public class shares, from the key to the client that is made of it."""

import copy
from collections.abc import Mapping
from typing import Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_serializer,
    field_validator,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from langchain_scaleway.arguments import check_arguments, checked_headers
from langchain_scaleway.client.connections import Connections
from langchain_scaleway.client.endpoint import Endpoint
from langchain_scaleway.client.http import ScalewayClient
from langchain_scaleway.client.retry import RetryPolicy
from langchain_scaleway.client.timeouts import DEFAULT_TIMEOUT, as_timeout
from langchain_scaleway.client.transport import Timeout
from langchain_scaleway.errors import ScalewayResponseError
from langchain_scaleway.settings import load_settings

_SHARED_BY_DEEP_COPIES = frozenset(
    {"http_client", "http_async_client", "cache", "rate_limiter", "callbacks", "on_usage"}
)
"""Fields whose objects hold locks or sockets, which cannot be copied, or count for somebody."""

_MAKE_THE_CLIENT = (
    *("api_key", "project_id", "base_url", "timeout", "max_retries", "default_headers"),
    *("http_client", "http_async_client"),
    *("stream_chunk_timeout", "rate_limiter"),  # of chat models
)


# No objects are made of this class itself, so pydantic need not build a validator for it.
class ClientFields(BaseModel, defer_build=True):  # noqa: PLW1641 -- mutable, as pydantic's are
    """How a LangChain component reaches Scaleway.

    The constructor completes key, project and address, checks everything and opens nothing. The
    client is built with the first request, and again after one of its fields has changed.

    Copies (`bind`, `with_config`, `model_copy`) share their connections. Pickles carry no
    connections, and no key that came from the environment or the config file: it is looked up
    again where the pickle is used.
    """

    api_key: SecretStr | str | None = Field(default=None, repr=False)
    """The secret key of an IAM API key. Unset: `SCW_SECRET_KEY`, then `SCALEWAY_API_KEY`, then
    the profile of Scaleway's config file. Optional with a `base_url`. A plain string is wrapped,
    so that it is not shown."""

    project_id: str | None = None
    """The project whose rights and usage count. Unset: `SCW_DEFAULT_PROJECT_ID`, then the
    config file, then the key's default project."""

    base_url: str | None = None
    """The address of a dedicated deployment or any vLLM, up to and including `/v1`. Unset:
    `SCALEWAY_BASE_URL`, then the serverless API. No project is added to it, unless it is
    `https://api.scaleway.ai/v1`."""

    timeout: float | Timeout | None = DEFAULT_TIMEOUT
    """Seconds for a whole plain answer, or between two pieces of a stream; or an
    `httpx.Timeout`; `None` for no limit. By default an answer may take 330 seconds, and
    connecting 5."""

    max_retries: int = Field(default=2, ge=0)
    """How often a failed request is tried again, see the page "Reliability"; 0 is never."""

    default_headers: Mapping[str, SecretStr | str] | None = Field(
        default=None, repr=False, exclude=True
    )
    """Headers to send with every request; they win over those that this package sends. Values
    become `SecretStr`, since they may be credentials."""

    http_client: Any = Field(default=None, repr=False, exclude=True)
    """An `httpx.Client` (or one like it) for synchronous calls: proxies, certificates, limits.
    It is yours to close."""

    http_async_client: Any = Field(default=None, repr=False, exclude=True)
    """The same for asynchronous calls: an `httpx.AsyncClient`, which belongs to one event loop."""

    model_config = ConfigDict(arbitrary_types_allowed=True, hide_input_in_errors=True)

    _connections: Connections = PrivateAttr(default_factory=Connections)
    _is_complete: bool = PrivateAttr(default=False)
    _built_client: tuple[ScalewayClient, tuple[Any, ...]] | None = PrivateAttr(default=None)
    """The client, and the values of the fields that it was built from."""

    # Construction

    @model_validator(mode="before")
    @classmethod
    def _check_arguments(cls, values: Any) -> Any:
        if isinstance(values, dict):
            check_arguments(values, cls.model_fields, cls.__name__)
        return values

    @field_validator("api_key")
    @classmethod
    def _wrap_key(cls, key: SecretStr | str | None) -> SecretStr | None:
        return SecretStr(key) if isinstance(key, str) else key

    @field_validator("timeout", mode="before")
    @classmethod
    def _check_timeout(cls, timeout: Any) -> Any:
        checked = as_timeout(timeout)
        return timeout if timeout is None or isinstance(timeout, (int, float)) else checked

    @field_validator("default_headers")
    @classmethod
    def _wrap_headers(
        cls, headers: Mapping[str, SecretStr | str] | None
    ) -> dict[str, SecretStr] | None:
        return None if headers is None else checked_headers(headers)

    @field_validator("http_client", "http_async_client")
    @classmethod
    def _check_http_client(cls, client: Any, info: ValidationInfo) -> Any:
        is_async = hasattr(client, "aclose")
        if client is not None and is_async != (info.field_name == "http_async_client"):
            kind, field = ("an a", "http_async_client") if is_async else ("a ", "http_client")
            raise ValueError(f"It is {kind}synchronous client: give it as `{field}`.")
        return client

    @model_validator(mode="after")
    def _complete_fields(self) -> Self:
        if not self._is_complete:
            if self.api_key is None:
                self.model_fields_set.discard("api_key")
            self._complete()
        return self

    def _complete(self) -> None:
        """Look up what was not given. It does not count as given, because pickles leave it out."""
        found = load_settings(self.api_key, self.project_id, self.base_url)
        for name in ("api_key", "project_id", "base_url"):
            self.__dict__[name] = getattr(found, name)
        self._is_complete = True

    @model_validator(mode="wrap")
    @classmethod
    def _hide_arguments(cls, values: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Keep values out of errors, since any argument may hold a key, whatever its name."""
        try:
            return handler(values)
        except ValidationError as error:
            details = [
                InitErrorDetails(
                    # Without a context pydantic fills in no template: braces stay as they are.
                    type=PydanticCustomError(detail["type"], detail["msg"]),
                    loc=detail["loc"],
                    input="(not shown)",
                )
                for detail in error.errors(include_input=False)
            ]
            raise ValidationError.from_exception_data(error.title, details) from None

    @field_serializer("api_key")
    def _hide_key(self, key: SecretStr | str | None) -> SecretStr | None:
        return SecretStr(key) if isinstance(key, str) else key  # One that was assigned is plain.

    # Requests

    def _client(self) -> ScalewayClient:
        """The client for the fields as they are now."""
        built = self._built_client
        if built is None and not self._is_complete:
            self._complete()  # A pickle's key is looked up where it is used.
        fields = tuple(map(self.__dict__.get, _MAKE_THE_CLIENT))
        if built is None or built[1] != fields:
            built = self._built_client = self._build_client(), fields
        return built[0]

    def _client_for(self, arguments: dict[str, Any]) -> ScalewayClient:
        """The client for one call, whose own timeout and headers it takes out of the arguments.

        Args:
            arguments: The call's arguments; `timeout` and `extra_headers` are removed.
        """
        own = {"timeout": arguments.pop("timeout")} if "timeout" in arguments else {}
        if extra_headers := arguments.pop("extra_headers", None):
            own["default_headers"] = {
                **(self.default_headers or {}),
                **checked_headers(extra_headers),
            }
        model = self.model_copy(update=own) if own else self
        return model._client()  # noqa: SLF001 -- a copy's of this very class

    def _build_client(self) -> ScalewayClient:
        settings = load_settings(self.api_key, self.project_id, self.base_url, look_up=False)
        retry = RetryPolicy(self.max_retries)
        gate = None
        # A `ScalewayRateLimiter`, known by its method: importing it would slow every start.
        if make_gate := getattr(getattr(self, "rate_limiter", None), "gate", None):
            gate = make_gate(settings.url, settings.api_key, as_timeout(self.timeout).read)
            retry = retry._replace(first_quota_wait=0.0)  # The limiter makes everybody wait.
        endpoint = Endpoint(
            settings.url,
            api_key=settings.api_key,
            project_id=settings.project_in_url,
            is_serverless=settings.is_serverless,
            timeout=as_timeout(self.timeout),
            stream_chunk_timeout=getattr(self, "stream_chunk_timeout", None),
            headers={
                name: value.get_secret_value()
                for name, value in checked_headers(self.default_headers or {}).items()
            },
            retry=retry,
        )
        return ScalewayClient(
            endpoint, self._connections, self.http_client, self.http_async_client, gate
        )

    def list_models(self) -> list[str]:
        """The ids of the models that the key can use now.

        Raises:
            ScalewayError: The service refused or failed.
        """
        return _model_ids(self._client().request("/models").body)

    async def alist_models(self) -> list[str]:
        """`list_models` for asynchronous programs."""
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
        """Use the model in an `async with` statement, which closes its connections."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connections."""
        await self.aclose()

    # Copies

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Copy as pydantic does, without what was derived from fields that the update changes."""
        copied = super().model_copy(update=update, deep=deep)
        if update:
            for derived in copied.__dict__.keys() - type(self).model_fields.keys():
                del copied.__dict__[derived]
        return copied

    def __eq__(self, other: object) -> bool:
        """Whether the fields are the same; connections, and what was looked up, do not count."""
        if type(self) is not type(other):
            return NotImplemented
        return all(getattr(self, f) == getattr(other, f) for f in type(self).model_fields)

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """Copy everything but the objects that cannot be copied, which are shared."""
        shared = [getattr(self, name, None) for name in _SHARED_BY_DEEP_COPIES]
        known = {id(value): value for value in shared} | {id(self._built_client): None}
        return super().__deepcopy__((memo or {}) | known)

    def __getstate__(self) -> dict[Any, Any]:
        """Leave out clients, and a key that came from the environment or the config file."""
        bare = copy.copy(self)
        bare.__dict__.update(http_client=None, http_async_client=None)
        if "api_key" not in self.model_fields_set:
            bare.__dict__["api_key"] = None
        bare._is_complete, bare._built_client = False, None  # noqa: SLF001 -- a copy's of this very class
        return super(ClientFields, bare).__getstate__()


def _model_ids(body: dict[str, Any]) -> list[str]:
    try:
        return sorted(str(model["id"]) for model in body["data"])
    except (KeyError, TypeError) as error:
        raise ScalewayResponseError(
            "The answer to `GET /models` holds no list of models; is `base_url` right?", body=body
        ) from error
