"""What every family says of itself. Knows no single family."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tritone.controls import Control
from tritone.tensors import TensorSpec

if TYPE_CHECKING:
    from tritone.card import ModelCard

ScheduleKind = Literal["cosine_dpm", "rectified_flow", "none"]
EmptyNegative = Literal["zeros", "tokens"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One line of models that share a pipeline class, a sampler and conditioning tensors."""

    name: str
    pipeline_class: str  # of diffusers, as `model_index.json` spells it; or the model's own class
    schedule: ScheduleKind  # none: it is no diffusion, and runs as a checkpoint of transformers
    empty_negative: EmptyNegative  # what stands for "no negative prompt" in guidance
    steps: int  # default number of denoising steps
    guidance_scale: float  # default guidance
    decoder_overlap_frames: int | None  # receptive field on each side; None: decode all frames
    list_controls: "Callable[[ModelCard], tuple[Control, ...]]"  # what a model takes natively
    list_conditioning: "Callable[[ModelCard], tuple[TensorSpec, ...]]"
    """The tensors that go from the text encoder through the denoiser to the transformer."""
