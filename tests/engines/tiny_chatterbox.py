"""A small checkpoint of Chatterbox: `ENVIRONMENT/bin/python tiny_chatterbox.py FOLDER RECORDING`.

The library fixes the sizes of its networks. In the environment of `smaller.py` the language model
has one layer; the other networks have their full size (1 GB). The recording becomes its own voice.
"""

import sys
from pathlib import Path

import torch
from chatterbox.models.s3gen import S3Gen
from chatterbox.models.t3 import T3
from chatterbox.models.voice_encoder import VoiceEncoder
from chatterbox.tts import ChatterboxTTS
from safetensors.torch import save_file
from tokenizers import Tokenizer, models

_N_TOKENS = 15  # of speech: 0.6 s, less a fifth, which are none of speech
_SPECIAL = ("[STOP]", "[UNK]", "[SPACE]", "[START]")
_START = 255  # where the network has the token that begins a text
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.,!?'"


def write(folder: Path, recording: Path) -> None:
    """Write random weights in the true architecture, with a voice of their own."""
    torch.manual_seed(7)
    folder.mkdir(parents=True)
    networks = {"ve": VoiceEncoder(), "t3_cfg": T3(), "s3gen": S3Gen()}
    _let_it_end(networks["t3_cfg"])
    for name, network in networks.items():
        state = {key: value.contiguous().clone() for key, value in network.state_dict().items()}
        save_file(state, folder / f"{name}.safetensors")
    networks.clear()
    _make_tokenizer().save(str(folder / "tokenizer.json"))
    model = ChatterboxTTS.from_local(folder, "cpu")
    with torch.no_grad():
        model.prepare_conditionals(str(recording))
    model.conds.save(folder / "conds.pt")


@torch.no_grad()
def _let_it_end(t3: T3) -> None:
    """Make the token that ends speech certain after these: random weights find no end.

    One channel tells the position, and the row of that token listens to nothing else.
    """
    positions, head = t3.speech_pos_emb.emb.weight, t3.speech_head.weight
    t3.speech_emb.weight[:, 0] = 0.0
    positions[:, 0] = 0.0
    positions[_N_TOKENS:, 0] = 100.0
    head[:, 0] = 0.0
    head[t3.hp.stop_speech_token] = 0.0
    head[t3.hp.stop_speech_token, 0] = 2.0


def _make_tokenizer() -> Tokenizer:
    first, last = [*_SPECIAL[:-1], *_LETTERS], _SPECIAL[-1]
    names = [*first, *(f"[{i}]" for i in range(len(first), _START)), last]
    vocabulary = {name: i for i, name in enumerate(names)}
    tokenizer = Tokenizer(models.BPE(vocabulary, [], unk_token="[UNK]"))
    tokenizer.add_special_tokens(list(_SPECIAL))
    return tokenizer


if __name__ == "__main__":
    write(Path(sys.argv[1]), Path(sys.argv[2]))
