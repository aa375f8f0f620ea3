"""Try what `make build` has made as a user would: installed in an environment of its own.

uv makes the wheel of the sdist, so what is right in the one is in the other. It must hold the
package and nothing else, is installed with what the tour needs, and given the tour.
"""

import email
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
_TOOLS = {"hypothesis", "langchain-tests", "mypy", "pytest", "ruff", "xllamacpp"}


def main() -> None:
    """Try the wheel in `dist`."""
    [wheel] = (ROOT / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        check_contents({name: archive.read(name) for name in archive.namelist()})
    with tempfile.TemporaryDirectory() as directory:
        take_tour(wheel, Path(directory))
    print(f"{wheel.name}: what it should hold, installed, tour taken.")


def check_contents(files: dict[str, bytes]) -> None:
    """Refuse a wheel that is not the package, or asks its users for a development tool."""
    [name] = (name for name in files if name.endswith(".dist-info/METADATA"))
    metadata = email.message_from_bytes(files[name])
    names = {re.split(r"[^\w.-]", line)[0] for line in metadata.get_all("Requires-Dist", [])}
    if tools := names & _TOOLS:
        sys.exit(f"The wheel's metadata lists {', '.join(sorted(tools))}.")
    sources = {
        path.relative_to(ROOT).as_posix(): path.read_bytes()
        for path in (ROOT / "langchain_scaleway").rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    if {n: content for n, content in files.items() if ".dist-info/" not in n} != sources:
        sys.exit("The wheel does not hold what langchain_scaleway/ does.")


def take_tour(wheel: Path, place: Path) -> None:
    """Install the wheel in an empty environment, and run the tour there with the engine."""
    uv("venv", "--python", sys.executable, str(place / "environment"))
    bin_ = "Scripts/python.exe" if os.name == "nt" else "bin/python"
    python = str(place / "environment" / bin_)
    requirements = ROOT / "requirements" / "demo.txt"
    uv("pip", "install", "--python", python, "--requirements", str(requirements), str(wheel))
    for folder in ("engine", "examples"):
        shutil.copytree(ROOT / folder, place / folder)
    environment = {name: value for name, value in os.environ.items() if name != "SCW_SECRET_KEY"}
    command = [python, "-m", "examples.tour"]
    subprocess.run(command, cwd=place, env=environment, check=True)  # noqa: S603 -- every word of it is made here


def uv(*arguments: str) -> None:
    """Run uv, which must succeed."""
    command = [sys.executable, "-m", "uv", "--quiet", *arguments]
    subprocess.run(command, check=True)  # noqa: S603 -- the same


if __name__ == "__main__":
    main()
