"""Parler-TTS: a description of a voice and a text to the codes of a codec.

Source: parler-tts 0.2.3, its README and `ParlerTTSForConditionalGeneration.generate`.
"""

from pathlib import Path

import torch
from parler_tts import ParlerTTSForConditionalGeneration
from transformers import AutoTokenizer

from backends.isolated.generator import Speaking, Waveform
from tritone.placement import find_device

DESCRIPTION = (
    "A clear and friendly voice speaks at a moderate pace. The recording is close and without "
    "noise."
)
"""Of a voice that is not described."""


class Parler:
    """A checkpoint of `ParlerTTSForConditionalGeneration`; a voice is a description in words."""

    def __init__(self, folder: Path) -> None:
        """Load a checkpoint and its tokenizers."""
        model = ParlerTTSForConditionalGeneration.from_pretrained(folder)
        self._model = model.eval().to(find_device())
        self._tokenizer = AutoTokenizer.from_pretrained(folder)
        self._describer = self._tokenizer
        # Some checkpoints read texts with another tokenizer than descriptions.
        if (folder / "description_tokenizer").is_dir():
            self._describer = AutoTokenizer.from_pretrained(folder / "description_tokenizer")
        self.sample_rate = int(self._model.config.sampling_rate)

    def speakers(self) -> list[str]:
        """Return one without a name: who speaks is described."""
        return [""]

    @torch.no_grad()
    def speak(self, text: str, speaking: Speaking, seed: int) -> Waveform:
        """Return the sound of a text, float32 [samples]."""
        device = self._model.device
        described = self._describer(speaking.name or DESCRIPTION, return_tensors="pt").to(device)
        prompt = self._tokenizer(text, return_tensors="pt").to(device)
        torch.manual_seed(seed)
        made = self._model.generate(
            input_ids=described.input_ids,
            attention_mask=described.attention_mask,
            prompt_input_ids=prompt.input_ids,
            prompt_attention_mask=prompt.attention_mask,
        )
        waveform: Waveform = made.detach().float().cpu().numpy().ravel()
        return waveform
