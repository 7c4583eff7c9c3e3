"""Dia: a dialogue's text, byte by byte, to the codes of nine codebooks.

Source: transformers 5.23, `DiaForConditionalGeneration` and `DiaProcessor`.
"""

from collections.abc import Sequence

import torch

from backends.transformers.generators import Loaded, Waveform, to_waveform
from backends.transformers.noise import RowNoise


class Dia:
    """A checkpoint of `DiaForConditionalGeneration`; a voice is one of the speakers S1 and S2."""

    def __init__(self, loaded: Loaded) -> None:
        """Take a checkpoint."""
        self._model, self._processor = loaded.model, loaded.processor
        self._processor.audio_tokenizer.to(self._model.device)
        self.sample_rate = int(self._processor.feature_extractor.sampling_rate)

    @torch.no_grad()
    def generate(self, texts: Sequence[str], seeds: Sequence[int], voice: str) -> list[Waveform]:
        """Return the sound of each text, float32 [samples]."""
        lines = [f"[{voice or 'S1'}] {text}" for text in texts]
        inputs = self._processor(text=lines, padding=True).to(self._model.device)
        with RowNoise(seeds, self._model.device):
            codes = self._model.generate(**inputs, disable_compile=True)
        return [to_waveform(each) for each in self._processor.batch_decode(codes)]
