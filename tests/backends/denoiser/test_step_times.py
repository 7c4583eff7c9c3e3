import pytest

from backends.denoiser.step_times import CostClass, StepTimes

SHORT = CostClass((8, 25), is_guided=True)
LONG = CostClass((8, 100), is_guided=True)


def test_what_was_never_measured_takes_no_time() -> None:
    step_times = StepTimes()
    step_times.record(LONG, 1.0)
    assert step_times.shortest_s({SHORT: 100}) == 0.0


def test_the_fastest_step_of_late_counts() -> None:
    step_times = StepTimes()
    for seconds in (0.3, 0.1, 0.2):
        step_times.record(SHORT, seconds)
    assert step_times.shortest_s({SHORT: 5}) == pytest.approx(0.5)


def test_guided_steps_and_others_add_up() -> None:
    step_times = StepTimes()
    others = CostClass(SHORT.shape, is_guided=False)
    step_times.record(SHORT, 0.4)
    step_times.record(others, 0.2)
    assert step_times.shortest_s({SHORT: 2, others: 3}) == pytest.approx(1.4)


def test_a_machine_that_became_slower_is_noticed() -> None:
    step_times = StepTimes()
    step_times.record(SHORT, 0.1)
    for _ in range(16):
        step_times.record(SHORT, 0.4)
    assert step_times.shortest_s({SHORT: 5}) == pytest.approx(2.0)


def test_only_so_many_classes_are_remembered() -> None:
    step_times = StepTimes()
    for frames in range(300):
        step_times.record(CostClass((8, frames), is_guided=True), 1.0)
    assert step_times.shortest_s({CostClass((8, 0), is_guided=True): 1}) == 0.0
    assert step_times.shortest_s({CostClass((8, 299), is_guided=True): 1}) == 1.0
