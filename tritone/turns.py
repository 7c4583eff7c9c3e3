"""Whose turn it is: priorities that age, equal shares between keys, earliest deadline first.

Pure arithmetic on times and costs; the denoiser orders its jobs by it, the frontend its waiters.
"""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

INTERACTIVE = 0
"""Priority of requests that somebody waits for. Smaller comes first."""

BACKGROUND = 1
"""Priority of jobs that are fetched later."""

AGING_S = 30.0
"""After such a wait a claim counts as interactive, so that nothing starves."""

PATIENCE_S = 300.0
"""Deadlines count as no later than this after the arrival: they starve nobody either."""


@dataclass(slots=True, kw_only=True, eq=False)
class Claim:
    """What somebody who waits for a turn can say for it."""

    key: str = ""  # whose share it is on; all that name none share one
    priority: int = INTERACTIVE
    deadline: float = math.inf  # on the clock of `arrived_at`, in s
    arrived_at: float = 0.0
    arrival: int = 0  # its place among all that ever came
    leads: bool = False  # it had its turn and goes on until it ends, unless a priority comes first


C = TypeVar("C", bound=Claim)


class Turns:
    """The use that each key has made of what is shared, and the order that follows from it.

    Only keys that have a claim are remembered. One that comes (again) begins level with the least
    served of the others: nobody saves up turns by staying away. Not thread-safe.
    """

    def __init__(self) -> None:
        """Nobody waits."""
        self._used: dict[str, float] = {}
        self._claims: Counter[str] = Counter()
        self._n_arrived = 0

    def enter(self, claim: Claim, now: float) -> None:
        """Take a claim in."""
        if claim.key not in self._used:
            self._used[claim.key] = min(self._used.values(), default=0.0)
        self._claims[claim.key] += 1
        self._n_arrived += 1
        claim.arrived_at, claim.arrival = now, self._n_arrived

    def leave(self, claim: Claim) -> None:
        """Forget a claim that has ended, however it did."""
        self._claims[claim.key] -= 1
        if not self._claims[claim.key]:
            del self._claims[claim.key], self._used[claim.key]

    def charge(self, claim: Claim, cost: float) -> None:
        """Count what a claim has used, in any unit that is the same for all."""
        self._used[claim.key] += cost

    def n_claims(self, key: str) -> int:
        """Return how many claims a key has."""
        return self._claims[key]

    def ordered(self, claims: Iterable[C], now: float) -> list[C]:
        """Return claims that have entered, the next one first.

        By priority, until they have aged; then those that lead; then the key that has used
        least; then the earliest deadline; then first come, first served.
        """
        return sorted(claims, key=lambda claim: self._rank(claim, now))

    def _rank(self, claim: Claim, now: float) -> tuple[int, bool, float, float, int]:
        has_aged = now - claim.arrived_at >= AGING_S
        priority = INTERACTIVE if has_aged else claim.priority
        deadline = min(claim.deadline, claim.arrived_at + PATIENCE_S)
        return priority, not claim.leads, self._used[claim.key], deadline, claim.arrival
