"""Building blocks of the synthesis: filters, envelopes, oscillators, grains, rooms.

Waves are mono float64 [samples] until ``in_stereo`` places them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, fftconvolve, sosfilt

from starter.recipe import AUDIO

Wave: TypeAlias = NDArray[np.float64]
Draw: TypeAlias = np.random.Generator

RATE_HZ = AUDIO.sample_rate_hz
HIGHEST_HZ = RATE_HZ / 2 * 0.97


@dataclass(frozen=True)
class Traits:
    """What varies from clip to clip and may be named in the caption."""

    pace: float  # -1 slow or sparse .. 1 fast or dense
    pitch: float  # -1 low .. 1 high
    distance: float  # 0 near .. 1 far
    room: float  # 0 dry .. 1 large hall


def between(draw: Draw, low: float, high: float) -> float:
    """One uniform draw."""
    return float(draw.uniform(low, high))


def scale(trait: float, low: float, high: float) -> float:
    """Map a trait in -1..1 to low..high on a logarithmic scale."""
    return float(low * (high / low) ** ((trait + 1) / 2))


def seconds(samples: int) -> Wave:
    """Time axis in seconds."""
    return np.arange(samples) / RATE_HZ


def samples_of(duration_s: float) -> int:
    """Whole samples in a duration."""
    return max(1, int(duration_s * RATE_HZ))


def noise(draw: Draw, samples: int) -> Wave:
    """White noise, unit variance."""
    return draw.standard_normal(samples)


def low_pass(wave: Wave, cutoff_hz: float) -> Wave:
    """Second-order Butterworth low pass."""
    sos = butter(2, min(cutoff_hz, HIGHEST_HZ), fs=RATE_HZ, output="sos")
    return np.asarray(sosfilt(sos, wave))


def high_pass(wave: Wave, cutoff_hz: float) -> Wave:
    """Second-order Butterworth high pass."""
    sos = butter(2, min(cutoff_hz, HIGHEST_HZ), "high", fs=RATE_HZ, output="sos")
    return np.asarray(sosfilt(sos, wave))


def band_pass(wave: Wave, low_hz: float, high_hz: float) -> Wave:
    """Second-order Butterworth band pass."""
    sos = butter(2, [low_hz, min(high_hz, HIGHEST_HZ)], "band", fs=RATE_HZ, output="sos")
    return np.asarray(sosfilt(sos, wave))


def decay(samples: int, attack_s: float, decay_s: float) -> Wave:
    """Envelope: linear attack, exponential decay (time constant ``decay_s``)."""
    t = seconds(samples)
    return np.asarray(np.minimum(t / max(attack_s, 1e-4), 1.0) * np.exp(-t / decay_s))


def sine(frequency_hz: Wave | float, samples: int) -> Wave:
    """Sine oscillator; the frequency may be a curve over time."""
    return np.sin(phase(frequency_hz, samples))


def phase(frequency_hz: Wave | float, samples: int) -> Wave:
    """Running phase in radians of an oscillator."""
    curve = np.broadcast_to(np.asarray(frequency_hz, dtype=np.float64), (samples,))
    return 2 * np.pi * np.cumsum(curve) / RATE_HZ


def harmonics(frequency_hz: Wave | float, amplitudes: Iterable[float], samples: int) -> Wave:
    """Sum of harmonics; those above the highest frequency are left out."""
    turn = phase(frequency_hz, samples)
    top = float(np.max(frequency_hz))
    out = np.zeros(samples)
    for number, amplitude in enumerate(amplitudes, start=1):
        if number * top < HIGHEST_HZ:
            out += amplitude * np.sin(number * turn)
    return out


def wander(draw: Draw, samples: int, rate_hz: float) -> Wave:
    """Smooth random curve in about -1..1 that changes ``rate_hz`` times a second."""
    knots = max(4, int(samples / RATE_HZ * rate_hz) + 3)
    at = np.linspace(0, knots - 1, samples)
    values = draw.uniform(-1, 1, knots + 1)
    index = at.astype(int)
    blend = 0.5 - 0.5 * np.cos(np.pi * (at - index))
    return np.asarray(values[index] * (1 - blend) + values[index + 1] * blend)


def place(out: Wave, grain: Wave, start: int) -> None:
    """Add a grain into ``out`` at a sample position, cut at the end."""
    stop = min(len(out), start + len(grain))
    if start < stop:
        out[start:stop] += grain[: stop - start]


def beats(draw: Draw, samples: int, period_s: float, jitter: float = 0.0) -> list[int]:
    """Sample positions of repeated events: first within a third of a period, then every period."""
    at = between(draw, 0.0, min(period_s / 3, 0.25))
    found = []
    while at * RATE_HZ < samples - RATE_HZ // 20:
        found.append(int(at * RATE_HZ))
        at += period_s * (1 + jitter * between(draw, -1, 1))
    return found


def scatter(draw: Draw, samples: int, events_per_s: float) -> list[int]:
    """Random sample positions; at least one, never in the last 50 ms."""
    count = max(1, int(draw.poisson(events_per_s * samples / RATE_HZ)))
    last = max(1, samples - RATE_HZ // 20)
    return [int(i) for i in np.sort(draw.integers(0, last, count))]


def in_stereo(mid: Wave, draw: Draw, width: float) -> Wave:
    """Place a mono wave between two loudspeakers: [2, samples] whose mean is the mono wave.

    A point source (``width`` 0) sits somewhere left or right of the middle; a wide one (1, rain)
    is heard from everywhere: its side signal is the sound through a short burst of noise.
    """
    position = between(draw, -0.6, 0.6) * (1 - width)
    side = position * mid
    if width > 0:
        burst = noise(draw, samples_of(0.03)) * decay(samples_of(0.03), 0.001, 0.01)
        burst /= np.sqrt(np.sum(burst**2)) + 1e-9
        side = side + 0.7 * width * np.asarray(fftconvolve(mid, burst))[: len(mid)]
    return np.stack([mid + side, mid - side])


def in_room(wave: Wave, draw: Draw, traits: Traits) -> Wave:
    """Distance dulls and dampens; the room adds a decaying noise tail."""
    if traits.distance > 0.05:
        wave = low_pass(wave, HIGHEST_HZ * 0.75 ** (8 * traits.distance**2))
    if traits.room < 0.05:
        return wave
    tail_s = 0.15 + 1.2 * traits.room
    tail = noise(draw, samples_of(tail_s)) * decay(samples_of(tail_s), 0.002, tail_s / 5)
    tail = low_pass(tail, 5000) / (np.sqrt(np.sum(tail**2)) + 1e-9)
    wet = np.asarray(fftconvolve(wave, tail))[: len(wave)]
    share = 0.15 + 0.35 * traits.room
    return wave * (1 - share) + wet * share
