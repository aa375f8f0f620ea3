"""Where the key, the project and the base URL come from: argument > environment > config file."""

import os
import re
import uuid
from functools import cache
from typing import NamedTuple
from urllib.parse import urlsplit

from pydantic import SecretStr

from langchain_scaleway.scw_config import config_path, load_profile

SERVERLESS_HOST = "api.scaleway.ai"
"""Host of Scaleway's serverless Generative APIs (docs: using-generative-apis, 2025-09-03)."""

_BARE_URL = f"https://{SERVERLESS_HOST}/v1"

_MANAGEMENT_HOST = "api.scaleway.com"
"""Host of the API that manages Scaleway's products (Scaleway's SDKs, `SCW_API_URL`)."""

API_KEY_VARIABLES = ("SCW_SECRET_KEY", "SCALEWAY_API_KEY")
"""Environment variables that may hold the key: Scaleway's own name, then the one customary in
LangChain."""

PROJECT_ID_VARIABLE = "SCW_DEFAULT_PROJECT_ID"
"""Environment variable of Scaleway's SDKs, CLI and Terraform provider for the project."""

BASE_URL_VARIABLE = "SCALEWAY_BASE_URL"
"""Environment variable for the address, beside `SCALEWAY_API_KEY`: a program runs unchanged
against the emulator or a deployment. (`SCW_API_URL` is the management API's and is never read.)"""

_ACCESS_KEY = r"SCW[A-Z0-9]{17}"
"""The pattern of an access key: the half of an IAM API key that is not secret, and of no use here
(Scaleway's Go SDK, `validation.IsAccessKey`)."""

_HOST_NAME = r"([^.]{1,63}\.)*[^.]{1,63}\.?"
"""A host name as resolvers accept it (RFC 1035): labels of 1 to 63 characters between dots."""

_ENDPOINTS = r".*/(chat/completions|responses|embeddings|rerank|audio/transcriptions|batches)/*"
"""The end of an endpoint's URL, which is often given in place of the base URL."""


class Settings(NamedTuple):
    """What a client needs to reach the service.

    Attributes:
        api_key: The IAM secret key; `None` sends no `Authorization` header.
        project_id: The project that requests are counted and billed to, if it is known.
        base_url: The address up to and including `/v1`; `None` for the serverless API.
    """

    api_key: SecretStr | str | None
    project_id: str | None
    base_url: str | None

    @property
    def url(self) -> str:
        """The URL that paths such as `/chat/completions` are appended to.

        If a project is known, it goes into the serverless API's URL: a key without rights on its
        default project gets 403 on the bare URL (docs: fixing-common-issues, about 2026-09).
        """
        base_url = (self.base_url or _BARE_URL).rstrip("/")
        if self.project_id and base_url.lower() == _BARE_URL:
            return f"https://{SERVERLESS_HOST}/{self.project_id}/v1"
        return base_url

    @property
    def is_serverless(self) -> bool:
        """Whether requests go to the serverless API, and not to a deployment or another vLLM."""
        return urlsplit(self.url).hostname == SERVERLESS_HOST

    @property
    def project_in_url(self) -> str | None:
        """The project in the URL of the serverless API, even if it came with `base_url`."""
        first = urlsplit(self.url).path.lstrip("/").partition("/")[0]
        return first if self.is_serverless and _is_uuid(first) else None

    @property
    def secret(self) -> SecretStr | None:
        """The key, wrapped."""
        return SecretStr(self.api_key) if isinstance(self.api_key, str) else self.api_key

    def checked(self) -> "Settings":
        """The same in the form in which it is sent.

        Raises:
            ValueError: A value is missing or malformed. The message never contains a key or a
                URL.
        """
        key, project, base_url = self.secret, self.project_id, self.base_url
        if base_url is not None:
            base_url = _checked_base_url(base_url, "base_url")
        if key is not None:
            _check_api_key(key.get_secret_value(), "api_key")
        if project is not None:
            project = _checked_project_id(project, "project_id")
        checked = Settings(key, project, base_url)
        if key is None and checked.is_serverless:
            raise ValueError(
                "No Scaleway API key was found. Pass api_key=…, or set the environment variable "
                f"{API_KEY_VARIABLES[0]} (or {API_KEY_VARIABLES[1]}), or run `scw init`, which "
                f"writes secret_key to Scaleway's config file ({config_path()}). The key is the "
                "secret key of an IAM API key: https://console.scaleway.com/iam/api-keys"
            )
        return checked


class Found(NamedTuple):
    """A setting, and the place that it came from, for messages."""

    value: str
    place: str


def load_settings(
    api_key: SecretStr | str | None = None,
    project_id: str | None = None,
    base_url: str | None = None,
) -> Settings:
    """Complete the given arguments from the environment and Scaleway's config file.

    Args:
        api_key: The key, if the caller names one.
        project_id: The project's UUID, if the caller names one.
        base_url: The API's URL up to and including `/v1`, if the caller names one.

    Returns:
        The settings, checked.

    Raises:
        ValueError: A value is missing or malformed. The message names its place, and never
            contains a key or a URL.

    Example:
        >>> load_settings("my-key", "11111111-2222-3333-4444-555555555555").url
        'https://api.scaleway.ai/11111111-2222-3333-4444-555555555555/v1'
    """
    found = find_settings(api_key, project_id, base_url)
    checks = {
        "api_key": _check_api_key,
        "project_id": _checked_project_id,
        "base_url": _checked_base_url,
    }
    values = {name: check(*found[name]) for name, check in checks.items() if name in found}
    return Settings(**(dict.fromkeys(checks) | values)).checked()


