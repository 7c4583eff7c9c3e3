"""Exports voices of other libraries as Piper's files.

`python -m export.vits FOLDER FILE.onnx [LANGUAGE] [--vocoder FOLDER]`: a checkpoint of
transformers' `VitsModel` (MMS among them), or one of coqui's VITS or Glow-TTS.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import AutoTokenizer, VitsModel

from export.coqui import MODELS, load_voice
from export.errors import ExportError, InvalidCheckpoint
from export.piper_files import PiperGraph, make_config, remove_parametrizations, write_voice


def export_voice(folder: Path, target: Path, language: str, vocoder: Path | None = None) -> float:
    """Write a voice's `.onnx` and `.onnx.json`; return how far it is from the original.

    `vocoder` is a folder of coqui's, for a voice that makes frames of a spectrogram.

    Raises:
        ExportError: it is none that can be exported, or it does not sound as the original does.
    """
    try:
        config = json.loads((folder / "config.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidCheckpoint(f"{folder} is no voice: {error}") from error
    if config.get("model_type") == "vits":
        return write_voice(_load(folder, language), target)
    if config.get("model") not in MODELS:
        kind = config.get("model_type") or config.get("model")
        raise InvalidCheckpoint(
            f"{folder} is a voice of the kind {kind}; exported: {', '.join(MODELS)}"
        )
    return write_voice(load_voice(folder, language, vocoder), target)


class _Graph(nn.Module):
    """A voice of transformers with Piper's inputs."""

    def __init__(self, model: Any) -> None:  # noqa: ANN401 -- transformers' own
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
        self.model.noise_scale, self.model.noise_scale_duration = scales[0], scales[2]
        mask = (torch.arange(ids.shape[1])[None] < lengths[:, None]).to(ids.dtype)
        made = self.model(
            ids, attention_mask=mask, speaking_rate=1.0 / scales[1], speaker_id=speaker
        )
        waveform: torch.Tensor = made.waveform.unsqueeze(1)
        return waveform


def _load(folder: Path, language: str) -> PiperGraph:
    try:
        model = VitsModel.from_pretrained(folder).eval()
        tokenizer = AutoTokenizer.from_pretrained(folder)
    except (OSError, ValueError) as error:
        raise InvalidCheckpoint(f"{folder} is no VITS voice: {error}") from error
    if tokenizer.is_uroman:
        raise InvalidCheckpoint(
            f"{folder} reads its language in Roman letters, which nothing here writes"
        )
    remove_parametrizations(model)
    config = model.config
    scales = (config.noise_scale, 1.0 / config.speaking_rate, config.noise_scale_duration)
    n_speakers = config.num_speakers if config.num_speakers > 1 else 0
    blank = [0] if tokenizer.add_blank else []  # stands before each id, and at the end
    letters = {key: value for key, value in tokenizer.get_vocab().items() if len(key) == 1}
    return PiperGraph(
        graph=_Graph(model),
        n_ids=config.vocab_size,
        scales=scales,
        n_speakers=n_speakers,
        config=make_config(
            sample_rate=config.sampling_rate,
            language=language,
            espeak_voice="en-us" if tokenizer.phonemize else "",
            ids={"$": blank} | {key: [*blank, value] for key, value in letters.items()},
            scales=scales,
            speakers={str(i): i for i in range(n_speakers)},
        ),
    )


def main(arguments: Sequence[str]) -> int:
    """Export the voice of a folder."""
    parser = argparse.ArgumentParser("python -m export.vits", description="Export a voice.")
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="of the checkpoint")
    parser.add_argument("target", type=Path, metavar="FILE.onnx")
    parser.add_argument("language", nargs="?", default="en-US", metavar="LANGUAGE")
    parser.add_argument("--vocoder", type=Path, metavar="FOLDER", help="of coqui's Glow-TTS")
    given = parser.parse_args(arguments)
    try:
        error = export_voice(given.folder, given.target, given.language, given.vocoder)
    except ExportError as failed:
        print(f"export: {failed}")  # noqa: T201
        return 1
    print(  # noqa: T201
        f"{given.target} is {error:.1e} off the original; add it: tritone voices add {given.target}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
