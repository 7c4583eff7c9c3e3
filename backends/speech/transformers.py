"""The engine `transformers`: a checkpoint of that library speaks, several passages in a run.

It reads the text itself and says nothing of its phonemes, so timings are spread evenly. Knows no
Triton.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from backends.errors import Code, RequestFailed
from backends.speech.engine import NoiseKey, Parts, Reading, Sound
from backends.speech.generated import make_sound, seed_of
from backends.speech.script import Piece
from backends.speech.written import read_as_written
from backends.transformers.gathering import Gatherer
from backends.transformers.generators import Waveform, open_generator
from tritone.card import Voice
from tritone.checkpoints import ARCHITECTURES, FILE, Checkpoint


@dataclass(frozen=True, slots=True)
class _Passage:
    text: str
    seed: int
    voice: str  # the checkpoint's own name of it


class TransformersSpeech:
    """One checkpoint. Passages that wait for it at one time, with one voice, share a run."""

    def __init__(self, parts: Parts) -> None:
        """Load the checkpoint that the version's file names.

        Raises:
            ImportError, OSError, ValueError: torch is not installed, or the checkpoint is missing,
                broken or of another rate.
        """
        checkpoint = Checkpoint(**json.loads((parts.folder / FILE).read_text("utf-8")))
        self._generator = open_generator(checkpoint)
        self._sample_rate = parts.card.sample_rate
        if self._generator.sample_rate != self._sample_rate:
            raise ValueError(
                f"{checkpoint.source} speaks at {self._generator.sample_rate} Hz now, not at "
                f"{self._sample_rate}: add it again"
            )
        self._voices = checkpoint.voices or {}
        self._make = Gatherer(
            self._generate,
            most=ARCHITECTURES[checkpoint.model_type].batch,
            may_share=lambda one, other: one.voice == other.voice,
        )

    def read(self, pieces: Sequence[Piece], voice: Voice, *, normalizes: bool) -> Reading | None:
        """Return a passage as its characters: the checkpoint has a tokenizer of its own."""
        return read_as_written(pieces)

    def speak(self, reading: Reading, voice: Voice, speed: float, noise: NoiseKey) -> Sound:
        """Return the sound of a reading.

        Raises:
            RequestFailed: the checkpoint made no sound, or torch's own error.
        """
        passage = _Passage(reading.text, seed_of(noise), self._voices.get(voice.id, ""))
        try:
            waveform = self._make(passage)
        except Exception as error:  # torch's and transformers' errors share no base class
            raise RequestFailed(f"the checkpoint failed: {error}", Code.INTERNAL) from error
        return make_sound(waveform, reading, self._sample_rate, speed)

    def _generate(self, passages: Sequence[_Passage]) -> list[Waveform]:
        texts, seeds = [each.text for each in passages], [each.seed for each in passages]
        return self._generator.generate(texts, seeds, passages[0].voice)
