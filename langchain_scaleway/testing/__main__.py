"""`python -m langchain_scaleway.testing`: the emulator as a program."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys
from collections.abc import Sequence
from typing import get_args

from langchain_scaleway.testing.emulator import server_class
from langchain_scaleway.testing.faults import Fault, RandomFaults, fault_from_text
from langchain_scaleway.testing.quotas import Quotas
from langchain_scaleway.testing.service import EmulatedService
from langchain_scaleway.testing.settings import EmulatorSettings
from langchain_scaleway.testing.wire import Framing, ReasoningField


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until interrupted.

    Args:
        arguments: The command line, without the program's name.
    """
    options = command_line_parser().parse_args(arguments)
    try:
        service = EmulatedService(_settings(options))
    except ValueError as error:
        sys.exit(str(error))
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(service, options.host, options.port))


async def _serve(service: EmulatedService, host: str, port: int) -> None:
    settings = service.settings
    try:
        server = server_class()(service, host, port)
    except ImportError as error:
        sys.exit(str(error))
    except (OSError, OverflowError) as error:
        sys.exit(f"Cannot listen on {host}:{port}: {error}. `--port 0` finds a free port.")
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        # Where there are no handlers, as on Windows, an interrupt ends the program itself.
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, server.stop)
    address, port = server.address
    _say("An emulator of Scaleway's Generative APIs: no model, made-up answers.")
    _say(f"base_url    http://{address}:{port}/v1")
    _say(f"project     http://{address}:{port}/{settings.project_id}/v1")
    _say(f"api_key     {settings.api_key}")
    await server.serve()
    _say(f"Answers by status: {dict(service.statuses)}")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def command_line_parser() -> argparse.ArgumentParser:
    """Return the parser of the program's command line."""
    parser = argparse.ArgumentParser(
        prog="python -m langchain_scaleway.testing",
        description="An emulator of Scaleway's Generative APIs on this machine.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    usual = EmulatorSettings()
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on")
    add("--port", type=int, default=8787, help="port to listen on; 0 for a free one")
    add("--api-key", default=usual.api_key, help="the key that is accepted")
    add("--project-id", default=usual.project_id, help="the project that is accepted")
    add("--no-auth", action="store_true", help="accept requests without a key")
    add("--framing", choices=get_args(Framing), default=usual.framing, help="framing of streams")
    add(
        "--reasoning-field",
        choices=get_args(ReasoningField),
        default=usual.reasoning_field,
        help="field of the thinking",
    )
    add("--requests-per-minute", type=int, metavar="N", help="quota per model")
    add("--tokens-per-minute", type=int, metavar="N", help="quota per model")
    add("--concurrent-requests", type=int, metavar="N", help="quota per model")
    add("--time-scale", type=float, default=usual.time_scale, help="emulated seconds a second")
    add("--latency", type=float, default=usual.latency, help="seconds before an answer")
    add(
        "--token-interval",
        type=float,
        default=usual.token_interval,
        help="seconds between the tokens of an answer",
    )
    add(
        "--fault",
        type=_fault,
        action="append",
        metavar="NAME[:ATTRIBUTE=VALUE,...]",
        help="a fault that hits requests by chance, such as CutStream:after_events=3",
    )
    add("--fault-rate", type=float, default=0.1, help="share of requests that faults hit")
    add("--seed", type=int, default=0, help="seed of the faults")
    return parser


def _fault(text: str) -> Fault:
    try:
        return fault_from_text(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _settings(options: argparse.Namespace) -> EmulatorSettings:
    limits = {
        name: getattr(options, name)
        for name in ("requests_per_minute", "tokens_per_minute", "concurrent_requests")
    }
    return EmulatorSettings(
        api_key=None if options.no_auth else options.api_key,
        project_id=options.project_id,
        framing=options.framing,
        reasoning_field=options.reasoning_field,
        quotas=None if all(limit is None for limit in limits.values()) else Quotas(**limits),
        time_scale=options.time_scale,
        latency=options.latency,
        token_interval=options.token_interval,
        random_faults=options.fault
        and RandomFaults(probability=options.fault_rate, faults=options.fault, seed=options.seed),
        # Nothing reads the requests of this program, so it need not keep them.
        keep_requests=0,
    )


if __name__ == "__main__":
    main()
