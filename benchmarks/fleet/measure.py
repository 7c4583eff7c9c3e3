"""`python -m benchmarks fleet`: 50 stub Tritons under 20 frontends, three of them sick, or none.

Times are the simulation's; it runs slower than the wall's clock, so that two cores suffice.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Self

import numpy as np
import structlog

from benchmarks.fleet.frontends import SAMPLE_S
from benchmarks.fleet.plan import Plan, pass_s, sick_ones
from benchmarks.fleet.simulation import LookCost, Outcome, measure_looks, simulate
from benchmarks.plots import Line, plot
from benchmarks.progress import say
from benchmarks.report import RESULTS, Cell, Table, write
from benchmarks.summary import percentile

FULL = Plan(n_tritons=50, n_frontends=20, load=0.7, seconds=60.0, slowness=4.0, sick={})
QUICK = replace(FULL, n_tritons=10, n_frontends=3, seconds=8.0, slowness=1.0)
_MOST = 0.9  # of the frontends
_LOOKED_AT = (10, 2)  # Tritons and frontends


@dataclass(frozen=True, slots=True)
class Spread:
    """How unlike each other some Tritons are in something."""

    max_over_min: float
    deviation: float  # standard, relative

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """Return the spread of values."""
        deviation = float(np.std(values) / np.mean(values))
        return cls(max_over_min=max(values) / min(values), deviation=deviation)

    def __str__(self) -> str:
        return f"{self.max_over_min:.2f}, {self.deviation:.1%}"


@dataclass(frozen=True, slots=True)
class Figures:
    """What one simulation came to."""

    name: str
    n_requests: int
    failures: tuple[str, ...]  # classes of the errors
    p50_s: float
    p95_s: float
    passes: Spread  # of the healthy Tritons
    busy: Spread  # the same, of the seconds that their lanes worked
    n_of_sick: tuple[int, ...]
    ejected_after_s: tuple[float | None, ...]  # the failing one, by half and by most frontends
    used_after_s: tuple[float | None, ...]  # the same, since it was well
    stall_s: float  # the longest time in which the busy machine simulated nothing


def measure(*, quick: bool, seconds: float, slowness: float) -> None:
    """Simulate, and measure what looks cost; write tables and a plot."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    looks = _measure_looks(4.0 if quick else 10.0)
    base = QUICK if quick else replace(FULL, seconds=seconds, slowness=slowness)
    found: list[Figures] = []
    for name, sick in (("all healthy", {}), ("three sick", sick_ones(base.seconds))):
        say(f"fleet: {name}")
        plan = replace(base, sick=sick)
        outcome = simulate(plan)
        found.append(take(name, plan, outcome))
        say(str(found[-1]))
    if not quick:
        _draw(plan, outcome)
    figures = {"fleets": [asdict(each) for each in found], "look": asdict(looks)}
    write("fleet", figures, [table(base, found), _looks(looks)], quick=quick)


def take(name: str, plan: Plan, outcome: Outcome) -> Figures:
    """Return the figures of a simulation."""
    latencies = [each.latency_s for each in outcome.requests if not each.failure]
    made, busy_s = outcome.tritons.n_made, outcome.tritons.busy_s
    healthy = range(len(sick_ones(1.0)), plan.n_tritons)  # where nobody is sick the same ones
    begin, end = (plan.sick[0].begin, plan.sick[0].end) if plan.sick else (np.inf, np.inf)
    half, most = plan.n_frontends / 2, _MOST * plan.n_frontends
    return Figures(
        name=name,
        n_requests=len(outcome.requests),
        failures=tuple(each.failure for each in outcome.requests if each.failure),
        p50_s=percentile(latencies, 50),
        p95_s=percentile(latencies, 95),
        passes=Spread.of([made[n] for n in healthy]),
        busy=Spread.of([busy_s[n] for n in healthy]),
        n_of_sick=tuple(made[n] for n in plan.sick),
        ejected_after_s=(
            _first(outcome, begin, lambda n: n >= half),
            _first(outcome, begin, lambda n: n >= most),
        ),
        used_after_s=(
            _first(outcome, end, lambda n: plan.n_frontends - n >= half),
            _first(outcome, end, lambda n: plan.n_frontends - n >= most),
        ),
        stall_s=max(np.diff([each.at_s for each in outcome.samples])) - SAMPLE_S,
    )


def _first(outcome: Outcome, begin: float, holds: Callable[[int], bool]) -> float | None:
    """Return how long after `begin` a count of frontends first held that ejected the first one."""
    later = (e.at_s for e in outcome.samples if e.at_s >= begin and holds(e.n_ejected[0]))
    found = next(later, None)
    return None if found is None else found - begin


def _measure_looks(seconds: float) -> LookCost:
    n_tritons, n_frontends = _LOOKED_AT
    plan = Plan(
        n_tritons=n_tritons,
        n_frontends=n_frontends,
        load=FULL.load,
        seconds=seconds,
        slowness=1.0,
        sick={},
        refresh_s=1.0,
    )
    say(f"fleet: looks, {n_frontends} frontends at {n_tritons} Tritons")
    return measure_looks(plan, seconds)


def _draw(plan: Plan, outcome: Outcome) -> None:
    bins = np.arange(0.0, plan.seconds, 2.5)
    dues = np.array([each.due_s for each in outcome.requests])
    latencies = np.array([each.latency_s for each in outcome.requests])
    p95 = [percentile(list(latencies[(dues >= b) & (dues < b + 2.5)]), 95) for b in bins]
    lines = [Line("p95", list(bins + 1.25), p95)]
    names = {0: "failing", 1: "slow", 2: "restarting"}
    at_s = [each.at_s for each in outcome.samples]
    lines += [
        Line(f"avoid the {names[n]} one", at_s, [e.n_ejected[n] for e in outcome.samples], True)
        for n in (0, 2)  # a slow one is not left out
    ]
    labels = ("s", "p95, s", "frontends")
    title = f"{plan.n_tritons} Tritons, {plan.n_frontends} frontends, {plan.load:.0%} load"
    plot(RESULTS / "fleet.png", title, labels, lines)


def table(plan: Plan, found: list[Figures]) -> Table:
    """Return a row for each simulation.

    `passes` and `busy` of the healthy Tritons: the most over the least, and the deviation.
    `ejected` and `used` is how long it took until half and nine tenths of the frontends had ejected
    the failing one, and used it again; `stall` is how long the machine kept the simulation waiting
    at worst.
    """
    title = (
        f"{plan.n_tritons} stub Tritons, {plan.n_frontends} frontends, {plan.load:.0%} load, "
        f"{plan.seconds:.0f} s; a clip of 5 s takes {pass_s(5.0):.2g} s of one of two lanes"
    )
    columns = (
        *("Tritons", "requests", "failed", "p50 s", "p95 s", "passes", "busy"),
        *("of the sick", "ejected s", "used s", "stall s"),
    )
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (
            each.name,
            each.n_requests,
            len(each.failures),
            each.p50_s,
            each.p95_s,
            str(each.passes),
            str(each.busy),
            ", ".join(map(str, each.n_of_sick)),
            _times(each.ejected_after_s),
            _times(each.used_after_s),
            each.stall_s,
        )
        for each in found
    )
    return Table(title, columns, rows)


def _times(found: tuple[float | None, ...]) -> str:
    return ", ".join("-" if each is None else f"{each:.1f}" for each in found)


def _looks(cost: LookCost) -> Table:
    columns = ("gRPC calls", "processor ms, frontend", "processor ms, stub")
    return Table("One look at one Triton", columns, ((cost.calls, cost.frontend_ms, cost.stub_ms),))
