"""The programs of this package: `python -m langchain_scaleway doctor` and `… check`."""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from langchain_scaleway.doctor import examine
from langchain_scaleway.live import check
from langchain_scaleway.live.questions import QUESTIONS
from langchain_scaleway.settings import load_settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a program.

    Args:
        arguments: The command line without the program's name.

    Returns:
        The exit status: 0 if all is fine, 1 if something is not.
    """
    options = _parser().parse_args(arguments)
    status: int = options.run(options)
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m langchain_scaleway")
    programs = parser.add_subparsers(required=True)
    doctor = programs.add_parser(
        "doctor", help="say where key and address come from, whether they work, and for what"
    )
    doctor.add_argument("--model", help="the model to ask for a token (the cheapest)")
    doctor.add_argument("--no-request", action="store_true", help="ask no model; costs nothing")
    doctor.add_argument("--bucket", help="look at this bucket for batches, too: s3://my-bucket")
    doctor.set_defaults(run=_doctor)
    checker = programs.add_parser(
        "check", help="ask the service what its pages leave open; costs a few cents"
    )
    checker.add_argument("names", nargs="*", help="the questions to ask (all)")
    checker.add_argument("--list", action="store_true", help="print the questions and ask nothing")
    checker.add_argument(
        "--recordings", type=Path, help="a folder for the answers, without the key"
    )
    checker.set_defaults(run=_check)
    for program in (doctor, checker):
        program.add_argument("--base-url", help="the API's URL up to and including /v1")
    return parser


def _doctor(options: argparse.Namespace) -> int:
    is_fine = True
    for finding in examine(
        model=options.model,
        base_url=options.base_url,
        send_request=not options.no_request,
        bucket=options.bucket,
    ):
        print(f"{'ok ' if finding.is_fine else 'NO '} {finding.text}")
        is_fine &= finding.is_fine
    return 0 if is_fine else 1


def _check(options: argparse.Namespace) -> int:
    if options.list:
        for question in QUESTIONS:
            print(f"{question.name}: {question.fact}")
        return 0
    verdicts: Counter[str] = Counter()
    cost = 0.0
    try:
        settings = load_settings(base_url=options.base_url)
        for outcome in check(settings, options.names, options.recordings):
            question = outcome.question
            print(f"{outcome.verdict.upper()}: {question.name}: {question.fact}")
            print(f"    expected: {question.expected}\n    seen:     {outcome.seen}")
            verdicts[outcome.verdict] += 1
            cost += outcome.cost
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    counts = ", ".join(f"{count} {verdict}" for verdict, count in sorted(verdicts.items()))
    print(f"{counts}; about {cost:.4f} EUR.")
    return 1 if verdicts["different"] or verdicts["unanswered"] else 0


if __name__ == "__main__":
    sys.exit(main())
