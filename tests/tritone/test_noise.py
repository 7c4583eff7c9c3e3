import numpy as np

from tritone.noise import draw_gaussian


def test_a_seed_and_stream_repeat_their_noise() -> None:
    assert np.array_equal(draw_gaussian(42, 3, (4, 100)), draw_gaussian(42, 3, (4, 100)))


def test_streams_and_seeds_are_independent() -> None:
    base = draw_gaussian(42, 0, (100_000,))
    for other in (draw_gaussian(42, 1, (100_000,)), draw_gaussian(43, 0, (100_000,))):
        assert abs(float(np.corrcoef(base, other)[0, 1])) < 0.02


def test_negative_seeds_are_seeds_too() -> None:
    assert not np.array_equal(draw_gaussian(-1, 0, (10,)), draw_gaussian(1, 0, (10,)))
    assert draw_gaussian(-(2**63), 0, (10,)).dtype == np.float32


def test_the_noise_is_standard_normal() -> None:
    noise = draw_gaussian(0, 0, (200_000,))
    assert abs(float(noise.mean())) < 0.01
    assert abs(float(noise.std()) - 1) < 0.01
