"""Tiny checkpoints of transformers that speak or make music: true classes, random weights."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers as T
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

_ENCODEC = {
    "num_filters": 4,
    "hidden_size": 16,
    "codebook_dim": 16,
    "num_lstm_layers": 1,
    "audio_channels": 1,
}
_SMALL = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1}
_HEADS = {"num_attention_heads": 2, "num_key_value_heads": 2}


def write_checkpoint(model_type: str, folder: Path) -> Path:
    """Write a checkpoint with random weights, and return its folder."""
    torch.manual_seed(7)
    model, processor = _MAKERS[model_type](folder)
    _fill_codebooks(model)
    model.eval().save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def _fill_codebooks(model: torch.nn.Module) -> None:
    """Give codes a sound: transformers leaves the codebooks of a new codec empty."""
    for name, buffer in model.named_buffers():
        if name.endswith((".codebook.embed", ".codebook.embed_sum")):
            buffer.normal_()


def _tokenizer(**special: str) -> Any:  # noqa: ANN401
    """Return a tokenizer of bytes."""
    names = [*special.values(), *sorted(pre_tokenizers.ByteLevel.alphabet())]
    made = Tokenizer(models.BPE({name: i for i, name in enumerate(names)}, []))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    return T.PreTrainedTokenizerFast(tokenizer_object=made, **special)


def _bark(_: Path) -> tuple[Any, Any]:
    small = {"block_size": 1024, "num_layers": 1, "num_heads": 2, "hidden_size": 16}
    semantic = {"input_vocab_size": 129_600, "output_vocab_size": 10_048, **small}
    coarse = {"input_vocab_size": 12_096, "output_vocab_size": 12_096, **small}
    fine = {"input_vocab_size": 1056, "output_vocab_size": 1056, **small}
    codec = T.EncodecConfig(
        sampling_rate=24_000,
        codebook_size=1024,
        target_bandwidths=[6.0],
        upsampling_ratios=[8, 5, 4, 2],
        **_ENCODEC,
    )
    model = T.BarkModel(
        T.BarkConfig(
            semantic_config=semantic,
            coarse_acoustics_config=coarse,
            fine_acoustics_config=fine | {"n_codes_total": 8, "n_codes_given": 1},
            codec_config=codec.to_dict(),
        )
    )
    with torch.no_grad():  # so that texts end after different times
        model.semantic.lm_head.weight[10_000] *= 110.0
    model.generation_config = T.GenerationConfig(
        semantic_config={"do_sample": True, "max_new_tokens": 12, "eos_token_id": 10_000},
        coarse_acoustics_config={"do_sample": True},
        fine_acoustics_config={"temperature": 0.5, "max_fine_input_length": 64,
                               "max_fine_history_length": 32},
        sample_rate=24_000,
        codebook_size=1024,
    )  # fmt: skip
    return model, T.BarkProcessor(_tokenizer(pad_token="[PAD]", unk_token="[UNK]"))


def _musicgen(_: Path) -> tuple[Any, Any]:
    text = T.T5Config(vocab_size=300, d_model=16, d_ff=32, d_kv=8, num_layers=1, num_heads=2)
    codec = T.EncodecConfig(
        sampling_rate=3200,
        codebook_size=64,
        target_bandwidths=[2.2],
        upsampling_ratios=[8, 4, 2],
        **_ENCODEC,
    )
    decoder = T.MusicgenDecoderConfig(
        vocab_size=64,
        num_codebooks=4,
        hidden_size=16,
        ffn_dim=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        pad_token_id=64,
        bos_token_id=64,
    )
    parts = {"text_encoder": text, "audio_encoder": codec, "decoder": decoder}
    model = T.MusicgenForConditionalGeneration(
        T.MusicgenConfig(**{name: part.to_dict() for name, part in parts.items()})
    )
    settings = model.generation_config
    settings.decoder_start_token_id = settings.pad_token_id = settings.bos_token_id = 64
    settings.guidance_scale, settings.do_sample = 3.0, True
    settings.max_length = 1500
    tokenizer = _tokenizer(pad_token="<pad>", eos_token="</s>", unk_token="<unk>")
    features = T.EncodecFeatureExtractor(sampling_rate=3200)
    return model, T.MusicgenProcessor(features, tokenizer)


def _csm(_: Path) -> tuple[Any, Any]:
    codec = {
        "model_type": "mimi",
        "sampling_rate": 24_000,
        "num_filters": 4,
        "hidden_size": 16,
        "num_hidden_layers": 1,
        **_HEADS,
        "head_dim": 8,
        "intermediate_size": 32,
        "codebook_size": 64,
        "codebook_dim": 8,
        "vector_quantization_hidden_dimension": 8,
        "num_quantizers": 4,
        "upsample_groups": 16,
        "upsampling_ratios": [8, 6, 5, 4],
    }
    depth = _SMALL | {
        "num_codebooks": 4,
        "backbone_hidden_size": 32,
        "vocab_size": 64,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "max_position_embeddings": 33,
        "rope_parameters": None,
    }
    tokenizer = _tokenizer(pad_token="<pad>", bos_token="<bos>", unk_token="<unk>")
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|AUDIO|>", "<|audio_eos|>"]})
    model = T.CsmForConditionalGeneration(
        T.CsmConfig(
            num_codebooks=4,
            vocab_size=64,
            text_vocab_size=len(tokenizer),
            **_SMALL,
            **_HEADS,
            codebook_pad_token_id=62,
            codebook_eos_token_id=63,
            bos_token_id=1,
            pad_token_id=0,
            audio_token_id=tokenizer.convert_tokens_to_ids("<|AUDIO|>"),
            audio_eos_token_id=tokenizer.convert_tokens_to_ids("<|audio_eos|>"),
            rope_parameters=None,
            depth_decoder_config=depth,
            codec_config=codec,
        )
    )
    model.generation_config.max_new_tokens, model.generation_config.do_sample = 8, True
    inner = model.depth_decoder.generation_config
    inner.do_sample, inner.min_new_tokens, inner.max_new_tokens = True, 3, 3
    inner._from_model_config = model.generation_config._from_model_config = False
    return model, T.CsmProcessor(T.EncodecFeatureExtractor(sampling_rate=24_000), tokenizer)


def _dia(folder: Path) -> tuple[Any, Any]:
    encoder = T.DiaEncoderConfig(
        max_position_embeddings=64,
        head_dim=8,
        vocab_size=256,
        **_SMALL | {"hidden_size": 16},
        **_HEADS,
    )
    decoder = T.DiaDecoderConfig(
        max_position_embeddings=128,
        head_dim=8,
        cross_num_attention_heads=2,
        cross_head_dim=8,
        cross_num_key_value_heads=2,
        cross_hidden_size=16,
        vocab_size=1028,
        num_channels=9,
        **_SMALL | {"hidden_size": 16},
        num_attention_heads=2,
        num_key_value_heads=1,
    )
    model = T.DiaForConditionalGeneration(
        T.DiaConfig(encoder_config=encoder.to_dict(), decoder_config=decoder.to_dict())
    )
    settings = model.generation_config
    settings.pad_token_id, settings.bos_token_id, settings.eos_token_id = 1025, 1026, 1024
    settings.decoder_start_token_id, settings.max_new_tokens = 1026, 24
    settings.guidance_scale, settings.do_sample = 3.0, True
    codec = T.DacModel(
        T.DacConfig(
            encoder_hidden_size=4,
            decoder_hidden_size=32,
            downsampling_ratios=[2, 4, 8, 8],
            upsampling_ratios=[8, 8, 4, 2],
            n_codebooks=9,
            hidden_size=16,
            sampling_rate=44_100,
        )
    ).eval()
    codec.save_pretrained(folder / "codec")
    codec.name_or_path = str(folder / "codec")
    codec.config._name_or_path = str(folder / "codec")
    features = T.DiaFeatureExtractor(sampling_rate=44_100, hop_length=512)
    return model, T.DiaProcessor(features, T.DiaTokenizer(), codec)


def _vibevoice(_: Path) -> tuple[Any, Any]:
    special = {
        "pad_token": "<|endoftext|>",
        "eos_token": "<|endoftext|>",
        "audio_bos_token": "<|vision_start|>",
        "audio_eos_token": "<|vision_end|>",
        "audio_token": "<|vision_pad|>",
    }
    tokenizer = _tokenizer(pad_token="<|endoftext|>", unk_token="<unk>")
    tokenizer.add_special_tokens(
        {"eos_token": "<|endoftext|>", "additional_special_tokens": list(special.values())[2:]}
    )
    ids = {name: tokenizer.convert_tokens_to_ids(token) for name, token in special.items()}
    codec = {
        "hidden_size": 8,
        "num_filters": 4,
        "downsampling_ratios": [4, 4],
        "depths": [1, 1, 1],
    }
    model = T.VibeVoiceForConditionalGeneration(
        T.VibeVoiceConfig(
            audio_config={"model_type": "vibevoice_acoustic_tokenizer", **codec},
            semantic_model_config={
                "model_type": "vibevoice_acoustic_tokenizer_encoder",
                **codec,
            },
            text_config={"model_type": "qwen2", "vocab_size": len(tokenizer), **_SMALL, **_HEADS},
            diffusion_head_config={
                "num_hidden_layers": 1, "intermediate_size": 32, "frequency_embedding_size": 16,
            },
            pad_token_id=ids["pad_token"],
            eos_token_id=ids["eos_token"],
            audio_bos_token_id=ids["audio_bos_token"],
            audio_eos_token_id=ids["audio_eos_token"],
            audio_token_id=ids["audio_token"],
        )
    )  # fmt: skip
    settings = model.generation_config
    settings.max_new_tokens, settings.min_new_tokens, settings.guidance_scale = 6, 4, 1.3
    settings.pad_token_id = settings.eos_token_id = ids["eos_token"]
    settings.num_diffusion_steps = 2
    settings.suppress_tokens = [ids["audio_eos_token"]]
    with torch.no_grad():  # new ones all but silence what they scale
        for name, weights in model.model.audio_tower.named_parameters():
            weights.mul_(1e6 if "gamma" in name else 8.0)
    processor = T.VibeVoiceProcessor(
        T.VibeVoiceAcousticTokenizerFeatureExtractor(),
        tokenizer,
        chat_template="{% for m in messages %}Speaker {{ m.role }}:"
        "{% for c in m.content %} {{ c.text }}{% endfor %}\n{% endfor %}<|vision_start|>",
    )
    return model, processor


_MAKERS: dict[str, Callable[[Path], tuple[Any, Any]]] = {
    "bark": _bark,
    "csm": _csm,
    "dia": _dia,
    "musicgen": _musicgen,
    "vibevoice": _vibevoice,
}
