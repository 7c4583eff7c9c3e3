"""Reads VITS voices of coqui. Needs the package coqui-tts, which is installed for an export only.

Source: coqui-tts 0.28, `TTS/tts/models/vits.py` (`inference`, `export_onnx`), `TTS/tts/utils/text`.
"""

from pathlib import Path
from typing import Any

import torch
from torch import nn

from export.errors import InvalidCheckpoint
from export.piper_files import VitsVoice, make_config, remove_parametrizations

KIND = "coqui"
"""As LocalAI's `backend` names these voices."""


class _Graph(nn.Module):
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


def load_voice(folder: Path, language: str) -> VitsVoice:
    """Return the voice of a folder: `config.json` and the one checkpoint beside it.

    Raises:
        InvalidCheckpoint: coqui-tts is not installed, or it is no voice that Piper's files hold.
    """
    try:
        from TTS.tts.configs.vits_config import VitsConfig  # noqa: PLC0415
        from TTS.tts.models.vits import Vits  # noqa: PLC0415
    except ImportError as error:
        raise InvalidCheckpoint(
            f"{folder} is a voice of coqui: to export it needs coqui-tts, which cannot be "
            f"imported: {str(error).strip().splitlines()[0] if str(error).strip() else error!r}"
        ) from error
    config = VitsConfig()
    config.load_json(str(folder / "config.json"))
    if config.model_args.use_d_vector_file or config.model_args.use_language_embedding:
        raise InvalidCheckpoint(
            f"{folder} takes speaker vectors or languages: Piper's files do not"
        )
    if config.use_phonemes and config.phonemizer != "espeak":
        raise InvalidCheckpoint(
            f"{folder} reads phonemes of {config.phonemizer}; nothing here makes those"
        )
    if config.model_args.use_speaker_embedding:  # the written path is that of another machine
        names = str(_find(folder, "speaker*.*"))
        config.speakers_file = config.model_args.speakers_file = names
    model = Vits.init_from_config(config)
    model.load_checkpoint(config, str(_find(folder, "*.pth", but="speaker")), eval=True)
    remove_parametrizations(model)
    speakers = _speakers(model) if config.model_args.use_speaker_embedding else {}
    scales = (model.inference_noise_scale, model.length_scale, model.inference_noise_scale_dp)
    return VitsVoice(
        graph=_Graph(model),
        n_ids=model.text_encoder.emb.num_embeddings,
        scales=scales,
        n_speakers=len(speakers),
        config=make_config(
            sample_rate=config.audio.sample_rate,
            language=language,
            espeak_voice=(config.phoneme_language or "en-us") if config.use_phonemes else "",
            ids=_ids(model.tokenizer),
            scales=scales,
            speakers=speakers,
            kind=KIND,
        ),
    )


def _find(folder: Path, pattern: str, *, but: str = " ") -> Path:
    found = [path for path in sorted(folder.glob(pattern)) if not path.name.startswith(but)]
    if len(found) != 1:
        raise InvalidCheckpoint(f"{folder} holds {len(found)} files {pattern}, not one")
    return found[0]


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
