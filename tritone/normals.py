"""Random words to standard normals, with the same bits on every processor.

The method is that of Box and Muller 1958. Libraries disagree in the last bits of logarithms and
sines, even one library on two processors. So both are polynomials here, of nothing but what IEEE
754 rounds in one way only: +, -, *, / and the square root of float32.
"""

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]
Normals = NDArray[np.float32]

_LOG_BITS = 24  # of a word's lower half: its highest ones
_ANGLE_BITS = 23  # of its upper half: its highest ones; the two lowest are the signs
_SQRT_HALF = 0x3F3504F3  # its bits as float32: mantissas are taken from there to sqrt(2)
_MANTISSA_BITS = 23

# -2 ln m = -4 artanh((m - 1) / (m + 1)): its series, good to 1e-7 on that range.
_LOG = tuple(np.float32(-4 / n) for n in (1, 3, 5, 7))
_TWO_LN_2 = np.float32(2 * np.log(2.0))
# sin(pi t / 2) / t on 0..1 in powers of t squared: least squares at Chebyshev's points, to 4e-9.
_SINE = tuple(
    np.float32(c) for c in (1.57079629, -0.645963358, 0.0796884748, -0.00467222026, 0.00015081716)
)


def fill_normals(words: Words, normals: Normals) -> None:
    """Write two standard normals for each random word: float32 [2 * words], word after word.

    The lower half of a word is their distance from 0, the upper one their angle. None is further
    from 0 than 5.8.
    """
    halves = words.astype("<u8", copy=False).view("<u4").reshape(-1, 2)
    radius = _make_radius(halves[:, 0])
    # Odd numbers, so neither 0 nor 1 is met.
    angle = (halves[:, 1] >> np.uint32(32 - _ANGLE_BITS)) | np.uint32(1)
    turn = angle.astype(np.float32) * np.float32(2.0**-_ANGLE_BITS)
    pairs = normals.reshape(-1, 2)
    np.multiply(radius, _take_sine(np.float32(1) - turn), out=pairs[:, 0])
    np.multiply(radius, _take_sine(turn), out=pairs[:, 1])
    bits = pairs.view(np.uint32)
    sign_bits = halves[:, 1] << np.uint32(31)
    bits[:, 0] ^= sign_bits
    np.left_shift(halves[:, 1] >> np.uint32(1), np.uint32(31), out=sign_bits)
    bits[:, 1] ^= sign_bits


def _make_radius(word: NDArray[np.uint32]) -> Normals:
    """Return sqrt(-2 ln u), u an odd multiple of 2**-24 below 1."""
    odd = (word >> np.uint32(32 - _LOG_BITS)) | np.uint32(1)
    bits = odd.astype(np.float32).view(np.int32)
    exponent = (bits - np.int32(_SQRT_HALF)) >> np.int32(_MANTISSA_BITS)
    mantissa = (bits - (exponent << np.int32(_MANTISSA_BITS))).view(np.float32)
    ratio = (mantissa - np.float32(1)) / (mantissa + np.float32(1))
    log = _evaluate(_LOG, np.square(ratio))
    log *= ratio
    log += (np.int32(_LOG_BITS) - exponent).astype(np.float32) * _TWO_LN_2
    return np.sqrt(log, out=log)


def _take_sine(turn: Normals) -> Normals:
    """Return the sine of quarter turns, 0..1."""
    sine = _evaluate(_SINE, np.square(turn))
    sine *= turn
    return sine


def _evaluate(coefficients: tuple[np.float32, ...], x: Normals) -> Normals:
    """Return a polynomial; `coefficients` begin with the constant one."""
    *lower, highest = coefficients
    value = x * highest
    for coefficient in reversed(lower[1:]):
        value += coefficient
        value *= x
    value += lower[0]
    return value
