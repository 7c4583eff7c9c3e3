import pytest

from frontend.triton.standing import MAX_EJECTION_S, SLOW_START_S, Standing, ramp


def ejected(n_times: int = 1) -> Standing:
    standing = Standing()
    for _ in range(n_times):
        standing.fail("GenerationFailed")
        standing.eject(5.0, now=100.0)
    return standing


def test_each_ejection_in_a_row_is_twice_as_long_up_to_a_limit() -> None:
    standing = Standing()
    seconds = [standing.eject(5.0, now=0.0) for _ in range(2000)]
    assert seconds[:4] == [5.0, 10.0, 20.0, 40.0]
    assert max(seconds) == seconds[-1] == MAX_EJECTION_S


def test_one_pass_at_a_time_is_tried_after_the_ejection() -> None:
    standing = ejected()
    standing.begin("too early", now=104.9)
    assert not standing.is_due(104.9)
    assert standing.is_due(105.0)
    standing.begin("trial", now=105.0)
    assert not standing.is_due(105.0)
    standing.end("trial")
    assert standing.is_due(105.0)


def test_only_a_trial_ends_an_ejection() -> None:
    standing = ejected()
    standing.begin("trial", now=105.0)
    standing.succeed("older", now=105.0)
    assert standing.is_ejected
    standing.succeed("trial", now=105.0)
    assert not standing.is_ejected
    assert standing.n_failures == 0


def test_the_slow_start_goes_from_a_tenth_to_all() -> None:
    standing = ejected()
    standing.begin("trial", now=105.0)
    standing.succeed("trial", now=105.0)
    assert standing.share(105.0) == pytest.approx(0.1)
    assert standing.share(105.0 + SLOW_START_S / 2) == pytest.approx(0.5)
    assert standing.share(105.0 + 2 * SLOW_START_S) == ramp(1e9) == 1.0


def test_the_back_off_is_forgotten_only_after_a_success_past_the_slow_start() -> None:
    standing = ejected(3)
    standing.begin("trial", now=120.0)
    standing.succeed("trial", now=120.0)
    standing.succeed("soon", now=121.0)
    assert standing.n_ejections == 3
    standing.succeed("later", now=120.1 + SLOW_START_S)
    assert standing.n_ejections == 0


def test_a_restart_ends_the_ejection_and_keeps_the_back_off() -> None:
    standing = ejected(2)
    standing.forgive(now=101.0)
    assert not standing.is_ejected
    assert standing.share(101.0) == pytest.approx(0.1)
    assert standing.eject(5.0, now=102.0) == 20.0


def test_why_is_said_while_it_is_ejected() -> None:
    assert not Standing().explain("starter", now=0.0)
    why = ejected().explain("starter", now=102.0)
    assert why == (
        "ejected: 1 passes of starter failed in a row, the last with GenerationFailed; "
        "tried again in 3 s"
    )


def test_a_failure_that_is_taken_back_takes_its_ejection_back() -> None:
    standing = ejected()
    standing.fail("GenerationFailed")
    standing.withdraw(enough=1)
    assert standing.is_ejected
    standing.withdraw(enough=1)
    assert not standing.is_ejected
    assert standing.eject(5.0, now=101.0) == 5.0
    assert standing.share(101.0) == 1.0  # no slow start
