"""Whose turn it is: priorities that age, equal shares between owners, what is due first.

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
"""Work counts as due no later than this after its arrival: what is due late does not starve."""

MUCH_LONGER = 4.0
"""Work that needs so many times what another owner's work needs lets that one go first."""


@dataclass(slots=True, kw_only=True, eq=False)
class QueuedWork:
    """Something that waits for its turn, or has it."""

    owner: str = ""  # whose share it uses; all work without an owner shares one
    priority: int = INTERACTIVE
    due_at: float = math.inf  # what is due earlier comes first; on the clock of `arrived_at`, in s
    arrived_at: float = 0.0
    arrival: int = 0  # its place among all that ever came
    keeps_turn: bool = False  # it had its turn, and goes on: see `Turns.order`

    @property
    def left(self) -> float:
        """How much there still is to do, in any unit that is the same for all; 0: nobody knows."""
        return 0.0


Work = TypeVar("Work", bound=QueuedWork)


class Turns:
    """The use that each owner has made of what is shared, and the order that follows from it.

    Only owners with queued work are remembered. One who comes (again) begins level with the least
    served of the others: nobody saves up turns by staying away. Not thread-safe.
    """

    def __init__(self) -> None:
        """Begin with nothing queued."""
        self._used: dict[str, float] = {}
        self._n_queued: Counter[str] = Counter()
        self._n_arrived = 0

    def enter(self, work: QueuedWork, now: float) -> None:
        """Let work wait for its turn."""
        if work.owner not in self._used:
            self._used[work.owner] = min(self._used.values(), default=0.0)
        self._n_queued[work.owner] += 1
        self._n_arrived += 1
        work.arrived_at, work.arrival = now, self._n_arrived

    def leave(self, work: QueuedWork) -> None:
        """Forget work that has ended, whether it was done or not."""
        self._n_queued[work.owner] -= 1
        if not self._n_queued[work.owner]:
            del self._n_queued[work.owner], self._used[work.owner]

    def charge(self, work: QueuedWork, cost: float) -> None:
        """Add to what the work's owner has used, in any unit that is the same for all."""
        self._used[work.owner] += cost

    def order(self, queue: Iterable[Work], now: float) -> list[Work]:
        """Return work that has entered, the next one first.

        By priority, until it has aged; then what keeps its turn; then the owner who has used
        least; then what is due first; then first come, first served. What is long keeps no turn
        before what is short, of an owner who has used less.
        """
        works = list(queue)
        return sorted(works, key=lambda work: self._rank(work, works, now))

    def _rank(
        self, work: Work, works: list[Work], now: float
    ) -> tuple[int, bool, float, bool, float, int]:
        goes_on = work.keeps_turn and not any(self._interrupts(w, work, now) for w in works)
        due_at = min(work.due_at, work.arrived_at + PATIENCE_S)
        used, is_new = self._used[work.owner], not work.keeps_turn
        return _find_priority(work, now), not goes_on, used, is_new, due_at, work.arrival

    def _interrupts(self, short: QueuedWork, long: QueuedWork, now: float) -> bool:
        return (
            self._used[short.owner] < self._used[long.owner]
            and 0 < short.left <= long.left / MUCH_LONGER
            and _find_priority(short, now) <= _find_priority(long, now)
        )


def _find_priority(work: QueuedWork, now: float) -> int:
    has_aged = now - work.arrived_at >= AGING_S
    return INTERACTIVE if has_aged else work.priority
