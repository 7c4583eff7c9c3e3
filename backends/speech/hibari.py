"""The engine `hibari`: the signal processing of the package hibari-tts around its network.

Knows no Triton. The package is Apache-2.0, its notice is in THIRD_PARTY.md.
"""

from collections.abc import Sequence

import numpy as np
from hibari import dsp
from numpy.typing import NDArray

from backends.speech.engine import Begun, NoiseKey, Parts, Reading, Sound, generator_of
from backends.speech.english import EnglishReader, load_vocabulary
from backends.speech.frames import Frames, make_frames
from backends.speech.script import Piece
from backends.speech.trimming import FADE_S, fade_in, find_begin, trim
from backends.tensors import Tensors
from tritone.card import Voice
from tritone.speech_tensors import DURATIONS, IDS, SPEED

UNIT_S = 0.025  # of the durations
# Outputs of the network, in the order in which `dsp.synth` takes them.
_FRAMES = ("lh", "theta", "ln", "lr", "phi", "f0")

_EARLY_S = 0.3  # of sound after the leading pad that are sent before the rest is synthesised
_MARGIN_FRAMES = 4  # later frames whose windows overlap the last early one

# Frames on each side that a frame depends on. From 8 on the first frames differ from those of the
# whole no more than with 64: by the rounding of the network's integers.
_CONTEXT_FRAMES = 12

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
        return self.begin(reading, voice, speed, noise).finish()

    def begin(self, reading: Reading, voice: Voice, speed: float, noise: NoiseKey) -> Begun:
        """Return how a reading begins: of the first passage its first samples, of others none.

        Raises:
            RequestFailed: the network's own error.
        """
        pace = min(max(speed, _MIN_SPEED), _MAX_SPEED)
        inputs: Tensors = {
            IDS: reading.ids[np.newaxis],
            SPEED: np.array([pace], np.float32),
        }
        frames = make_frames(self._network, inputs, _FRAMES, _CONTEXT_FRAMES)
        spectrum = _Spectrum(frames, self._noise.source(noise))
        durations = np.cumsum(frames.answer[DURATIONS], dtype=np.float64)
        edges_s = np.concatenate([[0.0], durations]) * UNIT_S
        n_early = round((edges_s[1] + _EARLY_S) * dsp.SR / dsp.HOP)
        if noise.passage or pace != speed or n_early + _MARGIN_FRAMES >= spectrum.n_frames:
            return Begun(
                np.zeros(0, np.float32),
                lambda: trim(Sound(spectrum.waveform(), edges_s), dsp.SR, stretch=pace / speed),
            )
        return _begin(spectrum, n_early, edges_s)


def _begin(spectrum: "_Spectrum", n_early: int, edges_s: NDArray[np.float64]) -> Begun:
    """Return a passage whose first frames are synthesised before the others.

    They are synthesised twice, because the rest needs the phase that they end with. Both times they
    come out the same here; where they do not, to the last bit, the first ones count.
    """
    n = n_early * dsp.HOP
    early = spectrum.waveform(n_early + _MARGIN_FRAMES)[:n]
    begin = find_begin(Sound(early, edges_s), dsp.SR)
    first = early[begin:].copy()
    fade_in(first, round(FADE_S * dsp.SR))

    def finish() -> Sound:
        waveform = spectrum.waveform()
        waveform[:n] = early
        return trim(Sound(waveform, edges_s), dsp.SR, begin=begin)

    return Begun(first, finish)


class _Spectrum:
    """What the network says of a passage."""

    def __init__(self, frames: Frames, noise: "_NoisePart") -> None:
        self._frames = frames  # [bins, n] each, and [n] of the pitch
        self._noise = noise
        self.n_frames = frames.n_frames

    def waveform(self, n_frames: int | None = None) -> NDArray[np.float32]:
        """Return the sound of the first frames, or of all.

        The last of the first frames sound as if nothing came after them.
        """
        frames = self._frames.all() if n_frames is None else self._frames.first(n_frames)
        made: NDArray[np.float32] = dsp.synth(*frames, self._noise.of(self.n_frames))
        return made


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

    def __init__(self, table: NDArray[np.float32], begin: int, n_frames: int = 0) -> None:
        self._table = table
        self._begin = begin
        self._n_frames = n_frames

    def of(self, n_frames: int) -> "_NoisePart":
        """Return the noise of a passage of so many frames: the first of them hear the same."""
        return _NoisePart(self._table, self._begin, n_frames)

    def standard_normal(self, shape: tuple[int, int], dtype: type) -> NDArray[np.float32]:
        """Return standard normal noise, float32 [bins, 2 n]; it is the caller's to change."""
        whole = (shape[0], 2 * self._n_frames)
        indices = range(self._begin, self._begin + whole[0] * whole[1])
        if indices.stop <= len(self._table):
            table = self._table[indices.start : indices.stop]
        else:
            table = np.take(self._table, indices, mode="wrap")
        return table.reshape(whole)[:, : shape[1]].copy()
