"""CSM: a dialogue's next line, token by token, each with the codes of all codebooks.

Source: transformers 5.23, `CsmForConditionalGeneration`; its page, "Without conversational
context". The voice is a number that the line begins with.
"""

from collections.abc import Sequence

import torch

from backends.transformers.generators import Loaded, Waveform, to_waveform
from backends.transformers.noise import RowNoise


class Csm:
    """A checkpoint of `CsmForConditionalGeneration`."""

    def __init__(self, loaded: Loaded) -> None:
        """Take a checkpoint."""
        self._model, self._processor = loaded.model, loaded.processor
        self.sample_rate = int(self._model.config.codec_config.sampling_rate)

    @torch.no_grad()
    def generate(self, texts: Sequence[str], seeds: Sequence[int], voice: str) -> list[Waveform]:
        """Return the sound of each text, float32 [samples]."""
        lines = [f"[{voice or 0}]{text}" for text in texts]
        inputs = self._processor(lines, add_special_tokens=True, padding=True)
        inputs = inputs.to(self._model.device)
        with RowNoise(seeds, self._model.device):
            made = self._model.generate(
                input_ids=inputs["input_ids"],
                attention_mask=inputs["attention_mask"],
                output_audio=True,
                disable_compile=True,
            )
        return [to_waveform(each) for each in made]
