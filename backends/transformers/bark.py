"""Bark: text to semantic tokens to coarse ones to fine ones to sound.

Source: transformers 5.23, `BarkModel.generate`, whose steps these are. It gives the third of them
a whole batch at its longest length; that network hears what follows, so a short row would depend
on the long ones beside it. Here each row goes through it alone, at its own length.
"""

from collections.abc import Sequence
from typing import Any

import torch
from transformers.models.bark.generation_configuration_bark import (
    BarkCoarseGenerationConfig,
    BarkFineGenerationConfig,
    BarkSemanticGenerationConfig,
)

from backends.transformers.generators import Loaded, Waveform, to_waveform
from backends.transformers.noise import RowNoise

_STAGES = 3
_MAX_TOKENS = 256  # of a text


class Bark:
    """A checkpoint of `BarkModel`; its voices are the presets that come with it."""

    def __init__(self, loaded: Loaded) -> None:
        """Read how it was trained to be run."""
        self._model, self._processor = loaded.model, loaded.processor
        self.sample_rate = int(self._model.generation_config.sample_rate or 24_000)
        settings = self._model.generation_config
        self._configs: dict[str, Any] = {
            "semantic_generation_config": BarkSemanticGenerationConfig(**settings.semantic_config),
            "coarse_generation_config": BarkCoarseGenerationConfig(
                **settings.coarse_acoustics_config
            ),
            "fine_generation_config": BarkFineGenerationConfig(**settings.fine_acoustics_config),
        }
        self._codebook_size = settings.codebook_size

    @torch.no_grad()
    def generate(self, texts: Sequence[str], seeds: Sequence[int], voice: str) -> list[Waveform]:
        """Return the sound of each text, float32 [samples]."""
        inputs = self._processor(list(texts), voice_preset=voice or None, max_length=_MAX_TOKENS)
        inputs = inputs.to(self._model.device)
        history = inputs.get("history_prompt")
        semantic, coarse = (self._configs[f"{each}_generation_config"] for each in _NAMES[:2])
        with self._noise(seeds, 0):
            ideas = self._model.semantic.generate(
                inputs["input_ids"],
                attention_mask=inputs["attention_mask"],
                history_prompt=history,
                semantic_generation_config=semantic,
            )
        with self._noise(seeds, 1):
            codes, lengths = self._model.coarse_acoustics.generate(
                ideas,
                history_prompt=history,
                semantic_generation_config=semantic,
                coarse_generation_config=coarse,
                codebook_size=self._codebook_size,
                return_output_lengths=True,
            )
        return [
            self._finish(codes[i : i + 1, : int(lengths[i])], seed, history)
            for i, seed in enumerate(seeds)
        ]

    def _finish(self, codes: torch.Tensor, seed: int, history: Any) -> Waveform:  # noqa: ANN401
        if not codes.shape[1]:
            return to_waveform(torch.zeros(0))
        with self._noise([seed], 2):
            fine = self._model.fine_acoustics.generate(
                codes,
                history_prompt=history,
                codebook_size=self._codebook_size,
                **self._configs,
            )
        return to_waveform(self._model.codec_decode(fine))

    def _noise(self, seeds: Sequence[int], stage: int) -> RowNoise:
        # Apart for each step: how much a row draws in one depends on the longest row.
        return RowNoise([seed * _STAGES + stage for seed in seeds], self._model.device)


_NAMES = ("semantic", "coarse", "fine")
