"""A VITS voice of coqui: the true architecture, tiny random weights. Needs coqui-tts."""

import json
from pathlib import Path

import torch
from TTS.tts.configs.shared_configs import CharactersConfig
from TTS.tts.configs.vits_config import VitsConfig
from TTS.tts.models.vits import Vits, VitsArgs


def write_coqui(folder: Path, *, speakers: int) -> Path:
    """Write a configuration and a checkpoint, and return their folder."""
    torch.manual_seed(3)
    folder.mkdir()
    names = folder / "speakers.json"
    if speakers:
        names.write_text(json.dumps({f"s{i}": i for i in range(speakers)}))
    arguments = VitsArgs(
        hidden_channels=16,
        hidden_channels_ffn_text_encoder=32,
        num_heads_text_encoder=2,
        num_layers_text_encoder=1,
        num_layers_flow=2,
        num_layers_posterior_encoder=2,
        resblock_type_decoder="2",
        resblock_kernel_sizes_decoder=[3],
        resblock_dilation_sizes_decoder=[[1, 3]],
        upsample_rates_decoder=[8, 8, 2, 2],
        upsample_kernel_sizes_decoder=[16, 16, 4, 4],
        upsample_initial_channel_decoder=16,
        use_speaker_embedding=speakers > 0,
        speakers_file=str(names) if speakers else None,
        speaker_embedding_channels=8,
        length_scale=0.2,
    )
    characters = CharactersConfig(
        characters_class="TTS.tts.models.vits.VitsCharacters",
        characters="abcdefghijklmnopqrstuvwxyz",
        punctuations=" ,.",
        pad="_",
        blank="<BLNK>",
        phonemes="",
    )
    config = VitsConfig(model_args=arguments, characters=characters)
    model = Vits.init_from_config(config)
    model.eval()
    with torch.no_grad():  # as loud as a voice: new weights whisper
        given = {"x_lengths": None, "speaker_ids": torch.tensor([0]) if speakers else None}
        peak = model.inference(torch.arange(1, 20)[None], given)["model_outputs"].abs().max()
        for weight in model.waveform_decoder.conv_post.parameters():
            weight.mul_(0.5 / peak)
    config.save_json(str(folder / "config.json"))
    torch.save({"model": model.state_dict()}, folder / "model.pth")
    return folder


def ids_of(folder: Path, text: str) -> list[int]:
    """Return the ids that the original's tokenizer makes of a text."""
    config = VitsConfig()
    config.load_json(str(folder / "config.json"))
    ids: list[int] = Vits.init_from_config(config).tokenizer.text_to_ids(text)
    return ids
