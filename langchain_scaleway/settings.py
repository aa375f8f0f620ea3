"""Where the key, the project and the base URL come from: argument > environment > config file."""

import os
import re
import uuid
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from pydantic import SecretStr

from langchain_scaleway.scw_config import config_path, load_profile

SERVERLESS_HOST = "api.scaleway.ai"
"""Host of Scaleway's serverless Generative APIs (docs: using-generative-apis, 2025-09-03)."""

_MANAGEMENT_HOST = "api.scaleway.com"
"""Host of the API that manages Scaleway's products (Scaleway's SDKs, `SCW_API_URL`)."""

_BARE_URL = f"https://{SERVERLESS_HOST}/v1"

_ACCESS_KEY = r"SCW[A-Z0-9]{17}"
"""The pattern of an access key: the half of an IAM API key that is not secret, and of no use here
(Scaleway's Go SDK, `validation.IsAccessKey`)."""

_LONGEST_LABEL = 63
"""Characters between two dots of a host name (RFC 1035)."""

API_KEY_VARIABLES = ("SCW_SECRET_KEY", "SCALEWAY_API_KEY")
"""Environment variables that may hold the key: Scaleway's own name, then the one customary in
LangChain."""

PROJECT_ID_VARIABLE = "SCW_DEFAULT_PROJECT_ID"
"""Environment variable of Scaleway's SDKs, CLI and Terraform provider for the project."""


class Settings(NamedTuple):
    """What a client needs to reach the service.

    Attributes:
        api_key: The IAM secret key; `None` sends no `Authorization` header.
        project_id: The project that requests are counted and billed to, if it is known.
        base_url: The URL that paths such as `/chat/completions` are appended to; without a
            slash at its end.
    """

    api_key: SecretStr | None
    project_id: str | None
    base_url: str

    @property
    def is_serverless(self) -> bool:
        """Whether requests go to the serverless API, and not to a deployment or another vLLM."""
        return urlsplit(self.base_url).hostname == SERVERLESS_HOST

    @property
    def project_in_url(self) -> str | None:
        """The project in the URL of the serverless API, even if it came with `base_url`."""
        path = urlsplit(self.base_url).path
        first = path.split("/")[1] if path else ""
        return first if self.is_serverless and _is_uuid(first) else None


def load_settings(
    *, api_key: SecretStr | None, project_id: str | None, base_url: str | None
) -> Settings:
    """Complete the given arguments from the environment and Scaleway's config file.

    The key is the argument, else `SCW_SECRET_KEY`, else `SCALEWAY_API_KEY`, else `secret_key` in
    the config file. The project is the argument, else `SCW_DEFAULT_PROJECT_ID`, else
    `default_project_id` in the config file. Empty environment variables count as unset.

    Without a base URL, the serverless API is used. If a project is known, it goes into the URL: a
    key without rights on its default project gets 403 on the bare URL (docs:
    fixing-common-issues, about 2026-09). If the serverless API's bare URL is given together with
    a project as an argument, the project goes into it, too. With any other base URL (a dedicated
    deployment, any vLLM), no project is looked up, because there is no use for one, and the key
    is optional, because an endpoint can have its authentication switched off. Scaleway's
    `SCW_API_URL` is never read: it names the management API.

    The config file is read only if something is still missing after the environment. That is one
    small blocking read, and its result is not cached.

    Args:
        api_key: The key, if the caller names one.
        project_id: The project's UUID, if the caller names one.
        base_url: The API's URL up to and including `/v1`, if the caller names one.

    Returns:
        The settings, checked.

    Raises:
        ValueError: A value is missing or malformed. The message never contains a key or a URL.

    Example:
        ```python
        settings = load_settings(
            api_key=SecretStr("my-key"),
            project_id="11111111-2222-3333-4444-555555555555",
            base_url=None,
        )
        settings.base_url
        # 'https://api.scaleway.ai/11111111-2222-3333-4444-555555555555/v1'
        ```
    """
    if base_url is not None:
        base_url = _checked_base_url(base_url)
    from_file = _FileOnDemand()
    key = _find_api_key(api_key, from_file)
    project = _find_project_id(project_id, from_file if base_url is None else None)
    if base_url is None or (project and base_url.lower() == _BARE_URL):
        base_url = f"https://{SERVERLESS_HOST}/{project}/v1" if project else _BARE_URL
    if key is None and urlsplit(base_url).hostname == SERVERLESS_HOST:
        raise ValueError(
            "No Scaleway API key was found. Pass api_key=…, or set the environment variable "
            f"{API_KEY_VARIABLES[0]} (or {API_KEY_VARIABLES[1]}), or run `scw init`, which writes "
            f"secret_key to Scaleway's config file ({config_path()}). The key is the secret key "
            "of an IAM API key: https://console.scaleway.com/iam/api-keys"
        )
    return Settings(api_key=key, project_id=project, base_url=base_url)


