"""Write the exact versions of each environment into `requirements/`, or check them.

`make lock` keeps the versions that are there as long as pyproject.toml allows them; `make upgrade`
takes the newest. The files hold for every supported Python and platform, and name packages and
versions only, so that everybody installs from an index of their own choice.

`--check` needs no index: it compares the files with pyproject.toml.
"""

import argparse
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
REQUIREMENTS = ROOT / "requirements"
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


@dataclass(frozen=True)
class Environment:
    """What one file in `requirements/` holds.

    Attributes:
        name: The name of the file, and of the target's stamp in the Makefile.
        groups: Dependency groups of pyproject.toml.
        extras: Extras of the package; `"*"` stands for all.
        project: Whether the package's own dependencies belong to it.
        lowest: Whether the lowest versions are taken that pyproject.toml allows.
    """

    name: str
    groups: tuple[str, ...]
    extras: tuple[str, ...] = ()
    project: bool = True
    lowest: bool = False


# All but the first and the last keep to the versions of the first, so that they can share a `.venv`.
ENVIRONMENTS = (
    Environment("dev", groups=("dev",), extras=("*",)),
    Environment("tools", groups=("tools",), project=False),
    Environment("build", groups=("build",), project=False),
    Environment("demo", groups=("demo",)),
    Environment("docs", groups=("docs",)),
    Environment("bench", groups=("bench",), extras=("aiohttp",)),
    Environment("lowest", groups=("test",), extras=("*",), lowest=True),
)


def main() -> None:
    """Write the files, or check them."""
    parser = argparse.ArgumentParser(prog="python -m scripts.lock", description=__doc__)
    parser.add_argument("--check", action="store_true", help="only compare with pyproject.toml")
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions")
    arguments = parser.parse_args()
    if not arguments.check:
        REQUIREMENTS.mkdir(exist_ok=True)
        for environment in ENVIRONMENTS:
            lock(environment, upgrade=arguments.upgrade)
    complaints = [line for environment in ENVIRONMENTS for line in check(environment)]
    if complaints:
        sys.exit("\n".join([*complaints, "`make lock` brings requirements/ in step again."]))


def lock(environment: Environment, *, upgrade: bool) -> None:
    """Resolve an environment as a whole and write its file."""
    command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet"]
    command += ["--universal", "--python-version", minimum_python()]
    command += ["--custom-compile-command", "make lock", "--output-file", f"{environment.name}.txt"]
    command += [word for group in environment.groups for word in ("--group", f"{PATH}:{group}")]
    if environment.project:
        command.append(PATH)
    if environment.extras == ("*",):
        command.append("--all-extras")
    else:
        command += [word for extra in environment.extras for word in ("--extra", extra)]
    if environment.lowest:
        command += ["--resolution", "lowest-direct"]
    elif environment is not ENVIRONMENTS[0]:
        command += ["--constraints", f"{ENVIRONMENTS[0].name}.txt"]
    if upgrade:
        command.append("--upgrade")
    subprocess.run(command, cwd=REQUIREMENTS, check=True)  # noqa: S603 -- every word is made here


PATH = "../pyproject.toml"


def minimum_python() -> str:
    """The lowest Python that the package supports, such as `3.11`."""
    return str(PYPROJECT["project"]["requires-python"]).removeprefix(">=")


def check(environment: Environment) -> Iterator[str]:
    """Say what of an environment's file is not as pyproject.toml wants it.

    Yields:
        A sentence for each line that is more than a package and its version, and for each
        requirement of pyproject.toml that is missing, not met, or no longer made.
    """
    name = f"requirements/{environment.name}.txt"
    pins: dict[str, list[Requirement]] = {}
    direct: set[str] = set()
    package = ""
    for line in (ROOT / name).read_text("utf-8").splitlines():
        if line.lstrip().startswith("#"):
            if "langchain-scaleway (" in line or "pyproject.toml:" in line:
                direct.add(package)
        elif (pin := read_pin(line)) is None:
            yield f"{name}: `{line}` is not a package and its exact version."
        else:
            package = canonicalize_name(pin.name)
            pins.setdefault(package, []).append(pin)
    wanted = {canonicalize_name(found.name): found for found in requirements_of(environment)}
    for package, requirement in wanted.items():
        for pin in pins.get(package, []):
            [specifier] = pin.specifier
            if not requirement.specifier.contains(specifier.version, prereleases=True):
                yield f"{name} has {pin}, and pyproject.toml wants `{requirement}`."
        if package not in pins:
            yield f"{name} lacks `{requirement}`."
    for package in direct - wanted.keys():
        yield f"{name} has {package}, which pyproject.toml no longer wants."


def read_pin(line: str) -> Requirement | None:
    """Read a line such as `uvloop==0.23.0 ; sys_platform != 'win32'`."""
    try:
        pin = Requirement(line)
    except InvalidRequirement:
        return None
    exact = re.fullmatch(r"==[\w.!+]+", str(pin.specifier))
    return pin if exact and pin.url is None else None


def requirements_of(environment: Environment) -> Iterator[Requirement]:
    """Read what pyproject.toml asks for in an environment."""
    project = PYPROJECT["project"]
    if environment.project:
        yield from map(Requirement, project["dependencies"])
    for extra, texts in project["optional-dependencies"].items():
        if environment.extras == ("*",) or extra in environment.extras:
            yield from map(Requirement, texts)
    for group in environment.groups:
        yield from requirements_of_group(group)


def requirements_of_group(name: str) -> Iterator[Requirement]:
    """Read a dependency group with those that it includes (PEP 735)."""
    entries: list[Any] = PYPROJECT["dependency-groups"][name]
    for entry in entries:
        if isinstance(entry, str):
            yield Requirement(entry)
        else:
            yield from requirements_of_group(entry["include-group"])


if __name__ == "__main__":
    main()
