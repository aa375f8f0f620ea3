"""The two rows that need a new process for every sample: import and first reply."""

import json
import subprocess
import sys

from benchmarks.contestants import Contestant, Floor

_PROGRAM = """
import time
began = time.process_time()
{import_statement}
imported = time.process_time()
{untimed}
ready = time.process_time()
{name}(**{arguments!r}).invoke("What is the capital of France?")
replied = time.process_time()
print("[", imported - began, ",", replied - ready, "]")
"""


def leave_bytecode(contestant: Contestant) -> None:
    """Import a contestant once, so that Python keeps the bytecode of what pip has not compiled.

    A failure tells of itself in the samples.
    """
    program = [sys.executable, "-c", contestant.import_statement]
    subprocess.run(program, capture_output=True, check=False)  # noqa: S603 - an import, no shell


def import_and_first_reply(contestant: Contestant, url: str) -> tuple[float, float]:
    """Return the CPU time of the import and of the first reply after it, in seconds.

    The program imports nothing else before, so that a contestant pays for all that it needs.

    Raises:
        RuntimeError: The program failed; the message ends with what it wrote.
    """
    # The import of the floor is langchain-core's and httpx's; its own class comes after it.
    own_class = f"from {contestant.module} import {contestant.chat_model}"
    program = _PROGRAM.format(
        import_statement=contestant.import_statement,
        untimed=own_class if isinstance(contestant, Floor) else "",
        name=contestant.chat_model,
        arguments=contestant.arguments(url, "short"),
    )
    done = subprocess.run(  # noqa: S603 - the program above, no shell
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(done.stderr.strip().rpartition("\n")[2])
    first, second = json.loads(done.stdout)
    return first, second
