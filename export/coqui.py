"""Reads voices of coqui. Needs the package coqui-tts, which is installed for an export only.

VITS is here, Glow-TTS in `export/coqui_glow.py`. Source: coqui-tts 0.28,
`TTS/tts/models/vits.py` (`inference`, `export_onnx`), `TTS/tts/utils/text`.
"""

from pathlib import Path
from typing import Any

import torch
from torch import nn

from export.errors import InvalidCheckpoint
from export.piper_files import PiperGraph, make_config, remove_parametrizations
from tritone.first_line import first_line

KIND = "coqui"
"""As LocalAI's `backend` names these voices."""

MODELS = ("vits", "glow_tts")
"""As `config.json` spells them in `model`."""


class _Vits(nn.Module):
    """A voice of coqui with Piper's inputs."""

    def __init__(self, model: Any) -> None:  # noqa: ANN401 -- coqui's own
        super().__init__()
        self.model = model

    def forward(
        self,
        ids: torch.Tensor,
        lengths: torch.Tensor,
        scales: torch.Tensor,
        speaker: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Return float32 [1, 1, samples]."""
        model = self.model
        model.inference_noise_scale, model.length_scale = scales[0], scales[1]
        model.inference_noise_scale_dp = scales[2]
        given = {"x_lengths": lengths, "d_vectors": None, "speaker_ids": speaker}
        made: torch.Tensor = model.inference(
            ids, aux_input={**given, "language_ids": None, "durations": None}
        )["model_outputs"]
        return made


def load_voice(folder: Path, language: str, vocoder: Path | None) -> PiperGraph:
    """Return the voice of a folder: `config.json` and the one checkpoint beside it.

    Glow-TTS makes frames of a spectrogram; `vocoder` is the folder of what makes sound of them.

    Raises:
        InvalidCheckpoint: coqui-tts is not installed, or it is no voice that Piper's files hold.
    """
    try:
        from TTS.config import load_config  # noqa: PLC0415
        from TTS.tts.models import setup_model  # noqa: PLC0415
    except ImportError as error:
        raise InvalidCheckpoint(
            f"{folder} is a voice of coqui: to export it needs coqui-tts, which cannot be "
            f"imported: {first_line(error)}"
        ) from error
    config = load_config(str(folder / "config.json"))
    # VITS keeps them apart.
    arguments = config.model_args if config.model == "vits" else config
    if arguments.use_d_vector_file or getattr(arguments, "use_language_embedding", False):
        raise InvalidCheckpoint(
            f"{folder} takes speaker vectors or languages: Piper's files do not"
        )
    if config.use_phonemes and config.phonemizer != "espeak":
        raise InvalidCheckpoint(
            f"{folder} reads phonemes of {config.phonemizer}; nothing here makes those"
        )
    if arguments.use_speaker_embedding:  # the written path is that of another machine
        config.speakers_file = arguments.speakers_file = str(find_file(folder, "speaker*.*"))
    set_statistics(config, folder)
    model = setup_model(config)
    model.load_checkpoint(config, str(find_file(folder, "*.pth", but="speaker")), eval=True)
    remove_parametrizations(model)
    graph: nn.Module = _Vits(model)
    rate = int(config.audio.sample_rate)
    noise_w = getattr(model, "inference_noise_scale_dp", 0.0)
    if config.model == "glow_tts":
        from export.coqui_glow import Glow, load_vocoder  # noqa: PLC0415

        graph = Glow(model, load_vocoder(vocoder, rate))
    speakers = _speakers(model) if arguments.use_speaker_embedding else {}
    scales = (float(model.inference_noise_scale), float(model.length_scale), float(noise_w))
    return PiperGraph(
        graph=graph,
        n_ids=int(model.tokenizer.characters.num_chars),
        scales=scales,
        n_speakers=len(speakers),
        tells_durations=config.model == "glow_tts",
        config=make_config(
            sample_rate=rate,
            language=language,
            espeak_voice=(config.phoneme_language or "en-us") if config.use_phonemes else "",
            ids=_ids(model.tokenizer),
            scales=scales,
            speakers=speakers,
            kind=KIND,
        ),
    )


def find_file(folder: Path, pattern: str, *, but: str = " ") -> Path:
    """Return the one file of a folder that has a pattern, and does not begin with `but`.

    Raises:
        InvalidCheckpoint: there is none, or there are several.
    """
    found = [path for path in sorted(folder.glob(pattern)) if not path.name.startswith(but)]
    if len(found) != 1:
        raise InvalidCheckpoint(f"{folder} holds {len(found)} files {pattern}, not one")
    return found[0]


def set_statistics(config: Any, folder: Path) -> None:  # noqa: ANN401 -- coqui's own
    """Let a configuration find the mean and deviation of its spectrograms beside it.

    Raises:
        InvalidCheckpoint: it has them, but they are not there.
    """
    if config.audio.get("stats_path"):  # written on another machine
        config.audio["stats_path"] = str(find_file(folder, "*.npy"))


def _ids(tokenizer: Any) -> dict[str, list[int]]:  # noqa: ANN401
    """Return which ids each character has; a blank stands before each, and at the end."""
    characters = tokenizer.characters
    blank = [characters.blank_id] if tokenizer.add_blank else []
    ends = ([characters.bos_id], [characters.eos_id]) if tokenizer.use_eos_bos else ([], [])
    ids = {
        each: [*blank, characters.char_to_id(each)]
        for each in characters.vocab
        if len(each) == 1 and each not in {"^", "_", "$"}
    }
    return ids | {"^": ends[0], "$": [*blank, *ends[1]]}


def _speakers(model: Any) -> dict[str, int]:  # noqa: ANN401
    return {str(name): int(i) for name, i in model.speaker_manager.name_to_id.items()}
