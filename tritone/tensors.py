"""Names, types and shapes of every tensor that crosses a Triton model's border.

Dims exclude the batch; -1 is dynamic. The exporter writes `config.pbtxt` from these functions, the
backends and the frontend name tensors by these constants: there is no second list.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import DTypeLike

if TYPE_CHECKING:  # the families behind a card name tensors themselves
    from tritone.card import ModelCard

DType = Literal["STRING", "BOOL", "FP32", "INT16", "INT32", "INT64"]

NUMPY_DTYPES: dict[DType, DTypeLike] = {
    "STRING": np.object_,
    "BOOL": np.bool_,
    "FP32": np.float32,
    "INT16": np.int16,
    "INT32": np.int32,
    "INT64": np.int64,
}

PROMPT = "prompt"
NEGATIVE_PROMPT = "negative_prompt"
SECONDS_START = "seconds_start"
SECONDS_END = "seconds_end"
SEED = "seed"
STEPS = "steps"
GUIDANCE_SCALE = "guidance_scale"
STRENGTH = "strength"
INPUT_IDS = "input_ids"
ATTENTION_MASK = "attention_mask"
LYRIC_IDS = "lyric_ids"
LYRIC_MASK = "lyric_mask"
CODE_IDS = "code_ids"
CODE_MASK = "code_mask"
OTHER_IDS = "other_ids"
OTHER_MASK = "other_mask"
CONDITIONING = "conditioning"
CONDITIONING_MASK = "conditioning_mask"
NEGATIVE_CONDITIONING = "negative_conditioning"
NEGATIVE_CONDITIONING_MASK = "negative_conditioning_mask"
GLOBAL_CONDITIONING = "global_conditioning"
SOURCE = "source"
"""Latents that a sound is to follow, frames first: [source_frames, latent_channels]."""
BLENDED_MASK = "blended_mask"
"""The mask of the conditioning in the prediction that a step's own is blended with."""
MOMENTUM = "momentum"
"""What guidance remembers of the steps before: [latent_channels, latent_frames], at first 0."""
LATENTS = "latents"
SIGMA = "sigma"
DENOISED = "denoised"
PROGRESS = "progress"  # [steps done, steps in all]; -1, -1: no such job
PCM = "pcm"
TEXT_USE = "text_use"
"""What the model took of its texts (`Family.text_names`), a row each: the words that it has, those
that the model read whole, and those of them that it knows."""
TEXT_USE_OUT = "text_use_out"
"""The same behind the denoiser: all outputs of an ensemble must come from its decoupled step."""

# Request parameters (not tensors) that the denoiser understands.
JOB_ID = "job_id"
CANCEL = "cancel"
QUERY = "query"
SHARE = "share"  # opaque; requests of one share take turns with those of others
PRIORITY = "priority_class"  # as in `tritone.turns`; Triton keeps the word "priority" for itself


OF_GUIDED_ROWS = (NEGATIVE_CONDITIONING, NEGATIVE_CONDITIONING_MASK, MOMENTUM)
"""Inputs that have rows only for the guided sounds of a batch, which come first.

Triton wants every input to have one batch; only a caller in the same process can leave rows out.
"""


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """One tensor at a model's border."""

    name: str
    dtype: DType
    dims: tuple[int, ...]
    optional: bool = False
    counts: str = "frames"  # what its dynamic dimension is a number of


@dataclass(frozen=True, slots=True)
class ModelIO:
    """Inputs and outputs of one Triton model."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]


def scalar(name: str, dtype: DType) -> TensorSpec:
    """Return a tensor of one value."""
    return TensorSpec(name, dtype, (1,))


SPAN = (scalar(SECONDS_START, "FP32"), scalar(SECONDS_END, "FP32"))
_SAMPLING = (
    scalar(SEED, "INT64"),
    scalar(STEPS, "INT32"),
    scalar(GUIDANCE_SCALE, "FP32"),
)


def _text_use(name: str = TEXT_USE) -> TensorSpec:
    return TensorSpec(name, "INT32", (2, 3))


def _pcm(card: "ModelCard") -> TensorSpec:
    return TensorSpec(PCM, "INT16", (card.audio_channels, -1))


def _latents(card: "ModelCard", name: str = LATENTS) -> TensorSpec:
    return TensorSpec(name, "FP32", (card.latent_channels, -1))


def list_conditioning(card: "ModelCard") -> tuple[TensorSpec, ...]:
    """Return the tensors that go from the text encoder through the denoiser to the transformer."""
    return card.spec.list_conditioning(card)


def list_blended(card: "ModelCard") -> tuple[TensorSpec, ...]:
    """Return what goes from the text encoder to the denoiser alone, for a second prediction."""
    return card.spec.list_blended(card)


def list_carried(card: "ModelCard") -> tuple[TensorSpec, ...]:
    """Return the tensors that a guided step of the transformer hands to the row's next one."""
    return card.spec.list_carried(card) if card.guidance else ()


def name_handed_on(name: str) -> str:
    """Return the name of the output that carries input `name` to the row's next guided step."""
    return f"{name}_out"


def ensemble(card: "ModelCard") -> ModelIO:
    """The published model: text in, PCM out."""
    inputs = dict.fromkeys((*card.spec.list_texts(card), *SPAN, *_SAMPLING))
    return ModelIO(tuple(inputs), (_pcm(card), _text_use(TEXT_USE_OUT)))


def tokenizer(card: "ModelCard") -> ModelIO:
    """Texts to padded token ids."""
    return ModelIO(card.spec.list_texts(card), (*card.spec.list_tokens(card), _text_use()))


def text_encoder(card: "ModelCard") -> ModelIO:
    """Token ids, for some families with the time span, to conditioning."""
    span = SPAN if card.spec.conditions_on_span else ()
    outputs = (*list_conditioning(card), *list_blended(card))
    return ModelIO((*card.spec.list_tokens(card), *span), outputs)


def denoiser(card: "ModelCard") -> ModelIO:
    """Conditioning to latents; every input is optional, because a control request carries one.

    Any one: Triton refuses a request without inputs.
    """
    strength = [scalar(STRENGTH, "FP32")] if list_blended(card) else []
    inputs = (
        *list_conditioning(card),
        *list_blended(card),
        *strength,
        *SPAN,
        *_SAMPLING,
        _text_use(),
    )
    optional = tuple(replace(spec, optional=True) for spec in inputs)
    progress = TensorSpec(PROGRESS, "INT32", (2,))
    return ModelIO(optional, (_latents(card), progress, _text_use(TEXT_USE_OUT)))


def transformer(card: "ModelCard") -> ModelIO:
    """Noisy latents at a noise level to denoised latents: one step of one row."""
    inputs = [_latents(card), scalar(SIGMA, "FP32")]
    if card.guidance:
        inputs += [scalar(GUIDANCE_SCALE, "FP32"), *list_carried(card)]
    outputs = [replace(spec, name=name_handed_on(spec.name)) for spec in list_carried(card)]
    return ModelIO((*inputs, *list_conditioning(card)), (_latents(card, DENOISED), *outputs))


def vae_decoder(card: "ModelCard") -> ModelIO:
    """Latents to PCM."""
    return ModelIO((_latents(card),), (_pcm(card),))
