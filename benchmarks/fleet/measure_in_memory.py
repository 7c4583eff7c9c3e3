"""`python -m benchmarks fleet-in-memory`: what the pools' rules do, whatever the machine does."""

import logging
from dataclasses import asdict, replace

import structlog

from benchmarks.fleet.in_memory import Accounts, simulate
from benchmarks.fleet.measure import FULL, QUICK, Figures, table, take
from benchmarks.fleet.plan import Plan, sick_ones
from benchmarks.progress import say
from benchmarks.report import write

SECONDS = 120.0


def measure(*, quick: bool) -> None:
    """Simulate, and write a table."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    base = QUICK if quick else replace(FULL, seconds=SECONDS, slowness=1.0)
    found = []
    for name, (plan, accounts) in vary(base).items():
        say(f"fleet in memory: {name}")
        found.append(take(name, plan, simulate(plan, accounts)))
        say(str(found[-1]))
    report(base, found, quick=quick)


def vary(base: Plan) -> dict[str, tuple[Plan, Accounts]]:
    """Return what is simulated, by name: what a choice knows of others' passes, and sick ones."""
    return {
        "all healthy, own passes only": (base, "own"),
        "all healthy, others' as of the last look": (base, "looked"),
        "all healthy": (base, "asked"),
        "three sick": (replace(base, sick=sick_ones(base.seconds)), "asked"),
    }


def report(base: Plan, found: list[Figures], *, quick: bool) -> None:
    """Write the results."""
    figures = {"fleets": [asdict(each) for each in found]}
    write("fleet_in_memory", figures, [table(base, found)], quick=quick)
