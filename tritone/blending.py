"""Two predictions of a step as one: of what a song follows, and of the song without it.

Source: diffusers 0.42.1, `AceStepPipeline` (`audio_cover_strength`). Denoised latents are linear in
the velocity, so blending the former is blending the latter.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tritone.controls import FULL_STRENGTH
from tritone.tensors import BLENDED_MASK, CONDITIONING_MASK, GUIDANCE_SCALE

Strengths = NDArray[np.float32]


def find_blended(strengths: Strengths) -> NDArray[np.intp]:
    """Return the rows that need a second prediction, out of float32 [rows]."""
    return np.flatnonzero(strengths < FULL_STRENGTH)


def list_others(
    inputs: Mapping[str, NDArray[Any]], rows: NDArray[np.intp]
) -> dict[str, NDArray[Any]]:
    """Return what the transformer gets for the second predictions of some rows: not guided."""
    others = {name: tensor[rows] for name, tensor in inputs.items()}
    others[CONDITIONING_MASK] = others[BLENDED_MASK]
    others[GUIDANCE_SCALE] = np.ones((len(rows), 1), np.float32)
    return others


def blend(
    denoised: NDArray[np.float32],
    others: NDArray[np.float32],
    rows: NDArray[np.intp],
    strengths: Strengths,
) -> NDArray[np.float32]:
    """Return float32 [batch, ...]: some rows at their strength, and the others as they are."""
    weights = strengths[rows].reshape(-1, *[1] * (denoised.ndim - 1))
    blended = denoised.copy()
    blended[rows] = weights * denoised[rows] + (1 - weights) * others
    return blended
