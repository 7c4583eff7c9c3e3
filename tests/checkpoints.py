"""Tiny diffusers checkpoints with random weights: the true architectures, a few seconds to build.

The sound is noise, yet prompts matter: cross attention is scaled up, so that two prompts give two
clearly different sounds and guidance has something to guide.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import torch
from diffusers import (
    AceStepConditionEncoder,
    AceStepPipeline,
    AceStepTransformer1DModel,
    AutoencoderOobleck,
    AutoencoderSAME,
    CosineDPMSolverMultistepScheduler,
    DiffusionPipeline,
    FlowMatchEulerDiscreteScheduler,
    StableAudio3DiTModel,
    StableAudio3Pipeline,
    StableAudioDiTModel,
    StableAudioPipeline,
    StableAudioProjectionModel,
)
from diffusers.pipelines.ace_step.modeling_ace_step import (
    AceStepAudioTokenDetokenizer,
    AceStepAudioTokenizer,
)
from diffusers.pipelines.stable_audio_3.modeling_stable_audio_3 import StableAudio3DurationEmbedder
from tokenizers import (
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from torch import nn
from transformers import (
    PreTrainedTokenizerFast,
    Qwen3Config,
    Qwen3Model,
    T5Config,
    T5EncoderModel,
    T5GemmaConfig,
    T5GemmaEncoderModel,
)

from export.quiet import quiet

SAMPLE_RATE = 16000
FRAMES = 128  # latent frames of the stable_audio window: 128 * 512 / 16000 = 4.096 s
SAMPLES_PER_FRAME = 512
PROMPT_TOKENS = 32
VOCABULARY = 300
LATENT_CHANNELS = 8
LAYERS = 1  # of every transformer: tracing them is what an export of a tiny model costs

Changes = Mapping[str, object]

_CORPUS = (
    "The sound of a hammer hitting a wooden surface.",
    "Low quality, average quality, music, noise.",
    "A gentle piano melody with soft strings, 128 bpm",
    "rain falling on a tin roof, a church bell ringing, thunder far away",
    "ocean waves, birds, a city at night, guitar, drums, techno, house, ambient",
)


def tokenizer(
    *, max_tokens: int = PROMPT_TOKENS, padding_side: str = "right"
) -> PreTrainedTokenizerFast:
    """Return a Unigram tokenizer like T5's, trained offline on a few lines."""
    fast = Tokenizer(models.Unigram())
    fast.normalizer = normalizers.NFKC()
    fast.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    fast.decoder = decoders.Metaspace()
    alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,!?-'"
    trainer = trainers.UnigramTrainer(
        vocab_size=VOCABULARY - 8,
        special_tokens=["<pad>", "</s>", "<unk>"],
        unk_token="<unk>",
        initial_alphabet=list(alphabet),
        show_progress=False,
    )
    fast.train_from_iterator(_CORPUS * 20, trainer)
    fast.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 1)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=fast,
        model_max_length=max_tokens,
        padding_side=padding_side,
        pad_token="<pad>",
        eos_token="</s>",
        unk_token="<unk>",
    )


def stable_audio(
    folder: Path,
    *,
    seed: int = 0,
    is_deaf: bool = False,
    scheduler: Changes = MappingProxyType({}),
) -> Path:
    """Write a StableAudioPipeline with random weights (about 2 MB) and return its folder.

    `scheduler` overrides fields of the scheduler's configuration; a deaf transformer hears no
    prompt.
    """
    torch.manual_seed(seed)
    text_config = T5Config(
        vocab_size=VOCABULARY, d_model=48, d_kv=12, d_ff=96, num_layers=LAYERS, num_heads=4
    )
    transformer = StableAudioDiTModel(
        sample_size=FRAMES,
        in_channels=LATENT_CHANNELS,
        num_layers=LAYERS,
        attention_head_dim=16,
        num_attention_heads=4,
        num_key_value_attention_heads=2,
        out_channels=LATENT_CHANNELS,
        cross_attention_dim=32,
        time_proj_dim=16,
        global_states_input_dim=64,
        cross_attention_input_dim=32,
    )
    pipeline = StableAudioPipeline(
        vae=_oobleck(),
        text_encoder=T5EncoderModel(text_config),
        projection_model=StableAudioProjectionModel(
            text_encoder_dim=48, conditioning_dim=32, min_value=0, max_value=512
        ),
        tokenizer=tokenizer(),
        transformer=transformer,
        scheduler=CosineDPMSolverMultistepScheduler(**scheduler),
    )
    for block in transformer.transformer_blocks:
        _scale(block.attn2.to_out[0], 0.0 if is_deaf else 6.0)
    _scale(transformer.cross_attention_proj[0], 4.0)
    _scale(transformer.cross_attention_proj[2], 4.0)
    return _save(pipeline, folder)


