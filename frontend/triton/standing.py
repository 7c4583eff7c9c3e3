"""How one Triton does with one model's passes: one that fails them in a row is ejected for a while.

A Triton that fails at once always has the fewest passes, so it would draw all of them. The words
are Envoy's (outlier detection) and those of circuit breakers: after an ejection one pass is tried
on it; where that fails, the next ejection is twice as long.
"""

import math
from dataclasses import dataclass

MAX_EJECTION_S = 300.0
SLOW_START_S = 10.0
_LEAST_SHARE = 0.1
_MAX_DOUBLINGS = 30


@dataclass(slots=True)
class Standing:
    """What is remembered. Every `now` is on the pool's clock, in seconds."""

    n_failures: int = 0  # in a row
    n_ejections: int = 0  # in a row
    ejected_until: float | None = None  # and from then on until a trial has succeeded
    trial: str | None = None  # the one pass that is tried on an ejected Triton
    returned_at: float = -math.inf
    cause: str = ""  # class of the last failure

    @property
    def is_ejected(self) -> bool:
        """Whether it gets no passes but trials."""
        return self.ejected_until is not None

    def is_due(self, now: float) -> bool:
        """Return whether a pass should be tried on it."""
        return self.ejected_until is not None and now >= self.ejected_until and self.trial is None

    def begin(self, pass_id: str, now: float) -> None:
        """Note that a pass is given to it."""
        if self.is_due(now):
            self.trial = pass_id

    def end(self, pass_id: str) -> None:
        """Note that a pass has ended, however it did."""
        if self.trial == pass_id:
            self.trial = None

    def succeed(self, pass_id: str, now: float) -> None:
        """Note a pass that it made. One that was given before the ejection proves nothing."""
        if not self.is_ejected:
            self.n_failures = 0
            if now - self.returned_at > SLOW_START_S:
                self.n_ejections = 0
        elif self.trial == pass_id:
            self._return(now)

    def fail(self, cause: str) -> None:
        """Note a pass that failed on it."""
        self.n_failures += 1
        self.cause = cause

    def withdraw(self, enough: int) -> None:
        """Take a failure back, and the ejection that followed if the rest is not enough for it."""
        self.n_failures = max(0, self.n_failures - 1)
        if self.is_ejected and self.n_failures < enough:
            self.ejected_until = self.trial = None
            self.n_ejections -= 1

    def eject(self, base_s: float, now: float) -> float:
        """Give it no passes for `base_s` seconds, twice that each time; return how long."""
        seconds = min(base_s * 2.0 ** min(self.n_ejections, _MAX_DOUBLINGS), MAX_EJECTION_S)
        self.n_ejections += 1
        self.ejected_until = now + seconds
        return seconds

    def forgive(self, now: float) -> None:
        """Note that it was started anew. Not what it did before: the next ejection is as long."""
        if self.is_ejected:
            self._return(now)
        self.n_failures = 0

    def share(self, now: float) -> float:
        """Return which share of its passes it gets now: 0.1 at its return, 1 after the slow start.

        Its caches are cold, and what made it fail may need some load to show.
        """
        return ramp(now - self.returned_at)

    def explain(self, model: str, now: float) -> str:
        """Return why it is ejected, in a line; empty: it is not."""
        if self.ejected_until is None:
            return ""
        left_s = max(0.0, self.ejected_until - now)
        return (
            f"ejected: {self.n_failures} passes of {model} failed in a row, the last with "
            f"{self.cause}; tried again in {left_s:.0f} s"
        )

    def _return(self, now: float) -> None:
        self.ejected_until = self.trial = None
        self.n_failures = 0
        self.returned_at = now


def ramp(seconds: float) -> float:
    """Return the share of passes for a Triton that has been back for so long."""
    return min(1.0, max(_LEAST_SHARE, seconds / SLOW_START_S))
