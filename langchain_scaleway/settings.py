"""Where the key, the project and the base URL come from: argument > environment > config file."""

import os
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
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

UUID = r"(?i)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"

_HOST_NAME = r"([^.]{1,63}\.)*[^.]{1,63}\.?"
"""A host name as resolvers accept it (RFC 1035): labels of 1 to 63 characters between dots."""

_ENDPOINTS = r".*/(chat/completions|responses|embeddings|rerank|audio/transcriptions|batches)/*"
"""The end of an endpoint's URL, which is often given in place of the base URL."""


@dataclass(frozen=True)
class Settings:
    """What a client needs to reach the service.

    Attributes:
        api_key: The IAM secret key; `None` sends no `Authorization` header.
        project_id: The project that requests are counted and billed to, if it is known.
        base_url: The address up to and including `/v1`; `None` for the serverless API.
        places: Where each of them that is known comes from, for messages.
    """

    api_key: SecretStr | None
    project_id: str | None
    base_url: str | None
    places: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)

    @property
    def url(self) -> str:
        """The URL that paths such as `/chat/completions` are appended to.

        If a project is known, it goes into the serverless API's URL: a key without rights on its
        default project gets 403 on the bare URL (docs: fixing-common-issues, about 2026-09).
        """
        base_url = self.base_url or _BARE_URL
        if self.project_id and base_url.lower() == _BARE_URL:
            return f"https://{SERVERLESS_HOST}/{self.project_id}/v1"
        return base_url

    @property
    def is_serverless(self) -> bool:
        """Whether requests go to the serverless API, and not to a deployment or another vLLM."""
        return self.base_url is None or urlsplit(self.base_url).hostname == SERVERLESS_HOST

    @property
    def project_in_url(self) -> str | None:
        """The project in the URL of the serverless API, even if it came with `base_url`."""
        first = urlsplit(self.url).path.lstrip("/").partition("/")[0]
        return first if self.is_serverless and re.fullmatch(UUID, first) else None


_Found = tuple[str, str]
"""A setting as it was found, and its place."""


def load_settings(
    api_key: SecretStr | str | None = None,
    project_id: str | None = None,
    base_url: str | None = None,
    *,
    look_up: bool = True,
) -> Settings:
    """Find each setting in the first place that has it, and check everything.

    The key is the argument, else `SCW_SECRET_KEY`, else `SCALEWAY_API_KEY`, else `secret_key` in
    the config file. The base URL is the argument, else `SCALEWAY_BASE_URL`, else the serverless
    API's. The project is the argument, else `SCW_DEFAULT_PROJECT_ID`, else `default_project_id`
    in the config file. Empty environment variables count as unset.

    With a base URL no project is looked up, because a deployment or another vLLM has no use for
    one. The config file is read only if something is still missing after the environment: a
    small blocking read, whose result is not cached.

    Args:
        api_key: The key, if the caller names one.
        project_id: The project's UUID, if the caller names one.
        base_url: The API's URL up to and including `/v1`, if the caller names one.
        look_up: Whether to look further than the arguments.

    Raises:
        ValueError: A value is missing or malformed, or the config file cannot be understood. The
            message names the place, and never contains a key or a URL.

    Example:
        >>> load_settings("my-key", "11111111-2222-3333-4444-555555555555").url
        'https://api.scaleway.ai/11111111-2222-3333-4444-555555555555/v1'
    """
    key = api_key.get_secret_value() if isinstance(api_key, SecretStr) else api_key
    given = {"api_key": key, "project_id": project_id, "base_url": base_url}
    found = {name: (value, name) for name, value in given.items() if value is not None}
    if look_up:
        found |= _look_up(found.keys())
    known = {name: _CHECKS[name](*there) for name, there in found.items()}
    settings = Settings(
        SecretStr(known["api_key"]) if "api_key" in known else None,
        known.get("project_id"),
        known.get("base_url"),
        {name: place for name, (_, place) in found.items()},
    )
    if settings.api_key is None and settings.is_serverless:
        raise ValueError(
            "No Scaleway API key was found. Pass api_key=…, or set the environment variable "
            f"{API_KEY_VARIABLES[0]} (or {API_KEY_VARIABLES[1]}), or run `scw init`, which writes "
            f"secret_key to Scaleway's config file ({config_path()}). The key is the secret key "
            "of an IAM API key: https://console.scaleway.com/iam/api-keys"
        )
    return settings


def _look_up(given: Collection[str]) -> dict[str, _Found]:
    """What the environment and the config file have of the settings that are not given."""
    file = _ConfigFile()
    found = {}
    if "base_url" not in given and (url := _from_environment(BASE_URL_VARIABLE)):
        found["base_url"] = url
    if "api_key" not in given and (
        key := _from_environment(*API_KEY_VARIABLES) or file.find("secret_key")
    ):
        found["api_key"] = key
    if not {"project_id", "base_url"} & {*given, *found} and (
        project := _from_environment(PROJECT_ID_VARIABLE) or file.find("default_project_id")
    ):
        found["project_id"] = project
    return found


class _ConfigFile:
    """Scaleway's config file. The disk is looked at when something is first asked for."""

    @cached_property
    def _path(self) -> Path:
        return config_path()

    @cached_property
    def _values(self) -> dict[str, Any]:
        return load_profile(self._path)

    def find(self, name: str) -> _Found | None:
        """The value of `name` without surrounding whitespace, if there is one."""
        value = self._values.get(name)
        place = f"{name} in Scaleway's config file {self._path}"
        if not isinstance(value, str | None):
            raise ValueError(f"{place} must be text.")  # noqa: TRY004 -- a value in a file is wrong
        return (value.strip(), place) if value and value.strip() else None


def _from_environment(*variables: str) -> _Found | None:
    """The first variable that is set, without surrounding whitespace."""
    for variable in variables:
        if value := os.environ.get(variable, "").strip():
            return value, f"The environment variable {variable}"
    return None


def _checked_api_key(key: str, place: str) -> str:
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
    if not re.fullmatch(UUID, project_id):
        raise ValueError(
            f"{place} must be a project ID such as 11111111-2222-3333-4444-555555555555, not "
            f"{project_id!r}. The console shows it: https://console.scaleway.com/project/settings"
        )
    return project_id.lower()


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


_CHECKS = {
    "api_key": _checked_api_key,
    "project_id": _checked_project_id,
    "base_url": _checked_base_url,
}
