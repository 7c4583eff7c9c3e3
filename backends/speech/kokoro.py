"""The engine `kokoro`: Kokoro-82M, one network for many voices of several languages.

A voice is a table of styles, one for each number of phonemes. The network draws no noise: every
seed sounds the same. Knows no Triton. Source: kokoro-onnx 0.5 (MIT), `kokoro_onnx/__init__.py`.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from backends.speech.engine import NoiseKey, Parts, Reading, Sound
from backends.speech.english import EnglishReader, load_vocabulary
from backends.speech.espeak_words import ESPEAK_VOICES, espeak_language
from backends.speech.phonemes import PAD
from backends.speech.romance import Italian, PackagedDictionary, Spanish, romance_language
from backends.speech.script import Piece
from backends.speech.trimming import trim
from backends.speech.word_reader import WordReader
from tritone.card import Voice
from tritone.kokoro_files import MAX_PHONEMES, PACKAGES, STYLE_SIZE, style_file
from tritone.speech_tensors import AUDIO, DURATIONS, SPEED, STYLE, TOKENS

UNIT_S = 0.025  # of the durations: 600 samples
_SAMPLE_RATE = 24_000
_MIN_SPEED, _MAX_SPEED = 0.5, 2.0  # beyond it words are swallowed


class Reader(Protocol):
    """Reads passages of one language."""

    def read(self, pieces: Sequence[Piece], *, normalizes: bool) -> Reading | None:
        """Return a passage as phonemes, or None where it holds nothing that can be spoken."""


def _open_reader(language: str, ids: dict[str, int], parts: Parts) -> Reader:
    if language in {"en-US", "en-GB"}:
        return EnglishReader(ids, is_british=language == "en-GB")
    packages = parts.folder / PACKAGES
    if language == "it-IT":
        words = Italian(PackagedDictionary(packages, "it", "virgola"))
        return WordReader(ids, romance_language(language, words))
    if language == "es-ES":
        return WordReader(
            ids, romance_language(language, Spanish(PackagedDictionary(packages, "es", "coma")))
        )
    if language not in ESPEAK_VOICES:
        raise ValueError(f"nothing here reads {language}: add the model again")
    if parts.phonemize is None:
        raise ValueError(f"{language} needs a phonemizer, and the configuration names none")
    return WordReader(ids, espeak_language(language, parts.phonemize))


class Kokoro:
    """Several languages by one network."""

    def __init__(self, parts: Parts) -> None:
        """Load the styles of the voices, and the dictionaries of their languages.

        Raises:
            ImportError, OSError, ValueError: one of them is missing or broken.
        """
        ids = load_vocabulary()
        self._space = ids[" "]
        self._network = parts.network
        self._styles = {
            voice.id: _read_style(style_file(parts.folder, voice.id)) for voice in parts.card.voices
        }
        self._readers = {
            language: _open_reader(language, ids, parts) for language in parts.card.languages
        }

    def read(self, pieces: Sequence[Piece], voice: Voice, *, normalizes: bool) -> Reading | None:
        """Return a passage as phonemes, or None where it holds nothing that can be spoken.

        Raises:
            RequestFailed: the phonemizer's own error.
        """
        return self._readers[voice.language].read(pieces, normalizes=normalizes)

    def speak(self, reading: Reading, voice: Voice, speed: float, noise: NoiseKey) -> Sound:
        """Return the sound of a reading.

        Raises:
            RequestFailed: the network's own error.
        """
        pace = min(max(speed, _MIN_SPEED), _MAX_SPEED)
        waveforms: list[NDArray[np.float32]] = []
        durations: list[float] = []
        for ids in self._parts(reading.ids[1:-1]):
            style = self._styles[voice.id][min(len(ids), MAX_PHONEMES - 1)]
            answer = self._network(
                {
                    TOKENS: np.array([[PAD, *ids, PAD]], np.int64),
                    STYLE: style[np.newaxis],
                    SPEED: np.array([pace], np.float32),
                }
            )
            waveforms.append(answer[AUDIO])
            spans = [float(each) for each in answer[DURATIONS][0]]
            if durations:  # the pads between two parts belong to the phoneme before them
                durations[-2:] = [durations[-2] + durations[-1] + spans.pop(0)]
            durations += spans
        edges_s = np.concatenate([[0.0], np.cumsum(durations)]) * UNIT_S
        sound = Sound(np.concatenate(waveforms), edges_s)
        return trim(sound, _SAMPLE_RATE, stretch=pace / speed)

    def _parts(self, ids: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
        """Yield phonemes in parts that the network takes, cut between words where there are any."""
        begin = 0
        while len(ids) - begin > MAX_PHONEMES:
            spaces = np.flatnonzero(ids[begin : begin + MAX_PHONEMES] == self._space)
            end = begin + int(spaces[-1]) + 1 if spaces.size else begin + MAX_PHONEMES
            yield ids[begin:end]
            begin = end
        yield ids[begin:]


def _read_style(path: Path) -> NDArray[np.float32]:
    """Return float32 [phonemes, STYLE_SIZE]."""
    table = np.fromfile(path, np.float32)
    if table.size != MAX_PHONEMES * STYLE_SIZE:
        raise ValueError(f"{path} holds {table.size} numbers, not {MAX_PHONEMES * STYLE_SIZE}")
    return table.reshape(MAX_PHONEMES, STYLE_SIZE)
