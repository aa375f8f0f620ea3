"""The Batch API's own cost: 5,000 and 50,000 requests written, run on the emulator, and read.

Time is the processor's, of this package alone: the emulator has a process of its own, and a folder
stands for the bucket. Memory is the most that a process of its own has held above what it held
before: with inputs that come one by one, only parts of the file are in memory while it is sent,
30 MB at most; the results are a list and grow with it.

Run `python -m benchmarks.batches`; it takes some minutes.
"""

import multiprocessing
import platform
import resource
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from obstore.store import LocalStore

from langchain_scaleway import ChatScaleway, ScalewayBatches
from langchain_scaleway.testing import EmulatorProcess

_MODEL = "mistral-small-3.2-24b-instruct-2506"
_LINES = (5_000, 50_000)
_PROMPT = "What is the meaning of row {}? " + "It has some words to read. " * 14


def submit(batches: ScalewayBatches, lines: int) -> str:
    """Write the requests."""
    return batches.submit(_PROMPT.format(number) for number in range(lines)).id


def wait(batches: ScalewayBatches, batch_id: str) -> None:
    """Have the emulator answer."""
    batches.resume(batch_id).wait()


def results(batches: ScalewayBatches, batch_id: str) -> int:
    """Read the answers."""
    return len(batches.resume(batch_id).results())


def measure(
    work: Callable[[ScalewayBatches, Any], Any], given: Any, address: str, folder: str
) -> tuple[Any, float, float]:
    """Do one of these in a fresh process: what it gives, its seconds and its megabytes."""
    model = ChatScaleway(model=_MODEL, base_url=address, api_key="any", max_tokens=200)
    batches = ScalewayBatches(model, "s3://my-bucket/llm", store=LocalStore(folder))
    list(map(batches._service.rows.request, ["Warm up?"] * 10))  # noqa: SLF001 -- nothing is sent
    before, began = _peak(), time.process_time()
    result = work(batches, given)
    return result, time.process_time() - began, _peak() - before


def _peak() -> float:
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes / 1024


def main() -> None:
    """Print a table."""
    print("| lines | written, a line | memory | read, a line | memory, a line |")
    print("| ---: | ---: | ---: | ---: | ---: |")
    spawn = multiprocessing.get_context("spawn")
    for lines in _LINES:
        with (
            TemporaryDirectory() as folder,
            EmulatorProcess(
                batch_storage=Path(folder), batch_seconds=0, api_key=None, keep_requests=10
            ) as emulator,
            ProcessPoolExecutor(1, spawn, max_tasks_per_child=1) as fresh,
        ):
            place = (emulator.base_url, folder)
            batch_id, wrote, held = fresh.submit(measure, submit, lines, *place).result()
            fresh.submit(measure, wait, batch_id, *place).result()
            count, read, kept = fresh.submit(measure, results, batch_id, *place).result()
            assert count == lines  # noqa: S101 -- else the figures mean nothing
            print(
                f"| {lines:,} | {wrote / lines * 1e6:.0f} µs | {held:.0f} MB "
                f"| {read / lines * 1e6:.0f} µs | {kept / lines * 1024:.1f} kB |"
            )
    print(f"{platform.system()} {platform.machine()}, Python {platform.python_version()}")


if __name__ == "__main__":
    main()
