"""What every item of the GPU benchmark needs: the device, the sizes, a stopwatch."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

Figures = dict[str, Any]
"""One line of results: what JSON can hold."""


class Missing(Exception):
    """An item cannot be measured here; the message says what it lacks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Where is measured, and how large."""

    device: str  # as torch calls it: "cuda" or "cpu"
    tiny: bool  # small networks and few repetitions: to see that it works, not to quote

    @property
    def is_gpu(self) -> bool:
        """Return whether the device is one."""
        return self.device.startswith("cuda")

    @property
    def rows(self) -> tuple[int, ...]:
        """Rows of one call."""
        return (1, 2) if self.tiny else (1, 2, 4, 8)

    def synchronize(self) -> None:
        """Wait for all work of the device."""
        if self.is_gpu:
            import torch  # noqa: PLC0415

            torch.cuda.synchronize()

    def seconds(self, work: Callable[[], object]) -> float:
        """Return how long one call takes: the median of several, the first not counted."""
        work()
        self.synchronize()
        least, longest_s = (1, 0.01) if self.tiny else (5, 1.0)
        taken: list[float] = []
        while len(taken) < least or (sum(taken) < longest_s and len(taken) < 100):  # noqa: PLR2004
            start = time.perf_counter()
            work()
            self.synchronize()
            taken.append(time.perf_counter() - start)
        return sorted(taken)[len(taken) // 2]


@dataclass(frozen=True, slots=True)
class Item:
    """One subject, and how long it may take at most."""

    name: str
    box_s: float
    measure: Callable[[Bench], Iterator[Figures]]
