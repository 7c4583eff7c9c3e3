"""How long a step takes, by what it costs: whether a job can still be in time."""

from collections import deque
from collections.abc import Mapping

Kind = tuple[tuple[int, ...], bool]
"""Shape of the latents, and whether the step is guided, which can cost twice as much."""

_REMEMBERED_STEPS = 16
_REMEMBERED_KINDS = 256


class Pace:
    """The fastest of the last steps of each kind. Not thread-safe."""

    def __init__(self) -> None:
        """Know nothing: everything can be in time."""
        self._steps: dict[Kind, deque[float]] = {}

    def learn(self, kind: Kind, seconds: float) -> None:
        """Take a measured step."""
        if kind not in self._steps and len(self._steps) >= _REMEMBERED_KINDS:
            del self._steps[next(iter(self._steps))]  # the oldest
        self._steps.setdefault(kind, deque(maxlen=_REMEMBERED_STEPS)).append(seconds)

    def least_s(self, work: Mapping[Kind, int]) -> float:
        """Return the least time that numbers of steps will take; 0 where none was measured.

        The least: a job is refused only if it would be late even with everything for itself.
        """
        return sum(steps * min(self._steps.get(kind, (0.0,))) for kind, steps in work.items())
