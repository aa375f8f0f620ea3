"""Try what `make build` has made as a user would: installed in an environment of its own.

The wheel is installed with what the tour needs, imported and given the tour. Then the sdist
takes the wheel's place, and must be the same package.
"""

import email
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
DIST = ROOT / "dist"

# Everything in the installed package, with the hash of each file.
_CONTENTS = """
import hashlib, json, pathlib
import langchain_scaleway
root = pathlib.Path(langchain_scaleway.__file__).parent
files = sorted(p for p in root.rglob("*") if p.is_file() and p.suffix != ".pyc")
print(json.dumps({
    "version": langchain_scaleway.__version__,
    "place": str(root),
    "typed": (root / "py.typed").exists(),
    "class": langchain_scaleway.ChatScaleway.__name__,
    "files": {str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files},
}))
"""


def main() -> None:
    """Try both packages in `dist`."""
    [wheel], [sdist] = DIST.glob("*.whl"), DIST.glob("*.tar.gz")
    check_metadata(wheel)
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        python = make_environment(place / "environment")
        install(python, "--requirement", str(ROOT / "requirements" / "demo.txt"), str(wheel))
        from_wheel = contents(python, place)
        take_tour(python, place)
        install(python, "--force-reinstall", "--no-deps", str(sdist))
        from_sdist = contents(python, place)
    if from_wheel != from_sdist:
        sys.exit("The wheel and the sdist install different files.")
    if from_wheel["files"] != sources():
        sys.exit("The packages do not hold what langchain_scaleway/ does.")
    print(f"{wheel.name} and {sdist.name}: installed, imported, tour taken, the same files.")


def check_metadata(wheel: Path) -> None:
    """Refuse a wheel that asks its users for a development tool."""
    with zipfile.ZipFile(wheel) as archive:
        [name] = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = email.message_from_bytes(archive.read(name))
    names = {re.split(r"[^\w.-]", line)[0] for line in metadata.get_all("Requires-Dist", [])}
    if tools := names & {"hypothesis", "langchain-tests", "mypy", "pytest", "ruff", "xllamacpp"}:
        sys.exit(f"The wheel's metadata lists {', '.join(sorted(tools))}.")


def make_environment(place: Path) -> Path:
    """Make an empty environment and return its Python."""
    uv("venv", "--python", sys.executable, str(place))
    [python] = [*place.glob("bin/python"), *place.glob("Scripts/python.exe")]
    return python


def install(python: Path, *what: str) -> None:
    """Install what is named, built with the locked version of the build backend."""
    constraints = str(ROOT / "requirements" / "build.txt")
    uv("pip", "install", "--python", str(python), "--build-constraints", constraints, *what)


def uv(*arguments: str) -> None:
    """Run uv, which must succeed."""
    command = [sys.executable, "-m", "uv", "--quiet", *arguments]
    subprocess.run(command, check=True)  # noqa: S603 -- every word of it is made here


def contents(python: Path, place: Path) -> dict[str, object]:
    """Import the installed package and describe it."""
    command = [str(python), "-c", _CONTENTS]
    output = subprocess.check_output(command, cwd=place, text=True)  # noqa: S603 -- the same
    described: dict[str, object] = json.loads(output)
    if not str(described["place"]).startswith(str(place.resolve())):
        sys.exit(f"{described['place']} was imported, which is not the installed package.")
    if not described["typed"]:
        sys.exit("py.typed is missing.")
    return described


def sources() -> dict[str, str]:
    """The files of the working tree that belong into the package, with their hashes."""
    root = ROOT / "langchain_scaleway"
    files = (path for path in root.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(files)
    }


def take_tour(python: Path, place: Path) -> None:
    """Run the tour, with the engine but without the package of this working tree."""
    for folder in ("engine", "examples"):
        shutil.copytree(ROOT / folder, place / folder)
    environment = {name: value for name, value in os.environ.items() if name != "SCW_SECRET_KEY"}
    command = [str(python), "-m", "examples.tour"]
    subprocess.run(command, cwd=place, env=environment, check=True)  # noqa: S603 -- the same


if __name__ == "__main__":
    main()
