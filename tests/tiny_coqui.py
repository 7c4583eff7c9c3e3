"""Voices of coqui: the true architectures, tiny random weights. Needs coqui-tts."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from TTS.config import load_config
from TTS.config.shared_configs import BaseAudioConfig
from TTS.tts.configs.glow_tts_config import GlowTTSConfig
from TTS.tts.configs.shared_configs import CharactersConfig
from TTS.tts.configs.vits_config import VitsConfig
from TTS.tts.models import setup_model
from TTS.tts.models.vits import Vits, VitsArgs
from TTS.utils.synthesizer import Synthesizer
from TTS.vocoder.configs import HifiganConfig, MultibandMelganConfig
from TTS.vocoder.models import setup_generator

BANDS = 16


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


def write_glow(folder: Path, *, speakers: int, has_statistics: bool) -> Path:
    """Write a voice of Glow-TTS, and return its folder."""
    torch.manual_seed(5)
    folder.mkdir()
    names = folder / "speakers.json"
    if speakers:
        names.write_text(json.dumps({f"s{i}": i for i in range(speakers)}))
    layers = {"kernel_size": 3, "dropout_p": 0.1, "num_layers": 1, "num_heads": 2}
    config = GlowTTSConfig(
        audio=_audio(folder, has_statistics=has_statistics, level=1.0),
        characters=CharactersConfig(
            characters_class="TTS.tts.utils.text.characters.Graphemes",
            characters="abcdefghijklmnopqrstuvwxyz",
            punctuations=" ,.",
            pad="_",
            eos="~",
            bos="^",
            blank="@",
        ),
        add_blank=speakers > 0,
        out_channels=BANDS,
        hidden_channels_enc=16,
        hidden_channels_dec=16,
        hidden_channels_dp=16,
        num_flow_blocks_dec=2,
        num_block_layers=2,
        encoder_params=layers | {"hidden_channels_ffn": 32, "input_length": None},
        use_speaker_embedding=speakers > 0,
        speakers_file=str(names) if speakers else None,
        inference_noise_scale=0.5,
    )
    model = setup_model(config)
    with torch.no_grad():
        for weight in model.parameters():  # new ones are zero where a flow ends: it changes nothing
            weight.add_(0.1 * torch.randn_like(weight))
        durations = model.encoder.duration_predictor.proj  # frames for each character, not alike
        durations.bias.fill_(1.0)
        durations.weight.normal_(std=1.0)
    config.save_json(str(folder / "config.json"))
    torch.save({"model": model.state_dict()}, folder / "model.pth")
    return folder


def write_vocoder(folder: Path, kind: str, *, has_statistics: bool) -> Path:
    """Write a vocoder of a kind of coqui's, and return its folder."""
    torch.manual_seed(7)
    folder.mkdir()
    audio = _audio(folder, has_statistics=has_statistics, level=2.0)
    if kind == "hifigan":
        config = HifiganConfig(
            audio=audio,
            generator_model_params={
                "upsample_factors": [8, 8, 2, 2],
                "upsample_kernel_sizes": [16, 16, 4, 4],
                "upsample_initial_channel": 16,
                "resblock_kernel_sizes": [3],
                "resblock_dilation_sizes": [[1, 3]],
                "resblock_type": "2",
            },
        )
    else:
        config = MultibandMelganConfig(
            audio=audio,
            generator_model_params={"upsample_factors": [8, 4, 2], "num_res_blocks": 1},
        )
    generator = setup_generator(config)
    *_, last = (each for each in generator.modules() if isinstance(each, nn.Conv1d))
    with torch.no_grad():  # as loud as a voice: new weights whisper
        peak = generator.inference(torch.randn(1, BANDS, 20)).abs().max()
        for weight in last.parameters():
            weight.mul_(0.5 / peak)
    config.save_json(str(folder / "config.json"))
    # As coqui wrote its published ones: the discriminator apart, and none is needed to speak.
    torch.save({"model": generator.state_dict(), "model_disc": {}}, folder / "model.pth")
    return folder


def _audio(folder: Path, *, has_statistics: bool, level: float) -> BaseAudioConfig:
    """Return how frames are scaled: by the range, or by what is known of each band."""
    audio = BaseAudioConfig(
        sample_rate=16_000,
        num_mels=BANDS,
        mel_fmax=8000.0,
        signal_norm=True,
        symmetric_norm=level > 1.0,
        max_norm=level,
        ref_level_db=20,
    )
    if has_statistics:
        generator = np.random.default_rng(int(level))
        bands = {}
        for of in ("mel", "linear"):
            bands[f"{of}_mean"] = generator.normal(size=BANDS).astype(np.float32)
            bands[f"{of}_std"] = generator.uniform(0.5, 2.0, BANDS).astype(np.float32)
        audio.stats_path = str(folder / "scale_stats.npy")
        np.save(audio.stats_path, np.array({**bands, "audio_config": {}}, np.object_))
    return audio


def speak_as_original(
    voice: Path, vocoder: Path, ids: list[int], speaker: int | None, noise: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return the samples that coqui's own synthesizer makes, given the noise that it draws."""
    synthesizer = Synthesizer(
        tts_checkpoint=str(voice / "model.pth"),
        tts_config_path=str(voice / "config.json"),
        vocoder_checkpoint=str(vocoder / "model.pth"),
        vocoder_config=str(vocoder / "config.json"),
    )
    given = {
        "x_lengths": torch.tensor([len(ids)]),
        "d_vectors": None,
        "speaker_ids": None if speaker is None else torch.tensor([speaker]),
    }
    with _drawing(noise):
        frames = synthesizer.tts_model.inference(torch.tensor([ids]), given)["model_outputs"][0]
    sound = synthesizer._run_vocoder(frames, "cpu")
    return np.asarray(sound, np.float32).ravel()


@contextmanager
def _drawing(noise: NDArray[np.float32]) -> Iterator[None]:
    def draw(like: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(noise[..., : like.shape[-1]].copy())

    with mock.patch.object(torch, "randn_like", draw):
        yield


def ids_of(folder: Path, text: str) -> list[int]:
    """Return the ids that the original's tokenizer makes of a text."""
    model = setup_model(load_config(str(folder / "config.json")))
    ids: list[int] = model.tokenizer.text_to_ids(text)
    return ids
