"""A progress bar of tqdm, which users install themselves."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def progress_bar(
    total: int | None, unit: str, *, is_wanted: bool
) -> Iterator[Callable[[int], Any]]:
    """Show how far something is, if that is wanted.

    Args:
        total: How many units there will be, if that is known.
        unit: What is counted, in the singular.
        is_wanted: Whether there is a bar at all.

    Yields:
        What is to be told how many more are done.

    Raises:
        ImportError: tqdm is not installed.
    """
    if not is_wanted:
        yield bool
        return
    try:
        from tqdm.auto import tqdm  # noqa: PLC0415 -- what few programs need
    except ImportError as error:
        raise ImportError("The progress bar needs tqdm: `pip install tqdm`.") from error
    with tqdm(total=total, unit=unit) as bar:
        yield bar.update
