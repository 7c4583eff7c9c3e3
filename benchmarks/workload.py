"""How much is measured in a quick and in a full run."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from benchmarks.clips import Clip, clip

Clips = Callable[[int], Clip]

STANDARD = Clip("", 0, seconds=5.0, steps=20, guidance_scale=2.0)
"""What is asked for where nothing else is varied; more steps than the starter's own 8."""


def clips(like: Clip = STANDARD, *, repeats: float = 0.0) -> Clips:
    """Return the clip of each index: prompts never repeat, unless `repeats` says how many do."""
    return partial(clip, like=like, repeats=repeats)


@dataclass(frozen=True, slots=True)
class Amount:
    """Numbers of requests."""

    rounds: int  # requests per client of a closed loop
    least: int  # of any closed loop
    arrivals: int  # of an open loop

    def closed(self, concurrency: int) -> int:
        """Return the requests of a closed loop: whole rounds, so that no client idles early."""
        rounds = max(self.rounds, -(-self.least // concurrency))
        return rounds * concurrency


QUICK = Amount(rounds=1, least=2, arrivals=5)
FULL = Amount(rounds=3, least=12, arrivals=24)


def amount(*, quick: bool) -> Amount:
    """Return how much to measure."""
    return QUICK if quick else FULL
