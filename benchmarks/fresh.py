"""The two rows that need a new process for every sample: import and first reply."""

import compileall
import importlib.util
import json
import subprocess
import sys

from benchmarks.contestants import Contestant, Floor

# A full garbage collection takes as long as a first reply, and falls into one or the other
# phase of one or the other program by the chance of some hundred objects more or less.
_PROGRAM = """
import gc, time
gc.disable()
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
    """Compile what pip has not compiled, such as a package that is installed to be edited.

    Python would do it in the first process that imports it, or, where it is told to write no
    bytecode, in every one.
    """
    package = importlib.util.find_spec(contestant.module.partition(".")[0])
    for directory in (package and package.submodule_search_locations) or ():
        compileall.compile_dir(directory, quiet=2)


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
    done = subprocess.run(  # noqa: S603 -- the program above, no shell
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(done.stderr.strip().rpartition("\n")[2])
    first, second = json.loads(done.stdout)
    return first, second
