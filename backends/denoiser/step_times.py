"""How long steps took lately: it tells whether a job can still be in time."""

from collections import deque
from collections.abc import Mapping
from typing import NamedTuple

_REMEMBERED_STEPS = 16
_REMEMBERED_CLASSES = 256


class CostClass(NamedTuple):
    """What the cost of a step depends on."""

    shape: tuple[int, ...]
    is_guided: bool  # can cost twice as much


class StepTimes:
    """The shortest of the last steps of each cost class. Not thread-safe."""

    def __init__(self) -> None:
        """Know nothing yet: every job can be in time."""
        self._steps: dict[CostClass, deque[float]] = {}

    def record(self, cost_class: CostClass, seconds: float) -> None:
        """Remember a measured step."""
        if cost_class not in self._steps and len(self._steps) >= _REMEMBERED_CLASSES:
            del self._steps[next(iter(self._steps))]  # the oldest
        self._steps.setdefault(cost_class, deque(maxlen=_REMEMBERED_STEPS)).append(seconds)

    def shortest_s(self, steps: Mapping[CostClass, int]) -> float:
        """Return the least time that so many steps of each class will take; 0 if none was measured.

        The least: a job is refused only if it would be late even with everything for itself.
        """
        return sum(n * min(self._steps.get(each, (0.0,))) for each, n in steps.items())
