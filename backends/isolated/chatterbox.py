"""Chatterbox: a text and how somebody sounds to tokens of speech, and those to samples.

Source: chatterbox-tts 0.1.7, `ChatterboxTTS.from_local` and `generate`.
"""

from pathlib import Path
from typing import Any

import torch
from chatterbox.tts import ChatterboxTTS

from backends.isolated.generator import Speaking, Waveform
from tritone.placement import find_device


class Chatterbox:
    """A checkpoint of `ChatterboxTTS`; a voice is its own, or that of a recording.

    The library marks every sound as made by a machine, inaudibly.
    """

    def __init__(self, folder: Path) -> None:
        """Load a checkpoint."""
        self._model = ChatterboxTTS.from_local(folder, find_device())
        self.sample_rate = int(self._model.sr)
        self._own = self._model.conds
        self._cloned: dict[Path, Any] = {}

    def speakers(self) -> list[str]:
        """Return its own voice, which has no name; without `conds.pt` it has none."""
        return [""] if self._own is not None else []

    @torch.no_grad()
    def speak(self, text: str, speaking: Speaking, seed: int) -> Waveform:
        """Return the sound of a text, float32 [samples]."""
        self._model.conds = self._condition(speaking.sample)
        torch.manual_seed(seed)
        made = self._model.generate(text)
        waveform: Waveform = made.detach().float().cpu().numpy().ravel()
        return waveform

    def _condition(self, sample: Path | None) -> Any:  # noqa: ANN401 -- the library's own
        if sample is None:
            return self._own
        if sample not in self._cloned:
            self._model.prepare_conditionals(str(sample))
            self._cloned[sample] = self._model.conds
        return self._cloned[sample]
