import numpy as np
import pytest

from benchmarks.peers.same_work import (
    OtherWork,
    Samples,
    compare,
    level_db,
    mean_spectrum_db,
    relative_error,
)


def _noise(seed: int, n: int = 16000, gain: float = 0.1) -> Samples:
    return np.random.default_rng(seed).standard_normal(n) * gain


def test_the_error_is_relative_to_theirs() -> None:
    theirs = _noise(0)
    assert relative_error(theirs * 1.01, theirs) == pytest.approx(0.01)


def test_level_in_decibels() -> None:
    assert level_db(np.full(100, 0.1)) == pytest.approx(-20, abs=0.01)
    assert level_db(np.zeros(100)) == pytest.approx(-80)


def test_the_spectrum_is_the_mean_of_the_sounds_and_sees_a_filter() -> None:
    plain, dull = _noise(1), np.convolve(_noise(1), np.ones(8) / 8, mode="same")
    assert np.abs(mean_spectrum_db([plain]) - mean_spectrum_db([_noise(2)])).max() < 2
    assert np.abs(mean_spectrum_db([plain]) - mean_spectrum_db([dull])).max() > 10


def test_other_noise_with_the_same_first_step_is_the_same_work() -> None:
    first = [_noise(0)]
    likeness = compare("peer", (first, first), ([_noise(1)], [_noise(2)]))
    assert likeness.two_steps_error == 0
    assert abs(likeness.level_db) < 0.5


@pytest.mark.parametrize(
    ("theirs", "full", "what"),
    [
        (_noise(9), _noise(1), "two steps"),
        (_noise(0), _noise(1, gain=0.01), "level"),
        (_noise(0), _noise(1, n=15000), "15000 samples"),
    ],
)
def test_other_work_is_named(theirs: Samples, full: Samples, what: str) -> None:
    with pytest.raises(OtherWork, match=what):
        compare("peer", ([_noise(0)], [theirs]), ([_noise(1)], [full]))
