"""The published architectures with random weights, one network at a time.

Source: diffusers 0.42.1, whose defaults are the configurations of Stable Audio Open 1.0, of Stable
Audio 3 medium and of ACE-Step 1.5 turbo; google-t5/t5-base; google/t5gemma-b-b-ul2;
Qwen/Qwen3-Embedding-0.6B.
"""

import zlib
from collections.abc import Callable, Mapping
from types import SimpleNamespace

import torch
from diffusers import (
    AceStepConditionEncoder,
    AceStepTransformer1DModel,
    AutoencoderOobleck,
    AutoencoderSAME,
    CosineDPMSolverMultistepScheduler,
    FlowMatchEulerDiscreteScheduler,
    StableAudio3DiTModel,
    StableAudioDiTModel,
    StableAudioProjectionModel,
)
from diffusers.pipelines.stable_audio_3.modeling_stable_audio_3 import StableAudio3DurationEmbedder
from torch import nn
from transformers import (
    Qwen3Config,
    Qwen3Model,
    T5Config,
    T5EncoderModel,
    T5GemmaConfig,
    T5GemmaEncoderModel,
)

from export.cards import Choices, make_card
from export.families import EXPORTERS
from export.graphs import Graph
from export.precision import Precision
from export.quiet import quiet
from tritone.card import ModelCard
from tritone.families import FAMILIES

PARTS: dict[str, tuple[str, ...]] = {
    "text_encoder": ("text_encoder", "projection_model", "duration_embedder", "condition_encoder"),
    "transformer": ("transformer", "condition_encoder"),
    "vae_decoder": ("vae",),
}
"""A network's own parts of the pipeline; the others only say what they are."""

_T5_BASE = {
    "vocab_size": 32128,
    "d_model": 768,
    "d_kv": 64,
    "d_ff": 3072,
    "num_layers": 12,
    "num_heads": 12,
}
_T5GEMMA_BASE = {
    "vocab_size": 256000,
    "hidden_size": 768,
    "intermediate_size": 2048,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "num_key_value_heads": 12,
    "head_dim": 64,
}


_QWEN3_06B = {
    "vocab_size": 151669,
    "hidden_size": 1024,
    "intermediate_size": 3072,
    "num_hidden_layers": 28,
    "num_attention_heads": 16,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "rope_theta": 1_000_000.0,
}


def _t5gemma() -> T5GemmaEncoderModel:
    config = T5GemmaConfig(
        encoder=dict(_T5GEMMA_BASE), decoder=dict(_T5GEMMA_BASE), is_encoder_decoder=False
    )
    return T5GemmaEncoderModel(config)


_MAKERS: dict[str, dict[str, Callable[[], nn.Module]]] = {
    "stable_audio": {
        "text_encoder": lambda: T5EncoderModel(T5Config(**_T5_BASE)),
        "projection_model": lambda: StableAudioProjectionModel(
            text_encoder_dim=768, conditioning_dim=768, min_value=0, max_value=512
        ),
        "transformer": StableAudioDiTModel,
        "vae": AutoencoderOobleck,
    },
    "stable_audio_3": {
        "text_encoder": _t5gemma,
        "duration_embedder": StableAudio3DurationEmbedder,
        "transformer": StableAudio3DiTModel,
        # SAME-L
        "vae": lambda: AutoencoderSAME(
            encoder_channels=256, encoder_transformer_depths=(12,), decoder_sinusoidal_blocks=(8,)
        ),
    },
    "ace_step": {
        "text_encoder": lambda: Qwen3Model(Qwen3Config(**_QWEN3_06B)),
        "condition_encoder": AceStepConditionEncoder,
        "transformer": lambda: AceStepTransformer1DModel(is_turbo=True),
        "vae": lambda: AutoencoderOobleck(
            downsampling_ratios=[2, 4, 4, 6, 10], sampling_rate=48_000
        ),
    },
}

_ASLEEP = 1e-4

