"""Faults by chance, and faults by name for scripts in files and the command line."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydantic import TypeAdapter

from langchain_scaleway.testing.faults import Fault


@dataclass(frozen=True, kw_only=True)
class RandomFaults:
    """Faults that hit unscripted requests by chance, the same ones in every run.

    Attributes:
        probability: The share of requests that are hit, from 0 to 1.
        faults: What they are hit with, each as likely as the others.
        seed: The seed of the random numbers, drawn in the order in which requests arrive.
    """

    probability: float
    faults: Sequence[Fault]
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse an impossible probability, and an empty list of faults."""
        if not 0 <= self.probability <= 1:
            raise ValueError(f"probability must be from 0 to 1, got {self.probability}.")
        if not self.faults:
            raise ValueError("RandomFaults needs at least one fault.")

    def draw(self) -> Iterator[Fault | None]:
        """Yield the fault, or none, for each request in turn."""
        chance = random.Random(self.seed)  # noqa: S311 -- repeatable, not secret
        while True:
            hit = chance.random() < self.probability
            yield chance.choice(self.faults) if hit else None


def fault_from_text(text: str) -> Fault:
    """Read a fault written as `Name` or `Name:attribute=value,attribute=value`.

    Example:
        >>> fault_from_text("CutStream:after_events=3,ending=closed")
        CutStream(after_events=3, ending='closed')

    Raises:
        ValueError: There is no such fault or attribute, or an attribute's value is missing.
    """
    name, _, arguments = text.partition(":")
    kinds = {kind.__name__: kind for kind in Fault.__subclasses__()}
    if name not in kinds:
        raise ValueError(f"No fault is called {name!r}; there are {', '.join(sorted(kinds))}.")
    kind = kinds[name]
    given = dict(pair.partition("=")[::2] for pair in filter(None, arguments.split(",")))
    if unknown := given.keys() - kind.__match_args__:
        raise ValueError(
            f"{name} has no {', '.join(sorted(unknown))}; it has {kind.__match_args__}."
        )
    return TypeAdapter(kind).validate_python(given)
