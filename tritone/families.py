"""The served model lines and what differs between them. A new family is one entry in `FAMILIES`."""

from dataclasses import dataclass
from typing import Literal

ScheduleKind = Literal["cosine_dpm", "rectified_flow"]
EmptyNegative = Literal["zeros", "tokens"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One line of models that share a pipeline class, a sampler and conditioning tensors."""

    name: str
    pipeline_class: str  # diffusers' class name, as `model_index.json` spells it
    schedule: ScheduleKind
    empty_negative: EmptyNegative  # what stands for "no negative prompt" in guidance
    masks_conditioning: bool  # the transformer takes an attention mask of the text tokens
    steps: int  # default number of denoising steps
    guidance_scale: float  # default guidance
    decoder_overlap_frames: int | None  # receptive field on each side; None: decode all frames


FAMILIES: dict[str, Family] = {
    # Source: diffusers 0.42.1, pipelines/stable_audio (defaults of `__call__`). The Oobleck
    # decoder sees 9 latent frames on each side: 8 gave 1e-4, 9 gave 1.5e-7 against a full decode.
    "stable_audio": Family(
        name="stable_audio",
        pipeline_class="StableAudioPipeline",
        schedule="cosine_dpm",
        empty_negative="zeros",
        masks_conditioning=False,
        steps=100,
        guidance_scale=7.0,
        decoder_overlap_frames=9,
    ),
    # Source: diffusers 0.42.1, pipelines/stable_audio_3. 8 ping-pong steps for the distilled
    # checkpoints, whose guidance is baked in; the base checkpoints take 100 steps and guidance.
    "stable_audio_3": Family(
        name="stable_audio_3",
        pipeline_class="StableAudio3Pipeline",
        schedule="rectified_flow",
        empty_negative="tokens",
        masks_conditioning=True,
        steps=8,
        guidance_scale=1.0,
        decoder_overlap_frames=None,
    ),
}
"""Every family. What else must exist for each is checked by `tests/test_families.py`:
an exporter in `export/families.py` and a schedule in `tritone.schedules`."""


def family_of_pipeline(pipeline_class: str) -> Family | None:
    """Return the family that serves a diffusers pipeline class, or None."""
    return next((f for f in FAMILIES.values() if f.pipeline_class == pipeline_class), None)