_LOUDER: dict[str, dict[str, float]] = {
    "condition_encoder": {"text_projector": 10.0},
    "transformer": {
        "condition_embedder": 4.0,
        "cross_attn.to_out.0": 24.0,
        "cross_attn.norm_q": 2.0,
        "proj_out_conv": 12.0,
    },
}
"""How much larger some random weights of ACE-Step are made, by the end of their layer's name: a
prompt would otherwise be lost among lyrics and noise, and two prompts would be one sound.

No more than needed: with `norm_q` at 6 PyTorch itself is 3e-5 from float64 after 12 of the 24
layers, with 2 it is 3e-6."""

_REST = {
    "stable_audio": {
        "tokenizer": SimpleNamespace(model_max_length=128),
        "scheduler": CosineDPMSolverMultistepScheduler(),
    },
    "stable_audio_3": {
        "tokenizer": SimpleNamespace(model_max_length=256),
        "scheduler": FlowMatchEulerDiscreteScheduler(
            num_train_timesteps=1, stochastic_sampling=True
        ),
    },
    "ace_step": {
        "scheduler": FlowMatchEulerDiscreteScheduler(num_train_timesteps=1, shift=1.0),
        "is_turbo": True,
        "latents_per_second": 25.0,
    },
}


# The same architectures with so few weights that they take no time.
_TINY: dict[str, dict[str, Callable[[], nn.Module]]] = {
    "stable_audio": {
        "transformer": lambda: StableAudioDiTModel(
            num_layers=1, num_attention_heads=2, num_key_value_attention_heads=1
        ),
        "vae": lambda: AutoencoderOobleck(encoder_hidden_size=8, decoder_channels=8),
    },
    "stable_audio_3": {
        "transformer": lambda: StableAudio3DiTModel(embed_dim=64, depth=1, num_heads=2),
        "vae": lambda: AutoencoderSAME(
            encoder_channels=16,
            encoder_c_mults=(4,),
            encoder_transformer_depths=(1,),
            dim_heads=16,
            decoder_sinusoidal_blocks=(1,),
        ),
    },
    "ace_step": {},
}


def make_graph(
    family: str, component: str, precision: Precision, *, tiny: bool = False
) -> tuple[Graph, ModelCard]:
    """Return one network's graph and the card of its family."""
    makers = _MAKERS[family] | (_TINY[family] if tiny else {})
    pipeline = make_pipeline(family, PARTS[component], makers)
    exporter, card = EXPORTERS[family], full_size_card(family, pipeline)
    if component == "transformer":
        return exporter.transformer(pipeline, card, precision), card
    make = {"text_encoder": exporter.text_encoder, "vae_decoder": exporter.vae_decoder}[component]
    return make(pipeline, card), card


def full_size_card(family: str, pipeline: SimpleNamespace) -> ModelCard:
    """Return the card of a published checkpoint."""
    return make_card("full", FAMILIES[family], EXPORTERS[family].facts(pipeline), Choices())


def make_pipeline(
    family: str,
    real: tuple[str, ...] = (),
    makers: Mapping[str, Callable[[], nn.Module]] | None = None,
) -> SimpleNamespace:
    """Return the parts of a pipeline; only those named in `real` have weights and take memory.

    A part has the same weights every time, whichever others are real.
    """
    parts = {}
    for name, make in (makers or _MAKERS[family]).items():
        torch.manual_seed(zlib.crc32(f"{family}/{name}".encode()))
        # On the meta device a module has a configuration and shapes, and no memory.
        with quiet(), torch.device("cpu" if name in real else "meta"):
            parts[name] = make().eval().requires_grad_(False)
        if name in real:
            _wake(parts[name], _LOUDER.get(name, {}) if family == "ace_step" else {})
    return SimpleNamespace(**parts, **_REST[family])


def _wake(part: nn.Module, louder: Mapping[str, float]) -> None:
    # What starts at zero would hide whole branches from the comparison.
    for name, parameter in part.named_parameters():
        if float(parameter.abs().max()) < _ASLEEP:
            parameter.normal_(0.0, 0.02)
        for layer, factor in louder.items():
            if name.endswith(f"{layer}.weight"):
                parameter.mul_(factor)
    silence = getattr(part, "silence_latent", None)  # a checkpoint brings it
    if isinstance(silence, torch.Tensor):
        silence.normal_()
