"""MusicGen: a prompt to so many frames of music.

Source: transformers 5.23, `MusicgenForConditionalGeneration`. Its codec hears what follows a
sample: rows that share a run are of one length.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from transformers import StoppingCriteria, StoppingCriteriaList

from backends.transformers.generators import Loaded, Waveform
from backends.transformers.noise import RowNoise

Watch = Callable[[int], None]
"""Hears after each frame how many there are; raises to end the run."""


class MusicGen:
    """A checkpoint of `MusicgenForConditionalGeneration`."""

    def __init__(self, loaded: Loaded) -> None:
        """Take a checkpoint."""
        self._model, self._processor = loaded.model, loaded.processor
        codec = self._model.config.audio_encoder
        self.sample_rate = int(codec.sampling_rate)
        self.channels = int(self._model.config.decoder.audio_channels)
        self.samples_per_frame = self.sample_rate // int(codec.frame_rate)

    @torch.no_grad()
    def generate(
        self, texts: Sequence[str], seeds: Sequence[int], n_frames: int, watch: Watch
    ) -> list[Waveform]:
        """Return the sound of each prompt, float32 [channels, n_frames * samples_per_frame]."""
        inputs = self._processor(text=list(texts), padding=True, return_tensors="pt")
        inputs = inputs.to(self._model.device)
        # The codebooks begin one frame after the other.
        n_tokens = n_frames + int(self._model.config.decoder.num_codebooks) - 1
        with RowNoise(seeds, self._model.device):
            made = self._model.generate(
                **inputs,
                do_sample=True,
                max_new_tokens=n_tokens,
                disable_compile=True,
                stopping_criteria=StoppingCriteriaList([_Watching(watch)]),
            )
        sounds: list[Waveform] = [each.float().cpu().numpy() for each in made]
        return sounds


class _Watching(StoppingCriteria):  # type: ignore[misc]  # its library is not typed
    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._n_frames = 0

    def __call__(self, input_ids: torch.Tensor, scores: Any, **_: Any) -> torch.Tensor:  # noqa: ANN401
        self._n_frames += 1
        self._watch(self._n_frames)
        return torch.zeros(input_ids.shape[0], dtype=torch.bool, device=input_ids.device)
