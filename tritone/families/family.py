"""What every family says of itself. Knows no single family."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from tritone.controls import Control, Controls
from tritone.passages import Encode, Tokenized
from tritone.tensors import TensorSpec

if TYPE_CHECKING:
    from tritone.card import ModelCard

ScheduleKind = Literal["cosine_dpm", "rectified_flow", "shifted_flow", "none"]

_ListTensors = Callable[["ModelCard"], tuple[TensorSpec, ...]]
Waveform = NDArray[np.floating[Any]]


def list_none(_: "ModelCard") -> tuple[TensorSpec, ...]:
    """Return no tensors."""
    return ()


def choose_default(card: "ModelCard", _: Controls) -> float:
    """Return the card's length in s, whatever else is asked for."""
    return card.default_seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One line of models that share a pipeline class, a sampler and conditioning tensors."""

    name: str
    pipeline_class: str  # of diffusers, as `model_index.json` spells it; or the model's own class
    schedule: ScheduleKind  # none: it is no diffusion, and runs as a checkpoint of transformers
    steps: int  # default number of denoising steps
    guidance_scale: float  # default guidance
    decoder_overlap_frames: int | None  # receptive field on each side; None: decode all frames
    text_names: tuple[str, str]  # the texts whose words are counted, as notes call them
    conditions_on_span: bool  # the text encoder takes start and end of the sound
    level: Callable[[Waveform], Waveform]  # [..., channels, samples]: how loud decoders deliver it
    list_controls: Callable[["ModelCard"], tuple[Control, ...]]  # what a model takes natively
    list_texts: _ListTensors  # what the tokenizer takes
    list_tokens: _ListTensors  # what it makes of that
    file_tokens: Callable[["ModelCard"], int | None]  # to which `tokenizer.json` pads and cuts
    list_conditioning: _ListTensors  # goes from the text encoder to the transformer
    tokenize: Callable[[Encode, "ModelCard", Mapping[str, Any]], Tokenized]
    """Turns the values of `list_texts`, by name, into `list_tokens`."""
    list_carried: _ListTensors = list_none  # from one guided step to the row's next
    list_blended: _ListTensors = list_none  # for a second prediction that a step's is blended with
    choose_seconds: Callable[["ModelCard", Controls], float] = choose_default
    """The length in s of a sound whose request names none. Takes the native controls."""
