"""`python -m langchain_scaleway.testing`: the emulator as a program."""

import argparse
import re
import signal
import sys
import threading
from collections.abc import Sequence
from dataclasses import fields
from inspect import getdoc
from pathlib import Path
from typing import Any, Final, get_args, get_type_hints

try:
    from langchain_scaleway.testing.emulator import ScalewayEmulator
except ImportError as error:
    sys.exit(str(error))
from langchain_scaleway.testing.faults import Fault, fault_from_text
from langchain_scaleway.testing.quotas import Quotas
from langchain_scaleway.testing.settings import EmulatorSettings, RandomFaults

_POLL_SECONDS: Final = 0.5


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve as the command line says, until interrupted."""
    options = command_line_parser().parse_args(arguments)
    address = f"{options.host}:{options.port}"
    try:
        emulator = ScalewayEmulator(**_settings(options))
    except (ValueError, OSError) as error:
        sys.exit(str(error))
    try:
        emulator.start(options.host, options.port)
    except (OSError, OverflowError) as error:
        sys.exit(f"Cannot listen on {address}: {error}. `--port 0` finds a free port.")
    interrupted = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: interrupted.set())
    what = "An emulator of Scaleway's Generative APIs: no model, made-up answers."
    if emulator.upstream is not None:
        what = f"Hands requests on to {emulator.upstream} with their own keys, and records them."
    elif emulator.recordings is not None:
        what = f"Serves the recordings in {emulator.recordings}, whatever the key."
    _say(what)
    _say(f"base_url    {emulator.base_url}")
    _say(f"project     {emulator.project_url}")
    _say(f"api_key     {emulator.api_key}")
    while not interrupted.wait(_POLL_SECONDS):  # without a bound Windows would not be interrupted
        pass
    emulator.stop()
    _say(f"Answers by status: {dict(emulator.statuses)}")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def command_line_parser() -> argparse.ArgumentParser:
    """Return the parser, whose options are the settings that a command line can express."""
    parser = argparse.ArgumentParser(
        prog="python -m langchain_scaleway.testing",
        description="An emulator of Scaleway's Generative APIs on this machine.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on")
    add("--port", type=int, default=8787, help="port to listen on; 0 for a free one")
    add("--script", type=Path, dest="script_file", metavar="FILE", help="steps in JSON or YAML")
    add("--recordings", type=Path, help="serve these; with --upstream, the directory to write to")
    add("--no-auth", action="store_true", help="accept requests without a key")
    _add_fields(parser, EmulatorSettings, EmulatorSettings())
    _add_fields(parser, Quotas, None)
    add(
        "--fault",
        type=_fault,
        action="append",
        metavar="NAME[:ATTRIBUTE=VALUE,...]",
        help="a fault that hits requests by chance, such as CutStream:after_events=3",
    )
    add("--fault-rate", type=float, default=0.1, help="share of requests that faults hit")
    add("--seed", type=int, default=0, help="seed of the faults")
    # Nothing reads the requests of this program, so it need not keep them.
    parser.set_defaults(keep_requests=0)
    return parser


def _add_fields(parser: argparse.ArgumentParser, kind: type[Any], defaults: object) -> None:
    """Add the fields of a dataclass that a command line can express."""
    hints = get_type_hints(kind)
    documented = dict(re.findall(r"^ {4}(\w+): ((?:.|\n {5})+)", getdoc(kind) or "", re.MULTILINE))
    for one in fields(kind):
        hint = hints[one.name]
        options: dict[str, Any] = {"default": getattr(defaults, one.name, None)}
        if choices := [value for value in get_args(hint) if isinstance(value, str)]:
            options["choices"] = choices
        elif hint is bool:
            options["action"] = argparse.BooleanOptionalAction
        elif kinds := {str, int, float} & {hint, *get_args(hint)}:
            options["type"] = kinds.pop()
        else:
            continue
        text = " ".join(documented[one.name].split()).replace("`", "").replace("%", "%%")
        parser.add_argument(f"--{one.name.replace('_', '-')}", help=text, **options)


def _fault(text: str) -> Fault:
    try:
        return fault_from_text(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _settings(options: argparse.Namespace) -> dict[str, Any]:
    given = vars(options)
    limits = {one.name: given[one.name] for one in fields(Quotas)}
    settings = {one.name: given[one.name] for one in fields(EmulatorSettings) if one.name in given}
    settings["quotas"] = None if set(limits.values()) == {None} else Quotas(**limits)
    settings["random_faults"] = options.fault and RandomFaults(
        probability=options.fault_rate, faults=options.fault, seed=options.seed
    )
    if options.no_auth:
        settings["api_key"] = None
    return settings


if __name__ == "__main__":
    main()
