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
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
REQUIREMENTS = ROOT / "requirements"


@dataclass(frozen=True)
class Environment:
    """What one file in `requirements/` holds.

    Attributes:
        name: The name of the file, and of the environment's stamp in the Makefile.
        groups: Dependency groups of pyproject.toml.
        extras: Extras of the package; `"*"` stands for all.
        project: Whether the package's own dependencies belong to it.
        lowest: Whether it takes the lowest versions that pyproject.toml allows.
    """

    name: str
    groups: tuple[str, ...]
    extras: tuple[str, ...] = ()
    project: bool = True
    lowest: bool = False


DEV = Environment("dev", groups=("dev",), extras=("*",))

# Those between the first and the last keep to the first one's versions, and can share a `.venv`.
ENVIRONMENTS = (
    DEV,
    Environment("tools", groups=("tools",), project=False),
    Environment("build", groups=("build",), project=False),
    Environment("demo", groups=("demo",)),
    Environment("docs", groups=("docs",)),
    Environment("bench", groups=("bench",), extras=("aiohttp", "redis")),
    Environment("ray", groups=("test", "ray"), extras=("*",)),
    Environment("lowest", groups=("test",), extras=("*",), lowest=True),
)


def main() -> None:
    """Write the files, or check them."""
    parser = argparse.ArgumentParser(prog="python -m scripts.lock", description=__doc__)
    parser.add_argument("--check", action="store_true", help="only compare with pyproject.toml")
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions")
    arguments = parser.parse_args()
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    complaints = []
    for environment in ENVIRONMENTS:
        if not arguments.check:
            write(environment, pyproject, upgrade=arguments.upgrade)
        path = REQUIREMENTS / f"{environment.name}.txt"
        complaints += [
            f"{path.relative_to(ROOT)}: {complaint}"
            for complaint in check(environment, path.read_text("utf-8"), pyproject)
        ]
    if complaints:
        sys.exit("\n".join([*complaints, "`make lock` brings requirements/ in step again."]))


def write(environment: Environment, pyproject: Mapping[str, Any], *, upgrade: bool) -> None:
    """Resolve an environment as a whole, and write its file."""
    source = "../pyproject.toml"
    oldest_python = pyproject["project"]["requires-python"].removeprefix(">=")
    command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet"]
    command += ["--universal", "--python-version", oldest_python]
    command += ["--custom-compile-command", "make lock", "--output-file", f"{environment.name}.txt"]
    command += [word for group in environment.groups for word in ("--group", f"{source}:{group}")]
    command += [source] if environment.project else []
    command += [
        word
        for extra in environment.extras
        for word in (["--all-extras"] if extra == "*" else ["--extra", extra])
    ]
    if environment.lowest:
        command += ["--resolution", "lowest-direct"]
        for requirement in requirements_of(environment, pyproject):
            command += ["--upgrade-package", requirement.name]  # else it would stay as it is
    elif environment is not DEV:
        command += ["--constraints", f"{DEV.name}.txt"]
    command += ["--upgrade"] if upgrade else []
    subprocess.run(command, cwd=REQUIREMENTS, check=True)  # noqa: S603 -- every word is made here


def check(environment: Environment, text: str, pyproject: Mapping[str, Any]) -> Iterator[str]:
    """Compare an environment's file with pyproject.toml.

    Args:
        environment: The environment.
        text: What is in its file.
        pyproject: What is in pyproject.toml.

    Yields:
        A sentence for each line that is more than a package and its version, and for each
        requirement of pyproject.toml that is missing, not met, or no longer made.
    """
    pins: dict[str, list[Requirement]] = {}
    asked_for = set()
    package = ""
    for line in text.splitlines():
        if line.startswith((" ", "#")):
            # uv says below each package who asks for it.
            if "pyproject.toml" in line:
                asked_for.add(package)
        elif (pin := read_pin(line)) is None:
            yield f"`{line}` is not a package and its exact version."
        else:
            package = canonicalize_name(pin.name)
            pins.setdefault(package, []).append(pin)
    wanted = set()
    for requirement in requirements_of(environment, pyproject):
        package = canonicalize_name(requirement.name)
        wanted.add(package)
        if package not in pins:
            yield f"`{requirement}` is missing."
        for pin in pins.get(package, []):
            [exact] = pin.specifier
            if not requirement.specifier.contains(exact.version, prereleases=True):
                yield f"`{pin}` is not what pyproject.toml wants, `{requirement}`."
    for package in sorted(asked_for - wanted):
        yield f"pyproject.toml no longer wants {package}."


def read_pin(line: str) -> Requirement | None:
    """Read a line such as `uvloop==0.23.0 ; sys_platform != 'win32'`."""
    try:
        pin = Requirement(line)
    except InvalidRequirement:
        return None
    return pin if re.fullmatch(r"==[\w.!+]+", str(pin.specifier)) else None


def requirements_of(
    environment: Environment, pyproject: Mapping[str, Any]
) -> Iterator[Requirement]:
    """Read what pyproject.toml asks for in an environment."""
    if environment.project:
        yield from map(Requirement, pyproject["project"]["dependencies"])
    for extra, requirements in pyproject["project"]["optional-dependencies"].items():
        if {extra, "*"} & {*environment.extras}:
            yield from map(Requirement, requirements)
    groups = [*environment.groups]
    for group in groups:
        for entry in pyproject["dependency-groups"][group]:
            if isinstance(entry, str):
                yield Requirement(entry)
            else:  # PEP 735 knows one other kind of entry
                groups.append(entry["include-group"])


if __name__ == "__main__":
    main()
