"""Stable Audio Open 1.0: T5, DiT, Oobleck; DPM-Solver++ with guidance.

Source: diffusers 0.42.1, `pipelines/stable_audio` (defaults of `__call__`).
"""

from typing import TYPE_CHECKING

from tritone.families import prompted
from tritone.families.family import Family
from tritone.pcm import limit_peak
from tritone.tensors import (
    CONDITIONING,
    GLOBAL_CONDITIONING,
    NEGATIVE_CONDITIONING,
    TensorSpec,
)

if TYPE_CHECKING:
    from tritone.card import ModelCard


def list_conditioning(card: "ModelCard") -> tuple[TensorSpec, ...]:
    """Return text and seconds as tokens, with guidance once more without the prompt."""
    tokens = (card.conditioning_tokens, card.conditioning_dim)
    specs = [TensorSpec(CONDITIONING, "FP32", tokens)]
    if card.guidance:
        specs.append(TensorSpec(NEGATIVE_CONDITIONING, "FP32", tokens))
    return (*specs, TensorSpec(GLOBAL_CONDITIONING, "FP32", (card.global_dim,)))


FAMILY = Family(
    name="stable_audio",
    pipeline_class="StableAudioPipeline",
    schedule="cosine_dpm",
    steps=100,
    guidance_scale=7.0,
    # The Oobleck decoder sees 9 latent frames on each side: 8 gave 1e-4, 9 gave 1.5e-7 against a
    # full decode.
    decoder_overlap_frames=9,
    text_names=prompted.TEXT_NAMES,
    conditions_on_span=True,
    level=limit_peak,
    list_controls=prompted.list_controls,
    list_texts=prompted.list_texts,
    list_tokens=prompted.list_tokens,
    file_tokens=prompted.file_tokens,
    list_conditioning=list_conditioning,
    tokenize=prompted.tokenize_without_empty,
)
