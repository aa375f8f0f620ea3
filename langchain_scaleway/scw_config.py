"""Scaleway's own configuration file, read the way Scaleway's CLI reads it.

`scw init` writes this file. Its path, its layout and the order in which a profile is chosen
are those of the Go SDK (`scw/path.go` and `scw/config.go` in scaleway/scaleway-sdk-go), which
the CLI and Terraform share; the Python SDK reads the same keys but ignores `active_profile`.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

DEFAULT_PROFILE = "default"
"""The reserved name of the keys at the top level of the file."""


def config_path() -> Path:
    """Where the configuration file is looked for.

    `$SCW_CONFIG_PATH`, else `$XDG_CONFIG_HOME/scw/config.yaml`, else
    `~/.config/scw/config.yaml`. Like the CLI, the two default places also take `config.yml`
    when there is no `config.yaml`.
    """
    if chosen := os.environ.get("SCW_CONFIG_PATH"):
        return Path(chosen)
    base = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")  # noqa: PTH111 -- Path.expanduser raises where there is no home directory
    path = Path(base, "scw", "config.yaml")
    alternative = path.with_suffix(".yml")
    return alternative if not _is_there(path) and _is_there(alternative) else path


def load_profile(path: Path) -> dict[str, Any]:
    """Read the values that apply now: the chosen profile's over those of the top level.

    The profile is chosen by `SCW_PROFILE`, else by the file's `active_profile`; without either,
    the top level alone counts, as it does for the name `default`.

    Args:
        path: The file, usually `config_path()`.

    Returns:
        The values by their names in the file (`secret_key`, `default_project_id`, …). Empty if
        there is no such file.

    Raises:
        ValueError: The file cannot be read or understood, or has no such profile. The message
            names the file and never repeats its content, which holds secrets.
    """
    config = _read(path)
    if config is None:  # nothing to choose a profile from; the CLI works without a file, too
        return {}
    profiles = config.pop("profiles", None) or {}
    active = config.pop("active_profile", None) or DEFAULT_PROFILE
    name = os.environ.get("SCW_PROFILE") or active
    if name == DEFAULT_PROFILE:
        return config
    if not isinstance(profiles, Mapping) or not isinstance(name, str):
        raise _unusable(path, "must hold a mapping in profiles and a name in active_profile")
    if name not in profiles:
        chosen_by = "SCW_PROFILE" if os.environ.get("SCW_PROFILE") else "active_profile"
        raise _unusable(path, f"has no profile {name!r}, which {chosen_by} asks for")
    overrides = profiles[name] or {}
    if not isinstance(overrides, Mapping):
        raise _unusable(path, f"must hold `name: value` lines in its profile {name!r}")
    return config | {key: value for key, value in overrides.items() if value is not None}


def _is_there(path: Path) -> bool:
    """Whether there is a file, as far as this user can see: `HOME` may be another's."""
    return os.path.exists(path)  # noqa: PTH110 -- Path.exists raises where a directory is closed


def _read(path: Path) -> dict[str, Any] | None:
    """The file's top level, `None` if there is no file."""
    try:
        content = path.read_bytes()
    except OSError as error:
        if not _is_there(path):
            return None
        raise _unusable(path, f"cannot be read: {error.strerror}") from error

    import yaml  # noqa: PLC0415 -- costs milliseconds, and most programs have no such file

    config: Any = None
    problem = None
    try:
        config = yaml.safe_load(content)
    except yaml.MarkedYAMLError as error:
        line = f" (line {error.problem_mark.line + 1})" if error.problem_mark else ""
        problem = f"is not valid YAML{line}"
    except (yaml.YAMLError, ValueError, RecursionError):
        problem = "is not valid YAML"
    if problem is None and not isinstance(config, dict | None):
        problem = "must hold `name: value` lines"
    if problem:
        # Raised here and not above: the parser's error carries the file's text, and even
        # `raise … from None` would keep it in `__context__`.
        raise _unusable(path, problem)
    return config or {}


def _unusable(path: Path, problem: str) -> ValueError:
    return ValueError(f"Scaleway's config file {path} {problem}.")
