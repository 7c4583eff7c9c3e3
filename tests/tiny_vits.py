"""A VITS voice of transformers: the true architecture, tiny random weights."""

import json
from pathlib import Path

import torch
import transformers as T

LETTERS = "abcdefghijklmnopqrstuvwxyz àé'"


def write_vits(folder: Path, *, speakers: int = 1, is_stochastic: bool = True) -> Path:
    """Write a checkpoint with its tokenizer, and return its folder."""
    torch.manual_seed(3)
    small = {
        "prior_encoder_num_flows": 2,
        "prior_encoder_num_wavenet_layers": 2,
        "posterior_encoder_num_wavenet_layers": 2,
        "depth_separable_num_layers": 2,
        "duration_predictor_num_flows": 2,
    }
    config = T.VitsConfig(
        vocab_size=len(LETTERS) + 1,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        ffn_dim=32,
        flow_size=16,
        spectrogram_bins=9,
        upsample_initial_channel=16,
        upsample_rates=[8, 8, 2, 2],
        upsample_kernel_sizes=[16, 16, 4, 4],
        resblock_kernel_sizes=[3],
        resblock_dilation_sizes=[[1, 3]],
        wavenet_dilation_rate=1,
        num_speakers=speakers,
        speaking_rate=8.0,
        speaker_embedding_size=8 if speakers > 1 else 0,
        use_stochastic_duration_prediction=is_stochastic,
        **small,
    )
    model = T.VitsModel(config).eval()
    with torch.no_grad():  # as loud as a voice: new weights shout, and so do their rounding errors
        model.decoder.conv_post.weight.mul_(0.1)
    model.save_pretrained(folder)
    words = folder / "words.json"
    words.write_text(json.dumps({"<pad>": 0} | {each: i + 1 for i, each in enumerate(LETTERS)}))
    T.VitsTokenizer(str(words), phonemize=False).save_pretrained(folder)
    return folder