def _oobleck(
    *, ratios: tuple[int, ...] = (4, 8, 16), channels: int = 16, sample_rate: int = SAMPLE_RATE
) -> AutoencoderOobleck:
    with quiet():  # it uses a deprecated form of weight norm
        vae = AutoencoderOobleck(
            encoder_hidden_size=2 * LATENT_CHANNELS,  # mean and scale
            downsampling_ratios=list(ratios),
            channel_multiples=[1, 2, 4][: len(ratios)] + [4] * (len(ratios) - 3),
            decoder_channels=channels,
            decoder_input_channels=LATENT_CHANNELS,
            audio_channels=2,
            sampling_rate=sample_rate,
        )
    # Snake activations start at exactly alpha = beta = 0: degenerate, and blind to mistakes.
    with torch.no_grad():
        for name, parameter in vae.named_parameters():
            if name.endswith(("alpha", "beta")):
                parameter.add_(torch.randn_like(parameter) * 0.3)
    return vae


def stable_audio_3(
    folder: Path,
    *,
    seed: int = 0,
    stochastic: bool = True,
    scheduler: Changes = MappingProxyType({}),
) -> Path:
    """Write a StableAudio3Pipeline with random weights (about 2 MB) and return its folder.

    `scheduler` overrides fields of the scheduler's configuration.
    """
    torch.manual_seed(seed)
    transformer = StableAudio3DiTModel(
        io_channels=LATENT_CHANNELS,
        embed_dim=64,
        depth=LAYERS,
        num_heads=4,
        cond_token_dim=32,
        global_cond_dim=32,
        local_add_cond_dim=LATENT_CHANNELS + 1,
        timestep_features_dim=16,
        num_memory_tokens=4,
    )
    vae = _same()
    wake(transformer)
    wake(vae)
    settings = {"num_train_timesteps": 1, "stochastic_sampling": stochastic, **scheduler}
    pipeline = StableAudio3Pipeline(
        vae=vae,
        text_encoder=_gemma(),
        tokenizer=tokenizer(padding_side="left"),
        duration_embedder=StableAudio3DurationEmbedder(output_dim=32, fourier_dim=16, max_val=4.0),
        transformer=transformer,
        scheduler=FlowMatchEulerDiscreteScheduler(**settings),
    )
    for block in transformer.transformer_blocks:
        _scale(block.cross_attn.to_out, 6.0)
    _scale(transformer.to_cond_embed[0], 4.0)
    return _save(pipeline, folder)


def _same() -> AutoencoderSAME:
    with quiet():
        return AutoencoderSAME(
            audio_channels=2,
            patch_size=32,
            encoder_channels=16,
            encoder_c_mults=(4,),
            encoder_strides=(16,),
            encoder_transformer_depths=(LAYERS,),
            latent_dim=LATENT_CHANNELS,
            dim_heads=16,
            decoder_sinusoidal_blocks=(2,),
            sampling_rate=SAMPLE_RATE,
        )


def _gemma() -> T5GemmaEncoderModel:
    encoder = {
        "vocab_size": VOCABULARY,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "sliding_window": 16,
        "query_pre_attn_scalar": 8,
        "max_position_embeddings": 64,
    }
    config = T5GemmaConfig(
        encoder=encoder, decoder=dict(encoder), is_encoder_decoder=False, vocab_size=VOCABULARY
    )
    return T5GemmaEncoderModel(config)


