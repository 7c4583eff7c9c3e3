import hashlib
import math

import numpy as np
import pytest
from numpy.typing import NDArray

from tritone.noise import COUNTER, NOISE_KINDS, SEQUENCE, NoiseKind, draw_gaussian, draw_words

CHANNELS, FRAMES = 6, 40
BLOCK = 8  # normals of one counter
N = 200_000
SEQUENCE_OF_42 = np.array([[0.2148485, -0.49902132], [-1.0432415, 0.14415407]], np.float32)
WORD = (1 << 64) - 1

# Source: tests/kat_vectors of Random123 (D. E. Shaw Research), the lines `philox4x64 10`.
KNOWN_ANSWERS = [
    (
        (0, 0, 0, 0),
        (0, 0),
        (0x16554D9ECA36314C, 0xDB20FE9D672D0FDC, 0xD7E772CEE186176B, 0x7E68B68AEC7BA23B),
    ),
    (
        (WORD, WORD, WORD, WORD),
        (WORD, WORD),
        (0x87B092C3013FE90B, 0x438C3C67BE8D0224, 0x9CC7D7C69CD777B6, 0xA09CAEBF594F0BA0),
    ),
    (
        (0x243F6A8885A308D3, 0x13198A2E03707344, 0xA4093822299F31D0, 0x082EFA98EC4E6C89),
        (0x452821E638D01377, 0xBE5466CF34E90C6C),
        (0xA528F45403E61D95, 0x38C72DBD566E9788, 0xA5A1610E72FD18B5, 0x57BD43B5E52B7FE6),
    ),
]


