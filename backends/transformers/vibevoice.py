"""VibeVoice: a language model says when there is sound, a diffusion head says which.

Source: transformers 5.23, `VibeVoiceForConditionalGeneration`. In a batch its codec also moves on
for rows that make no sound at a step, so a row would depend on those beside it: texts are made one
after the other.
"""

from collections.abc import Sequence

import torch

from backends.transformers.generators import Loaded, Waveform, to_waveform
from backends.transformers.noise import RowNoise


class VibeVoice:
    """A checkpoint of `VibeVoiceForConditionalGeneration`; a voice is a number of a speaker."""

    def __init__(self, loaded: Loaded) -> None:
        """Take a checkpoint."""
        self._model, self._processor = loaded.model, loaded.processor
        self.sample_rate = int(self._processor.feature_extractor.sampling_rate)

    def generate(self, texts: Sequence[str], seeds: Sequence[int], voice: str) -> list[Waveform]:
        """Return the sound of each text, float32 [samples]."""
        return [self._speak(text, seed, voice) for text, seed in zip(texts, seeds, strict=True)]

    @torch.no_grad()
    def _speak(self, text: str, seed: int, voice: str) -> Waveform:
        inputs = self._processor.apply_chat_template(
            [{"role": voice or "0", "content": [{"type": "text", "text": text}]}],
            tokenize=True,
            return_dict=True,
            processor_kwargs={"return_tensors": "pt"},
        ).to(self._model.device)
        with RowNoise([seed], self._model.device):
            (made,) = self._model.generate(**inputs, disable_compile=True)
        return to_waveform(torch.zeros(0) if made is None else made)
