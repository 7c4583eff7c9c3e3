"""How loud a pass is, told from its chunks as they come."""

import math

import numpy as np

from tritone.pcm import Pcm, to_float

_STRIDE = 8  # every eighth sample tells the level of minutes of sound in a millisecond


class LevelMeter:
    """Adds up the power of a sound that comes in parts."""

    def __init__(self) -> None:
        """Hear nothing yet."""
        self._power = 0.0
        self._n_samples = 0

    def add(self, pcm: Pcm) -> None:
        """Hear a part: int16 [channels, samples]."""
        heard = to_float(pcm[:, ::_STRIDE])
        self._power += float(np.sum(np.square(heard, dtype=np.float64)))
        self._n_samples += heard.size

    @property
    def dbfs(self) -> float:
        """The RMS level relative to full scale; minus infinity for digital silence."""
        if self._power == 0:
            return -math.inf
        return 10 * math.log10(self._power / self._n_samples)
