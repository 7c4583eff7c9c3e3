"""A tiny checkpoint of coqui's XTTS: `ENVIRONMENT/bin/python tiny_xtts.py FOLDER`."""

import sys
from pathlib import Path

import torch
from tokenizers import Tokenizer, models
from TTS.tts.configs.xtts_config import XttsArgs, XttsConfig
from TTS.tts.layers.xtts.tokenizer import VoiceBpeTokenizer
from TTS.tts.models.xtts import Xtts

_N_CHANNELS = 64
_N_LATENTS = 32  # that the network makes of a recording, whatever its length
_SPEAKERS = ("Ana Flo", "Bo Lin")
_SPECIAL = ("[STOP]", "[UNK]", "[SPACE]", "[START]", "[en]", "[it]")
_LETTERS = "abcdefghijklmnopqrstuvwxyz .,!?'"
_LOUDER = 30.0  # new weights whisper


def write(folder: Path) -> None:
    """Write random weights in the true architecture, with speakers."""
    torch.manual_seed(7)
    folder.mkdir(parents=True)
    vocabulary = folder / "vocab.json"
    _make_tokenizer().save(str(vocabulary))
    arguments = XttsArgs(
        tokenizer_file=str(vocabulary),
        gpt_layers=1,
        gpt_n_model_channels=_N_CHANNELS,
        gpt_n_heads=2,
        gpt_max_audio_tokens=24,  # random weights find no end: a second
        gpt_use_perceiver_resampler=True,
        decoder_input_dim=_N_CHANNELS,
    )
    config = XttsConfig(model_args=arguments)
    model = Xtts(config)
    model.tokenizer = VoiceBpeTokenizer(vocab_file=vocabulary)
    model.init_models()
    with torch.no_grad():
        model.hifigan_decoder.waveform_decoder.conv_post.weight.mul_(_LOUDER)
    config.save_json(str(folder / "config.json"))
    torch.save({"model": model.state_dict()}, folder / "model.pth")
    torch.save({name: _make_speaker() for name in _SPEAKERS}, folder / "speakers_xtts.pth")


def _make_tokenizer() -> Tokenizer:
    vocabulary = {name: i for i, name in enumerate([*_SPECIAL, *_LETTERS])}
    tokenizer = Tokenizer(models.BPE(vocabulary, [], unk_token="[UNK]"))
    tokenizer.add_special_tokens(list(_SPECIAL))
    return tokenizer


def _make_speaker() -> dict[str, torch.Tensor]:
    embedding = torch.randn(1, 512, 1)
    return {
        "gpt_cond_latent": torch.randn(1, _N_LATENTS, _N_CHANNELS),
        "speaker_embedding": torch.nn.functional.normalize(embedding, dim=1),
    }


if __name__ == "__main__":
    write(Path(sys.argv[1]))