def find_settings(
    api_key: SecretStr | str | None = None,
    project_id: str | None = None,
    base_url: str | None = None,
) -> dict[str, Found]:
    """Find each setting in the first place that has it.

    The key is the argument, else `SCW_SECRET_KEY`, else `SCALEWAY_API_KEY`, else `secret_key` in
    the config file. The base URL is the argument, else `SCALEWAY_BASE_URL`, else the serverless
    API's. The project is the argument, else `SCW_DEFAULT_PROJECT_ID`, else `default_project_id`
    in the config file. Empty environment variables count as unset.

    With a base URL no project is looked up, because a deployment or another vLLM has no use for
    one, and the key is optional, because an endpoint can have its authentication switched off.

    The config file is read only if something is still missing after the environment. That is one
    small blocking read, and its result is not cached.

    Args:
        api_key: The key, if the caller names one.
        project_id: The project's UUID, if the caller names one.
        base_url: The API's URL up to and including `/v1`, if the caller names one.

    Returns:
        What was found, unchecked, by the argument's name.

    Raises:
        ValueError: The config file cannot be understood.
    """
    path = cache(config_path)  # It looks at the disk, which a coroutine must not do needlessly.
    profile = cache(lambda: load_profile(path()))

    def find(variables: tuple[str, ...], name: str | None = None) -> Found | None:
        for variable in variables:
            if text := os.environ.get(variable, "").strip():
                return Found(text, f"The environment variable {variable}")
        if name is None:
            return None
        value = profile().get(name)
        place = f"{name} in Scaleway's config file {path()}"
        if not isinstance(value, str | None):
            raise ValueError(f"{place} must be text.")  # noqa: TRY004 -- a value in a file is wrong
        return Found(value.strip(), place) if value and value.strip() else None

    key = api_key.get_secret_value() if isinstance(api_key, SecretStr) else api_key
    found = {
        "base_url": find((BASE_URL_VARIABLE,)) if base_url is None else Found(base_url, "base_url"),
        "api_key": find(API_KEY_VARIABLES, "secret_key") if key is None else Found(key, "api_key"),
    }
    if project_id is not None:
        found["project_id"] = Found(project_id, "project_id")
    elif found["base_url"] is None:
        found["project_id"] = find((PROJECT_ID_VARIABLE,), "default_project_id")
    return {name: setting for name, setting in found.items() if setting is not None}


def _check_api_key(key: str, place: str) -> str:
    """The key, if it is a secret one and an HTTP header can carry it."""
    if not key.strip():
        raise ValueError(f"{place} is empty.")
    # Line breaks would let a key add headers of its own; the rest is a copying mistake.
    if not (key.isascii() and key.isprintable() and " " not in key):
        raise ValueError(
            f"{place} holds a character that no key contains: a space, a line break, a control "
            "character or one outside ASCII."
        )
    if re.fullmatch(_ACCESS_KEY, key):
        raise ValueError(
            f"{place} holds an access key (SCW…); what is needed is the secret key that belongs "
            "to it. The console shows that once, when an API key is made: "
            "https://console.scaleway.com/iam/api-keys"
        )
    return key


def _checked_project_id(project_id: str, place: str) -> str:
    """The project, if it is a UUID in its usual form, as all of Scaleway's project IDs are."""
    if not _is_uuid(project_id):
        raise ValueError(
            f"{place} must be a project ID such as 11111111-2222-3333-4444-555555555555, not "
            f"{project_id!r}. The console shows it: https://console.scaleway.com/project/settings"
        )
    return project_id.lower()


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False


def _checked_base_url(url: str, place: str) -> str:
    """The URL without slashes at its end, if paths can be appended to it."""
    if problem := _base_url_problem(url):
        # The URL is not repeated: a user name or a query may hold a secret.
        raise ValueError(
            f"{place} cannot be used: {problem}. It must look like https://api.scaleway.ai/v1, "
            "https://<deployment>.ifr.fr-par.scaleway.com/v1 or http://localhost:8000/v1."
        )
    return url.rstrip("/")


def _base_url_problem(url: str) -> str | None:
    """What is wrong with the URL, if something is."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises for a port that is not a number
    except ValueError:
        return "it is not a URL"
    host = parts.hostname or ""
    checks = {
        # urlsplit() drops line breaks and leading spaces silently: look at the text itself.
        "it holds a space or a line break": not url.isprintable() or " " in url,
        "it does not begin with http:// or https://": parts.scheme not in {"http", "https"},
        "it has no valid host name": not re.fullmatch(_HOST_NAME, host),
        f"{host} manages Scaleway's products; models answer at {SERVERLESS_HOST}": (
            host == _MANAGEMENT_HOST
        ),
        "it has a user name, a query (?…) or a fragment (#…)": (
            "@" in parts.netloc or "?" in url or "#" in url
        ),
        "the endpoint's own path is added to it and must be left out": (
            re.fullmatch(_ENDPOINTS, parts.path)
        ),
    }
    return next((problem for problem, is_there in checks.items() if is_there), None)
