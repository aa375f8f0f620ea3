"""The permits of attempts: of those that no rate limiter counts, and how each one ends."""

from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from langchain_scaleway.errors import ScalewayError

if TYPE_CHECKING:
    # The limiter brings its own modules, and most programs have none.
    from langchain_scaleway.client.quotas.gate import Permit


class Unlimited:
    """A `Permit` of an attempt that no limiter counts."""

    def answered(self, headers: Mapping[str, str]) -> None:
        """Learn nothing."""

    def end(
        self, usage: Mapping[str, Any] | None = None, error: ScalewayError | None = None
    ) -> None:
        """Learn nothing."""


class Settled:
    """A permit that ends with a `with` block, however that ends.

    Attributes:
        permit: The permit.
        usage: The tokens used, for the block to set.
    """

    def __init__(self, permit: "Permit") -> None:
        self.permit = permit
        self.usage: Mapping[str, Any] | None = None

    def __enter__(self) -> Self:
        """Begin the attempt."""
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End it."""
        self.permit.end(self.usage, error if isinstance(error, ScalewayError) else None)
