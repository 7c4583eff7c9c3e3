"""The engine `hibari`: the signal processing of the package hibari-tts around its network.

Knows no Triton. The package is Apache-2.0, its notice is in THIRD_PARTY.md.
"""

from collections.abc import Sequence

import numpy as np
from hibari import dsp
from numpy.typing import NDArray

from backends.speech.engine import NoiseKey, Parts, Reading, Sound, generator_of
from backends.speech.english import EnglishReader, load_vocabulary
from backends.speech.script import Piece
from backends.speech.trimming import trim
from tritone.card import Voice
from tritone.speech_tensors import DURATIONS, IDS, SPEED

UNIT_S = 0.025  # of the durations
_FRAMES = ("lh", "theta", "ln", "lr", "phi", "f0")

# What the network was trained for; beyond it vowels turn into noise or vanish.
_MIN_SPEED, _MAX_SPEED = 0.5, 2.0


class Hibari:
    """English by one network. Its noise depends on the seed and the passage alone."""

    def __init__(self, parts: Parts) -> None:
        """Load the dictionaries."""
        self._network = parts.network
        self._reader = EnglishReader(load_vocabulary())
        self._noise = _NoiseTable()

    def read(self, pieces: Sequence[Piece], voice: Voice, *, normalizes: bool) -> Reading | None:
        """Return a passage as phonemes, or None where it holds nothing that can be spoken."""
        return self._reader.read(pieces, normalizes=normalizes)

    def speak(self, reading: Reading, voice: Voice, speed: float, noise: NoiseKey) -> Sound:
        """Return the sound of a reading.

        Raises:
            RequestFailed: the network's own error.
        """
        pace = min(max(speed, _MIN_SPEED), _MAX_SPEED)
        answer = self._network({IDS: reading.ids[np.newaxis], SPEED: np.array([pace], np.float32)})
        frames = [answer[name][0] for name in _FRAMES]
        waveform = dsp.synth(*frames, self._noise.source(noise))
        edges_s = np.concatenate([[0.0], np.cumsum(answer[DURATIONS], dtype=np.float64)]) * UNIT_S
        return trim(Sound(waveform, edges_s), dsp.SR, stretch=pace / speed)


class _NoiseTable:
    """White noise, drawn once: each passage hears another part of it.

    To draw it anew costs a tenth of all processor time of a passage.
    """

    _SIZE = 1 << 22  # 50 s of a passage, in 16 MiB
    _SEED = 20261121

    def __init__(self) -> None:
        generator = np.random.Generator(np.random.Philox(self._SEED))
        self._table = generator.standard_normal(self._SIZE, dtype=np.float32)

    def source(self, noise: NoiseKey) -> "_NoisePart":
        """Return the noise of one passage of a request."""
        begin = generator_of(noise).integers(self._SIZE)
        return _NoisePart(self._table, int(begin))


class _NoisePart:
    """What `dsp.synth` asks a random generator for."""

    def __init__(self, table: NDArray[np.float32], begin: int) -> None:
        self._table = table
        self._begin = begin

    def standard_normal(self, shape: tuple[int, ...], dtype: type) -> NDArray[np.float32]:
        """Return standard normal noise, float32; it is the caller's to change."""
        size = int(np.prod(shape))
        indices = range(self._begin, self._begin + size)
        if indices.stop <= len(self._table):
            return self._table[indices.start : indices.stop].reshape(shape).copy()
        return np.take(self._table, indices, mode="wrap").reshape(shape)
