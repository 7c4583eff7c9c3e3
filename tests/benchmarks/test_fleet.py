"""A small fleet: the simulation behaves as it says, so that its figures are about the pools."""

from dataclasses import replace

import pytest

from benchmarks.fleet import in_memory
from benchmarks.fleet.measure import FULL, take
from benchmarks.fleet.plan import LANES, Plan, Sickness, pass_s, sick_ones
from benchmarks.fleet.simulation import Outcome, simulate

SECONDS = 4.0
SICK = {0: Sickness("fails", 0.0, 2 * SECONDS), 1: Sickness("slow", 0.0, 2 * SECONDS)}


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    plan = Plan(
        n_tritons=4,
        n_frontends=2,
        load=0.4,
        seconds=SECONDS,
        slowness=1.0,
        sick=SICK,
        refresh_s=0.5,
    )
    return simulate(plan)


def test_no_request_fails_and_the_failing_one_is_ejected_by_everybody(outcome: Outcome) -> None:
    assert len(outcome.requests) > 5
    assert not any(each.failure for each in outcome.requests)
    assert outcome.tritons.n_made[0] == 0
    assert max(sample.n_ejected[0] for sample in outcome.samples) >= 1


def test_a_slow_one_makes_less_and_lanes_bound_what_is_made(outcome: Outcome) -> None:
    made = outcome.tritons.n_made
    assert made[1] < min(made[2:])
    assert max(outcome.tritons.busy_s) <= LANES * 3 * SECONDS


def test_longer_clips_take_longer_and_all_sicknesses_end_within_the_run() -> None:
    assert pass_s(1.0) < pass_s(5.0) < pass_s(10.0)
    assert all(0 < each.begin < each.end < 60.0 for each in sick_ones(60.0).values())


@pytest.mark.drill
def test_three_sick_ones_of_50_cost_no_request_and_the_others_share_the_load() -> None:
    """On a clock that jumps: the same on any machine, however busy."""
    plan = replace(FULL, seconds=120.0, slowness=1.0)
    well = take("well", plan, in_memory.simulate(plan))
    plan = replace(plan, sick=sick_ones(plan.seconds))
    sick = take("sick", plan, in_memory.simulate(plan))
    assert not sick.failures
    assert sick.p95_s <= 1.3 * well.p95_s
    assert sick.busy.max_over_min <= 1.15
    assert sick.passes.max_over_min <= 1.15


def test_in_memory_as_much_is_made_as_over_grpc(outcome: Outcome) -> None:
    plan = Plan(
        n_tritons=4,
        n_frontends=2,
        load=0.4,
        seconds=SECONDS,
        slowness=1.0,
        sick=SICK,
        refresh_s=0.5,
    )
    found = in_memory.simulate(plan)
    assert len(found.requests) == len(outcome.requests)
    assert not any(each.failure for each in found.requests)
    assert found.tritons.n_made[0] == 0
    assert sum(found.tritons.n_made) == sum(outcome.tritons.n_made)
