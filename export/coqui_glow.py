"""Glow-TTS of coqui with its vocoder as one graph: frames of a spectrogram, and sound of them.

Needs the package coqui-tts. Source: coqui-tts 0.28, `TTS/tts/models/glow_tts.py` (`inference`),
`TTS/utils/synthesizer.py` (what is between the two), `TTS/utils/audio/processor.py`.
"""

from pathlib import Path
from typing import Any

import torch
from torch import nn

from export.coqui import find_file, set_statistics
from export.errors import InvalidCheckpoint
from export.piper_files import remove_parametrizations

_GENERATORS = (
    "hifigan_generator",
    "melgan_generator",
    "multiband_melgan_generator",
    "fullband_melgan_generator",
)
"""Vocoders that draw no noise: the sound depends on the frames alone."""

Bounds = tuple[float, float] | None


class Scaling(nn.Module):
    """Brings frames from one scale to another: clip, multiply, add, clip."""

    scale: torch.Tensor
    offset: torch.Tensor

    def __init__(self, scale: Any, offset: Any, before: Bounds, after: Bounds) -> None:  # noqa: ANN401
        """Take numbers, or arrays of one for each band."""
        super().__init__()
        self.register_buffer("scale", torch.as_tensor(scale, dtype=torch.float32).reshape(-1, 1))
        self.register_buffer("offset", torch.as_tensor(offset, dtype=torch.float32).reshape(-1, 1))
        self.before, self.after = before, after

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Return frames, float32 [1, bands, frames]."""
        if self.before:
            frames = frames.clamp(*self.before)
        frames = frames * self.scale + self.offset
        return frames.clamp(*self.after) if self.after else frames


def read_denormalizing(audio: Any) -> Scaling:  # noqa: ANN401 -- coqui's own
    """Return what makes decibels of the frames of a model, by its audio processor."""
    if not audio.signal_norm:
        return Scaling(1.0, 0.0, None, None)
    if hasattr(audio, "mel_scaler"):
        return Scaling(audio.mel_scaler.scale_, audio.mel_scaler.mean_, None, None)
    low, high = _range(audio)
    scale = -audio.min_level_db / (high - low)
    offset = audio.min_level_db + audio.ref_level_db - scale * low
    return Scaling(scale, offset, (low, high) if audio.clip_norm else None, None)


def read_normalizing(audio: Any) -> Scaling:  # noqa: ANN401 -- coqui's own
    """Return what makes a model's frames of decibels, by its audio processor."""
    if not audio.signal_norm:
        return Scaling(1.0, 0.0, None, None)
    if hasattr(audio, "mel_scaler"):
        scale = 1.0 / audio.mel_scaler.scale_
        return Scaling(scale, -audio.mel_scaler.mean_ * scale, None, None)
    low, high = _range(audio)
    scale = (high - low) / -audio.min_level_db
    offset = low - scale * (audio.ref_level_db + audio.min_level_db)
    return Scaling(scale, offset, None, (low, high) if audio.clip_norm else None)


def _range(audio: Any) -> tuple[float, float]:  # noqa: ANN401
    return (-audio.max_norm if audio.symmetric_norm else 0.0), audio.max_norm


class Vocoder(nn.Module):
    """Makes sound of decibels."""

    def __init__(self, model: Any, normalize: Scaling) -> None:  # noqa: ANN401 -- coqui's own
        """Take coqui's vocoder, and what brings decibels to its scale."""
        super().__init__()
        self.model, self.normalize = model, normalize
        self.padding = int(model.model_g.inference_padding)  # frames that it adds at each end

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Return float32 [1, 1, samples] of decibels, float32 [1, bands, frames]."""
        sound: torch.Tensor = self.model.inference(self.normalize(frames))
        return sound


class Glow(nn.Module):
    """A voice of Glow-TTS with Piper's inputs, and its vocoder."""

    def __init__(self, model: Any, vocoder: Vocoder) -> None:  # noqa: ANN401 -- coqui's own
        """Take coqui's model, and what makes sound of its frames."""
        super().__init__()
        self.model, self.vocoder = model, vocoder
        self.denormalize = read_denormalizing(model.ap)

    def forward(
        self,
        ids: torch.Tensor,
        lengths: torch.Tensor,
        scales: torch.Tensor,
        speaker: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the sound, float32 [1, 1, samples], and the frames of each id, float32 [1, n]."""
        model = self.model
        model.inference_noise_scale, model.length_scale = scales[0], scales[1]
        given = {"x_lengths": lengths, "d_vectors": None, "speaker_ids": speaker}
        made = model.inference(ids, aux_input=given)
        frames = made["model_outputs"].transpose(1, 2)
        sound = self.vocoder(self.denormalize(frames))
        return sound, self._durations(made["alignments"].sum(1))

    def _durations(self, frames: torch.Tensor) -> torch.Tensor:
        """Return how many frames of the vocoder each id lasts, of those that the model foresaw.

        The model makes no frames past a multiple of `num_squeeze`; what the vocoder adds before the
        first and behind the last belongs to those.
        """
        ends, step = frames.cumsum(-1), self.model.num_squeeze
        made = torch.div(ends[:, -1:], step, rounding_mode="floor") * step
        ends = torch.minimum(ends, made) + self.vocoder.padding
        ends = torch.cat([ends[:, :-1], ends[:, -1:] + self.vocoder.padding], 1)
        begins = torch.cat([torch.zeros_like(ends[:, :1]), ends[:, :-1]], 1)
        return ends - begins


def load_vocoder(folder: Path | None, sample_rate: int) -> Vocoder:
    """Return the vocoder of a folder: `config.json` and the one checkpoint beside it.

    Raises:
        InvalidCheckpoint: none is named, or it is none that is exported.
    """
    if folder is None:
        raise InvalidCheckpoint(
            "Glow-TTS makes no sound without a vocoder: name the folder of one with --vocoder"
        )
    from TTS.config import load_config  # noqa: PLC0415
    from TTS.utils.audio import AudioProcessor  # noqa: PLC0415
    from TTS.vocoder.models import setup_model  # noqa: PLC0415

    try:
        config = load_config(str(folder / "config.json"))
    except (ImportError, OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidCheckpoint(f"{folder} is no vocoder of coqui: {error!r}") from error
    generator = str(config.get("generator_model", config.model)).lower()
    if generator not in _GENERATORS:
        raise InvalidCheckpoint(
            f"{folder} is a vocoder of the kind {generator}; exported: {', '.join(_GENERATORS)}"
        )
    if int(config.audio["sample_rate"]) != sample_rate:
        raise InvalidCheckpoint(
            f"the vocoder speaks at {config.audio['sample_rate']} Hz, the voice at {sample_rate}: "
            "frames have no whole number of samples then"
        )
    set_statistics(config, folder)
    model = setup_model(config)
    model.load_checkpoint(config, str(find_file(folder, "*.pth")), eval=True)
    model.eval()
    remove_parametrizations(model)
    return Vocoder(model, read_normalizing(AudioProcessor(config.audio)))
