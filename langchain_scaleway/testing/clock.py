"""A clock that may run faster than the wall's."""

from __future__ import annotations

import time


class ScaledClock:
    """Counts emulated seconds since it was made, at `epoch` in seconds since 1970.

    Every duration of the emulator, on the wire and in its settings, is in emulated seconds:
    with a scale of 60 a quota's minute lasts one second.

    Raises:
        ValueError: The scale is not positive.
    """

    def __init__(self, scale: float = 1.0) -> None:
        if scale <= 0:
            raise ValueError(f"time_scale must be positive, got {scale}.")
        self.scale = scale
        self.epoch = time.time()
        self._started = time.monotonic()

    def now(self) -> float:
        """Return the emulated seconds since the clock was made."""
        return (time.monotonic() - self._started) * self.scale

    def real_seconds(self, emulated_seconds: float) -> float:
        """Return how long a program must sleep for some emulated seconds to pass."""
        return emulated_seconds / self.scale
