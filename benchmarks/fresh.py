"""The rows whose samples take a new process each: the import, and the first reply after it."""

import compileall
import importlib.util
import json
import subprocess
import sys

from benchmarks.models import BASELINE, Measured
from benchmarks.work import QUESTION

# A full garbage collection takes as long as a first reply, and falls into one or the other phase of
# one or the other program by the chance of some hundred objects more or less.
_PROGRAM = """
import gc, time
gc.disable()
began = time.process_time()
{import_statement}
imported = time.process_time()
{own_class}
ready = time.process_time()
{class_name}(**{arguments!r}).invoke({question!r})
replied = time.process_time()
print("[", imported - began, ",", replied - ready, "]")
"""


def leave_bytecode(measured: Measured) -> None:
    """Compile what pip has not compiled, such as a package that is installed to be edited."""
    package = importlib.util.find_spec(measured.module.partition(".")[0])
    for directory in (package and package.submodule_search_locations) or ():
        compileall.compile_dir(directory, quiet=2)


def import_and_first_reply(measured: Measured, url: str) -> tuple[float, float]:
    """The CPU time of the import and of the first reply after it, in seconds.

    The program imports nothing else before, so that a model pays for all that it needs. The
    baseline's import is langchain-core's and httpx's; its own class comes after it.

    Raises:
        RuntimeError: The program failed; the message ends with what it wrote.
    """
    is_baseline = measured == BASELINE
    core = "import httpx, langchain_core.language_models.chat_models"
    program = _PROGRAM.format(
        import_statement=core if is_baseline else measured.import_statement,
        own_class=measured.import_statement if is_baseline else "",
        class_name=measured.class_name or measured.name,
        arguments=measured.arguments(url, "short"),
        question=QUESTION,
    )
    done = subprocess.run(  # noqa: S603 -- the program above, no shell
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(done.stderr.strip().rpartition("\n")[2])
    first, second = json.loads(done.stdout)
    return first, second
