"""How fast passes go through: measured while all slots are taken, otherwise estimated."""

import time
from collections.abc import Callable

_FIRST_GUESS_S = 2.0  # of one pass, before anything was measured
_WEIGHT = 0.2  # of the newest measurement in the moving averages


class Throughput:
    """Moving averages: how long a pass takes, and the time between the ends of two."""

    def __init__(self, n_slots: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Know nothing yet."""
        self._n_slots = n_slots
        self._clock = clock
        self._duration_s: float | None = None
        self._gap_s: float | None = None
        self._last_end: float | None = None

    @property
    def is_saturated(self) -> bool:
        """Whether a pass waits: only then the gaps between ends tell how fast we can be."""
        return self._last_end is not None

    @is_saturated.setter
    def is_saturated(self, waits: bool) -> None:
        if not waits:
            self._last_end = None
        elif self._last_end is None:
            self._last_end = self._clock()

    def learn(self, duration_s: float) -> None:
        """Learn from a pass that succeeded."""
        self._duration_s = _average(self._duration_s, duration_s)
        if self._last_end is not None:
            now = self._clock()
            self._gap_s = _average(self._gap_s, now - self._last_end)
            self._last_end = now

    def seconds_for(self, n_passes: int) -> float:
        """Return how long a number of passes will take to go through."""
        gap_s = self._gap_s
        if gap_s is None:
            gap_s = (self._duration_s or _FIRST_GUESS_S) / self._n_slots
        return n_passes * gap_s


def _average(average: float | None, newest: float) -> float:
    return newest if average is None else (1 - _WEIGHT) * average + _WEIGHT * newest
