"""Engines that run in environments of their own, one passage at a time. Knows no Triton."""

import json
import threading
from collections.abc import Sequence

from backends.errors import Code, RequestFailed
from backends.isolated.generator import Speaking, open_generator
from backends.speech.engine import NoiseKey, Parts, Reading, Sound
from backends.speech.generated import make_sound, seed_of
from backends.speech.script import Piece
from backends.speech.written import read_as_written
from tritone.card import Voice
from tritone.isolated import FILE, IsolatedCheckpoint


class IsolatedSpeech:
    """One checkpoint of the engine that the card names."""

    def __init__(self, parts: Parts) -> None:
        """Load the checkpoint that the version's file names.

        Raises:
            ImportError, OSError, ValueError: a package of the engine is not there, or the
                checkpoint is missing, broken or of another rate.
        """
        self._folder = parts.folder
        self._checkpoint = IsolatedCheckpoint(
            **json.loads((parts.folder / FILE).read_text("utf-8"))
        )
        source = self._checkpoint.source
        try:
            self._generator = open_generator(parts.card.engine, source)
        except (ImportError, OSError, ValueError):
            raise
        except Exception as error:  # each library has its own
            raise ValueError(f"{source} cannot be opened: {error!r}") from error
        self._sample_rate = self._generator.sample_rate
        if self._sample_rate != parts.card.sample_rate:
            raise ValueError(
                f"{source} speaks at {self._sample_rate} Hz now, not at {parts.card.sample_rate}: "
                "add it again"
            )
        # These libraries draw from torch's one generator, and keep caches of the last text.
        self._speaking = threading.Lock()

    def read(self, pieces: Sequence[Piece], voice: Voice, *, normalizes: bool) -> Reading | None:
        """Return a passage as its characters: the checkpoint reads text by itself."""
        return read_as_written(pieces)

    def speak(self, reading: Reading, voice: Voice, speed: float, noise: NoiseKey) -> Sound:
        """Return the sound of a reading.

        Raises:
            RequestFailed: the checkpoint made no sound, or its library's own error.
        """
        sample = self._checkpoint.samples.get(voice.id)
        speaking = Speaking(
            name=self._checkpoint.voices.get(voice.id, ""),
            language=voice.language,
            sample=self._folder / sample if sample else None,
        )
        try:
            with self._speaking:
                waveform = self._generator.speak(reading.text, speaking, seed_of(noise))
        except Exception as error:  # each library has its own
            raise RequestFailed(f"the checkpoint failed: {error}", Code.INTERNAL) from error
        return make_sound(waveform, reading, self._sample_rate, speed)
