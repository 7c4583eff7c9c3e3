"""What engines share that are asked for a whole passage, and tell no times. Knows no Triton."""

import numpy as np
from numpy.typing import NDArray

from backends.errors import Code, RequestFailed
from backends.speech.engine import NoiseKey, Reading, Sound, generator_of
from backends.speech.trimming import find_first_heard, trim


def seed_of(noise: NoiseKey) -> int:
    """Return the one number that all randomness of a passage begins with."""
    return int(generator_of(noise).integers(1 << 48))


def make_sound(
    waveform: NDArray[np.float32], reading: Reading, sample_rate: int, speed: float
) -> Sound:
    """Return the sound of a reading whose times nobody tells: they are spread evenly.

    Raises:
        RequestFailed: the waveform is empty.
    """
    if not waveform.size:
        raise RequestFailed("the checkpoint made no sound of the text", Code.INTERNAL)
    whole = Sound(waveform, np.array([0.0, len(waveform) / sample_rate]))
    begin = find_first_heard(waveform, sample_rate)
    spoken = trim(whole, sample_rate, stretch=1.0 / speed, begin=begin).waveform
    end_s = len(spoken) / sample_rate
    return Sound(spoken, np.linspace(0.0, end_s, len(reading.ids) + 1))
