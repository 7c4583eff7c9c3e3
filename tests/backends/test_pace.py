import pytest

from backends.denoiser.pace import Kind, Pace

SHORT: Kind = ((8, 25), True)
LONG: Kind = ((8, 100), True)


def test_what_was_never_measured_takes_no_time() -> None:
    pace = Pace()
    pace.learn(LONG, 1.0)
    assert pace.least_s({SHORT: 100}) == 0.0


def test_the_fastest_step_of_late_counts() -> None:
    pace = Pace()
    for seconds in (0.3, 0.1, 0.2):
        pace.learn(SHORT, seconds)
    assert pace.least_s({SHORT: 5}) == pytest.approx(0.5)


def test_guided_steps_and_others_add_up() -> None:
    pace = Pace()
    others: Kind = (SHORT[0], False)
    pace.learn(SHORT, 0.4)
    pace.learn(others, 0.2)
    assert pace.least_s({SHORT: 2, others: 3}) == pytest.approx(1.4)


def test_a_machine_that_became_slower_is_noticed() -> None:
    pace = Pace()
    pace.learn(SHORT, 0.1)
    for _ in range(16):
        pace.learn(SHORT, 0.4)
    assert pace.least_s({SHORT: 5}) == pytest.approx(2.0)


def test_only_so_many_kinds_are_remembered() -> None:
    pace = Pace()
    for frames in range(300):
        pace.learn(((8, frames), True), 1.0)
    assert pace.least_s({((8, 0), True): 1}) == 0.0
    assert pace.least_s({((8, 299), True): 1}) == 1.0
