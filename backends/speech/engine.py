"""What the speaker asks of an engine: text to phonemes, phonemes to sound. Knows no Triton."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from backends.speech.script import Piece
from backends.tensors import Tensors
from tritone.card import SpeechCard, Voice

Network = Callable[[Tensors], Tensors]
"""Named inputs to named outputs of a voice's network.

The one seam to it; called by several threads at once. Raises RequestFailed.
"""


@runtime_checkable
class HalvedNetwork(Protocol):
    """A network in two halves: the second makes a frame from the features of a few neighbours.

    Two calls for the halves make the same frames as one but for the last digits: its integers are
    scaled by the largest value among all frames of a call.
    """

    def __call__(self, inputs: Tensors) -> Tensors:
        """Return the outputs of both halves by name."""

    def make_features(self, inputs: Tensors) -> Tensors:
        """Return the outputs of the first half by name: `FEATURES`, and what needs no second."""

    def make_frames(self, features: NDArray[np.float32]) -> Tensors:
        """Return the outputs of the second half by name, of features [1, channels, n]."""


Phonemize = Callable[[str, str], str]
"""A text and espeak-ng's name of a voice to its phonemes, words apart. Raises RequestFailed."""


@dataclass(frozen=True, slots=True)
class Token:
    """A word or a mark as it was read."""

    begin: int  # in the normalised text
    end: int
    first_id: int  # among the ids of the reading
    last_id: int  # exclusive; first_id: it is silent


@dataclass(frozen=True, slots=True)
class Reading:
    """A passage as phonemes."""

    ids: NDArray[np.int64]  # [n], as the network takes them
    text: str  # normalised: numbers, dates and abbreviations as they are read
    origins: tuple[int, ...]  # by character of `text`: the index in the request's text
    tokens: tuple[Token, ...]


@dataclass(frozen=True, slots=True)
class Sound:
    """A passage as sound."""

    waveform: NDArray[np.float32]  # [samples], without the silence before and after
    edges_s: NDArray[np.float64]  # [n + 1]: where each id of the reading begins, and the end


@dataclass(frozen=True, slots=True)
class NoiseKey:
    """Whatever is random in a passage depends on this alone."""

    seed: int
    passage: int  # its place among the passages of the request


def generator_of(noise: NoiseKey) -> np.random.Generator:
    """Return the generator of a passage: the same numbers, whoever else speaks."""
    key = np.array([noise.seed & (1 << 64) - 1, noise.passage], np.uint64)
    return np.random.Generator(np.random.Philox(key=key))


@dataclass(frozen=True, slots=True)
class Parts:
    """What an engine is made of."""

    card: SpeechCard
    network: Network
    folder: Path  # of the published version: files that the engine brought with it
    phonemize: Phonemize | None = None  # where the model's configuration names a phonemizer


@dataclass(frozen=True, slots=True)
class Begun:
    """A passage whose first samples are there before the others."""

    waveform: NDArray[np.float32]  # [samples], as the sound will begin; may be empty
    finish: Callable[[], Sound]  # computes the rest, and returns the whole


class Engine(Protocol):
    """One way to speak; several threads may call it at once."""

    def __init__(self, parts: Parts) -> None:
        """Load what the voices of the card need.

        Raises:
            ImportError, OSError, ValueError: it is not there, or cannot be read.
        """

    def read(self, pieces: Sequence[Piece], voice: Voice, *, normalizes: bool) -> Reading | None:
        """Return a passage as phonemes, or None where it holds nothing that can be spoken.

        Raises:
            RequestFailed: a phonemizer's own error.
        """

    def speak(self, reading: Reading, voice: Voice, speed: float, noise: NoiseKey) -> Sound:
        """Return the sound of a reading.

        Raises:
            RequestFailed: the network's own error.
        """


@runtime_checkable
class EarlyEngine(Engine, Protocol):
    """An engine that has the first samples of a passage long before the last."""

    def begin(self, reading: Reading, voice: Voice, speed: float, noise: NoiseKey) -> Begun:
        """Return how a passage begins; its whole is what `speak` returns.

        Raises:
            RequestFailed: the network's own error.
        """
