"""A small fleet: the simulation behaves as it says, so that its figures are about the pools."""

import pytest

from benchmarks.fleet.plan import LANES, Plan, Sickness, pass_s, sick_ones
from benchmarks.fleet.simulation import Outcome, simulate

SECONDS = 4.0


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    plan = Plan(
        n_tritons=4,
        n_frontends=2,
        load=0.4,
        seconds=SECONDS,
        slowness=1.0,
        sick={0: Sickness("fails", 0.0, 2 * SECONDS), 1: Sickness("slow", 0.0, 2 * SECONDS)},
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
