"""A step of a song that follows something, at less than full strength."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tritone.blending import blend, find_blended, list_others
from tritone.tensors import BLENDED_MASK, CONDITIONING_MASK, GUIDANCE_SCALE, LATENTS

STRENGTHS = np.array([1.0, 0.25, 0.0], np.float32)


def test_only_rows_below_full_strength_need_a_second_prediction() -> None:
    assert find_blended(STRENGTHS).tolist() == [1, 2]


def test_a_second_prediction_hears_the_other_text_and_is_not_guided() -> None:
    inputs: dict[str, NDArray[Any]] = {
        LATENTS: np.arange(3, dtype=np.float32),
        CONDITIONING_MASK: np.ones((3, 4)),
        BLENDED_MASK: np.zeros((3, 4)),
        GUIDANCE_SCALE: np.full((3, 1), 7.0, np.float32),
    }
    others = list_others(inputs, find_blended(STRENGTHS))
    assert others[LATENTS].tolist() == [1, 2]
    assert not others[CONDITIONING_MASK].any()
    assert others[GUIDANCE_SCALE].tolist() == [[1.0], [1.0]]
    assert inputs[CONDITIONING_MASK].all()


def test_a_row_is_its_own_prediction_as_far_as_its_strength_goes() -> None:
    denoised, others = np.full((3, 2, 2), 4.0, np.float32), np.full((2, 2, 2), 8.0, np.float32)
    made = blend(denoised, others, find_blended(STRENGTHS), STRENGTHS)
    assert made[:, 0, 0].tolist() == [4.0, 7.0, 8.0]
    assert made.dtype == np.float32
