"""Whose turn it is: priorities that age, equal shares between keys, earliest deadline first.

Pure arithmetic on times and costs: the denoiser orders its jobs by it, admission its waiters.
"""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

INTERACTIVE = 0
"""Priority of requests that somebody waits for. The smaller priority comes first."""

BACKGROUND = 1
"""Priority of jobs that are fetched later."""

AGING_S = 30.0
"""Work that has waited this long counts as interactive, so that nothing starves."""

PATIENCE_S = 300.0
"""A deadline counts as no later than this after the arrival: late ones do not starve either."""


@dataclass(slots=True, kw_only=True, eq=False)
class QueuedWork:
    """Something that waits for its turn, or has it."""

    key: str = ""  # whose share it uses; all work without a key shares one
    priority: int = INTERACTIVE
    deadline: float = math.inf  # on the clock of `arrived_at`, in s
    arrived_at: float = 0.0
    arrival: int = 0  # its place among all that ever came
    keeps_turn: bool = False  # it had its turn: only a priority comes before it


Work = TypeVar("Work", bound=QueuedWork)


class Turns:
    """The use that each key has made of what is shared, and the order that follows from it.

    Only keys with queued work are remembered. A key that comes (again) begins level with the least
    served of the others: nobody saves up turns by staying away. Not thread-safe.
    """

    def __init__(self) -> None:
        """Begin with nothing queued."""
        self._used: dict[str, float] = {}
        self._n_queued: Counter[str] = Counter()
        self._n_arrived = 0

    def enter(self, work: QueuedWork, now: float) -> None:
        """Let work wait for its turn."""
        if work.key not in self._used:
            self._used[work.key] = min(self._used.values(), default=0.0)
        self._n_queued[work.key] += 1
        self._n_arrived += 1
        work.arrived_at, work.arrival = now, self._n_arrived

    def leave(self, work: QueuedWork) -> None:
        """Forget work that has ended, whether it was done or not."""
        self._n_queued[work.key] -= 1
        if not self._n_queued[work.key]:
            del self._n_queued[work.key], self._used[work.key]

    def charge(self, work: QueuedWork, cost: float) -> None:
        """Add to what the work's key has used, in any unit that is the same for all."""
        self._used[work.key] += cost

    def order(self, queue: Iterable[Work], now: float) -> list[Work]:
        """Return work that has entered, the next one first.

        By priority, until it has aged; then what keeps its turn; then the key that has used
        least; then the earliest deadline; then first come, first served.
        """
        return sorted(queue, key=lambda work: self._rank(work, now))

    def _rank(self, work: QueuedWork, now: float) -> tuple[int, bool, float, float, int]:
        has_aged = now - work.arrived_at >= AGING_S
        priority = INTERACTIVE if has_aged else work.priority
        deadline = min(work.deadline, work.arrived_at + PATIENCE_S)
        return priority, not work.keeps_turn, self._used[work.key], deadline, work.arrival
