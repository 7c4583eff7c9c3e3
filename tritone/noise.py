"""Counter-based Gaussian noise: a value depends on (seed, stream, position) and on nothing else.

So a request's noise does not depend on who shares its batch, and a repeated seed repeats the sound.
"""

import numpy as np
from numpy.typing import NDArray

INITIAL_STREAM = 0
_UINT64 = (1 << 64) - 1


def draw_gaussian(seed: int, stream: int, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Return standard normal noise of one stream: 0 is the start, 1 + k is step k."""
    key = np.array([seed & _UINT64, stream], np.uint64)
    generator = np.random.Generator(np.random.Philox(key=key))
    return generator.standard_normal(shape, dtype=np.float32)
