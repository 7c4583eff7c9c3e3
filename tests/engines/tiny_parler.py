"""A tiny checkpoint of Parler-TTS: `ENVIRONMENT/bin/python tiny_parler.py FOLDER`."""

import sys
from pathlib import Path

import torch
import transformers as T
from parler_tts import (
    ParlerTTSConfig,
    ParlerTTSDecoderConfig,
    ParlerTTSForConditionalGeneration,
)
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

_N_CODES = 64  # and one that ends, one that begins
_HEADS = {"num_attention_heads": 2, "num_key_value_heads": 2}


def write(folder: Path) -> None:
    """Write random weights in the true architecture."""
    torch.manual_seed(7)
    names = ["<pad>", "</s>", *sorted(pre_tokenizers.ByteLevel.alphabet())]
    made = Tokenizer(models.BPE({name: i for i, name in enumerate(names)}, []))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    tokenizer = T.PreTrainedTokenizerFast(
        tokenizer_object=made, pad_token="<pad>", eos_token="</s>"
    )
    text_encoder = T.T5Config(
        vocab_size=len(names), d_model=32, d_kv=8, d_ff=32, num_layers=1, num_heads=2
    )
    codec = T.DacConfig(
        encoder_hidden_size=8,
        downsampling_ratios=[2, 4, 8, 8],
        decoder_hidden_size=64,
        upsampling_ratios=[8, 8, 4, 2],
        n_codebooks=4,
        codebook_size=_N_CODES,
        codebook_dim=8,
        sampling_rate=16_000,
    )
    decoder = ParlerTTSDecoderConfig(
        vocab_size=_N_CODES + 2,
        hidden_size=32,
        ffn_dim=32,
        num_hidden_layers=1,
        num_codebooks=4,
        max_position_embeddings=256,
        pad_token_id=_N_CODES,
        eos_token_id=_N_CODES,
        bos_token_id=_N_CODES + 1,
        **_HEADS,
    )
    config = ParlerTTSConfig.from_sub_models_config(
        text_encoder, codec, decoder, vocab_size=len(names)
    )
    model = ParlerTTSForConditionalGeneration(config).eval()
    asked = model.generation_config
    asked.do_sample, asked.max_length, asked.min_new_tokens = True, 60, 30
    asked.decoder_start_token_id = asked.bos_token_id = _N_CODES + 1
    asked.pad_token_id = asked.eos_token_id = _N_CODES
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