def philox(counter: tuple[int, ...], key: tuple[int, ...]) -> tuple[int, ...]:
    """Return four words by Philox4x64-10, as Salmon et al. 2011 define it."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        p0, p1 = c0 * 0xD2E7470EE14C6C93, c2 * 0xCA5A826395121157
        c0, c1, c2, c3 = (p1 >> 64) ^ c1 ^ k0, p1 & WORD, (p0 >> 64) ^ c3 ^ k1, p0 & WORD
        k0, k1 = (k0 + 0x9E3779B97F4A7C15) & WORD, (k1 + 0xBB67AE8584CAA73B) & WORD
    return c0, c1, c2, c3


def normal_of(seed: int, stream: int, element: int) -> float:
    """Return one normal by the definition of docs/noise.md, in double precision."""
    block, at = divmod(element, BLOCK)
    word = philox((block, 0, 0, 0), (seed & WORD, stream))[at // 2]
    low, high = word & 0xFFFFFFFF, word >> 32
    radius = math.sqrt(-2 * math.log((low >> 8 | 1) / 2**24))
    angle = math.pi / 2 * (high >> 9 | 1) / 2**23
    sine, sign = (math.sin(angle), high >> 1) if at % 2 else (math.cos(angle), high)
    return radius * sine * (-1 if sign & 1 else 1)


def draw(seed: int, stream: int = 0) -> NDArray[np.float32]:
    return draw_gaussian(COUNTER, seed, stream, (1, N)).ravel()


@pytest.mark.parametrize(("counter", "key", "words"), KNOWN_ANSWERS)
def test_the_definition_gives_the_known_answers(
    counter: tuple[int, ...], key: tuple[int, ...], words: tuple[int, ...]
) -> None:
    assert philox(counter, key) == words


def test_words_are_those_of_philox() -> None:
    assert tuple(draw_words(0, 0, 0, 4).tolist()) == KNOWN_ANSWERS[0][2]
    for seed, stream, block in [(42, 3, 0), (-1, 1000, 7), (2**63 - 1, 1, 2**40), (5, 0, WORD)]:
        words = draw_words(seed, stream, block, 4).tolist()
        assert tuple(words) == philox((block, 0, 0, 0), (seed & WORD, stream))
    more = draw_words(42, 3, 1, 8)
    assert tuple(more[4:].tolist()) == philox((2, 0, 0, 0), (42, 3))


def test_each_value_is_a_function_of_seed_step_and_place() -> None:
    for seed, stream in [(42, 0), (-7, 3), (2**63 - 1, 100)]:
        noise = draw_gaussian(COUNTER, seed, stream, (CHANNELS, FRAMES))
        expected = [
            [normal_of(seed, stream, frame * CHANNELS + channel) for frame in range(FRAMES)]
            for channel in range(CHANNELS)
        ]
        np.testing.assert_allclose(noise, expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("channels", [1, 3, 8, 64])
@pytest.mark.parametrize("first", [0, 1, 5, 16, 33])
def test_a_part_is_the_same_wherever_it_is_drawn(channels: int, first: int) -> None:
    whole = draw_gaussian(COUNTER, 42, 3, (channels, 1000))
    part = draw_gaussian(COUNTER, 42, 3, (channels, 57), first_frame=first)
    np.testing.assert_array_equal(part, whole[:, first : first + 57])


def test_its_bits_are_the_same_on_every_processor() -> None:
    """Nothing of it may be rounded by a library: this number was computed once."""
    noise = draw_gaussian(COUNTER, 20261129, 17, (64, 512))
    digest = hashlib.sha256(noise.astype("<f4").tobytes()).hexdigest()
    assert digest == "6501b8f1c7b16e3f502531deb9166549281167f2881a6f7f19681ebe14f8d0bf"


def test_what_was_published_before_keeps_its_noise() -> None:
    noise = draw_gaussian(SEQUENCE, 42, 3, (2, 2))
    np.testing.assert_array_equal(noise, SEQUENCE_OF_42)
    with pytest.raises(ValueError, match="first frame"):
        draw_gaussian(SEQUENCE, 42, 3, (2, 2), first_frame=1)


@pytest.mark.parametrize("kind", NOISE_KINDS)
def test_a_seed_and_stream_repeat_their_noise(kind: NoiseKind) -> None:
    noise = draw_gaussian(kind, 42, 3, (4, 100))
    np.testing.assert_array_equal(draw_gaussian(kind, 42, 3, (4, 100)), noise)
    assert noise.flags.c_contiguous
    assert noise.dtype == np.float32


@pytest.mark.parametrize("kind", NOISE_KINDS)
def test_negative_seeds_are_seeds_too(kind: NoiseKind) -> None:
    noise = draw_gaussian(kind, -1, 0, (2, 5))
    assert not np.array_equal(noise, draw_gaussian(kind, 1, 0, (2, 5)))
    assert draw_gaussian(kind, -(2**63), 0, (2, 5)).dtype == np.float32


def test_the_noise_is_standard_normal() -> None:
    """By moments and by Kolmogorov and Smirnov; bounds of four standard errors and more."""
    noise = np.concatenate([draw(seed) for seed in range(4)]).astype(np.float64)
    n = len(noise)
    moments = [np.mean(noise**power) for power in (1, 2, 3, 4, 6)]
    for found, expected, variance in zip(
        moments, (0, 1, 0, 3, 15), (1, 2, 15, 96, 10170), strict=True
    ):
        assert abs(found - expected) < 4 * math.sqrt(variance / n)
    levels = np.linspace(-4, 4, 401)
    below = np.searchsorted(np.sort(noise), levels, side="right") / n
    normal = [0.5 * math.erfc(-level / math.sqrt(2)) for level in levels]
    assert np.abs(below - normal).max() < 1.63 / math.sqrt(n)  # 1 % of true ones exceed it
    assert np.abs(noise).max() < 5.8
    assert np.abs(noise).max() > 4.5


def test_neighbours_streams_and_seeds_are_independent() -> None:
    base = draw(42)
    bound = 4 / math.sqrt(N)
    others = [draw(43), draw(42, 1), draw(42 + 2**32), draw(-43)]
    others += [np.roll(base, shift) for shift in (1, 2, 7, 8, 64)]
    for other in others:
        for power in (1, 2, 3):  # of one pair of Box and Muller the squares would tell
            assert abs(float(np.corrcoef(base**power, other**power)[0, 1])) < bound
    pairs = base.reshape(-1, 2) > 0
    quadrants = np.bincount(2 * pairs[:, 0] + pairs[:, 1], minlength=4) / len(pairs)
    assert np.abs(quadrants - 0.25).max() < 4 * math.sqrt(0.1875 / len(pairs))
