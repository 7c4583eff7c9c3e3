"""The smallest request that a Triton model takes: asked only to see whether it answers."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

PROBE = "probe"
"""Name of a pass that nobody runs: what makes sounds answers a question about it at once.

Its progress is the model's load: how many passes it has, and how many it takes.
"""


def make_small_array(dtype: str, dims: Iterable[int], *, is_batched: bool) -> NDArray[np.generic]:
    """Return an input with free lengths of 1: empty texts, zeros and ones at random.

    Not the same twice: Triton would answer from its cache for a process that hangs.
    `dtype` is numpy's name, or `BYTES`.
    """
    shape = [1] * is_batched + [max(1, size) for size in dims]
    if dtype == "BYTES":
        return np.full(shape, b"", np.object_)
    return np.random.default_rng().integers(0, 2, shape).astype(dtype)
