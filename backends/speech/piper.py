"""The engine `piper`: voices of Piper's kind, VITS networks that take ids of phonemes.

Their noise is given from outside, so it depends on the seed and the passage alone. Knows no Triton.
Source of the ids' layout: piper-tts 1.8, `piper/phoneme_ids.py` (read).
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from backends.speech.engine import NoiseKey, Parts, Reading, Sound, Token, generator_of
from backends.speech.readable import make_readable
from backends.speech.script import Piece
from backends.speech.trimming import trim
from backends.speech.word_reader import align
from backends.speech.written import Written
from backends.tensors import Tensors
from tritone import piper_voice as pv
from tritone.card import Voice
from tritone.piper_voice import PiperVoice, noise_name
from tritone.speech_tensors import DURATIONS

_PAD, _BEGIN, _END = "_", "^", "$"
_MIN_SPEED, _MAX_SPEED = 0.5, 2.0
_COLUMNS = 16  # of noise, for each id; a network that wants more hears them again
_WORD = re.compile(r"\S+")


class Piper:
    """One network of Piper's kind."""

    def __init__(self, parts: Parts) -> None:
        """Read the voice's own file.

        Raises:
            OSError, ValueError: it is missing or broken, or there is no phonemizer.
        """
        self._network = parts.network
        self._sample_rate = parts.card.sample_rate
        self._voice = PiperVoice.from_json((parts.folder / pv.FILE).read_text("utf-8"))
        self._phonemize = parts.phonemize
        self._form = _find_form(self._voice.ids)
        if self._voice.phoneme_type == "espeak" and self._phonemize is None:
            raise ValueError("the voice needs a phonemizer, and its configuration names none")

    def read(self, pieces: Sequence[Piece], voice: Voice, *, normalizes: bool) -> Reading | None:
        """Return a passage as phonemes, or None where it holds nothing that can be spoken.

        Raises:
            RequestFailed: the phonemizer's own error.
        """
        written, ids, tokens = Written(), self._ids(_BEGIN), list[Token]()
        for piece in pieces:
            if piece.ipa:
                text, origins = piece.text or "x", [piece.begin] * len(piece.text or "x")
            else:
                text, origins = _normalize(piece, voice.language)
            if not text:
                continue
            if tokens:
                ids += self._ids(" ")
            written.add(text, origins)
            offset = len(written.text) - len(text)
            for begin, end, phonemes in self._words(text, piece.ipa):
                first = len(ids)
                for phoneme in phonemes:
                    ids += self._ids(phoneme)
                tokens.append(Token(offset + begin, offset + end, first, len(ids)))
        if not any(token.last_id > token.first_id for token in tokens):
            return None
        made = np.array([*ids, *self._voice.ids[_END]], np.int64)
        return Reading(made, written.text, tuple(written.origins), tuple(tokens))

    def _ids(self, phoneme: str) -> list[int]:
        """Return the ids of a phoneme with the pad behind it; none where the voice has not it."""
        ids = self._voice.ids.get(phoneme)
        return [*ids, *self._voice.ids[_PAD]] if ids else []

    def _words(self, text: str, ipa: str) -> Iterator[tuple[int, int, str]]:
        """Yield where each word is, and its phonemes with the space behind it."""
        if ipa:
            yield 0, len(text), unicodedata.normalize("NFD", ipa)
            return
        if self._phonemize is None:
            spoken = unicodedata.normalize(self._form, text.casefold())
        else:
            phonemes = self._phonemize(text, self._voice.espeak_voice)
            spoken = unicodedata.normalize("NFD", phonemes)
        spans = [match.span() for match in _WORD.finditer(text)]
        words = spoken.split()
        for k, (begin, end, word) in enumerate(align(spans, words), 1):
            yield begin, end, word if k == len(words) else f"{word} "

    def speak(self, reading: Reading, voice: Voice, speed: float, noise: NoiseKey) -> Sound:
        """Return the sound of a reading.

        Raises:
            RequestFailed: the network's own error.
        """
        pace = min(max(speed, _MIN_SPEED), _MAX_SPEED)
        settings, n = self._voice, len(reading.ids)
        scales = [settings.noise_scale, settings.length_scale / pace, settings.noise_w]
        inputs: Tensors = {
            pv.INPUT: reading.ids[np.newaxis],
            pv.INPUT_LENGTHS: np.array([n], np.int64),
            pv.SCALES: np.array(scales, np.float32),
        }
        if settings.speakers:
            inputs[pv.SPEAKER] = np.array([settings.speakers[voice.id]], np.int64)
        generator = generator_of(noise)
        for i, channels in enumerate(settings.noise_channels):
            shape = (1, channels, _COLUMNS * n)
            inputs[noise_name(i)] = generator.standard_normal(shape, np.float32)
        answer = self._network(inputs)
        waveform = answer[pv.OUTPUT].ravel()
        edges_s = self._edges(answer, n, len(waveform)) / self._sample_rate
        return trim(Sound(waveform, edges_s), self._sample_rate, stretch=pace / speed)

    def _edges(self, answer: Tensors, n: int, n_samples: int) -> NDArray[np.float64]:
        """Return the sample where each id begins, and the end: always the last sample."""
        if not self._voice.has_durations:
            return np.linspace(0.0, n_samples, n + 1)  # nothing says more than that
        durations = answer[DURATIONS].ravel().astype(np.float64)
        return np.concatenate([[0.0], np.cumsum(durations) * self._voice.samples_per_unit])


def _find_form(letters: Iterable[str]) -> Literal["NFC", "NFD"]:
    """Return how a voice spells letters with marks: as one, or as Piper's own do, as several."""
    is_composed = any(unicodedata.normalize("NFD", each) != each for each in letters)
    return "NFC" if is_composed else "NFD"


def _normalize(piece: Piece, language: str) -> tuple[str, list[int]]:
    known = make_readable(piece.text, language)
    text = " ".join(known.text.split())
    return text, piece.locate(text, known)
