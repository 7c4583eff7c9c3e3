"""`python -m benchmarks goodput`: how much load is served within a stated time.

The SLO: 95 % of 5 s clips within 3 s of their arrival, while they arrive by a Poisson process at
70 % of what the machine can do.
"""

from dataclasses import asdict, dataclass

from benchmarks import drive
from benchmarks.arrivals import poisson_for
from benchmarks.capacity import clips_per_s
from benchmarks.clips import clip
from benchmarks.endpoints import Endpoint, vllm_omni
from benchmarks.load import Run
from benchmarks.report import Table, write
from benchmarks.stack import running_stack
from benchmarks.summary import percentile

SLO_S = 3.0
SLO_LOAD = 0.7
LOADS = (0.5, 0.7, 0.9)


@dataclass(frozen=True, slots=True)
class Level:
    """One load, open loop."""

    load: float  # of the capacity
    offered_per_s: float
    n_requests: int
    n_refused: int
    p50_s: float
    p95_s: float
    in_time_share: float  # of all that arrived
    good_per_s: float  # clips in time, per second of the load
    others_share: float  # of all cores' time


def measure(*, quick: bool) -> None:
    """Measure the capacity, then each load; write the table."""
    seconds = 15.0 if quick else 100.0  # in 30 s chance alone decides
    with running_stack("goodput") as stack:
        endpoint = Endpoint("goodput", stack.url, vllm_omni, stack.process)
        capacity = clips_per_s(endpoint, 12 if quick else 40)
        levels = [_level(endpoint, load, capacity, seconds) for load in LOADS]
    figures = {"capacity_per_s": capacity, "levels": [asdict(level) for level in levels]}
    write("goodput", figures, [_table(capacity, levels)], quick=quick)


def _level(endpoint: Endpoint, load: float, capacity: float, seconds: float) -> Level:
    arrivals = poisson_for(load * capacity, seconds, seed=round(100 * load))
    run: Run = drive.run_open_loop(endpoint, clip, arrivals)
    latencies = [answer.latency_s for answer in run.answers if answer.is_good]
    n_in_time = sum(latency <= SLO_S for latency in latencies)
    return Level(
        load=load,
        offered_per_s=len(arrivals) / seconds,
        n_requests=len(arrivals),
        n_refused=len(arrivals) - len(latencies),
        p50_s=percentile(latencies, 50),
        p95_s=percentile(latencies, 95),
        in_time_share=n_in_time / len(arrivals),
        good_per_s=n_in_time / seconds,
        others_share=run.others_share,
    )


def _table(capacity: float, levels: list[Level]) -> Table:
    title = f"5 s clips within {SLO_S:g} s; capacity {capacity:.3g} clips/s"
    columns = (
        *("load", "arrived /s", "requests", "refused", "p50 s", "p95 s", "in time", "good /s"),
        "CPU of others",
    )
    rows = tuple(
        (
            f"{level.load:.0%}{_verdict(level)}",
            level.offered_per_s,
            level.n_requests,
            level.n_refused,
            level.p50_s,
            level.p95_s,
            f"{level.in_time_share:.1%}",
            level.good_per_s,
            f"{level.others_share:.0%}",
        )
        for level in levels
    )
    return Table(title, columns, rows)


def _verdict(level: Level) -> str:
    if level.load != SLO_LOAD:
        return ""
    return " (SLO: kept)" if level.p95_s <= SLO_S else " (SLO: **missed**)"
