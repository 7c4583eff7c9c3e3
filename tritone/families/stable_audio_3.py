"""Stable Audio 3: T5Gemma, DiT with differential attention, SAME decoder; rectified flow.

Source: diffusers 0.42.1, `pipelines/stable_audio_3`. 8 ping-pong steps for the distilled
checkpoints, whose guidance is baked in; the base checkpoints take 100 steps and guidance.
"""

from typing import TYPE_CHECKING

from tritone.families import prompted
from tritone.families.family import Family
from tritone.pcm import limit_peak
from tritone.tensors import (
    CONDITIONING,
    CONDITIONING_MASK,
    GLOBAL_CONDITIONING,
    NEGATIVE_CONDITIONING,
    NEGATIVE_CONDITIONING_MASK,
    TensorSpec,
)

if TYPE_CHECKING:
    from tritone.card import ModelCard


def list_conditioning(card: "ModelCard") -> tuple[TensorSpec, ...]:
    """Return text and duration as tokens with their mask, with guidance those of the negative."""
    tokens = (card.conditioning_tokens, card.conditioning_dim)
    specs = [
        TensorSpec(CONDITIONING, "FP32", tokens),
        TensorSpec(CONDITIONING_MASK, "INT64", tokens[:1]),
    ]
    if card.guidance:
        specs.append(TensorSpec(NEGATIVE_CONDITIONING, "FP32", tokens))
        specs.append(TensorSpec(NEGATIVE_CONDITIONING_MASK, "INT64", tokens[:1]))
    return (*specs, TensorSpec(GLOBAL_CONDITIONING, "FP32", (card.global_dim,)))


FAMILY = Family(
    name="stable_audio_3",
    pipeline_class="StableAudio3Pipeline",
    schedule="rectified_flow",
    steps=8,
    guidance_scale=1.0,
    decoder_overlap_frames=None,
    text_names=prompted.TEXT_NAMES,
    conditions_on_span=True,
    level=limit_peak,
    list_controls=prompted.list_controls,
    list_texts=prompted.list_texts,
    list_tokens=prompted.list_tokens,
    file_tokens=prompted.file_tokens,
    list_conditioning=list_conditioning,
    tokenize=prompted.tokenize,
)
