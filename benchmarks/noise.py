"""How much of the machine others took while something was measured."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

from benchmarks.processes import family, processor_s


@dataclass(slots=True)
class Noise:
    """Filled when the block ends."""

    others_share: float = 0.0  # of all cores' time, taken by processes that are not ours


@contextmanager
def listening(*servers: psutil.Process) -> Iterator[Noise]:
    """Measure what is neither this process nor a server or one of its children."""
    noise = Noise()
    ours = [psutil.Process(), *(p for server in servers for p in family(server))]
    busy, own, started = _busy_s(), sum(map(processor_s, ours)), time.monotonic()
    yield noise
    cores_s = (time.monotonic() - started) * (os.cpu_count() or 1)
    noise.others_share = share(_busy_s() - busy, sum(map(processor_s, ours)) - own, cores_s)


def share(busy_s: float, own_s: float, cores_s: float) -> float:
    """Return the share of all cores' time that was busy and not our own, within 0 and 1.

    The kernel counts the machine and its processes apart, in ticks: a difference may be negative.
    """
    return min(1.0, max(0.0, (busy_s - own_s) / cores_s)) if cores_s else 0.0


def _busy_s() -> float:
    times = psutil.cpu_times()
    return float(times.user + times.nice + times.system + times.irq + times.softirq + times.steal)
