import numpy as np
import pytest

from benchmarks.arrivals import poisson, poisson_for


def test_starts_at_zero_and_never_goes_back() -> None:
    times = poisson(3.0, 50, seed=1)
    assert times[0] == 0.0
    assert list(times) == sorted(times)
    assert len(times) == 50


def test_has_the_mean_and_the_spread_of_a_poisson_process() -> None:
    gaps = np.diff(poisson(4.0, 20_000, seed=2))
    assert np.mean(gaps) == pytest.approx(0.25, rel=0.03)
    assert np.std(gaps) == pytest.approx(0.25, rel=0.05)  # exponential gaps: spread equals mean


def test_same_seed_same_arrivals_and_another_seed_others() -> None:
    assert poisson(2.0, 10, seed=3) == poisson(2.0, 10, seed=3)
    assert poisson(2.0, 10, seed=3) != poisson(2.0, 10, seed=4)


def test_for_a_time_fills_it_and_stays_within() -> None:
    times = poisson_for(5.0, 100.0, seed=5)
    assert times[-1] < 100.0
    assert len(times) == pytest.approx(500, rel=0.15)


def test_a_rate_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="positive"):
        poisson(0.0, 1)
