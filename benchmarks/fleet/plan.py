"""What is simulated: how many, how loaded, how long a pass takes, who falls sick and when."""

from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

import numpy as np

from benchmarks.cards import STABLE_AUDIO_OPEN
from benchmarks.report import read
from frontend.triton.foreign_passes import PATIENCE_S

CARD = replace(
    STABLE_AUDIO_OPEN,
    name="simulated",
    sample_rate=16_000,
    audio_channels=1,
    samples_per_frame=640,
    frame_bucket=25,
    default_seconds=5.0,
)
LANES = 2
MAX_JOBS = 64
SECONDS = (1.0, 2.0, 3.0, 5.0, 7.0, 10.0)
"""Lengths of the clips that are asked for, equally often."""

Illness = Literal["fails", "slow", "restarts"]


@dataclass(frozen=True, slots=True)
class Sickness:
    """What one Triton has between two moments of the simulation, in seconds."""

    illness: Illness
    begin: float
    end: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One simulation; times are the simulation's own."""

    n_tritons: int
    n_frontends: int
    load: float  # of what the Tritons can do
    seconds: float
    slowness: float
    sick: dict[int, Sickness]  # by number of the Triton
    refresh_s: float = 2.0
    patience_s: float = PATIENCE_S  # of a choice that asks two Tritons for their load

    @property
    def per_s(self) -> float:
        """Requests a second of all frontends together."""
        return self.load * self.n_tritons * LANES / float(np.mean([pass_s(s) for s in SECONDS]))


def sick_ones(seconds: float) -> dict[int, Sickness]:
    """Return three that are sick in the middle of a simulation: the first, second and third."""
    begin, end = 0.2 * seconds, 0.7 * seconds
    return {
        0: Sickness("fails", begin, end),
        1: Sickness("slow", begin, end),
        2: Sickness("restarts", begin, begin + 6.0),
    }


@cache
def pass_s(seconds: float) -> float:
    """Return how long one of two lanes takes for a clip: measured (benchmarks/results/curves).

    The time of one client, by length, times what a second client beside it costs.
    """
    figures = read("curves")["figures"]
    lengths = [float(row["x"]) for row in figures["seconds"]]
    times_s = [float(row["alone"]["p50_s"]) for row in figures["seconds"]]
    by_clients = {row["x"]: float(row["alone"]["p50_s"]) for row in figures["concurrency"]}
    return float(np.interp(seconds, lengths, times_s)) * by_clients[2] / by_clients[1]
