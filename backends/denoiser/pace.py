"""How long a step takes, by the latents' shape: whether a job can still be in time."""

from collections import deque

Shape = tuple[int, ...]

_REMEMBERED_STEPS = 16
_REMEMBERED_SHAPES = 256


class Pace:
    """The fastest of the last steps of each shape. Not thread-safe."""

    def __init__(self) -> None:
        """Know nothing: everything can be in time."""
        self._steps: dict[Shape, deque[float]] = {}

    def learn(self, shape: Shape, seconds: float) -> None:
        """Take a measured step of jobs of a shape."""
        if shape not in self._steps and len(self._steps) >= _REMEMBERED_SHAPES:
            del self._steps[next(iter(self._steps))]  # the oldest
        self._steps.setdefault(shape, deque(maxlen=_REMEMBERED_STEPS)).append(seconds)

    def least_s(self, shape: Shape, steps: int) -> float:
        """Return the least time that steps of a shape will take; 0 where none was measured.

        The least: a job is refused only if it would be late even with everything for itself.
        """
        return steps * min(self._steps.get(shape, (0.0,)))
