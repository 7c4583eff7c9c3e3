"""XTTS: a text and how somebody sounds to codes, and those to samples.

Source: coqui-tts 0.28.0, `Xtts.load_checkpoint`, `get_conditioning_latents` and `inference`.
"""

import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from torchaudio.functional import resample
from TTS.tts.configs.xtts_config import XttsConfig
from TTS.tts.models.xtts import Xtts as XttsModel

from backends.isolated.generator import Speaking, Waveform
from tritone.placement import CPU, find_device

_CLONE_RATE = 22_050  # Hz, of recordings as the network hears them
_CLONE_PEAK = 0.75  # of those that are brought to one loudness


class Xtts:
    """A checkpoint of coqui's XTTS; a voice is one of its speakers, or that of a recording."""

    def __init__(self, folder: Path) -> None:
        """Load a checkpoint."""
        config = XttsConfig()
        config.load_json(str(folder / "config.json"))
        self._config = config
        self._model = XttsModel(config)
        self._model.load_checkpoint(config, checkpoint_dir=str(folder), eval=True)
        if find_device() != CPU:
            self._model.to(find_device())
        self.sample_rate = int(config.model_args.output_sample_rate)
        self._cloned: dict[Path, tuple[Any, Any]] = {}

    def speakers(self) -> list[str]:
        """Return the speakers of `speakers_xtts.pth`; without that file there are none."""
        manager = self._model.speaker_manager
        return sorted(manager.speakers) if manager is not None else []

    @torch.no_grad()
    def speak(self, text: str, speaking: Speaking, seed: int) -> Waveform:
        """Return the sound of a text, float32 [samples]."""
        condition = self._condition(speaking)
        language = self._find_language(speaking.language)
        torch.manual_seed(seed)
        # What is longer than the network was trained with is cut off at its end.
        limits = self._model.tokenizer.char_limits
        parts = textwrap.wrap(text, limits.get(language.partition("-")[0], min(limits.values())))
        return np.concatenate([self._speak_part(part, language, condition) for part in parts])

    def _speak_part(self, text: str, language: str, condition: tuple[Any, Any]) -> Waveform:
        made = self._model.inference(
            text,
            language,
            *condition,
            temperature=self._config.temperature,
            length_penalty=self._config.length_penalty,
            repetition_penalty=self._config.repetition_penalty,
            top_k=self._config.top_k,
            top_p=self._config.top_p,
        )
        return np.asarray(made["wav"], np.float32).ravel()

    def _condition(self, speaking: Speaking) -> tuple[Any, Any]:
        if speaking.sample is None:
            found = self._model.speaker_manager.speakers[speaking.name]
            return found["gpt_cond_latent"], found["speaker_embedding"]
        if speaking.sample not in self._cloned:
            self._cloned[speaking.sample] = self._clone(speaking.sample)
        return self._cloned[speaking.sample]

    def _clone(self, sample: Path) -> tuple[Any, Any]:
        """Return how a recording sounds, as `get_conditioning_latents` does.

        That reads files by torchcodec, which needs FFmpeg's libraries and a certain torch.
        """
        recorded, rate = soundfile.read(sample, dtype="float32", always_2d=True)
        mono = torch.from_numpy(recorded.mean(axis=1))[None]
        audio = resample(mono, rate, _CLONE_RATE)[:, : _CLONE_RATE * self._config.max_ref_len]
        audio = audio.clip(-1.0, 1.0).to(self._model.device)
        if self._config.sound_norm_refs:
            audio = audio / audio.abs().max().clamp(min=1e-6) * _CLONE_PEAK
        latents = self._model.get_gpt_cond_latents(
            audio,
            _CLONE_RATE,
            length=self._config.gpt_cond_len,
            chunk_length=self._config.gpt_cond_chunk_len,
        )
        return latents, self._model.get_speaker_embedding(audio, _CLONE_RATE)

    def _find_language(self, tag: str) -> str:
        known = [each.lower() for each in self._config.languages]
        return tag.lower() if tag.lower() in known else tag.partition("-")[0].lower()
