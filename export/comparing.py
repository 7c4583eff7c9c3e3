"""How far one answer is from another, and how far it may be."""

import numpy as np

from export.errors import VerificationFailed
from export.probes import Array

MIN_TWO_PROMPT_DIFFERENCE = 1e-3


def relative_error(found: Array, expected: Array) -> float:
    """Return the relative L2 error; int16 samples may be one step off, for rounding's sake."""
    difference = np.abs(found.astype(np.float64) - expected.astype(np.float64))
    if expected.dtype == np.int16:
        difference = np.maximum(difference - 1.0, 0.0)
    norm = float(np.linalg.norm(expected.astype(np.float64)))
    return float(np.linalg.norm(difference)) / max(norm, 1e-30)


def two_prompt_difference(pcm: Array) -> float:
    """Return how far the sounds of the first two prompts are from each other, relative.

    Raises:
        VerificationFailed: they are the same sound.
    """
    first, second = pcm[0].astype(np.float32), pcm[1].astype(np.float32)
    difference = relative_error(first, second)
    if difference < MIN_TWO_PROMPT_DIFFERENCE:
        raise VerificationFailed(
            f"two prompts give one sound: their relative difference is {difference:.1e}, "
            f"below {MIN_TWO_PROMPT_DIFFERENCE:g}"
        )
    return difference


def check_error(what: str, error: float, tolerance: float, of: str = "PyTorch") -> None:
    """Compare an error with the largest that may be.

    Raises:
        VerificationFailed: it is above, or not a number.
    """
    if not error <= tolerance:  # also true for NaN
        raise VerificationFailed(
            f"the exported {what} is {error:.1e} off {of}, more than the tolerance {tolerance:g}"
        )


def check_finite(what: str, array: Array) -> None:
    """Look for numbers that are not finite.

    Raises:
        VerificationFailed: there are some.
    """
    if not np.isfinite(array).all():
        raise VerificationFailed(f"the exported {what} gives numbers that are not finite")
