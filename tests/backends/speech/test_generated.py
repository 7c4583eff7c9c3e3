"""What is made of a waveform whose times nobody tells."""

import numpy as np
import pytest

from backends.speech.engine import Reading
from backends.speech.generated import make_sound

RATE = 16_000
READING = Reading(ids=np.arange(4), text="Rain.", origins=(0, 1, 2, 3, 4), tokens=())


@pytest.mark.parametrize("speed", [0.5, 1.0, 2.0])
@pytest.mark.parametrize(("before_s", "after_s"), [(0.0, 0.0), (0.3, 0.0), (0.0, 0.5), (1.2, 0.7)])
def test_silence_before_and_after_is_cut_and_times_begin_with_the_sound(
    before_s: float, after_s: float, speed: float
) -> None:
    tone = np.sin(np.arange(RATE) * 0.3).astype(np.float32)
    waveform = np.pad(tone, (round(before_s * RATE), round(after_s * RATE)))

    made = make_sound(waveform, READING, RATE, speed)

    duration_s = len(made.waveform) / RATE
    assert duration_s == pytest.approx(1.0 / speed, abs=0.08 / speed)  # what trimming may leave
    assert np.abs(made.waveform[: round(0.05 * RATE)]).max() > 0.1  # 0.3 s and more were silent
    np.testing.assert_allclose(made.edges_s, np.linspace(0.0, duration_s, 5))


def test_a_waveform_of_nothing_but_silence_stays() -> None:
    assert len(make_sound(np.zeros(RATE, np.float32), READING, RATE, 1.0).waveform) == RATE