class _FileOnDemand:
    """Values from Scaleway's config file, which is opened when the first one is asked for."""

    def __init__(self) -> None:
        self._values: dict[str, Any] | None = None

    def text(self, name: str) -> tuple[str, str] | None:
        """The value of `name` without surrounding whitespace, and its place for messages."""
        path = config_path()
        if self._values is None:
            self._values = load_profile(path)
        value = self._values.get(name)
        if value is None:
            return None
        source = f"{name} in Scaleway's config file {path}"
        if not isinstance(value, str):
            raise ValueError(f"{source} must be text.")  # noqa: TRY004 -- a value in a file is wrong
        return (value.strip(), source) if value.strip() else None


def _from_environment(variable: str) -> tuple[str, str] | None:
    """The variable's value without surrounding whitespace, and its name for messages."""
    value = os.environ.get(variable, "").strip()
    return (value, f"The environment variable {variable}") if value else None


def _find_api_key(argument: SecretStr | None, from_file: _FileOnDemand) -> SecretStr | None:
    """The key from the first place that has one, checked."""
    if argument is not None:
        found: tuple[str, str] | None = argument.get_secret_value(), "api_key"
    else:
        found = (
            _from_environment(API_KEY_VARIABLES[0])
            or _from_environment(API_KEY_VARIABLES[1])
            or from_file.text("secret_key")
        )
    return SecretStr(_checked_api_key(*found)) if found else None


def _find_project_id(argument: str | None, from_file: _FileOnDemand | None) -> str | None:
    """The project from the first place that has one, checked; without a file, the argument's."""
    if argument is not None:
        return _checked_project_id(argument, "project_id")
    if from_file is None:
        return None
    found = _from_environment(PROJECT_ID_VARIABLE) or from_file.text("default_project_id")
    return _checked_project_id(*found) if found else None


def _checked_api_key(key: str, source: str) -> str:
    """The key, if it is a secret one and an HTTP header can carry it."""
    if not key.strip():
        raise ValueError(f"{source} is empty.")
    # Line breaks would let a key add headers of its own; the rest is a copying mistake.
    if not (key.isascii() and key.isprintable() and " " not in key):
        raise ValueError(
            f"{source} holds a character that no key contains: a space, a line break, a control "
            "character or one outside ASCII."
        )
    if re.fullmatch(_ACCESS_KEY, key):
        raise ValueError(
            f"{source} holds an access key (SCW…); what is needed is the secret key that belongs "
            "to it. The console shows that once, when an API key is made: "
            "https://console.scaleway.com/iam/api-keys"
        )
    return key


def _checked_project_id(project_id: str, source: str) -> str:
    """The project, if it is a UUID in its usual form, as all of Scaleway's project IDs are."""
    if not _is_uuid(project_id):
        raise ValueError(
            f"{source} must be a project ID such as 11111111-2222-3333-4444-555555555555, not "
            f"{project_id!r}. The console shows it: https://console.scaleway.com/project/settings"
        )
    return project_id.lower()


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False


def _checked_base_url(base_url: str) -> str:
    """The URL without slashes at its end, if paths can be appended to it."""
    if problem := _base_url_problem(base_url):
        # The URL is not repeated: a user name or a query may hold a secret.
        raise ValueError(
            f"base_url cannot be used: {problem}. It must look like https://api.scaleway.ai/v1, "
            "https://<deployment>.ifr.fr-par.scaleway.com/v1 or http://localhost:8000/v1."
        )
    return base_url.rstrip("/")


def _can_be_looked_up(host: str) -> bool:
    """Whether every label of a host name has a length that the resolver accepts."""
    labels = host.removesuffix(".").split(".")
    return all(1 <= len(label) <= _LONGEST_LABEL for label in labels)


def _base_url_problem(url: str) -> str | None:
    """What is wrong with the URL, if something is."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises for a port that is not a number
    except ValueError:
        return "it is not a URL"
    checks = (
        (not url, "it is empty"),
        # urlsplit() drops line breaks and leading spaces silently: look at the text itself.
        (not url.isprintable() or " " in url, "it holds a space or a line break"),
        (parts.scheme not in {"http", "https"}, "it does not begin with http:// or https://"),
        (not parts.hostname, "it has no host"),
        (not _can_be_looked_up(parts.hostname or ""), "its host is not a valid host name"),
        (
            parts.hostname == _MANAGEMENT_HOST,
            f"{_MANAGEMENT_HOST} manages Scaleway's products; models answer at {SERVERLESS_HOST}",
        ),
        ("@" in parts.netloc, "it contains a user name or password"),
        ("?" in url, "it has a query (?…)"),
        ("#" in url, "it has a fragment (#…)"),
        (
            parts.path.rstrip("/").endswith("/chat/completions"),
            "/chat/completions is added to it and must be left out",
        ),
    )
    return next((reason for is_wrong, reason in checks if is_wrong), None)