def _scale(layer: nn.Module, factor: float) -> None:
    with torch.no_grad():
        layer.weight.mul_(factor)  # type: ignore[operator]  # of every layer here


def wake(model: nn.Module) -> None:
    """Fill what starts at zero: whole branches would not be seen by a comparison."""
    with torch.no_grad():
        for parameter in model.parameters():
            if float(parameter.abs().max()) < 1e-4:
                parameter.normal_(0.0, 0.05)


def _save(pipeline: DiffusionPipeline, folder: Path) -> Path:
    with quiet():
        pipeline.save_pretrained(folder)
    return folder


def song_tokenizer() -> PreTrainedTokenizerFast:
    """Return a byte-level BPE tokenizer like Qwen's, trained offline on a few lines."""
    fast = Tokenizer(models.BPE())
    fast.normalizer = normalizers.NFC()
    fast.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    fast.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY + 100,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    fast.train_from_iterator(_CORPUS * 20, trainer)
    fast.post_processor = processors.TemplateProcessing(
        single="$A <|endoftext|>", special_tokens=[("<|endoftext|>", 0)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=fast,
        padding_side="left",  # as Qwen's
        pad_token="<|endoftext|>",
        eos_token="<|endoftext|>",
    )


def ace_step(
    folder: Path, *, seed: int = 0, is_turbo: bool = True, knows_codes: bool = False
) -> Path:
    """Write an AceStepPipeline with random weights and return its folder.

    True rates: 48 kHz stereo, 25 latent frames a second, 5 audio codes.
    """
    torch.manual_seed(seed)
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8}
    sizes = {"hidden_size": 32, "intermediate_size": 64, **heads}
    transformer = AceStepTransformer1DModel(
        **sizes,
        num_hidden_layers=2 * LAYERS,  # one looks near, one everywhere
        in_channels=3 * LATENT_CHANNELS,
        audio_acoustic_hidden_dim=LATENT_CHANNELS,
        sliding_window=8,
        is_turbo=is_turbo,
    )
    condition_encoder = AceStepConditionEncoder(
        **sizes,
        text_hidden_dim=32,
        timbre_hidden_dim=LATENT_CHANNELS,
        num_lyric_encoder_hidden_layers=2 * LAYERS,
        num_timbre_encoder_hidden_layers=2 * LAYERS,
        sliding_window=8,
    )
    condition_encoder.silence_latent.normal_(0.0, 0.1)
    coders: dict[str, nn.Module] = {}
    if knows_codes:
        sizes_of_both = {**sizes, "audio_acoustic_hidden_dim": LATENT_CHANNELS}
        coders = {
            "audio_tokenizer": AceStepAudioTokenizer(**sizes_of_both, fsq_dim=32),
            "audio_token_detokenizer": AceStepAudioTokenDetokenizer(**sizes_of_both),
        }
    qwen = Qwen3Config(
        **sizes, vocab_size=VOCABULARY + 100, num_hidden_layers=LAYERS, max_position_embeddings=512
    )
    pipeline = AceStepPipeline(
        vae=_oobleck(ratios=(2, 4, 4, 6, 10), channels=2, sample_rate=48_000),
        text_encoder=Qwen3Model(qwen),
        tokenizer=song_tokenizer(),
        transformer=transformer,
        condition_encoder=condition_encoder,
        scheduler=FlowMatchEulerDiscreteScheduler(num_train_timesteps=1, shift=1.0),
        **coders,
    )
    # A prompt is few tokens among many, and the decoder's noise is much alike.
    for block in transformer.layers:
        _scale(block.cross_attn.to_out[0], 24.0)
        _scale(block.cross_attn.norm_q, 6.0)
    _scale(condition_encoder.text_projector, 10.0)
    _scale(transformer.condition_embedder, 4.0)
    _scale(transformer.proj_out_conv, 4.0)
    return _save(pipeline, folder)
