"""What the speaker asks of an engine: text to phonemes, phonemes to sound. Knows no Triton."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from backends.speech.script import Piece

Network = Callable[[dict[str, NDArray[Any]]], dict[str, NDArray[Any]]]
"""Named inputs to named outputs of a voice's network.

The one seam to it; called by several threads at once. Raises RequestFailed.
"""


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


class Engine(Protocol):
    """One way to speak; several threads may call it at once."""

    def read(self, pieces: Sequence[Piece], *, normalizes: bool) -> Reading | None:
        """Return a passage as phonemes, or None where it holds nothing that can be spoken."""

    def speak(self, reading: Reading, speed: float, seed: int, index: int) -> Sound:
        """Return the sound of a reading; `index` is its place among the passages of a request.

        Raises:
            RequestFailed: the network's own error.
        """
